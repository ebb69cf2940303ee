package fleet

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/store"
)

const (
	pausedRetry    = time.Minute // how long a run of a paused environment waits before it checks again
	storeTimeout   = time.Minute // the time limit for storing the outcome of a scan
	minBackoff     = 15 * time.Second
	maxBackoff     = time.Hour
	manualAttempts = 5
)

// scan scans the environment of a job and ends its run.
func (f *Fleet) scan(ctx context.Context, job *river.Job[scanArgs]) error {
	err := f.runAttempt(ctx, job)
	if errors.Is(err, store.ErrEnded) || errors.Is(err, store.ErrNotFound) {
		return nil // another process has ended the run, or a user has cancelled it
	}
	return err
}

func (f *Fleet) runAttempt(ctx context.Context, job *river.Job[scanArgs]) error {
	e, r, err := f.store.Start(ctx, job.Args.Run, f.options.Worker, f.options.Version)
	switch {
	case errors.Is(err, store.ErrPaused) && f.store.Now().Before(e.NextPeriod(r.Period)):
		return river.JobSnooze(pausedRetry)
	case errors.Is(err, store.ErrPaused): // the next interval gets its own run
		return f.failRun(ctx, job, store.Failure{State: store.RunCancelled, Code: "paused", Message: "the environment was paused", Final: true})
	case err != nil:
		return err
	}
	results, err := f.callScanner(ctx, e)
	if err != nil {
		return f.handleFailure(ctx, job, e, r, err)
	}
	return f.storeOutcome(ctx, job, true, func(ctx context.Context, tx *store.Tx) error { return tx.Finish(ctx, r.ID, e.Requirements, results) })
}

// callScanner calls the scanner. A panic fails only this scan.
func (f *Fleet) callScanner(ctx context.Context, e store.Environment) (results []audit.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			f.options.Logger.Error("a scan ended in a panic", "environment", e.Name, "panic", r, "stack", string(debug.Stack()))
			err = &MisconfiguredError{Code: "panic", Err: errors.New("the scan ended because of a bug in dbaudit: please report it, with the worker's log")}
		}
	}()
	return f.options.Scanner.Scan(ctx, e)
}

// storeOutcome calls do to store the outcome of an attempt, even if the scan's context has ended. If
// the outcome is final, the same transaction completes the job.
func (f *Fleet) storeOutcome(ctx context.Context, job *river.Job[scanArgs], final bool, do func(context.Context, *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		err := do(ctx, tx)
		if err == nil && final {
			_, err = river.JobCompleteTx[driver](ctx, tx.QueueTx(), job)
		}
		return err
	})
}

func (f *Fleet) failRun(ctx context.Context, job *river.Job[scanArgs], failure store.Failure) error {
	return f.storeOutcome(ctx, job, failure.Final, func(ctx context.Context, tx *store.Tx) error { return tx.Fail(ctx, job.Args.Run, failure) })
}

// handleFailure stores why a scan failed, and schedules the next attempt if there is one.
func (f *Fleet) handleFailure(ctx context.Context, job *river.Job[scanArgs], e store.Environment, r store.Run, cause error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely) {
			return cause // the run has ended, and the queue ends the job
		}
		return river.JobSnooze(0) // this process stops, and another one takes the job
	}
	wait := backoff(e.Name, r.Failures)
	failure := store.Failure{State: store.RunFailed, Code: "failed", Message: cause.Error(), Final: !willRetry(e, r, wait)}
	var misconfigured *MisconfiguredError
	switch {
	case ctx.Err() != nil:
		failure.Code, failure.Message = "timeout", fmt.Sprintf("the scan did not end within %s", f.options.Timeout)
	case errors.As(cause, &misconfigured):
		failure.State, failure.Code, failure.Final = store.RunMisconfigured, misconfigured.Code, true
	}
	if err := f.failRun(ctx, job, failure); err != nil || failure.Final {
		return err
	}
	return river.JobSnooze(wait)
}

// backoff returns how long a failed scan waits for its next attempt. It doubles with each earlier
// failure. It differs by environment, so that scans that failed together are not retried together.
func backoff(name string, failures int) time.Duration {
	wait := min(minBackoff<<min(failures, 16), maxBackoff)
	return wait + store.Jitter(name, wait/4+time.Second)
}

// willRetry reports whether a failed run gets another attempt: until the next interval if it was
// scheduled, else a few times.
func willRetry(e store.Environment, r store.Run, wait time.Duration) bool {
	if r.Trigger != store.TriggerSchedule {
		return r.Failures+1 < manualAttempts
	}
	return r.StartedAt.Add(wait).Before(e.NextPeriod(r.Period))
}

// A DataverseScanner is a [Scanner] that scans as the commands do. All scans of a process share its
// engine, and its runner, which caches tokens.
type DataverseScanner struct {
	Runner *run.Runner
	Engine *engine.Engine
}

// Scan implements [Scanner].
func (s *DataverseScanner) Scan(ctx context.Context, e store.Environment) ([]audit.Result, error) {
	file, err := config.Parse(config.DefaultName, []byte(e.Config))
	if err != nil {
		return nil, classify(err)
	}
	targets, err := s.Runner.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
	if err != nil {
		return nil, classify(err)
	}
	for _, t := range targets {
		if err := s.Engine.CheckProfile(t.Profile); err != nil {
			return nil, &MisconfiguredError{Code: "configuration", Err: err}
		}
	}
	accepted, err := s.Runner.LoadAcceptance(run.AcceptOptions{}, file, s.Runner.Now())
	if err != nil {
		return nil, classify(err)
	}
	accepted.Options.Partial = true // there may be waivers for other environments of the fleet
	var results []audit.Result
	for _, o := range s.Runner.Scan(ctx, s.Engine, targets, run.ScanOptions{Scope: snapshot.ScopeIntegration}) {
		if o.Err != nil {
			return nil, classify(o.Err) // the integrations of an environment are read together
		}
		results = append(results, o.Result)
	}
	return s.Runner.Accept(accepted, results), nil
}

// classify wraps an error that a user must correct in a [MisconfiguredError].
func classify(err error) error {
	switch run.ClassifyError(err) {
	case run.InvalidUsage:
		return &MisconfiguredError{Code: "configuration", Err: err}
	case run.Misconfigured:
		return &MisconfiguredError{Code: "sign-in", Err: err}
	case run.NoFailure, run.Interrupted, run.Transient:
	}
	return err
}

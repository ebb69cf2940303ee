package fleet

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// scan scans an environment, and stores the results and the end of its run.
func (f *Fleet) scan(ctx context.Context, job *river.Job[scanArgs]) error {
	err := f.runAttempt(ctx, job)
	if errors.Is(err, store.ErrEnded) || errors.Is(err, store.ErrNotFound) {
		return nil // another process was faster, or the run was cancelled
	}
	return err
}

func (f *Fleet) runAttempt(ctx context.Context, job *river.Job[scanArgs]) error {
	e, run, err := f.store.Start(ctx, job.Args.Run, f.options.Worker, f.options.Version)
	switch {
	case errors.Is(err, store.ErrPaused) && f.store.Now().Before(run.Period.Add(e.Every)):
		return river.JobSnooze(pausedRetry)
	case errors.Is(err, store.ErrPaused): // the run of the next interval takes its place
		return f.failRun(ctx, job, store.Failure{State: store.RunCancelled, Code: "paused", Message: "the environment was paused", Final: true})
	case err != nil:
		return err
	}
	results, err := f.callScanner(ctx, e)
	if err != nil {
		return f.handleFailure(ctx, job, e, run, err)
	}
	return f.storeOutcome(ctx, job, true, func(ctx context.Context, tx *store.Tx) error { return tx.Finish(ctx, run.ID, results) })
}

// pausedRetry is how long a run of a paused environment waits before it looks again.
const pausedRetry = time.Minute

// callScanner calls the scanner; its panic is a failure of this environment alone.
func (f *Fleet) callScanner(ctx context.Context, e store.Environment) (results []audit.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			f.options.Logger.Error("a scan ended in a panic", "environment", e.Name, "panic", r, "stack", string(debug.Stack()))
			err = &MisconfiguredError{Code: "panic", Err: errors.New("the scan ended because of a bug in dbaudit: please report it, with the worker's log")}
		}
	}()
	return f.options.Scanner.Scan(ctx, e)
}

// storeTimeout is how long it may take to store what came of a scan, even if its context has
// ended by then: a slow database does not lose the scan.
const storeTimeout = time.Minute

// storeOutcome stores what came of an attempt and, if that was the last one, the end of its job in
// the same transaction.
func (f *Fleet) storeOutcome(ctx context.Context, job *river.Job[scanArgs], last bool, do func(context.Context, *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		err := do(ctx, tx)
		if err == nil && last {
			_, err = river.JobCompleteTx[driver](ctx, tx.QueueTx(), job)
		}
		return err
	})
}

func (f *Fleet) failRun(ctx context.Context, job *river.Job[scanArgs], why store.Failure) error {
	return f.storeOutcome(ctx, job, why.Final, func(ctx context.Context, tx *store.Tx) error { return tx.Fail(ctx, job.Args.Run, why) })
}

// handleFailure keeps why a scan failed, and has it tried again if that may help.
func (f *Fleet) handleFailure(ctx context.Context, job *river.Job[scanArgs], e store.Environment, run store.Run, cause error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely) {
			return cause // the run has ended; the queue ends the job
		}
		return river.JobSnooze(0) // this process ends: another takes it
	}
	wait := backoff(e.Name, run.Failures)
	why := store.Failure{State: store.RunFailed, Code: "failed", Message: cause.Error(), Final: !willRetry(e, run, wait)}
	var misconfigured *MisconfiguredError
	switch {
	case ctx.Err() != nil:
		why.Code, why.Message = "timeout", fmt.Sprintf("the scan did not end within %s", f.options.Timeout)
	case errors.As(cause, &misconfigured):
		why.State, why.Code, why.Final = store.RunMisconfigured, misconfigured.Code, true
	}
	if err := f.failRun(ctx, job, why); err != nil || why.Final {
		return err
	}
	return river.JobSnooze(wait)
}

// The time until a scan that failed is tried again is doubled with each failure.
const (
	minBackoff = 15 * time.Second
	maxBackoff = time.Hour
)

// manualAttempts is how often a scan is tried that a user requested.
const manualAttempts = 5

// backoff is how long to wait after the failures before this one. It differs by environment,
// so that those that failed together do not come back together.
func backoff(name string, failures int) time.Duration {
	wait := min(minBackoff<<min(failures, 16), maxBackoff)
	return wait + store.Jitter(name, wait/4+time.Second)
}

// willRetry reports whether a failed run is tried again: before the run of the next interval, or
// a few times if a user requested it.
func willRetry(e store.Environment, run store.Run, wait time.Duration) bool {
	if run.Trigger != store.TriggerSchedule {
		return run.Failures+1 < manualAttempts
	}
	return run.StartedAt.Add(wait).Before(run.Period.Add(e.Every))
}

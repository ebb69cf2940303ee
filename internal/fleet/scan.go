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
	e, run, err := f.store.Start(ctx, job.Args.Run, f.o.Worker, f.o.Version)
	switch {
	case errors.Is(err, store.ErrEnded), errors.Is(err, store.ErrNotFound):
		return nil // somebody else was faster, or it was cancelled
	case errors.Is(err, store.ErrPaused):
		return f.paused(ctx, job, e, run)
	case err != nil:
		return err
	}
	results, err := f.inspect(ctx, e)
	if err != nil {
		return f.failed(ctx, job, e, run, err)
	}
	return f.end(ctx, job, func(ctx context.Context, tx *store.Tx) error { return tx.Finish(ctx, run.ID, results) })
}

// pausedWait is how long a run of a paused environment waits before it looks again.
const pausedWait = time.Minute

// paused keeps a run of the schedule waiting while its environment is paused. It is over with
// its interval: later, the run of the next one takes its place.
func (f *Fleet) paused(ctx context.Context, job *river.Job[scanArgs], e store.Environment, run store.Run) error {
	if f.store.Now().Before(run.Period.Add(e.Every)) {
		return river.JobSnooze(pausedWait)
	}
	return f.end(ctx, job, func(ctx context.Context, tx *store.Tx) error {
		return tx.Fail(ctx, run.ID, store.Failure{State: store.RunCancelled, Code: "paused", Message: "the environment was paused", Final: true})
	})
}

// inspect calls the scanner; its panic is a failure of this environment alone.
func (f *Fleet) inspect(ctx context.Context, e store.Environment) (results []audit.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			f.o.Logger.Error("a scan ended in a panic", "environment", e.Name, "panic", r, "stack", string(debug.Stack()))
			err = &Misconfigured{Code: "panic", Err: errors.New("the scan ended because of a bug in dbaudit: please report it, with the worker's log")}
		}
	}()
	return f.o.Scanner.Scan(ctx, e)
}

// storing is how long an end may take to be stored after the scan was ended: a database that
// is slow does not lose the scan.
const storing = time.Minute

// end stores the end of a run and of its job in one transaction. A run that ended before
// keeps that end.
func (f *Fleet) end(ctx context.Context, job *river.Job[scanArgs], do func(context.Context, *store.Tx) error) error {
	// The result of a scan that ended in time is stored, even if that takes a little longer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storing)
	defer cancel()
	err := f.store.Within(ctx, func(tx *store.Tx) error {
		if err := do(ctx, tx); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[driver](ctx, tx.Queue(), job)
		return err
	})
	if errors.Is(err, store.ErrEnded) {
		return nil
	}
	return err
}

// failed keeps why a scan failed, and has it tried again if that may help.
func (f *Fleet) failed(ctx context.Context, job *river.Job[scanArgs], e store.Environment, run store.Run, cause error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if errors.Is(context.Cause(ctx), river.ErrJobCancelledRemotely) {
			return cause // the run has ended; the queue ends the job
		}
		return river.JobSnooze(0) // this process ends: another takes it
	}
	why := store.Failure{State: store.RunFailed, Code: "failed", Message: cause.Error()}
	var misconfigured *Misconfigured
	switch {
	case ctx.Err() != nil:
		why.Code, why.Message = "timeout", fmt.Sprintf("the scan did not end within %s", f.o.Timeout)
	case errors.As(cause, &misconfigured):
		why.State, why.Code, why.Final = store.RunMisconfigured, misconfigured.Code, true
	}
	wait := backoff(e.Name, run.Failures)
	if why.State == store.RunFailed && !again(e, run, wait) {
		why.Final = true
	}
	if why.Final {
		return f.end(ctx, job, func(ctx context.Context, tx *store.Tx) error { return tx.Fail(ctx, run.ID, why) })
	}
	storeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storing)
	defer cancel()
	err := f.store.Within(storeCtx, func(tx *store.Tx) error { return tx.Fail(storeCtx, run.ID, why) })
	switch {
	case errors.Is(err, store.ErrEnded):
		return nil
	case err != nil:
		return err
	}
	return river.JobSnooze(wait)
}

// The time until a scan that failed is tried again is doubled with each failure.
const (
	firstWait = 15 * time.Second
	lastWait  = time.Hour
)

// byHand is how often a scan is tried that a user requested.
const byHand = 5

// backoff is how long to wait after the failures before this one. It differs between
// environments by a hash, so that those that failed at once do not come back at once.
func backoff(name string, failures int) time.Duration {
	wait := min(firstWait<<min(failures, 16), lastWait)
	return wait + store.Jitter(name, wait/4+time.Second)
}

// again reports whether a failed run is tried again: as long as that comes before the run
// of the next interval, or a few times if somebody asked for it.
func again(e store.Environment, run store.Run, wait time.Duration) bool {
	if run.Trigger != store.TriggerSchedule {
		return run.Failures+1 < byHand
	}
	return run.StartedAt.Add(wait).Before(run.Period.Add(e.Every))
}

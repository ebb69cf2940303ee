package fleet

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/store"
)

type sweepArgs struct{}

// Kind implements [river.JobArgs].
func (sweepArgs) Kind() string { return "sweep" }

// InsertOpts implements [river.JobArgsWithInsertOpts]. A sweep that fails is not repeated:
// the next one comes.
func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueSchedule, MaxAttempts: 1}
}

type sweeper struct {
	river.WorkerDefaults[sweepArgs]

	fleet *Fleet
}

// Timeout implements [river.Worker].
func (*sweeper) Timeout(*river.Job[sweepArgs]) time.Duration { return time.Minute }

// batch is how many environments are enqueued in one transaction: others get their turn
// in between.
const batch = 50

// Work implements [river.Worker]: whatever is due gets its job.
func (w *sweeper) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	if err := w.fleet.adopt(ctx); err != nil {
		return err
	}
	for {
		n, err := w.fleet.sweep(ctx)
		if err != nil || n < batch {
			return err
		}
	}
}

// sweep enqueues some of what is due, and returns how many environments were.
func (f *Fleet) sweep(ctx context.Context) (n int, err error) {
	err = f.store.Within(ctx, func(tx *store.Tx) error {
		due, err := tx.Due(ctx, batch)
		if err != nil {
			return err
		}
		n = len(due)
		for _, e := range due {
			// The interval that it is now: hours that were missed make one run.
			if _, err := f.enqueue(ctx, tx, e, e.Period(tx.Now()), store.TriggerSchedule); err != nil {
				return err
			}
			if err := tx.SetNext(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// adopt gives a new job to each run that has lost its own, as when an older version of
// dbaudit led and threw away what it did not know.
func (f *Fleet) adopt(ctx context.Context) error {
	return f.store.Within(ctx, func(tx *store.Tx) error {
		orphans, err := tx.Orphans(ctx)
		if err != nil {
			return err
		}
		for _, r := range orphans {
			if err := f.insert(ctx, tx, scanArgs{Environment: r.Environment, Period: r.Period, Trigger: r.Trigger, Run: r.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

package fleet

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/store"
)

// batchSize is how many environments are enqueued in one transaction.
const batchSize = 50

// sweep gives a job to whatever is due.
func (f *Fleet) sweep(ctx context.Context, _ *river.Job[sweepArgs]) error {
	if err := f.requeueOrphans(ctx); err != nil {
		return err
	}
	for n := batchSize; n == batchSize; {
		var err error
		if n, err = f.sweepBatch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sweepBatch enqueues some of what is due, and returns how many environments were.
func (f *Fleet) sweepBatch(ctx context.Context) (n int, err error) {
	err = f.store.InTx(ctx, func(tx *store.Tx) error {
		due, err := tx.DueEnvironments(ctx, batchSize)
		if err != nil {
			return err
		}
		n = len(due)
		for _, e := range due {
			// The present interval: hours that were missed make one run.
			if _, err := f.enqueueRun(ctx, tx, e, e.Period(tx.Now()), store.TriggerSchedule); err != nil {
				return err
			}
			if err := tx.ScheduleNext(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// requeueOrphans gives a new job to each run that lost its own, as when an older dbaudit led and threw
// away jobs of unknown kinds.
func (f *Fleet) requeueOrphans(ctx context.Context) error {
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		orphans, err := tx.OrphanedRuns(ctx)
		if err != nil {
			return err
		}
		for _, r := range orphans {
			if err := f.insertJob(ctx, tx, scanArgs{Environment: r.Environment, Period: r.Period, Trigger: r.Trigger, Run: r.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

// prune removes old results.
func (f *Fleet) prune(ctx context.Context, _ *river.Job[pruneArgs]) error {
	removed, err := f.store.Prune(ctx, f.store.Now().Add(-f.options.Retention))
	if err == nil {
		f.options.Logger.Info("old results were removed", slog.Int64("results", removed))
	}
	return err
}

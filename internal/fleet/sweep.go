package fleet

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/store"
)

const batchSize = 50

func (f *Fleet) sweep(ctx context.Context, _ *river.Job[sweepArgs]) error {
	n, err := batchSize, f.requeueOrphans(ctx)
	for err == nil && n == batchSize {
		n, err = f.sweepBatch(ctx)
	}
	return err
}

// sweepBatch enqueues scans of at most batchSize environments and returns their number.
func (f *Fleet) sweepBatch(ctx context.Context) (n int, err error) {
	err = f.store.InTx(ctx, func(tx *store.Tx) error {
		due, err := tx.DueEnvironments(ctx, batchSize)
		if err != nil {
			return err
		}
		n = len(due)
		for _, e := range due {
			// Missed intervals get no runs.
			if _, err := f.enqueueRun(ctx, tx, e, store.TriggerSchedule, e.DuePeriods(tx.Now())...); err != nil {
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

// requeueOrphans creates a job for each run that lost its own. An older dbaudit that leads the
// queue discards jobs of unknown kinds.
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

func (f *Fleet) prune(ctx context.Context, _ *river.Job[pruneArgs]) error {
	removed, err := f.store.Prune(ctx, f.store.Now().Add(-f.options.Retention))
	if err == nil {
		f.options.Logger.Info("old results were removed", slog.Int64("results", removed))
	}
	return err
}

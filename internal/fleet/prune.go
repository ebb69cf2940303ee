package fleet

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
)

// queuePrune is worked by the processes that say how long results are kept.
const queuePrune = "prune"

// pruneTime is how long removing old results may take: the next time goes on where it ended.
const pruneTime = 4 * time.Minute

type pruneArgs struct{}

// Kind implements [river.JobArgs].
func (pruneArgs) Kind() string { return "prune" }

// InsertOpts implements [river.JobArgsWithInsertOpts]: there is one job a day, because the
// queue remembers a job for a day after it ended.
func (pruneArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queuePrune, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

type pruner struct {
	river.WorkerDefaults[pruneArgs]

	fleet *Fleet
}

// Timeout implements [river.Worker].
func (*pruner) Timeout(*river.Job[pruneArgs]) time.Duration { return pruneTime }

// Work implements [river.Worker].
func (w *pruner) Work(ctx context.Context, _ *river.Job[pruneArgs]) error {
	f := w.fleet
	removed, err := f.store.Prune(ctx, f.store.Now().Add(-f.o.Keep))
	if err == nil {
		f.o.Logger.Info("old results were removed", slog.Int64("results", removed))
	}
	return err
}

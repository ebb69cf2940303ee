// Package fleet scans the environments of a store on a schedule. The queue is River, on
// the store's own database: a result and the end of its job are one transaction.
//
// The schedule is a column of the store. A periodic job sweeps it: in one transaction, what is
// due gets a run, a job, and its next time. The queue gives the job of a dead worker to another.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A Scanner reads an environment and judges each of its integrations.
type Scanner interface {
	Scan(ctx context.Context, e store.Environment) ([]audit.Result, error)
}

// MisconfiguredError is the error of a scan that is not tried again: a wrong credential, a consent
// that was revoked, a configuration that is not valid.
type MisconfiguredError struct {
	Code string // one word for programs
	Err  error
}

func (m *MisconfiguredError) Error() string { return m.Err.Error() }

func (m *MisconfiguredError) Unwrap() error { return m.Err }

// Options say what a process does for the fleet. The zero value of each has a default.
type Options struct {
	Scanner                     Scanner       // nil leaves scanning to other processes
	Concurrency                 int           // how many environments are scanned at once
	Timeout                     time.Duration // how long an attempt may take
	SweepInterval, PollInterval time.Duration // how often this process looks into the schedule, and into the queue
	Worker, Version             string        // the names of this process, and of the program's version
	Logger                      *slog.Logger
	Alerts                      *Alerts       // nil leaves them to other processes
	Retention                   time.Duration // how old results become before they are removed; 0 leaves that to other processes
}

// The defaults of [Options].
const (
	DefaultConcurrency   = 16
	DefaultTimeout       = 5 * time.Minute
	defaultSweepInterval = time.Minute
	defaultPollInterval  = time.Second
)

// fetchCooldown is the least time between two looks into the queue.
const fetchCooldown = 10 * time.Millisecond

// stopTimeout is how long after its timeout a job counts as one of a dead worker.
const stopTimeout = 15 * time.Second

type client = river.Client[store.QueueTx]

// A Fleet is what one process does for the environments of a store.
type Fleet struct {
	store      *store.Store
	queue      *client
	options    Options
	versionErr chan error // gets one when the store is found to be of another version
}

// New prepares a fleet. Until it is started it only enqueues.
func New(s *store.Store, o Options) (*Fleet, error) {
	o.Concurrency = cmp.Or(o.Concurrency, DefaultConcurrency)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.SweepInterval, o.PollInterval = cmp.Or(o.SweepInterval, defaultSweepInterval), cmp.Or(o.PollInterval, defaultPollInterval)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Fleet{store: s, options: o, versionErr: make(chan error, 1)}
	workers, err := f.workers()
	if err != nil {
		return nil, err
	}
	f.queue, err = river.NewClient(s.QueueDriver(), &river.Config{
		ID:                   o.Worker,
		FetchOnlyKnownKinds:  true, // an older worker leaves what it does not know to a newer one
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    o.PollInterval,
		JobTimeout:           o.Timeout,
		Logger:               o.Logger,
		MaxAttempts:          maxAttempts,
		PollOnly:             true,
		Queues:               o.queues(),
		RescueStuckJobsAfter: o.Timeout + stopTimeout,
		RetryPolicy:          queueRetry{now: s.Now},
		Workers:              workers,
		SkipUnknownJobCheck:  true,
		PeriodicJobs:         o.periodicJobs(),
		Middleware:           []rivertype.Middleware{river.WorkerMiddlewareFunc(f.stopOnOtherVersion)},
	})
	if err != nil {
		return nil, fmt.Errorf("the queue: %w", err)
	}
	return f, nil
}

// Run works until the context ends, or the store is of another version. Then it returns what is
// not finished to the queue.
func (f *Fleet) Run(ctx context.Context) error {
	detached := context.WithoutCancel(ctx)
	if err := f.queue.Start(detached); err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	var ended error
	select {
	case <-ctx.Done():
	case ended = <-f.versionErr:
	}
	stopping, cancel := context.WithTimeout(detached, stopTimeout)
	defer cancel()
	if err := f.queue.StopAndCancel(stopping); ended == nil {
		return err
	}
	return ended
}

// stopOnOtherVersion ends the process if the store is of another version now. Its jobs wait for a
// process of that version.
func (f *Fleet) stopOnOtherVersion(ctx context.Context, _ *rivertype.JobRow, work func(context.Context) error) error {
	err := work(ctx)
	if !errors.Is(err, store.ErrNewerVersion) && !errors.Is(err, store.ErrOutdated) {
		return err
	}
	select {
	case f.versionErr <- err:
	default: // another job found it before
	}
	return river.JobSnooze(time.Second)
}

// ScanNow enqueues a scan of each environment, outside the schedule, and returns the
// ids of the runs in the order of the names. A requested scan that has not begun is reused.
func (f *Fleet) ScanNow(ctx context.Context, who string, names ...string) ([]int64, error) {
	of := map[string]int64{}
	err := f.store.InTx(ctx, func(tx *store.Tx) error {
		// All lock them in this order, so that two never wait for each other.
		for _, name := range slices.Sorted(slices.Values(names)) {
			id, err := f.requestScan(ctx, tx, who, name)
			if err != nil {
				return err
			}
			of[name] = id
		}
		return nil
	})
	ids := make([]int64, len(names))
	for i, name := range names {
		ids[i] = of[name]
	}
	return ids, err
}

func (f *Fleet) requestScan(ctx context.Context, tx *store.Tx, who, name string) (int64, error) {
	e, err := tx.LockEnvironment(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("the environment %s: %w", name, err)
	}
	if e.Config == "" {
		return 0, fmt.Errorf("the environment %s is known only from posted results: add it with dbaudit fleet import", name)
	}
	id, waits, err := tx.QueuedManualRun(ctx, e)
	if err != nil || waits {
		return id, err
	}
	if id, err = f.enqueueRun(ctx, tx, e, tx.Now(), store.TriggerManual); err != nil {
		return 0, err
	}
	return id, tx.AddAuditEntry(ctx, who, "scan now: "+name)
}

// Cancel ends a run. A result that comes later is not kept.
func (f *Fleet) Cancel(ctx context.Context, who string, run int64) error {
	return f.store.InTx(ctx, func(tx *store.Tx) error { return f.cancelRun(ctx, tx, who, run) })
}

func (f *Fleet) cancelRun(ctx context.Context, tx *store.Tx, who string, run int64) error {
	r, err := tx.LockRun(ctx, run)
	if err != nil {
		return err
	}
	if err := tx.Fail(ctx, run, store.Failure{State: store.RunCancelled, Code: "cancelled", Message: "cancelled by " + who, Final: true}); err != nil {
		return err
	}
	if r.Job != 0 {
		if _, err := f.queue.JobCancelTx(ctx, tx.QueueTx(), r.Job); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
			return err
		}
	}
	return tx.AddAuditEntry(ctx, who, fmt.Sprintf("cancel run %d of %s", run, r.Environment))
}

// Remove ends the scans of environments and retires their integrations.
func (f *Fleet) Remove(ctx context.Context, who string, names ...string) error {
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		for _, name := range slices.Sorted(slices.Values(names)) {
			e, err := tx.LockEnvironment(ctx, name)
			if err != nil {
				return fmt.Errorf("the environment %s: %w", name, err)
			}
			runs, err := tx.UnfinishedRuns(ctx, e)
			if err != nil {
				return err
			}
			for _, id := range runs {
				if err := f.cancelRun(ctx, tx, who, id); err != nil {
					return err
				}
			}
			if err := errors.Join(tx.RetireEnvironment(ctx, e), tx.AddAuditEntry(ctx, who, "remove "+name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// enqueueRun makes a run and its job, unless there is one for that period and trigger.
func (f *Fleet) enqueueRun(ctx context.Context, tx *store.Tx, e store.Environment, period time.Time, trigger store.Trigger) (int64, error) {
	id, created, err := tx.CreateRun(ctx, e, period, trigger)
	if err != nil || !created {
		return id, err
	}
	return id, f.insertJob(ctx, tx, scanArgs{Environment: e.Name, Period: period, Trigger: trigger, Run: id})
}

// insertJob makes the job of a run.
func (f *Fleet) insertJob(ctx context.Context, tx *store.Tx, args scanArgs) error {
	job, err := f.queue.InsertTx(ctx, tx.QueueTx(), args, nil)
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return tx.SetJob(ctx, args.Run, job.Job.ID)
}

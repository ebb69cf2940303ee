// Package fleet scans the environments of a store on a schedule. Its queue is River, in the
// store's database, so that one transaction stores a result and completes the job.
//
// The store contains the schedule. A periodic job looks for environments that are due, and creates
// a run and a job for each. If a worker dies, the queue gives its jobs to another worker.
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
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A Scanner reads an environment and returns a result for each of its integrations.
type Scanner interface {
	Scan(ctx context.Context, e store.Environment) ([]audit.Result, error)
}

// A MisconfiguredError is the error of a scan that must not be retried, because a user has to
// correct something: a credential, a consent or the configuration.
type MisconfiguredError struct {
	Code string // one word for programs
	Err  error
}

func (m *MisconfiguredError) Error() string { return m.Err.Error() }
func (m *MisconfiguredError) Unwrap() error { return m.Err }

// Options configure what a process does for the fleet. Zero values stand for defaults.
type Options struct {
	Scanner       Scanner       // scans environments; nil leaves that to other processes
	Concurrency   int           // the number of environments to scan at the same time
	Timeout       time.Duration // the time limit of an attempt
	SweepInterval time.Duration // how often environments that are due are looked for
	PollInterval  time.Duration // how often the queue is asked for jobs
	Worker        string        // the name of this process
	Version       string        // the version of the program
	Logger        *slog.Logger
	Alerts        *Alerts       // nil leaves alerts to other processes
	Retention     time.Duration // the age at which results are pruned; 0 leaves that to other processes
}

// Defaults of [Options].
const (
	DefaultConcurrency   = 16
	DefaultTimeout       = 5 * time.Minute
	defaultSweepInterval = time.Minute
	defaultPollInterval  = time.Second
)

const (
	fetchCooldown = 10 * time.Millisecond
	rescueDelay   = 15 * time.Second // how long after its timeout a job is taken from its worker
	stopTimeout   = 15 * time.Second // how long a process waits for its jobs when it stops
)

// A driver is the driver of River for the store's database.
type driver = riverdriver.Driver[store.QueueTx]

// A Fleet enqueues scans of the environments of a store and, while it runs, works on jobs.
type Fleet struct {
	store      *store.Store
	queue      *river.Client[store.QueueTx]
	options    Options
	versionErr chan error // gets one when the store is found to be of another version
}

// New returns a fleet for a store. It works on jobs while [Fleet.Run] runs.
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
		FetchOnlyKnownKinds:  true, // an older worker leaves unknown kinds to a newer one
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    o.PollInterval,
		JobTimeout:           o.Timeout,
		Logger:               o.Logger,
		MaxAttempts:          maxAttempts,
		PollOnly:             true,
		Queues:               o.queues(),
		RescueStuckJobsAfter: o.Timeout + rescueDelay,
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

// Run works on jobs until the context ends, or until the store has a different version from this
// program, which is an error. It then returns unfinished jobs to the queue.
func (f *Fleet) Run(ctx context.Context) error {
	detached := context.WithoutCancel(ctx)
	if err := f.queue.Start(detached); err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	var versionErr error
	select {
	case <-ctx.Done():
	case versionErr = <-f.versionErr:
	}
	stopCtx, cancel := context.WithTimeout(detached, stopTimeout)
	defer cancel()
	return cmp.Or(versionErr, f.queue.StopAndCancel(stopCtx))
}

// stopOnOtherVersion is middleware that stops the fleet if the store has another version now. The
// job waits for a process with that version.
func (f *Fleet) stopOnOtherVersion(ctx context.Context, _ *rivertype.JobRow, work func(context.Context) error) error {
	err := work(ctx)
	if !errors.Is(err, store.ErrNewerVersion) && !errors.Is(err, store.ErrOutdated) {
		return err
	}
	select {
	case f.versionErr <- err:
	default: // another job has reported it
	}
	return river.JobSnooze(time.Second)
}

// ScanNow requests a scan of each environment, outside the schedule. It returns the ids of the runs
// in the order of the names. If a requested scan has not started, ScanNow returns that run.
func (f *Fleet) ScanNow(ctx context.Context, who string, names ...string) ([]int64, error) {
	runs := map[string]int64{}
	err := f.store.InTx(ctx, func(tx *store.Tx) error {
		for _, name := range slices.Sorted(slices.Values(names)) {
			id, err := f.requestScan(ctx, tx, who, name)
			if err != nil {
				return err
			}
			runs[name] = id
		}
		return nil
	})
	ids := make([]int64, len(names))
	for i, name := range names {
		ids[i] = runs[name]
	}
	return ids, err
}

func (f *Fleet) requestScan(ctx context.Context, tx *store.Tx, who, name string) (int64, error) {
	e, err := tx.LockEnvironment(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("the environment %s: %w", name, err)
	}
	if e.Config == "" {
		return 0, fmt.Errorf("the environment %s is known only from results of dbaudit scan --store: add it with dbaudit fleet import", name)
	}
	id, ok, err := tx.QueuedManualRun(ctx, e)
	if err != nil || ok {
		return id, err
	}
	if id, err = f.enqueueRun(ctx, tx, e, store.TriggerManual, tx.Now()); err != nil {
		return 0, err
	}
	return id, tx.AddAuditEntry(ctx, who, "scan now: "+name)
}

// Cancel cancels a run. A later result is not stored.
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

// Remove cancels the runs of environments, and removes the environments from the schedule. Their
// results stay in the store.
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

// enqueueRun creates a run and its job for the first of the periods that has no run with that
// trigger. It returns the id of the run, or of the run of the last period if all have one.
func (f *Fleet) enqueueRun(ctx context.Context, tx *store.Tx, e store.Environment, trigger store.Trigger, periods ...time.Time) (id int64, err error) {
	for _, period := range periods {
		var created bool
		if id, created, err = tx.CreateRun(ctx, e, period, trigger); err != nil {
			return 0, err
		}
		if created {
			return id, f.insertJob(ctx, tx, scanArgs{Environment: e.Name, Period: period, Trigger: trigger, Run: id})
		}
	}
	return id, nil
}

func (f *Fleet) insertJob(ctx context.Context, tx *store.Tx, args scanArgs) error {
	job, err := f.queue.InsertTx(ctx, tx.QueueTx(), args, nil)
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return tx.SetJob(ctx, args.Run, job.Job.ID)
}

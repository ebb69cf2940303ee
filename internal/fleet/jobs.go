package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/dbaudit/dbaudit/internal/store"
)

// The queues. Each process works the schedule; the others are for those with that option.
const (
	queueSchedule = "schedule"
	queueScan     = "scan"
	queueAlerts   = "alerts"
	queuePrune    = "prune"
)

// queues are those that a process works.
func (o Options) queues() map[string]river.QueueConfig {
	queues := map[string]river.QueueConfig{queueSchedule: {MaxWorkers: 1}}
	if o.Scanner != nil {
		queues[queueScan] = river.QueueConfig{MaxWorkers: o.Concurrency}
	}
	if o.Alerts != nil {
		queues[queueAlerts] = river.QueueConfig{MaxWorkers: 1}
	}
	if o.Retention > 0 {
		queues[queuePrune] = river.QueueConfig{MaxWorkers: 1}
	}
	return queues
}

// maxAttempts is how often the queue starts a job again if its worker died. A failed scan
// that waits is not an attempt of the queue.
const maxAttempts = 1000

// The kinds of job. The queue keeps jobs in clear, so they contain no secret.
type (
	sweepArgs       struct{}
	checkAlertsArgs struct{}
	pruneArgs       struct{}

	// scanArgs name what to scan.
	scanArgs struct {
		Environment string        `json:"environment" river:"unique"`
		Period      time.Time     `json:"period" river:"unique"`
		Trigger     store.Trigger `json:"trigger" river:"unique"`
		Run         int64         `json:"run"`
	}

	// sendAlertArgs name the alerts of a message by their ids alone.
	sendAlertArgs struct {
		Rule  string  `json:"rule"`
		Began []int64 `json:"began"`
		Ended []int64 `json:"ended"`
	}
)

func (sweepArgs) Kind() string       { return "sweep" }
func (checkAlertsArgs) Kind() string { return "watch" }
func (pruneArgs) Kind() string       { return "prune" }
func (scanArgs) Kind() string        { return "scan" }
func (sendAlertArgs) Kind() string   { return "tell" }

func (scanArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueScan, MaxAttempts: maxAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

func (sendAlertArgs) InsertOpts() river.InsertOpts {
	const attempts = 12 // over about four hours
	return river.InsertOpts{Queue: queueAlerts, MaxAttempts: attempts}
}

// periodicJobs are the jobs that whichever process leads makes for all. One that fails is not
// repeated: the next one comes.
func (o Options) periodicJobs() []*river.PeriodicJob {
	job := func(every time.Duration, args river.JobArgs, queue string, unique river.UniqueOpts) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: queue, MaxAttempts: 1, UniqueOpts: unique}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	oneWaits := river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
	oneADay := river.UniqueOpts{ByArgs: true} // the queue remembers a job for a day after it ended
	return []*river.PeriodicJob{
		job(o.SweepInterval, sweepArgs{}, queueSchedule, river.UniqueOpts{}),
		job(o.SweepInterval, checkAlertsArgs{}, queueAlerts, oneWaits),
		job(time.Hour, pruneArgs{}, queuePrune, oneADay),
	}
}

// A worker works the jobs of one kind.
type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]

	work func(context.Context, *river.Job[T]) error
	// timeout is how long a job may take; 0 is [Options.Timeout].
	timeout time.Duration
	// retry is when a job that failed is tried again; nil leaves that to the queue.
	retry func(*river.Job[T]) time.Time
}

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error { return w.work(ctx, job) }

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.timeout }

func (w *worker[T]) NextRetry(job *river.Job[T]) time.Time {
	if w.retry == nil {
		return w.WorkerDefaults.NextRetry(job)
	}
	return w.retry(job)
}

// pruneTimeout is how long removing old results may take. The next job continues.
const pruneTimeout = 4 * time.Minute

// workers work every kind of job, also those that a process leaves to others: the one that
// leads throws away jobs of unknown kinds.
func (f *Fleet) workers() (*river.Workers, error) {
	all := river.NewWorkers()
	return all, errors.Join(
		river.AddWorkerSafely(all, &worker[sweepArgs]{work: f.sweep, timeout: time.Minute}),
		river.AddWorkerSafely(all, &worker[scanArgs]{work: f.scan}),
		river.AddWorkerSafely(all, &worker[checkAlertsArgs]{work: f.checkAlerts, timeout: time.Minute}),
		river.AddWorkerSafely(all, &worker[sendAlertArgs]{work: f.sendAlert, retry: f.nextSend}),
		river.AddWorkerSafely(all, &worker[pruneArgs]{work: f.prune, timeout: pruneTimeout}),
	)
}

// queueRetry is when the queue starts a job again if its worker died, or could not reach the
// database: after a second, and later with each attempt, up to a minute. It counts from now,
// because the queue waits for hours if the time has passed.
type queueRetry struct{ now func() time.Time }

func (s queueRetry) NextRetry(job *rivertype.JobRow) time.Time {
	const first, last, doublings = time.Second, time.Minute, 6
	return s.now().Add(min(first<<min(max(job.Attempt-1, 0), doublings), last))
}

type driver = riverdriver.Driver[store.QueueTx]

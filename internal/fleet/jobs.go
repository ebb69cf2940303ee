package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/dbaudit/dbaudit/internal/store"
)

// The queues. Every process works on the schedule, and on the other queues as its options say.
const (
	queueSchedule = "schedule"
	queueScan     = "scan"
	queueAlerts   = "alerts"
	queuePrune    = "prune"
)

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

// maxAttempts is how often the queue starts a job whose workers die. A failed scan that waits for
// its next attempt does not count.
const maxAttempts = 1000

// The arguments of the kinds of job. The queue stores them unencrypted, so they contain no secrets.
// The names of kinds and of JSON members are in existing queues and must not change.
type (
	sweepArgs       struct{}
	checkAlertsArgs struct{}
	pruneArgs       struct{}

	// scanArgs name the environment to scan.
	scanArgs struct {
		Environment string        `json:"environment" river:"unique"`
		Period      time.Time     `json:"period" river:"unique"`
		Trigger     store.Trigger `json:"trigger" river:"unique"`
		Run         int64         `json:"run"`
	}

	// sendAlertArgs name the alerts of a message, by ids.
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
	const attempts = 12 // in about four hours
	return river.InsertOpts{Queue: queueAlerts, MaxAttempts: attempts}
}

// periodicJobs returns the jobs that the leading process creates. A failed one is not retried,
// because the next one follows.
func (o Options) periodicJobs() []*river.PeriodicJob {
	job := func(every time.Duration, args river.JobArgs, queue string, unique river.UniqueOpts) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: queue, MaxAttempts: 1, UniqueOpts: unique}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	oneUnfinished := river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}
	oneADay := river.UniqueOpts{ByArgs: true} // the queue keeps completed jobs for a day
	return []*river.PeriodicJob{
		job(o.SweepInterval, sweepArgs{}, queueSchedule, river.UniqueOpts{}),
		job(o.SweepInterval, checkAlertsArgs{}, queueAlerts, oneUnfinished),
		job(time.Hour, pruneArgs{}, queuePrune, oneADay),
	}
}

type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]

	work      func(context.Context, *river.Job[T]) error
	timeout   time.Duration                 // the time limit of a job; 0 stands for [Options.Timeout]
	nextRetry func(*river.Job[T]) time.Time // when a failed job is retried; nil stands for the queue's policy
}

func (w *worker[T]) Work(ctx context.Context, job *river.Job[T]) error { return w.work(ctx, job) }

func (w *worker[T]) Timeout(*river.Job[T]) time.Duration { return w.timeout }

func (w *worker[T]) NextRetry(job *river.Job[T]) time.Time {
	if w.nextRetry == nil {
		return w.WorkerDefaults.NextRetry(job)
	}
	return w.nextRetry(job)
}

// pruneTimeout is the time limit for pruning. The next job continues.
const pruneTimeout = 4 * time.Minute

// workers returns workers for every kind of job, even for queues that this process does not work
// on: the leading process discards jobs of unknown kinds.
func (f *Fleet) workers() (*river.Workers, error) {
	all := river.NewWorkers()
	return all, errors.Join(
		river.AddWorkerSafely(all, &worker[sweepArgs]{work: f.sweep, timeout: time.Minute}),
		river.AddWorkerSafely(all, &worker[scanArgs]{work: f.scan}),
		river.AddWorkerSafely(all, &worker[checkAlertsArgs]{work: f.checkAlerts, timeout: time.Minute}),
		river.AddWorkerSafely(all, &worker[sendAlertArgs]{work: f.sendAlert, nextRetry: f.nextSend}),
		river.AddWorkerSafely(all, &worker[pruneArgs]{work: f.prune, timeout: pruneTimeout}),
	)
}

// queueRetry is the policy for jobs whose worker died or could not reach the database. They wait for
// a second, then twice as long after each attempt, up to a minute. The wait begins now, because
// River waits for hours if the time has passed.
type queueRetry struct{ now func() time.Time }

func (s queueRetry) NextRetry(job *rivertype.JobRow) time.Time {
	const first, last, doublings = time.Second, time.Minute, 6
	return s.now().Add(min(first<<min(max(job.Attempt-1, 0), doublings), last))
}

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A RunState is the state of a run.
type RunState string

// The states of a run. A run in any state but queued and running has ended, except that a failed
// run may be retried: see [Run.Ended].
const (
	RunQueued        RunState = "queued"
	RunRunning       RunState = "running"
	RunCompliant     RunState = "compliant"
	RunNoncompliant  RunState = "noncompliant"
	RunIncomplete    RunState = "incomplete"
	RunFailed        RunState = "failed"        // retried unless it has ended
	RunMisconfigured RunState = "misconfigured" // not retried: a user must change something
	RunCancelled     RunState = "cancelled"
)

// A Trigger is why a run was created.
type Trigger string

// The triggers of a run.
const (
	TriggerSchedule Trigger = "schedule"
	TriggerManual   Trigger = "manual"
	TriggerPipeline Trigger = "pipeline"
)

// A Run is a scan of an environment, with all its attempts.
type Run struct {
	ID          int64  `json:"id"`
	Environment string `json:"environment"`
	// Period is the beginning of the interval that the run is for. There is at most one run for
	// an environment, a period and a trigger.
	Period        time.Time `json:"period"`
	Trigger       Trigger   `json:"trigger"`
	State         RunState  `json:"state"`
	Attempt       int       `json:"attempt"` // the number of the last attempt, from 1; counts attempts of killed workers
	QueuedAt      Time      `json:"queued_at"`
	StartedAt     Time      `json:"started_at"`
	EndedAt       Time      `json:"ended_at"`
	ErrorCode     string    `json:"error_code,omitempty"` // of the last failed attempt
	Error         string    `json:"error,omitempty"`
	EnvironmentID int64     `json:"-"`
	Failures      int       `json:"-"` // the number of failed attempts
	Worker        string    `json:"-"`
	ToolVersion   string    `json:"-"`
	Job           int64     `json:"-"` // the id of its job in the queue; 0 for none
}

// A Time is a time that is null in JSON if it is zero.
type Time struct{ time.Time }

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// Ended reports whether the run has ended.
func (r Run) Ended() bool { return !r.EndedAt.IsZero() }

// runColumns are the columns of a run r and its environment e.
const runColumns = `r.id, r.environment_id, e.name, r.period, r.trigger, r.state, r.attempt, r.failures,
	r.queued_at, r.started_at, r.ended_at, r.error_code, r.error, r.worker, r.tool_version, r.job`

const selectRuns = "SELECT " + runColumns + " FROM run r JOIN environment e ON e.id = r.environment_id WHERE "

func (r *Run) fields() []any {
	return []any{
		&r.ID, &r.EnvironmentID, &r.Environment, &r.Period, &r.Trigger, &r.State, &r.Attempt, &r.Failures,
		&r.QueuedAt.Time, &r.StartedAt.Time, &r.EndedAt.Time, &r.ErrorCode, &r.Error, &r.Worker, &r.ToolVersion, &r.Job,
	}
}

func scanRun(row row, r *Run) error { return row.Scan(r.fields()...) }

// CreateRun creates a queued run of an environment. If a run for that period and trigger exists,
// CreateRun returns its id, and created is false.
func (t *Tx) CreateRun(ctx context.Context, e Environment, period time.Time, trigger Trigger) (id int64, created bool, err error) {
	id, err = queryOne(ctx, t.tx, scanInt64, `INSERT INTO run
		(environment_id, period, trigger, state, attempt, failures, queued_at, error_code, error, worker, tool_version)
		VALUES ($1, $2, $3, $4, 0, 0, $5, '', '', '', '') ON CONFLICT (environment_id, period, trigger) DO NOTHING RETURNING id`,
		e.ID, storedTime(period), trigger, RunQueued, storedTime(t.now))
	if errors.Is(err, ErrNotFound) {
		id, err = queryOne(ctx, t.tx, scanInt64, "SELECT id FROM run WHERE environment_id = $1 AND period = $2 AND trigger = $3", e.ID, storedTime(period), trigger)
		return id, false, err
	}
	if err != nil {
		return 0, false, err
	}
	return id, true, t.exec(ctx, "UPDATE environment SET last_run = $2 WHERE id = $1", e.ID, id)
}

// SetJob records the job of a run in the queue.
func (t *Tx) SetJob(ctx context.Context, run, job int64) error {
	return t.exec(ctx, "UPDATE run SET job = $2 WHERE id = $1", run, job)
}

// OrphanedRuns locks and returns the runs that have not ended, but no longer have a job in the
// queue. Runs that another transaction has locked are left out.
func (t *Tx) OrphanedRuns(ctx context.Context) ([]Run, error) {
	return queryAll(ctx, t.tx, scanRun, selectRuns+`r.ended_at IS NULL AND r.job IS NOT NULL AND NOT EXISTS
		(SELECT 1 FROM river_job j WHERE j.id = r.job AND j.state NOT IN ('completed', 'cancelled', 'discarded'))`+t.forUpdateSkipLocked("r"))
}

// UnfinishedRuns returns the ids of the runs of an environment that have not ended.
func (t *Tx) UnfinishedRuns(ctx context.Context, e Environment) ([]int64, error) {
	return queryAll(ctx, t.tx, scanInt64, "SELECT id FROM run WHERE environment_id = $1 AND ended_at IS NULL ORDER BY id", e.ID)
}

// QueuedManualRun returns the run of an environment that a user requested and that has not
// started. Without one, ok is false.
func (t *Tx) QueuedManualRun(ctx context.Context, e Environment) (id int64, ok bool, err error) {
	id, err = queryOne(ctx, t.tx, scanInt64, "SELECT id FROM run WHERE environment_id = $1 AND trigger = $2 AND state = $3 ORDER BY id LIMIT 1",
		e.ID, TriggerManual, RunQueued)
	if errors.Is(err, ErrNotFound) {
		return 0, false, nil
	}
	return id, err == nil, err
}

// LockRun locks and returns a run, or returns [ErrNotFound].
func (t *Tx) LockRun(ctx context.Context, id int64) (Run, error) {
	return queryOne(ctx, t.tx, scanRun, selectRuns+"r.id = $1"+t.forUpdate("r"), id)
}

// lockUnfinishedRun locks and returns a run, or returns [ErrEnded] if it has ended.
func (t *Tx) lockUnfinishedRun(ctx context.Context, id int64) (Run, error) {
	r, err := t.LockRun(ctx, id)
	if err == nil && r.Ended() {
		err = ErrEnded
	}
	return r, err
}

// lockRunAndEnvironment locks and returns a run that has not ended and its environment, with its
// requirements. The lock keeps an import from changing the configuration in between.
func (t *Tx) lockRunAndEnvironment(ctx context.Context, run int64) (e Environment, r Run, err error) {
	if e, err = t.environment(ctx, "e.id = (SELECT environment_id FROM run WHERE id = $1)"+t.forUpdate("e"), run); err != nil {
		return e, r, err
	}
	if r, err = t.lockUnfinishedRun(ctx, run); err != nil {
		return e, r, err
	}
	e.Requirements, err = t.requirements(ctx, e.ID)
	return e, r, err
}

// Start begins an attempt of a run and returns the run and its environment. It returns [ErrEnded]
// if the run has ended. It returns [ErrPaused], with the run and the environment, if the run was
// scheduled and the environment is paused.
func (s *Store) Start(ctx context.Context, run int64, worker, version string) (e Environment, r Run, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		if e, r, err = tx.lockRunAndEnvironment(ctx, run); err != nil {
			return err
		}
		if e.Paused && r.Trigger == TriggerSchedule {
			return ErrPaused
		}
		r.State, r.Attempt, r.StartedAt, r.Worker, r.ToolVersion = RunRunning, r.Attempt+1, Time{tx.now}, worker, version
		return tx.exec(ctx, "UPDATE run SET state = $2, attempt = $3, started_at = $4, worker = $5, tool_version = $6 WHERE id = $1",
			run, r.State, r.Attempt, storedTime(tx.now), worker, version)
	})
	return e, r, err
}

// A Failure says why an attempt has no result.
type Failure struct {
	State RunState // RunFailed, RunMisconfigured or RunCancelled
	// Code is one word for programs. Message is advice for people, without secrets.
	Code, Message string
	// Final ends the run, so that it is not retried.
	Final bool
}

// Fail records why an attempt of a run has no result, or returns [ErrEnded].
func (t *Tx) Fail(ctx context.Context, run int64, f Failure) error {
	r, err := t.lockUnfinishedRun(ctx, run)
	if err != nil {
		return err
	}
	var endedAt time.Time
	if f.Final {
		endedAt = t.now
	}
	if f.State == RunFailed {
		r.Failures++
	}
	return t.exec(ctx, "UPDATE run SET state = $2, failures = $3, error_code = $4, error = $5, ended_at = $6 WHERE id = $1",
		run, f.State, r.Failures, f.Code, f.Message, storedTime(endedAt))
}

// Finish ends a run and stores its results, one for each integration of the environment, or
// returns [ErrEnded]. The requirements are those that [Store.Start] returned. If an import has
// changed them, the results say nothing about what is required now: Finish cancels the run.
func (t *Tx) Finish(ctx context.Context, run int64, requirements Requirements, results []audit.Result) error {
	e, _, err := t.lockRunAndEnvironment(ctx, run)
	if err != nil {
		return err
	}
	if !requirements.equal(e.Requirements) {
		return t.Fail(ctx, run, Failure{State: RunCancelled, Code: "reconfigured", Message: "the configuration changed during the scan: another scan follows", Final: true})
	}
	return t.storeResults(ctx, e, run, requirements, results)
}

// storeResults ends a run of a locked environment and stores its results, which were judged by the
// given requirements.
func (t *Tx) storeResults(ctx context.Context, e Environment, run int64, requirements Requirements, results []audit.Result) error {
	if len(results) == 0 {
		return errors.New("a scan gave no result")
	}
	counts := verdictCounts{}
	for _, result := range results {
		if result.Unread != nil {
			return fmt.Errorf("a result that could not be read is not a result: %s", result.Unread.Message)
		}
		if err := t.storeResult(ctx, e, run, requirements[result.Profile.Name], result, counts); err != nil {
			return err
		}
	}
	if err := t.addToFleetDay(ctx, counts); err != nil {
		return err
	}
	return t.exec(ctx, "UPDATE run SET state = $2, ended_at = $3, error_code = '', error = '' WHERE id = $1", run, finalState(results), storedTime(t.now))
}

func finalState(results []audit.Result) RunState {
	state := RunCompliant
	for _, r := range results {
		switch r.Verdict {
		case audit.VerdictNoncompliant:
			return RunNoncompliant
		case audit.VerdictIncomplete:
			state = RunIncomplete
		case audit.VerdictCompliant:
		}
	}
	return state
}

// Record stores the results of a scan in a pipeline, in a run for each environment. The results of
// an environment must be consecutive. The requirements are those that the results were judged by,
// by environment. Record adds unknown environments, without a schedule.
func (s *Store) Record(ctx context.Context, results []audit.Result, requirements map[string]Requirements, worker string) error {
	for begin := 0; begin < len(results); {
		end := begin + 1
		for end < len(results) && results[end].Environment.Name == results[begin].Environment.Name {
			end++
		}
		if err := s.recordEnvironment(ctx, results[begin:end], requirements[results[begin].Environment.Name], worker); err != nil {
			return fmt.Errorf("%s: %w", results[begin].Environment.Name, err)
		}
		begin = end
	}
	return nil
}

func (s *Store) recordEnvironment(ctx context.Context, results []audit.Result, requirements Requirements, worker string) error {
	return s.InTx(ctx, func(tx *Tx) error {
		environment := results[0].Environment
		e, err := tx.LockEnvironment(ctx, environment.Name)
		if errors.Is(err, ErrNotFound) {
			e = Environment{Name: environment.Name, URL: environment.URL}
			e.ID, err = tx.saveEnvironment(ctx, e)
		}
		if err != nil {
			return err
		}
		var run int64
		for period, created := tx.now, false; !created; period = period.Add(time.Microsecond) { // another run may have the same microsecond
			if run, created, err = tx.CreateRun(ctx, e, period, TriggerPipeline); err != nil {
				return err
			}
		}
		if err := tx.exec(ctx, "UPDATE run SET attempt = 1, started_at = $2, worker = $3, tool_version = $4 WHERE id = $1",
			run, storedTime(tx.now), worker, results[0].Tool.Version); err != nil {
			return err
		}
		judged := slices.DeleteFunc(slices.Clone(results), func(r audit.Result) bool { return r.Unread != nil })
		if len(judged) == 0 {
			for _, r := range results {
				if err := tx.addIntegration(ctx, e.ID, r.Profile.Name); err != nil {
					return err
				}
			}
			return tx.Fail(ctx, run, Failure{State: RunFailed, Code: "unread", Message: results[0].Unread.Message, Final: true})
		}
		return tx.storeResults(ctx, e, run, requirements, judged)
	})
}

// Runs returns the latest runs of an environment, newest first. If before is not 0, it returns
// only runs with a smaller id.
func (s *Store) Runs(ctx context.Context, environment string, before int64, limit int) ([]Run, error) {
	return queryAll(ctx, s.db, scanRun, selectRuns+"e.name = $1 AND (r.id < $2 OR $2 = 0) ORDER BY r.id DESC LIMIT $3", environment, before, limit)
}

// FailingRuns returns the last run of each environment whose last run has no result, by the name
// of the environment. It ignores runs that have not ended and cancelled runs.
func (s *Store) FailingRuns(ctx context.Context) (map[string]Run, error) {
	list, err := queryAll(ctx, s.db, scanRun, "SELECT "+runColumns+` FROM environment e JOIN run r ON r.id = (SELECT n.id FROM run n
		WHERE n.environment_id = e.id AND n.ended_at IS NOT NULL AND n.state <> $1 ORDER BY n.id DESC LIMIT 1)
		WHERE r.state IN ($2, $3)`, RunCancelled, RunFailed, RunMisconfigured)
	failing := make(map[string]Run, len(list))
	for _, r := range list {
		failing[r.Environment] = r
	}
	return failing, err
}

// Run returns the run with the given id, or [ErrNotFound].
func (s *Store) Run(ctx context.Context, id int64) (Run, error) {
	return queryOne(ctx, s.db, scanRun, selectRuns+"r.id = $1", id)
}

// CountUnfinishedRuns returns the number of runs that have not ended, by state.
func (s *Store) CountUnfinishedRuns(ctx context.Context) (map[RunState]int, error) {
	counts := map[RunState]int{RunQueued: 0, RunRunning: 0, RunFailed: 0}
	return counts, queryMap(ctx, s.db, counts, "SELECT state, COUNT(*) FROM run WHERE ended_at IS NULL GROUP BY state")
}

// Workers returns the workers that have started a scan since a time, with the start of the last
// scan of each.
func (s *Store) Workers(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	workers := map[string]time.Time{}
	return workers, queryMap(ctx, s.db, workers,
		"SELECT worker, MAX(started_at) FROM run WHERE started_at >= $1 AND trigger <> 'pipeline' GROUP BY worker", since.UnixMicro())
}

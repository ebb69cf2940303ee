package store

import (
	"context"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// StaleMargin is how much longer than its interval an environment may take to be scanned
// completely before what is known of it is stale.
const StaleMargin = 7 * time.Minute

// unscheduledInterval is the interval of an environment that has no schedule of its own.
const unscheduledInterval = 24 * time.Hour

// A Status is what is known of one integration of an environment now. An environment of
// which no integration is known yet has one Status with an empty Integration.
type Status struct {
	Environment Environment
	Integration string // the name of its profile
	// Verdict is that of the last result, and Incomplete before the first.
	Verdict        audit.Verdict
	Since          time.Time // when the first result in a row with that verdict was stored
	LastResultRun  int64     // 0 for none
	LastResultAt   time.Time
	Summary        audit.Summary // of the last result, without its coverage
	LastCompleteAt time.Time     // when a result last was compliant or noncompliant
	// Stale is set if that is longer ago than the interval and [Patience], or more than
	// [Patience] in the future: the verdict is not known now.
	Stale          bool
	OpenBySeverity map[audit.Severity]int // the findings that are open and not waived
	LastRun        *Run                   // the newest run of the environment; nil for none
}

// OpenFindings counts the findings that are open and not waived.
func (s Status) OpenFindings() int {
	n := 0
	for _, m := range s.OpenBySeverity {
		n += m
	}
	return n
}

// IsCompliant reports whether the integration is known to be compliant now.
func (s Status) IsCompliant() bool { return s.Verdict == audit.VerdictCompliant && !s.Stale }

// FleetStatus is the status of every integration of every environment, by their names.
func (s *Store) FleetStatus(ctx context.Context) ([]Status, error) { return s.Status(ctx, "") }

// Status is the status of every integration of one environment; of all if the name is empty.
func (s *Store) Status(ctx context.Context, environment string) ([]Status, error) {
	now := s.now()
	where, args := whereEnvironment(environment)
	open := map[int64]map[audit.Severity]int{} // by integration
	_, err := queryAll(ctx, s.db, func(from row, integration *int64) error {
		var severity audit.Severity
		var count int
		err := from.Scan(integration, &severity, &count)
		if open[*integration] == nil {
			open[*integration] = map[audit.Severity]int{}
		}
		open[*integration][severity] = count
		return err
	}, `SELECT integration_id, severity, COUNT(*) FROM finding_span WHERE closed_run IS NULL AND NOT waived
		AND integration_id IN (SELECT i.id FROM integration i JOIN environment e ON e.id = i.environment_id WHERE `+where+`)
		GROUP BY integration_id, severity`, args...)
	if err != nil {
		return nil, err
	}
	return queryAll(ctx, s.db, func(from row, st *Status) error {
		var r Run
		var id int64
		fields := append(st.Environment.fields(), &id, &st.Integration, &st.Verdict, &st.Since, &st.LastResultRun, &st.LastResultAt, &st.LastCompleteAt)
		fields = slices.Concat(fields, summaryFields(&st.Summary), r.fields())
		err := from.Scan(fields...)
		if r.ID != 0 {
			st.LastRun = &r
		}
		st.OpenBySeverity, st.Stale = open[id], st.isStale(now)
		return err
	}, "SELECT "+environmentColumns+", i.id, i.name, NULLIF(i.verdict, ''), i.since, i.last_run, i.last_result_at, i.last_complete_at, "+summaryColumns+", "+runColumns+`
		FROM environment e LEFT JOIN integration i ON i.environment_id = e.id AND NOT i.retired LEFT JOIN run r ON r.id = e.last_run
		LEFT JOIN result s ON s.run_id = i.last_run AND s.integration_id = i.id
		WHERE `+notRemoved+" AND "+where+" ORDER BY e.name, i.name", args...)
}

const summaryColumns = "s.pass, s.fail, s.unknown, s.not_applicable, s.waived, s.findings"

func summaryFields(s *audit.Summary) []any {
	return []any{&s.Pass, &s.Fail, &s.Unknown, &s.NotApplicable, &s.Waived, &s.Findings}
}

func (s Status) isStale(now time.Time) bool {
	every := s.Environment.Every
	if every == 0 {
		every = unscheduledInterval
	}
	// A time in the future comes from a clock that was wrong.
	age := now.Sub(s.LastCompleteAt)
	return s.LastCompleteAt.IsZero() || age > every+StaleMargin || age < -StaleMargin
}

// A Point is one result of an integration, for a trend.
type Point struct {
	Run     int64
	TakenAt time.Time
	Verdict audit.Verdict
	Summary audit.Summary // without its coverage
}

// Trend lists the results of an integration since a time, oldest first.
func (s *Store) Trend(ctx context.Context, environment, integration string, since time.Time) ([]Point, error) {
	return queryAll(ctx, s.db, func(from row, p *Point) error {
		return from.Scan(append(summaryFields(&p.Summary), &p.Run, &p.TakenAt, &p.Verdict)...)
	}, "SELECT "+summaryColumns+`, s.run_id, s.taken_at, s.verdict
		FROM result s JOIN integration i ON i.id = s.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $1 AND i.name = $2 AND s.taken_at >= $3 ORDER BY s.seq`, environment, integration, since.UnixMicro())
}

// A Day counts the integrations that were scanned on it, by the verdict of their last result.
type Day struct {
	Day                                 time.Time
	Compliant, Noncompliant, Incomplete int
}

// Days lists the days since a time on which something was scanned, oldest first.
func (s *Store) Days(ctx context.Context, since time.Time) ([]Day, error) {
	return queryAll(ctx, s.db, func(from row, d *Day) error {
		var n int64
		err := from.Scan(&n, &d.Compliant, &d.Noncompliant, &d.Incomplete)
		d.Day = time.Unix(n*24*60*60, 0).UTC()
		return err
	}, `SELECT day, MAX(CASE WHEN verdict = 'compliant' THEN integrations ELSE 0 END), MAX(CASE WHEN verdict = 'noncompliant' THEN integrations ELSE 0 END),
		MAX(CASE WHEN verdict = 'incomplete' THEN integrations ELSE 0 END) FROM fleet_day WHERE day >= $1 GROUP BY day ORDER BY day`, dayNumber(since))
}

const findingColumns = `f.id, e.name, i.name, f.fingerprint, f.control, f.severity, f.message, f.waived, f.first_run, a.ended_at, f.last_seen_run,
	f.opened, f.closed_run, c.ended_at, f.reason
	FROM finding_span f JOIN integration i ON i.id = f.integration_id JOIN environment e ON e.id = i.environment_id
	JOIN run a ON a.id = f.first_run LEFT JOIN run c ON c.id = f.closed_run`

func scanFinding(from row, f *Finding) error {
	return from.Scan(&f.ID, &f.Environment, &f.Integration, &f.Fingerprint, &f.Control, &f.Severity, &f.Message, &f.Waived,
		&f.FirstRun, &f.FirstAt, &f.LastSeenRun, &f.OpenedReason, &f.ClosedRun, &f.ClosedAt, &f.ClosedReason)
}

// OpenFindings lists the open findings of an environment, or of all if the name is empty,
// except those of retired integrations.
func (s *Store) OpenFindings(ctx context.Context, environment string) ([]Finding, error) {
	where, args := whereEnvironment(environment)
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+" WHERE f.closed_run IS NULL AND NOT i.retired AND "+where+" ORDER BY f.id", args...)
}

// whereEnvironment is the condition for an environment e, and its argument; true if the name is empty.
func whereEnvironment(environment string) (where string, args []any) {
	if environment == "" {
		return "TRUE", nil
	}
	return "e.name = $1", []any{environment}
}

// Findings lists all findings that an environment ever had, oldest first.
func (s *Store) Findings(ctx context.Context, environment string) ([]Finding, error) {
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+" WHERE e.name = $1 ORDER BY f.id", environment)
}

// RecentChanges lists the findings of an environment that began after its first scan, or are over,
// those that changed last first.
func (s *Store) RecentChanges(ctx context.Context, environment string, limit int) ([]Finding, error) {
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+` WHERE e.name = $1 AND (f.closed_run IS NOT NULL OR f.opened <> $2)
		ORDER BY COALESCE(f.closed_run, f.first_run) DESC, f.id LIMIT $3`, environment, ReasonFirstScan, limit)
}

// ControlSpans lists the spans of all controls of an integration, by control and time.
func (s *Store) ControlSpans(ctx context.Context, environment, integration string) ([]ControlSpan, error) {
	return queryAll(ctx, s.db, func(from row, c *ControlSpan) error {
		return from.Scan(&c.ID, &c.Control, &c.Severity, &c.Outcome, &c.OpenedReason, &c.FromRun, &c.ToRun)
	}, `SELECT c.id, c.control, c.severity, c.outcome, c.opened, c.from_run, c.to_run
		FROM control_span c JOIN integration i ON i.id = c.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $1 AND i.name = $2 ORDER BY c.control, c.from_run, c.id`, environment, integration)
}

// A ControlStatus is what a control of an integration is by its last result.
type ControlStatus struct {
	Environment  string          `json:"environment"`
	Integration  string          `json:"integration"`
	Control      audit.ControlID `json:"-"`
	Severity     audit.Severity  `json:"-"`
	Outcome      audit.Outcome   `json:"outcome"`
	Since        time.Time       `json:"since"` // when the first result in a row with that outcome was stored
	Stale        bool            `json:"stale"` // as in [Status]
	OpenFindings int             `json:"open_findings"`
}

// ControlStatuses lists what a control is across the fleet, by environment.
func (s *Store) ControlStatuses(ctx context.Context, control audit.ControlID) ([]ControlStatus, error) {
	now := s.now()
	return queryAll(ctx, s.db, func(from row, c *ControlStatus) error {
		var st Status
		err := from.Scan(&c.Environment, &c.Integration, &c.Control, &c.Severity, &c.Outcome, &c.Since,
			&st.Environment.Every, &st.LastCompleteAt, &c.OpenFindings)
		c.Stale = st.isStale(now)
		return err
	}, `SELECT e.name, i.name, c.control, c.severity, c.outcome, a.ended_at, e.every, i.last_complete_at,
		(SELECT COUNT(*) FROM finding_span f WHERE f.integration_id = i.id AND f.control = c.control AND f.closed_run IS NULL AND NOT f.waived)
		FROM control_span c JOIN integration i ON i.id = c.integration_id AND NOT i.retired
		JOIN environment e ON e.id = i.environment_id JOIN run a ON a.id = c.from_run
		WHERE c.in_last AND c.control = $1 ORDER BY e.name, i.name`, string(control))
}

// A ControlCount counts the integrations by the outcome of a control.
type ControlCount struct {
	Control  audit.ControlID
	Severity audit.Severity
	Fail     int
	Unknown  int // or stale; see [Status]
	Pass     int // or not applicable, or waived
}

// ControlCounts counts the outcomes of every control across the fleet.
func (s *Store) ControlCounts(ctx context.Context) ([]ControlCount, error) {
	now := s.now()
	return queryAll(ctx, s.db, func(from row, c *ControlCount) error {
		return from.Scan(&c.Control, &c.Severity, &c.Fail, &c.Unknown, &c.Pass)
	}, `WITH stale AS (SELECT i.id FROM integration i JOIN environment e ON e.id = i.environment_id
			WHERE i.last_complete_at IS NULL OR i.last_complete_at > $2 OR i.last_complete_at < $1 - (CASE WHEN e.every = 0 THEN $3 ELSE e.every END)),
		counts AS (SELECT control, severity, outcome, COUNT(*) AS n, SUM(CASE WHEN integration_id IN (SELECT id FROM stale) THEN 1 ELSE 0 END) AS stale
			FROM control_span WHERE in_last AND integration_id NOT IN (SELECT id FROM integration WHERE retired) GROUP BY control, severity, outcome)
		SELECT control, MIN(severity), CAST(SUM(CASE outcome WHEN 'fail' THEN n - stale ELSE 0 END) AS BIGINT),
			CAST(SUM(CASE outcome WHEN 'unknown' THEN n ELSE stale END) AS BIGINT), CAST(SUM(CASE WHEN outcome IN ('fail', 'unknown') THEN 0 ELSE n - stale END) AS BIGINT)
		FROM counts GROUP BY control ORDER BY control`,
		now.Add(-StaleMargin).UnixMicro(), now.Add(StaleMargin).UnixMicro(), unscheduledInterval.Microseconds())
}

// CountUnfinishedRuns counts the runs that have not ended, by state.
func (s *Store) CountUnfinishedRuns(ctx context.Context) (map[RunState]int, error) {
	counts := map[RunState]int{RunQueued: 0, RunRunning: 0, RunFailed: 0}
	return counts, queryMap(ctx, s.db, counts, "SELECT state, COUNT(*) FROM run WHERE ended_at IS NULL GROUP BY state")
}

// Workers lists when each worker began its last scan, of those that began one since a time.
func (s *Store) Workers(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	seen := map[string]time.Time{}
	return seen, queryMap(ctx, s.db, seen, "SELECT worker, MAX(started_at) FROM run WHERE started_at >= $1 AND trigger <> 'pipeline' GROUP BY worker", since.UnixMicro())
}

package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

const (
	// StaleMargin is how much longer than its interval the last complete scan may be ago before a
	// verdict is stale.
	StaleMargin = 7 * time.Minute
	// unscheduledInterval is the interval after which an environment without a schedule is stale.
	unscheduledInterval = 24 * time.Hour
)

// A Status is the current state of one integration of an environment. An environment without
// integrations has one Status with an empty Integration.
type Status struct {
	Environment Environment
	Integration string // the name of its profile
	// Verdict is the verdict of the last result, or Incomplete before the first result.
	Verdict        audit.Verdict
	Since          time.Time // when the verdict last changed
	LastResultRun  int64     // 0 for none
	LastResultAt   time.Time
	Summary        audit.Summary // of the last result, without its coverage
	LastCompleteAt time.Time     // when the last result that is compliant or noncompliant was stored
	// Reconfigured reports that nothing was judged by the current configuration yet.
	Reconfigured bool
	// Stale reports that the current verdict is unknown: it is Reconfigured, or LastCompleteAt is
	// longer ago than the interval and [StaleMargin], or more than StaleMargin in the future.
	Stale          bool
	OpenBySeverity map[audit.Severity]int // counts the open findings that are not waived
	LastRun        *Run                   // the newest run of the environment; nil for none
}

// OpenFindings returns the number of open findings that are not waived.
func (s Status) OpenFindings() int {
	total := 0
	for _, n := range s.OpenBySeverity {
		total += n
	}
	return total
}

// IsCompliant reports whether the integration is known to be compliant now.
func (s Status) IsCompliant() bool { return s.Verdict == audit.VerdictCompliant && !s.Stale }

// Status returns the status of every integration of an environment, or of all environments if
// the name is empty, by environment and integration.
func (s *Store) Status(ctx context.Context, environment string) ([]Status, error) {
	where, args := whereEnvironment(environment)
	open := map[int64]map[audit.Severity]int{} // by integration
	_, err := queryAll(ctx, s.db, func(r row, integration *int64) error {
		var severity audit.Severity
		var count int
		err := r.Scan(integration, &severity, &count)
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
	where, args = whereEnvironment(environment, storedTime(s.now()))
	return queryAll(ctx, s.db, func(r row, st *Status) error {
		var run Run
		var id int64
		fields := append(st.Environment.fields(), &id, &st.Integration, &st.Verdict, &st.Since, &st.LastResultRun, &st.LastResultAt, &st.LastCompleteAt, &st.Reconfigured, &st.Stale)
		err := r.Scan(slices.Concat(fields, summaryFields(&st.Summary), run.fields())...)
		if run.ID != 0 {
			st.LastRun = &run
		}
		st.OpenBySeverity = open[id]
		return err
	}, "SELECT "+environmentColumns+", i.id, i.name, NULLIF(i.verdict, ''), i.since, i.last_run, i.last_result_at, i.last_complete_at, "+reconfigured+", "+stale()+", "+summaryColumns+", "+runColumns+`
		FROM environment e LEFT JOIN integration i ON i.environment_id = e.id AND NOT i.retired LEFT JOIN run r ON r.id = e.last_run
		LEFT JOIN result s ON s.run_id = i.last_run AND s.integration_id = i.id
		WHERE `+notRemoved+" AND "+where+" ORDER BY e.name, i.name", args...)
}

// reconfigured is the SQL condition for integrations i that the last result did not judge by the
// current configuration, if the store has one.
const reconfigured = "(i.required <> '' AND i.required <> i.judged)"

// stale returns the SQL condition for integrations i of environments e with an unknown current
// verdict; see [Status]. The parameter $1 is the current time. A time in the future was stored
// while a clock was wrong.
func stale() string {
	return fmt.Sprintf(`(%s OR i.last_complete_at IS NULL OR i.last_complete_at > CAST($1 AS BIGINT) + %d
		OR i.last_complete_at < CAST($1 AS BIGINT) - %[2]d - CASE e.every WHEN 0 THEN %d ELSE e.every END)`,
		reconfigured, StaleMargin.Microseconds(), unscheduledInterval.Microseconds())
}

const summaryColumns = "s.pass, s.fail, s.unknown, s.not_applicable, s.waived, s.findings"

func summaryFields(s *audit.Summary) []any {
	return []any{&s.Pass, &s.Fail, &s.Unknown, &s.NotApplicable, &s.Waived, &s.Findings}
}

// A Point is a result of an integration in its trend.
type Point struct {
	Run     int64
	TakenAt time.Time
	Verdict audit.Verdict
	Summary audit.Summary // without its coverage
}

// Trend returns the results of an integration since a time, oldest first.
func (s *Store) Trend(ctx context.Context, environment, integration string, since time.Time) ([]Point, error) {
	return queryAll(ctx, s.db, func(r row, p *Point) error {
		return r.Scan(append(summaryFields(&p.Summary), &p.Run, &p.TakenAt, &p.Verdict)...)
	}, "SELECT "+summaryColumns+`, s.run_id, s.taken_at, s.verdict
		FROM result s JOIN integration i ON i.id = s.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $1 AND i.name = $2 AND s.taken_at >= $3 ORDER BY s.seq`, environment, integration, since.UnixMicro())
}

// Days returns the days since a time on which integrations were scanned, oldest first. Each integration
// that was scanned on a day counts with its last verdict of that day.
func (s *Store) Days(ctx context.Context, since time.Time) ([]audit.Day, error) {
	return queryAll(ctx, s.db, func(r row, d *audit.Day) error {
		var n int64
		err := r.Scan(&n, &d.Compliant, &d.Noncompliant, &d.Incomplete)
		d.Day = time.Unix(n*24*60*60, 0).UTC()
		return err
	}, `SELECT day, MAX(CASE WHEN verdict = 'compliant' THEN integrations ELSE 0 END), MAX(CASE WHEN verdict = 'noncompliant' THEN integrations ELSE 0 END),
		MAX(CASE WHEN verdict = 'incomplete' THEN integrations ELSE 0 END) FROM fleet_day WHERE day >= $1 GROUP BY day ORDER BY day`, dayNumber(since))
}

// A ControlStatus is the state of a control in the last result of an integration.
type ControlStatus struct {
	Environment  string          `json:"environment"`
	Integration  string          `json:"integration"`
	Control      audit.ControlID `json:"-"`
	Severity     audit.Severity  `json:"-"`
	Outcome      audit.Outcome   `json:"outcome"`
	Since        time.Time       `json:"since"` // when the first result of the current span was stored
	Stale        bool            `json:"stale"` // as in [Status]
	OpenFindings int             `json:"open_findings"`
}

// ControlStatuses returns the status of a control in every integration, by environment.
func (s *Store) ControlStatuses(ctx context.Context, control audit.ControlID) ([]ControlStatus, error) {
	return queryAll(ctx, s.db, func(r row, c *ControlStatus) error {
		return r.Scan(&c.Environment, &c.Integration, &c.Control, &c.Severity, &c.Outcome, &c.Since, &c.Stale, &c.OpenFindings)
	}, `SELECT e.name, i.name, c.control, c.severity, c.outcome, a.ended_at, `+stale()+`,
		(SELECT COUNT(*) FROM finding_span f WHERE f.integration_id = i.id AND f.control = c.control AND f.closed_run IS NULL AND NOT f.waived)
		FROM control_span c JOIN integration i ON i.id = c.integration_id AND NOT i.retired
		JOIN environment e ON e.id = i.environment_id JOIN run a ON a.id = c.from_run
		WHERE c.in_last AND c.control = $2 ORDER BY e.name, i.name`, storedTime(s.now()), string(control))
}

// A ControlCount counts integrations by the outcome of a control.
type ControlCount struct {
	Control  audit.ControlID
	Severity audit.Severity
	Fail     int
	Unknown  int // including stale ones, as in [Status]
	Pass     int // including not applicable and waived
}

// ControlCounts returns the counts of every control across the fleet.
func (s *Store) ControlCounts(ctx context.Context) ([]ControlCount, error) {
	return queryAll(ctx, s.db, func(r row, c *ControlCount) error {
		return r.Scan(&c.Control, &c.Severity, &c.Fail, &c.Unknown, &c.Pass)
	}, `WITH current AS (SELECT i.id, `+stale()+` AS stale FROM integration i JOIN environment e ON e.id = i.environment_id WHERE NOT i.retired)
		SELECT c.control, MIN(c.severity), COUNT(*) FILTER (WHERE c.outcome = 'fail' AND NOT n.stale), COUNT(*) FILTER (WHERE c.outcome = 'unknown' OR n.stale),
			COUNT(*) FILTER (WHERE c.outcome NOT IN ('fail', 'unknown') AND NOT n.stale)
		FROM control_span c JOIN current n ON n.id = c.integration_id WHERE c.in_last GROUP BY c.control ORDER BY c.control`, storedTime(s.now()))
}

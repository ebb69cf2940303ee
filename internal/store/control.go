package store

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A ControlSpan is a series of results in which a control had the same outcome. Results in which
// the control was unknown have spans of their own and do not interrupt the other spans.
type ControlSpan struct {
	ID           int64
	Control      audit.ControlID
	Severity     audit.Severity
	Outcome      audit.Outcome
	OpenedReason Reason
	FromRun      int64
	ToRun        int64

	revision string // of the profile in the last result of the span
}

// latestSpans are the latest span of a control with a known outcome, and the latest one in which
// it was unknown; nil for none.
type latestSpans struct{ known, unknown *ControlSpan }

func (t *Tx) latestControlSpans(ctx context.Context, integration int64) (map[audit.ControlID]latestSpans, error) {
	list, err := queryAll(ctx, t.tx, func(r row, c *ControlSpan) error {
		return r.Scan(&c.ID, &c.Control, &c.Severity, &c.Outcome, &c.revision, &c.OpenedReason, &c.FromRun, &c.ToRun)
	}, `SELECT id, control, severity, outcome, profile, opened, from_run, to_run FROM control_span WHERE integration_id = $1 AND latest`, integration)
	latest := map[audit.ControlID]latestSpans{}
	for _, c := range list {
		spans := latest[c.Control]
		if c.Outcome == audit.OutcomeUnknown {
			spans.unknown = &c
		} else {
			spans.known = &c
		}
		latest[c.Control] = spans
	}
	return latest, err
}

func (u *spanUpdate) updateControls(ctx context.Context) error {
	var extended, ended []int64
	removed := maps.Clone(u.latest) // the controls that the profile no longer has
	for _, c := range u.result.Controls {
		delete(removed, c.ID)
		span, reason := u.latest[c.ID].known, u.openedReason(c.ID)
		extends := span != nil && span.Outcome == c.Outcome
		if c.Outcome == audit.OutcomeUnknown {
			span, reason = u.latest[c.ID].unknown, ""
			extends = span != nil && span.ToRun == u.in.lastRun
		}
		if extends {
			extended = append(extended, span.ID)
			continue
		}
		if span != nil {
			ended = append(ended, span.ID)
		}
		if err := u.exec(ctx, `INSERT INTO control_span (integration_id, control, severity, outcome, profile, opened, from_run, to_run, latest, in_last)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, TRUE, TRUE)`, u.in.id, string(c.ID), c.Severity.String(), c.Outcome.String(), u.revision, reason, u.run); err != nil {
			return err
		}
	}
	for _, spans := range removed {
		for _, span := range []*ControlSpan{spans.known, spans.unknown} {
			if span != nil {
				ended = append(ended, span.ID)
			}
		}
	}
	return errors.Join(
		u.updateByID(ctx, "UPDATE control_span SET in_last = TRUE, to_run = $1, profile = $2", extended, u.run, u.revision),
		u.exec(ctx, "UPDATE control_span SET in_last = FALSE WHERE integration_id = $1 AND latest AND in_last AND to_run <> $2", u.in.id, u.run),
		u.updateByID(ctx, "UPDATE control_span SET latest = FALSE", ended),
	)
}

// ControlSpans returns the spans of all controls of an integration, by control and time.
func (s *Store) ControlSpans(ctx context.Context, environment, integration string) ([]ControlSpan, error) {
	return queryAll(ctx, s.db, func(r row, c *ControlSpan) error {
		return r.Scan(&c.ID, &c.Control, &c.Severity, &c.Outcome, &c.OpenedReason, &c.FromRun, &c.ToRun)
	}, `SELECT c.id, c.control, c.severity, c.outcome, c.opened, c.from_run, c.to_run
		FROM control_span c JOIN integration i ON i.id = c.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $1 AND i.name = $2 ORDER BY c.control, c.from_run, c.id`, environment, integration)
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
	now := s.now()
	return queryAll(ctx, s.db, func(r row, c *ControlStatus) error {
		var st Status
		err := r.Scan(&c.Environment, &c.Integration, &c.Control, &c.Severity, &c.Outcome, &c.Since,
			&st.Environment.Every, &st.LastCompleteAt, &c.OpenFindings)
		c.Stale = st.isStale(now)
		return err
	}, `SELECT e.name, i.name, c.control, c.severity, c.outcome, a.ended_at, e.every, i.last_complete_at,
		(SELECT COUNT(*) FROM finding_span f WHERE f.integration_id = i.id AND f.control = c.control AND f.closed_run IS NULL AND NOT f.waived)
		FROM control_span c JOIN integration i ON i.id = c.integration_id AND NOT i.retired
		JOIN environment e ON e.id = i.environment_id JOIN run a ON a.id = c.from_run
		WHERE c.in_last AND c.control = $1 ORDER BY e.name, i.name`, string(control))
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
	now := s.now()
	return queryAll(ctx, s.db, func(r row, c *ControlCount) error {
		return r.Scan(&c.Control, &c.Severity, &c.Fail, &c.Unknown, &c.Pass)
	}, `WITH stale AS (SELECT i.id FROM integration i JOIN environment e ON e.id = i.environment_id
			WHERE i.last_complete_at IS NULL OR i.last_complete_at > $2 OR i.last_complete_at < $1 - (CASE WHEN e.every = 0 THEN $3 ELSE e.every END)),
		counts AS (SELECT control, severity, outcome, COUNT(*) AS n, SUM(CASE WHEN integration_id IN (SELECT id FROM stale) THEN 1 ELSE 0 END) AS stale
			FROM control_span WHERE in_last AND integration_id NOT IN (SELECT id FROM integration WHERE retired) GROUP BY control, severity, outcome)
		SELECT control, MIN(severity), CAST(SUM(CASE outcome WHEN 'fail' THEN n - stale ELSE 0 END) AS BIGINT),
			CAST(SUM(CASE outcome WHEN 'unknown' THEN n ELSE stale END) AS BIGINT), CAST(SUM(CASE WHEN outcome IN ('fail', 'unknown') THEN 0 ELSE n - stale END) AS BIGINT)
		FROM counts GROUP BY control ORDER BY control`,
		now.Add(-StaleMargin).UnixMicro(), now.Add(StaleMargin).UnixMicro(), unscheduledInterval.Microseconds())
}

package store

import (
	"context"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A ControlCount is how many integrations a control has one outcome in.
type ControlCount struct {
	Control  audit.ControlID
	Severity audit.Severity
	Outcome  audit.Outcome
	Count    int
	Stale    int // how many of them are stale; see [Status]
}

// Controls counts the outcomes of every control across the fleet, by control.
func (s *Store) Controls(ctx context.Context) ([]ControlCount, error) {
	now := s.now()
	return all(ctx, s.db, func(from row) (c ControlCount, err error) {
		return c, from.Scan(&c.Control, &c.Severity, &c.Outcome, &c.Count, &c.Stale)
	}, `WITH stale AS (SELECT i.id FROM integration i JOIN environment e ON e.id = i.environment_id
			WHERE i.last_complete_at IS NULL OR i.last_complete_at > $2 OR i.last_complete_at < $1 - (CASE WHEN e.every = 0 THEN $3 ELSE e.every END))
		SELECT control, severity, outcome, COUNT(*), SUM(CASE WHEN integration_id IN (SELECT id FROM stale) THEN 1 ELSE 0 END)
		FROM control_span WHERE in_last AND integration_id NOT IN (SELECT id FROM integration WHERE retired)
		GROUP BY control, severity, outcome ORDER BY control, severity, outcome`,
		now.Add(-Patience).UnixMicro(), now.Add(Patience).UnixMicro(), unscheduled.Microseconds())
}

package store

import (
	"context"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A ControlCount is how many integrations a control has one outcome in. What is stale
// counts as unknown.
type ControlCount struct {
	Control  audit.ControlID
	Severity audit.Severity
	Outcome  audit.Outcome
	Count    int
}

// Controls counts the outcomes of every control across the fleet, by control.
func (s *Store) Controls(ctx context.Context) ([]ControlCount, error) {
	list, err := all(ctx, s.db, func(from row) (c ControlCount, err error) {
		return c, from.Scan(&c.Control, word{&c.Severity}, word{&c.Outcome}, &c.Count)
	}, `SELECT control, severity, outcome, COUNT(*) FROM (
			SELECT c.control, c.severity, CASE WHEN i.last_complete_at IS NULL OR i.last_complete_at < $1 - (CASE WHEN e.every = 0 THEN $2 ELSE e.every END)
				THEN 'unknown' ELSE c.outcome END AS outcome
			FROM control_span c JOIN integration i ON i.id = c.integration_id AND NOT i.retired AND c.to_run = i.last_run
			JOIN environment e ON e.id = i.environment_id WHERE c.latest) AS now
		GROUP BY control, severity, outcome ORDER BY control, severity, outcome`,
		s.now().Add(-Patience).UnixMicro(), unscheduled.Microseconds())
	return list, s.failed(err)
}

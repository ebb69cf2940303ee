package store

import (
	"context"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// An Alert is reported when it is opened and when it is resolved. At most one alert is open for
// a rule, an integration and a key.
type Alert struct {
	ID          int64
	Rule        string
	Environment string
	Integration string
	Key         string
	Event       string
	Control     audit.ControlID
	Severity    audit.Severity
	Message     string
	Opened      time.Time
	Resolved    time.Time // zero while the alert is open
	Reopened    bool      // the alert is resolved, and a later one with the same key is open
	CloseReason Reason    // why the finding of the alert is closed or waived; empty for other alerts
	Retired     bool      // the integration is no longer audited
}

const alertColumns = `a.id, a.rule, e.name, i.name, a.key, a.event, a.control, a.severity, a.message, a.opened, a.resolved,
	EXISTS (SELECT 1 FROM alert b WHERE b.rule = a.rule AND b.integration_id = a.integration_id AND b.key = a.key AND b.resolved IS NULL AND b.id > a.id),
	(SELECT CASE WHEN f.closed_run IS NULL AND f.waived THEN 'waived' ELSE f.reason END FROM finding_span f
		WHERE f.integration_id = a.integration_id AND f.fingerprint = a.key ORDER BY f.id DESC LIMIT 1), i.retired
	FROM alert a JOIN integration i ON i.id = a.integration_id JOIN environment e ON e.id = i.environment_id`

func scanAlert(r row, a *Alert) error {
	return r.Scan(&a.ID, &a.Rule, &a.Environment, &a.Integration, &a.Key, &a.Event, &a.Control, &a.Severity, &a.Message,
		&a.Opened, &a.Resolved, &a.Reopened, &a.CloseReason, &a.Retired)
}

// OpenAlerts returns the alerts that are open.
func (t *Tx) OpenAlerts(ctx context.Context) ([]Alert, error) {
	return queryAll(ctx, t.tx, scanAlert, "SELECT "+alertColumns+" WHERE a.resolved IS NULL ORDER BY a.id")
}

// CreateAlert stores an open alert and returns its id.
func (t *Tx) CreateAlert(ctx context.Context, a Alert) (int64, error) {
	return queryOne(ctx, t.tx, scanInt64, `INSERT INTO alert (rule, integration_id, key, event, control, severity, message, opened)
		SELECT $1, i.id, $4, $5, $6, $7, $8, $9 FROM integration i JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $2 AND i.name = $3 RETURNING id`,
		a.Rule, a.Environment, a.Integration, a.Key, a.Event, a.Control, a.Severity.String(), a.Message, storedTime(t.now))
}

// ResolveAlerts marks the alerts with the given ids as resolved.
func (t *Tx) ResolveAlerts(ctx context.Context, ids []int64) error {
	return t.updateByID(ctx, "UPDATE alert SET resolved = $1", ids, storedTime(t.now))
}

// MarkSent records that the alerts with the given ids were sent.
func (t *Tx) MarkSent(ctx context.Context, ids []int64) error {
	return t.updateByID(ctx, "UPDATE alert SET last_sent = $1", ids, storedTime(t.now))
}

// Alerts returns the alerts with the given ids, in their order.
func (s *Store) Alerts(ctx context.Context, ids []int64) ([]Alert, error) {
	var list []Alert
	for _, id := range ids {
		a, err := queryOne(ctx, s.db, scanAlert, "SELECT "+alertColumns+" WHERE a.id = $1", id)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

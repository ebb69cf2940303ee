package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// SetUpAt creates an empty store with an earlier version of the schema.
func SetUpAt(ctx context.Context, name string, version int) (err error) {
	s := &Store{now: time.Now, postgres: IsPostgres(name)}
	if s.postgres {
		s.db, err = openPostgres(name)
	} else {
		s.db, err = openSQLite(strings.TrimPrefix(name, "sqlite:"), false)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.db.Close()) }()
	return s.transact(ctx, func(tx *Tx) error {
		if err := tx.exec(ctx, "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)"); err != nil {
			return err
		}
		for v := 1; v <= version; v++ {
			if err := s.applyMigration(ctx, tx, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// SchemaVersion is the current version of the schema.
const SchemaVersion = schemaVersion

// Findings returns all findings that an environment ever had, oldest first.
func (s *Store) Findings(ctx context.Context, environment string) ([]Finding, error) {
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+" WHERE e.name = $1 ORDER BY f.id", environment)
}

// A ControlSpan is the span of an outcome of a control.
type ControlSpan struct {
	Control        audit.ControlID
	Outcome        audit.Outcome
	FromRun, ToRun int64
}

// ControlSpans returns the spans of all controls of an integration, by control and time.
func (s *Store) ControlSpans(ctx context.Context, environment, integration string) ([]ControlSpan, error) {
	return queryAll(ctx, s.db, func(r row, c *ControlSpan) error {
		return r.Scan(&c.Control, &c.Outcome, &c.FromRun, &c.ToRun)
	}, `SELECT c.control, c.outcome, c.from_run, c.to_run
		FROM control_span c JOIN integration i ON i.id = c.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE e.name = $1 AND i.name = $2 ORDER BY c.control, c.from_run, c.id`, environment, integration)
}

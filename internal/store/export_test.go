package store

import (
	"context"
	"errors"
	"strings"
	"time"
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

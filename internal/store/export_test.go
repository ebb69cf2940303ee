package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// SetUpAt makes an empty store as an earlier version of the schema had it.
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
		for v := range version {
			if err := s.applyMigration(ctx, tx, v+1); err != nil {
				return err
			}
		}
		return nil
	})
}

// SchemaVersion is the version of the schema that this program knows.
const SchemaVersion = schemaVersion

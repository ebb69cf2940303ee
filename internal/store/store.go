// Package store keeps a fleet in SQLite or PostgreSQL: its environments, their runs and results,
// and what changed over time. It closes a finding only with a run that judged the control of the
// finding.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Errors that callers distinguish. Another process may migrate or restore an open store, so
// every transaction can return ErrNewerVersion and ErrOutdated.
var (
	ErrNotFound     = errors.New("not found")
	ErrEnded        = errors.New("the run has already ended")
	ErrPaused       = errors.New("the environment is paused")
	ErrNewerVersion = errors.New("the store was written by a later version of dbaudit")
	ErrOutdated     = errors.New("the store is of an earlier version: stop what uses it, back it up, and run dbaudit db migrate")
)

// Options configure how [Open] opens a store.
type Options struct {
	Now       func() time.Time // the store's clock
	Migrate   bool             // update a store of an earlier version
	MustExist bool             // refuse a store that does not exist, instead of creating it
}

// A Store is an open database. Its methods are safe for concurrent use.
type Store struct {
	db       *sql.DB
	postgres bool
	created  bool
	now      func() time.Time
}

// Open opens the store with the given name: the URL of a PostgreSQL database (postgres://…) or
// an SQLite file.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	s := &Store{now: o.Now, postgres: IsPostgres(name)}
	var err error
	if s.postgres {
		s.db, err = openPostgres(name)
	} else {
		s.db, err = openSQLite(strings.TrimPrefix(name, "sqlite:"), o.MustExist)
	}
	if err != nil {
		return nil, err
	}
	if err := s.retryWhileLocked(ctx, func() error { return s.setUp(ctx, o) }); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

// Now returns the time of the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// Ping returns an error if the database does not answer.
func (s *Store) Ping(ctx context.Context) error { return storeError(s.db.PingContext(ctx)) }

// Created reports whether [Open] created the store.
func (s *Store) Created() bool { return s.created }

// Postgres reports whether the store is in PostgreSQL.
func (s *Store) Postgres() bool { return s.postgres }

// QueueDriver returns the driver with which the queue uses the same database.
func (s *Store) QueueDriver() riverdriver.Driver[QueueTx] {
	if s.postgres {
		return riverdatabasesql.New(s.db)
	}
	return riversqlite.New(s.db)
}

// A Tx is a transaction of a store. To avoid deadlocks in PostgreSQL, every transaction locks
// environments in the order of their names, and an environment before its runs.
type Tx struct {
	tx       *sql.Tx
	postgres bool
	now      time.Time
}

// A QueueTx is a transaction in the form that the queue takes.
type QueueTx = *sql.Tx

// QueueTx returns the transaction for the queue.
func (t *Tx) QueueTx() QueueTx { return t.tx }

// Now returns the time at which the transaction began.
func (t *Tx) Now() time.Time { return t.now }

// InTx calls do in a transaction, which it commits if do returns nil and rolls back otherwise. The
// function must not use the store outside the transaction: SQLite has only one connection. InTx
// returns [ErrNewerVersion] or [ErrOutdated] if the store has a different version from this program.
func (s *Store) InTx(ctx context.Context, do func(*Tx) error) error {
	return s.transact(ctx, func(tx *Tx) error {
		version, err := queryOne(ctx, tx.tx, scanInt64, selectVersion)
		if err != nil {
			return err
		}
		if err := checkVersion(int(version)); err != nil {
			return err
		}
		return do(tx)
	})
}

// transact is InTx for a store of any version.
func (s *Store) transact(ctx context.Context, do func(*Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return storeError(err)
	}
	if err := do(&Tx{tx: tx, postgres: s.postgres, now: s.now()}); err != nil {
		_ = tx.Rollback() // the first error says more
		return err
	}
	return storeError(tx.Commit())
}

// storeError wraps an error of the database. The text does not contain the store's address.
func storeError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("the store: %w", err)
}

// An AuditEntry is a record of who did what.
type AuditEntry struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
}

// AddAuditEntry records who did what, at the time of the transaction.
func (t *Tx) AddAuditEntry(ctx context.Context, who, what string) error {
	return t.exec(ctx, "INSERT INTO audit (at, who, what) VALUES ($1, $2, $3)", storedTime(t.now), who, what)
}

// AuditLog returns the latest audit entries, newest first.
func (s *Store) AuditLog(ctx context.Context, limit int) ([]AuditEntry, error) {
	return queryAll(ctx, s.db, func(r row, e *AuditEntry) error { return r.Scan(&e.At, &e.Who, &e.What) },
		"SELECT at, who, what FROM audit ORDER BY id DESC LIMIT $1", limit)
}

// Package store keeps the fleet: its environments, their runs and results, and what
// changed over time, in SQLite or PostgreSQL. A finding is closed only by a run that judged
// its control.
package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Errors that callers distinguish. The version of a store is wrong also if another process
// migrated or restored it after it was opened.
var (
	ErrNotFound     = errors.New("not found")
	ErrEnded        = errors.New("the run has ended before")
	ErrPaused       = errors.New("the environment is paused")
	ErrNewerVersion = errors.New("the store was written by a later version of dbaudit")
	ErrOutdated     = errors.New("the store is of an earlier version: stop what uses it, back it up, and run dbaudit db migrate")
)

// Options say how a store is opened.
type Options struct {
	Now       func() time.Time
	Migrate   bool // update a store of an earlier version
	MustExist bool // refuse a store that does not exist, instead of making it
}

// A Store is an open database. Its methods may be called from several goroutines.
type Store struct {
	db       *sql.DB
	postgres bool
	created  bool
	now      func() time.Time
}

// Open opens the store that a URL names: postgres://…, or a file of SQLite.
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

// Now is the time by the store's clock.
func (s *Store) Now() time.Time { return s.now() }

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return storeError(s.db.PingContext(ctx)) }

// Created reports whether [Open] made the store.
func (s *Store) Created() bool { return s.created }

// Postgres reports whether the store is PostgreSQL.
func (s *Store) Postgres() bool { return s.postgres }

// QueueDriver is the driver by which the queue uses the same database.
func (s *Store) QueueDriver() riverdriver.Driver[QueueTx] {
	if s.postgres {
		return riverdatabasesql.New(s.db)
	}
	return riversqlite.New(s.db)
}

// A Tx is a transaction.
type Tx struct {
	tx       *sql.Tx
	postgres bool
	now      time.Time
}

// A QueueTx is a transaction as the queue knows it.
type QueueTx = *sql.Tx

// QueueTx is the transaction for the queue.
func (t *Tx) QueueTx() QueueTx { return t.tx }

// InTx runs do in one transaction, which is undone if do fails. Do must use the
// transaction alone: SQLite has no other connection. The error is [ErrLater] or [ErrOutdated]
// if the store is of another version now.
func (s *Store) InTx(ctx context.Context, do func(*Tx) error) error {
	return s.transact(ctx, func(tx *Tx) error {
		have, err := queryOne(ctx, tx.tx, scanInt64, selectVersion)
		if err != nil {
			return err
		}
		if err := checkVersion(int(have)); err != nil {
			return err
		}
		return do(tx)
	})
}

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

// storeError adds to an error that the store failed, without its address.
func storeError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("the store: %w", err)
}

// forUpdate locks the rows of a table that are read; SQLite has one writer and needs no lock.
func (t *Tx) forUpdate(table string) string {
	if t.postgres {
		return " FOR UPDATE OF " + table
	}
	return ""
}

// forUpdateSkipLocked is lock, but skips the rows that another transaction has locked.
func (t *Tx) forUpdateSkipLocked(table string) string {
	if t.postgres {
		return t.forUpdate(table) + " SKIP LOCKED"
	}
	return ""
}

// sanitizeArgs removes from texts what PostgreSQL refuses: zero bytes, and what is not UTF-8.
func sanitizeArgs(args []any) []any {
	clean := slices.Clone(args)
	for i, arg := range clean {
		if text, ok := arg.(string); ok {
			clean[i] = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\ufffd")
		}
	}
	return clean
}

func (t *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.tx.ExecContext(ctx, query, sanitizeArgs(args)...)
	return storeError(err)
}

// updateByID runs an update for the rows of the given ids, some at a time: a statement has at most
// 32,766 parameters in SQLite.
func (t *Tx) updateByID(ctx context.Context, update string, ids []int64, args ...any) error {
	slices.Sort(ids)
	for some := range slices.Chunk(ids, batchSize) {
		all := slices.Clone(args)
		places := make([]string, len(some))
		for i, id := range some {
			all = append(all, id)
			places[i] = fmt.Sprintf("$%d", len(all))
		}
		if err := t.exec(ctx, update+" WHERE id IN ("+strings.Join(places, ", ")+")", all...); err != nil {
			return err
		}
	}
	return nil
}

// A querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queryAll reads every row of a query, so that the connection is free again.
func queryAll[T any](ctx context.Context, q querier, scan func(row, *T) error, query string, args ...any) (_ []T, err error) {
	rows, err := q.QueryContext(ctx, query, sanitizeArgs(args)...)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	list := []T{}
	for rows.Next() {
		var v T
		if err := scan(row{rows}, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, storeError(rows.Err())
}

// queryOne reads the only row of a query, or returns [ErrNotFound].
func queryOne[T any](ctx context.Context, q querier, scan func(row, *T) error, query string, args ...any) (T, error) {
	list, err := queryAll(ctx, q, scan, query, args...)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return list[0], nil
}

// queryMap puts the rows of a query, which have a key and a value, into a map.
func queryMap[K comparable, V any](ctx context.Context, q querier, m map[K]V, query string, args ...any) error {
	_, err := queryAll(ctx, q, func(from row, key *K) error {
		var value V
		err := from.Scan(key, &value)
		m[*key] = value
		return err
	}, query, args...)
	return err
}

// A row is a row of a query.
type row struct{ *sql.Rows }

// Scan reads the columns of a row. NULL leaves what it is read into as it is.
func (r row) Scan(into ...any) error {
	stored := make([]any, len(into))
	for i, to := range into {
		stored[i] = column{to}
	}
	return r.Rows.Scan(stored...)
}

// A column reads a value into what a pointer names. Times and durations are stored as
// microseconds, enumerations as words, and labels as JSON.
type column struct{ dest any }

func (c column) Scan(value any) error {
	fits := true
	switch v := value.(type) {
	case nil:
	case bool:
		fits = assign(c.dest, v)
	case []byte:
		fits = assign(c.dest, bytes.Clone(v)) // the driver uses its own again
	case int64: // SQLite has no other type for the value of an expression that is true or false
		fits = assign(c.dest, v) || assign(c.dest, int(v)) || assign(c.dest, v != 0) ||
			assign(c.dest, time.UnixMicro(v).UTC()) || assign(c.dest, time.Duration(v)*time.Microsecond)
	case string:
		switch to := c.dest.(type) {
		case *map[string]string:
			return json.Unmarshal([]byte(v), to)
		case encoding.TextUnmarshaler:
			return to.UnmarshalText([]byte(v))
		}
		into := reflect.ValueOf(c.dest).Elem()
		if fits = into.Kind() == reflect.String; fits {
			into.SetString(v)
		}
	default:
		fits = false
	}
	if !fits {
		return fmt.Errorf("%T is stored as %T", c.dest, value)
	}
	return nil
}

// assign sets what a pointer to a T names, and reports whether it is one.
func assign[T any](to any, value T) bool {
	pointer, fits := to.(*T)
	if fits {
		*pointer = value
	}
	return fits
}

func scanInt64(r row, n *int64) error { return r.Scan(n) }

// storedTime is a time as it is stored: microseconds, NULL for none.
func storedTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

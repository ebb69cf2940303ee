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
)

// forUpdate returns the clause that locks the selected rows of a table, or of its alias. SQLite
// needs none, because it has one writer.
func (t *Tx) forUpdate(table string) string {
	if t.postgres {
		return " FOR UPDATE OF " + table
	}
	return ""
}

// forUpdateSkipLocked is forUpdate, but skips rows that another transaction has locked.
func (t *Tx) forUpdateSkipLocked(table string) string {
	if t.postgres {
		return t.forUpdate(table) + " SKIP LOCKED"
	}
	return ""
}

// sanitizeArgs removes from strings what PostgreSQL refuses: zero bytes and invalid UTF-8.
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

// batchSize is how many rows one statement changes, or one step of pruning removes.
const batchSize = 500

// updateByID runs an UPDATE statement for the rows with the given ids, in batches: SQLite allows
// at most 32,766 parameters in a statement.
func (t *Tx) updateByID(ctx context.Context, update string, ids []int64, args ...any) error {
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, batchSize) {
		all := slices.Clone(args)
		placeholders := make([]string, len(chunk))
		for i, id := range chunk {
			all = append(all, id)
			placeholders[i] = fmt.Sprintf("$%d", len(all))
		}
		if err := t.exec(ctx, update+" WHERE id IN ("+strings.Join(placeholders, ", ")+")", all...); err != nil {
			return err
		}
	}
	return nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queryAll returns all rows of a query. It reads them at once, so that the connection is free again.
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

// queryOne returns the first row of a query, or [ErrNotFound].
func queryOne[T any](ctx context.Context, q querier, scan func(row, *T) error, query string, args ...any) (T, error) {
	list, err := queryAll(ctx, q, scan, query, args...)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return list[0], nil
}

// queryMap adds the rows of a query with two columns, key and value, to a map.
func queryMap[K comparable, V any](ctx context.Context, q querier, m map[K]V, query string, args ...any) error {
	_, err := queryAll(ctx, q, func(r row, key *K) error {
		var value V
		err := r.Scan(key, &value)
		m[*key] = value
		return err
	}, query, args...)
	return err
}

type row struct{ *sql.Rows }

// Scan copies the columns of the row into the values that dest points to. NULL leaves a value
// unchanged.
func (r row) Scan(dest ...any) error {
	columns := make([]any, len(dest))
	for i, d := range dest {
		columns[i] = column{d}
	}
	return r.Rows.Scan(columns...)
}

func scanInt64(r row, n *int64) error { return r.Scan(n) }

// A column scans one column into the value that dest points to. Times and durations are stored
// as microseconds, enumerations as words, and labels as JSON.
type column struct{ dest any }

// Scan implements [sql.Scanner].
func (c column) Scan(value any) error {
	ok := true
	switch v := value.(type) {
	case nil:
	case bool:
		ok = assign(c.dest, v)
	case []byte:
		ok = assign(c.dest, bytes.Clone(v)) // the driver reuses its own
	case int64: // the only type that SQLite has for the result of a condition
		ok = assign(c.dest, v) || assign(c.dest, int(v)) || assign(c.dest, v != 0) ||
			assign(c.dest, time.UnixMicro(v).UTC()) || assign(c.dest, time.Duration(v)*time.Microsecond)
	case string:
		switch dest := c.dest.(type) {
		case *map[string]string:
			return json.Unmarshal([]byte(v), dest)
		case encoding.TextUnmarshaler:
			return dest.UnmarshalText([]byte(v))
		}
		dest := reflect.ValueOf(c.dest).Elem()
		if ok = dest.Kind() == reflect.String; ok {
			dest.SetString(v)
		}
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%T is stored as %T", c.dest, value)
	}
	return nil
}

// assign sets *dest to value if dest is a *T, and reports whether it is.
func assign[T any](dest any, value T) bool {
	pointer, ok := dest.(*T)
	if ok {
		*pointer = value
	}
	return ok
}

// storedTime returns a time as the store keeps it: in microseconds, or NULL for the zero time.
func storedTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

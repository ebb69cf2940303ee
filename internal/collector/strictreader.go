package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// maxRereads is how often a request with an inconsistent response is repeated.
const maxRereads = 3

// An StrictReader asks one environment, and is strict about columns, counts and rows that come
// twice.
type StrictReader struct {
	reader   Reader
	direct   Reader // repeats a request that reader may have answered already
	strong   bool
	progress func(Event)

	mu      sync.Mutex
	omitted columnSet // what this environment does not have
}

// NewStrictReader makes an asker that reads through r; strong bypasses the caches of permissions,
// for those who change what they read.
func NewStrictReader(r Reader, strong bool) *StrictReader {
	return &StrictReader{reader: r, direct: r, strong: strong, progress: func(Event) {}, omitted: columnSet{}}
}

// A Read is one question to an environment.
type Read struct {
	// Label says in a few words what is read.
	Label  string
	Caller dataverse.Caller
	// Query is the address: the rows of a table, or a function. The columns are those that
	// are read of a row.
	Query dataverse.Query
	// Key is the column that distinguishes rows; empty for an answer that is one object.
	Key string

	section snapshot.Section
	// where are the conditions that rows must meet, all of them.
	where []dataverse.Expr
	// partial is set if not all rows are asked for, so that they cannot be counted.
	partial bool
	// fresh repeats a request that may have been answered already.
	fresh bool
}

// rows reads all rows of a table.
func (t Table[T]) rows(ctx context.Context, s *StrictReader, q Read) ([]T, error) {
	q.Query, q.Key, q.where = t.query, t.key, slices.Concat(t.where, q.where)
	return ReadRows(ctx, s, q, t.decode)
}

// ReadObject reads a response that is one object.
func ReadObject[T any](ctx context.Context, s *StrictReader, q Read, take func(Row) T) (T, error) {
	got, err := ReadRows(ctx, s, q, take)
	if err != nil {
		var none T
		return none, err
	}
	return got[0], nil
}

// ReadRows reads all rows of a collection, each key once. It repeats a read with an
// inconsistent answer, but not one that the client has already repeated.
func ReadRows[T any](ctx context.Context, s *StrictReader, q Read, take func(Row) T) ([]T, error) {
	counted := q.Key != "" && !q.partial
	for attempt := 1; ; {
		q.fresh = q.fresh || attempt > 1
		s.progress(Event{Section: q.section, Label: q.Label, Attempt: attempt})
		without := s.omittedColumns()
		if !counted {
			without[countOption] = true
		}
		got, err := readOnce(ctx, s, q, without, take)
		if err == nil {
			if q.Key != "" && !counted && !q.partial {
				s.omit(countOption)
			}
			s.progress(Event{Section: q.section, Label: q.Label, Attempt: attempt, Done: true, State: snapshot.StateCollected, Rows: len(got)})
			return got, nil
		}
		failure := apiError(err)
		_, again := errors.AsType[*inconsistentError](err)
		switch missing := failure.MissingProperty(); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case attempt <= maxRereads && (again || len(got) > 0 && failure.Kind == dataverse.Protocol):
			// The client repeats only a page, which cannot return what an earlier page lost.
			attempt++
			continue
		case isOptional(missing) && !without[missing]:
			s.omit(missing)
			continue
		case missing == "" && counted && isUnsupported(err):
			counted = false
			continue
		}
		s.progress(Event{Section: q.section, Label: q.Label, Attempt: attempt, Done: true, State: stateOf(err)})
		if failure.Kind != dataverse.Unknown {
			return nil, failure // it says what was read
		}
		return nil, fmt.Errorf("%s: %w", q.Label, err)
	}
}

// readOnce makes the request once. With an error, it returns the rows before it.
func readOnce[T any](ctx context.Context, s *StrictReader, q Read, without columnSet, take func(Row) T) ([]T, error) {
	from := s.reader
	if q.fresh {
		from = s.direct
	}
	request := buildQuery(q, take, without).Request(q.Label)
	request.Caller, request.Strong = q.Caller, s.strong
	answer := from.Rows
	if q.Key == "" {
		answer = getAsRows(from)
	}
	seen := map[string]bool{}
	var values []T
	for data, err := range answer(ctx, request) {
		if err != nil {
			return values, err
		}
		r := newRow(data, without)
		if q.Key != "" {
			id := r.ID(q.Key)
			if seen[id] {
				return nil, inconsistentf("the row %s came twice", id)
			}
			seen[id] = true
		}
		value := take(r)
		if r.err != nil {
			return nil, r.err
		}
		values = append(values, value)
	}
	return values, nil
}

// getAsRows reads an answer that is one object, as a collection of one.
func getAsRows(from Reader) func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) { yield(from.Get(ctx, r)) }
	}
}

// buildQuery asks for the rows, with the columns that are read and their count.
func buildQuery[T any](q Read, take func(Row) T, without columnSet) dataverse.Query {
	query := q.Query
	if q.Key != "" {
		query = selectionOf(q.Key, take, without).apply(query)
	}
	for _, condition := range q.where {
		query = query.Filter(condition)
	}
	if q.Key != "" && !without[countOption] {
		query = query.Count()
	}
	return query
}

// apiError is the client's error in an error, or one that says nothing.
func apiError(err error) *dataverse.Error {
	if e, ok := errors.AsType[*dataverse.Error](err); ok {
		return e
	}
	return &dataverse.Error{}
}

// omit remembers not to ask this environment for a column or option.
func (s *StrictReader) omit(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.omitted[name] = true
}

// LacksColumn reports whether the environment does not have an optional column that it was asked for.
func (s *StrictReader) LacksColumn(column string) bool { return s.omittedColumns()[column] }

func (s *StrictReader) omittedColumns() columnSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.omitted)
}

// isUnsupported reports whether the environment may not know this form of request, so that another
// is tried.
func isUnsupported(err error) bool {
	e := apiError(err)
	return e.Kind == dataverse.BadRequest || e.Kind == dataverse.NotFound || e.Status == http.StatusNotImplemented
}

func isForbidden(err error) bool { return stateOf(err) == snapshot.StateForbidden }

// filteredRows reads the rows that meet any of the conditions, in parallel requests if one would
// be too long. A row may come from several requests.
func (t Table[T]) filteredRows(ctx context.Context, s *StrictReader, q Read, conditions []dataverse.Expr) ([]T, error) {
	filters := joinConditions(conditions)
	answers := make([][]T, len(filters))
	err := parallel(ctx, len(filters), func(ctx context.Context, i int) (err error) {
		part := q
		part.where = append(slices.Clip(q.where), filters[i])
		answers[i], err = t.rows(ctx, s, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

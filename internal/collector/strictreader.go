package collector

import (
	"context"
	"encoding/json"
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

// A StrictReader reads from one environment. It refuses a response with a missing or invalid
// column, a wrong number of rows, or a row that appears twice.
type StrictReader struct {
	reader   Reader
	cache    *responseCache // of responses for reads that need not be fresh; may be nil
	strong   bool
	progress func(Event)

	mu      sync.Mutex
	omitted columnSet // the columns and options that this environment does not have
}

// NewStrictReader returns a StrictReader that reads through r. With strong, Dataverse bypasses
// its caches of permissions, which those who change them need.
func NewStrictReader(r Reader, strong bool) *StrictReader {
	return &StrictReader{reader: r, strong: strong, progress: func(Event) {}, omitted: columnSet{}}
}

// A Read describes what is read from an environment, and as whom.
type Read struct {
	// Label says in a few words what is read.
	Label  string
	Caller dataverse.Caller
	// Query addresses the rows of a table, or a function. The columns are added to it: those
	// that the decoding function reads.
	Query dataverse.Query
	// Key is the column that identifies a row; empty for a response that is one object.
	Key string

	section snapshot.Section
	// where holds conditions that the rows must all meet.
	where []dataverse.Expr
	// partial is set if only some of the rows are requested, so that they cannot be counted.
	partial bool
	// fresh is set if a cached response must not be used.
	fresh bool
}

func (t Table[T]) rows(ctx context.Context, s *StrictReader, read Read) ([]T, error) {
	read.Query, read.Key, read.where = t.query, t.key, slices.Concat(t.where, read.where)
	return ReadRows(ctx, s, read, t.decode)
}

// ReadObject reads a response that is one object.
func ReadObject[T any](ctx context.Context, s *StrictReader, read Read, decode func(Row) T) (T, error) {
	values, err := ReadRows(ctx, s, read, decode)
	if err != nil {
		var zero T
		return zero, err
	}
	return values[0], nil
}

// ReadRows reads all rows of a collection. It repeats a read with an inconsistent response, but
// not one that the client has already repeated.
func ReadRows[T any](ctx context.Context, s *StrictReader, read Read, decode func(Row) T) ([]T, error) {
	countable, countRefused := read.Key != "" && !read.partial, false
	for attempt := 1; ; {
		read.fresh = read.fresh || attempt > 1
		event := Event{Section: read.section, Label: read.Label, Attempt: attempt}
		s.progress(event)
		omitted := s.omittedColumns()
		if !countable || countRefused {
			omitted[countOption] = true
		}
		values, err := readOnce(ctx, s, read, omitted, decode)
		if err == nil {
			if countRefused {
				s.omit(countOption)
			}
			event.Done, event.State, event.Rows = true, snapshot.StateCollected, len(values)
			s.progress(event)
			return values, nil
		}
		failure := dataverse.ErrorOf(err)
		switch refused := refusedColumn(err, omitted); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case attempt <= maxRereads && (IsInconsistent(err) || len(values) > 0 && failure.Kind == dataverse.Protocol):
			// The client repeats only a page, which cannot return what an earlier page lost.
			attempt++
			continue
		case refused != "":
			s.omit(refused)
			continue
		case failure.MissingProperty() == "" && countable && !countRefused && IsUnsupported(err):
			countRefused = true
			continue
		}
		event.Done, event.State = true, stateOf(err)
		s.progress(event)
		if failure.Kind != dataverse.Unknown {
			return nil, failure // it has the label
		}
		return nil, fmt.Errorf("%s: %w", read.Label, err)
	}
}

// readOnce sends the request once. With an error, it also returns the rows before it.
func readOnce[T any](ctx context.Context, s *StrictReader, read Read, omitted columnSet, decode func(Row) T) ([]T, error) {
	request := buildQuery(read, decode, omitted).Request(read.Label)
	request.Caller, request.Strong = read.Caller, s.strong
	send := sender(s.reader.Rows)
	if read.Key == "" {
		send = getAsRows(s.reader)
	}
	if s.cache != nil && !read.fresh {
		send = s.cache.share(send)
	}
	seen := map[string]bool{}
	var values []T
	for data, err := range send(ctx, request) {
		if err != nil {
			return values, err
		}
		r := newRow(data, omitted)
		if read.Key != "" {
			id := r.ID(read.Key)
			if seen[id] {
				return nil, inconsistentf("the row %s appears twice", id)
			}
			seen[id] = true
		}
		value := decode(r)
		if r.err != nil {
			return nil, r.err
		}
		values = append(values, value)
	}
	return values, nil
}

// getAsRows reads a response that is one object as a collection of one row.
func getAsRows(reader Reader) sender {
	return func(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) { yield(reader.Get(ctx, r)) }
	}
}

// buildQuery adds the columns, the conditions and the count to the query of a read.
func buildQuery[T any](read Read, decode func(Row) T, omitted columnSet) dataverse.Query {
	query := read.Query
	if read.Key != "" {
		query = selectionOf(read.Key, decode, omitted).apply(query)
	}
	for _, condition := range read.where {
		query = query.Filter(condition)
	}
	if read.Key != "" && !omitted[countOption] {
		query = query.Count()
	}
	return query
}

// omit leaves a column or option out of later requests to this environment.
func (s *StrictReader) omit(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.omitted[name] = true
}

func (s *StrictReader) omittedColumns() columnSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.omitted)
}

// IsUnsupported reports whether the environment may not support this form of request, so that
// another form may work.
func IsUnsupported(err error) bool {
	e := dataverse.ErrorOf(err)
	return e.Kind == dataverse.BadRequest || e.Kind == dataverse.NotFound || e.Status == http.StatusNotImplemented
}

func isForbidden(err error) bool { return stateOf(err) == snapshot.StateForbidden }

// filteredRows reads the rows that meet any of the conditions, in parallel requests if one
// would be too long. A row may come from several requests.
func (t Table[T]) filteredRows(ctx context.Context, s *StrictReader, read Read, conditions []dataverse.Expr) ([]T, error) {
	filters := joinConditions(conditions)
	results := make([][]T, len(filters))
	err := parallel(ctx, len(filters), func(ctx context.Context, i int) (err error) {
		part := read
		part.where = append(slices.Clip(read.where), filters[i])
		results[i], err = t.rows(ctx, s, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

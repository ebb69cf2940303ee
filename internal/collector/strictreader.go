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

// A Read says how rows are read, and as whom.
type Read struct {
	// Label says in a few words what is read.
	Label  string
	Caller dataverse.Caller

	section snapshot.Section
	// fresh is set if a cached response must not be used.
	fresh bool
}

// ReadObject reads the response to a function, which is one object.
func ReadObject[T any](ctx context.Context, s *StrictReader, read Read, function dataverse.Query, decode func(Row) T) (T, error) {
	values, err := Table[T]{query: function, decode: decode}.Rows(ctx, s, read)
	if err != nil {
		var zero T
		return zero, err
	}
	return values[0], nil
}

// Rows reads all rows. It repeats a read with an inconsistent response, but not one that the client
// has already repeated.
func (t Table[T]) Rows(ctx context.Context, s *StrictReader, read Read) ([]T, error) {
	countable, countRefused := t.key != "" && !t.partial, false
	for attempt := 1; ; {
		read.fresh = read.fresh || attempt > 1
		event := Event{Section: read.section, Label: read.Label, Attempt: attempt}
		s.progress(event)
		omitted := s.omittedColumns()
		if !countable || countRefused {
			omitted[countOption] = true
		}
		values, err := t.readOnce(ctx, s, read, omitted)
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
func (t Table[T]) readOnce(ctx context.Context, s *StrictReader, read Read, omitted columnSet) ([]T, error) {
	request := t.fullQuery(omitted).Request(read.Label)
	request.Caller, request.Strong = read.Caller, s.strong
	send := sender(s.reader.Rows)
	if t.key == "" {
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
		if t.key != "" {
			id := r.ID(t.key)
			if seen[id] {
				return nil, inconsistentf("the row %s appears twice", id)
			}
			seen[id] = true
		}
		value := t.decode(r)
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

// fullQuery adds the columns, the conditions and the count to the query of a table.
func (t Table[T]) fullQuery(omitted columnSet) dataverse.Query {
	query := t.query
	if t.key != "" {
		query = selectionOf(t.key, t.decode, omitted).apply(query)
	}
	for _, condition := range t.where {
		query = query.Filter(condition)
	}
	if t.key != "" && !omitted[countOption] {
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
		results[i], err = t.Where(filters[i]).Rows(ctx, s, read)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

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

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// rereads is how often a request with an inconsistent response is repeated.
const rereads = 3

// An ask is one question to the environment.
type ask struct {
	section snapshot.Section
	what    string
	as      dataverse.Caller
	// from is the address: the rows of a table, or a function.
	from dataverse.Query
	// where are the conditions that rows must meet, all of them.
	where []dataverse.Expr
	// key is the column that tells rows apart, "" for an answer that is one object.
	key string
	// some is set if not all rows are asked for, so that they cannot be counted.
	some bool
	// fresh repeats a request that may have been answered already.
	fresh bool
}

// rows reads all rows of a table, each key once. It repeats a read with an inconsistent
// answer, but not one that the client has already repeated.
func (t table[T]) rows(ctx context.Context, c *collection, a ask) ([]T, error) {
	a.from, a.key = t.from, t.key
	return read(ctx, c, a, t.take)
}

// object reads a response that is one object.
func object[T any](ctx context.Context, c *collection, a ask, take func(Row) T) (T, error) {
	got, err := read(ctx, c, a, take)
	if err != nil {
		var none T
		return none, err
	}
	return got[0], nil
}

func read[T any](ctx context.Context, c *collection, a ask, take func(Row) T) ([]T, error) {
	counted := a.key != "" && !a.some
	for attempt := 1; ; {
		a.fresh = a.fresh || attempt > 1
		c.tell(Event{Section: a.section, What: a.what, Attempt: attempt})
		without := c.withoutColumns()
		if !counted {
			without[count] = true
		}
		got, err := once(ctx, c, a, without, take)
		if err == nil {
			if a.key != "" && !counted && !a.some {
				c.doWithout(count)
			}
			c.tell(Event{Section: a.section, What: a.what, Attempt: attempt, Done: true, State: snapshot.StateCollected, Rows: len(got)})
			return got, nil
		}
		var again *inconsistent
		switch missing := missingColumn(err); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case attempt <= rereads && (errors.As(err, &again) || len(got) > 0 && kindOf(err) == dataverse.Protocol):
			// The client repeats only a page, which cannot return what an earlier page lost.
			attempt++
			continue
		case optional(missing) && !without[missing]:
			c.doWithout(missing)
			continue
		case missing == "" && counted && refused(err):
			counted = false
			continue
		}
		c.tell(Event{Section: a.section, What: a.what, Attempt: attempt, Done: true, State: stateOf(err)})
		return nil, fmt.Errorf("%s: %w", a.what, err)
	}
}

// once makes the request once. With an error, it returns the rows before it.
func once[T any](ctx context.Context, c *collection, a ask, without columnSet, take func(Row) T) ([]T, error) {
	from := c.reader
	if a.fresh {
		from = c.direct
	}
	request := queryOf(a, take, without).Request(a.what)
	request.Caller, request.Strong = a.as, c.Strong
	answer := from.Rows
	if a.key == "" {
		answer = single(from)
	}
	seen := map[string]bool{}
	var values []T
	for data, err := range answer(ctx, request) {
		if err != nil {
			return values, err
		}
		r := newRow(data, without)
		if a.key != "" {
			id := r.ID(a.key)
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

// single reads an answer that is one object, as a collection of one.
func single(from Reader) func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) { yield(from.Get(ctx, r)) }
	}
}

// queryOf asks for the rows, with the columns that are read and their count.
func queryOf[T any](a ask, take func(Row) T, without columnSet) dataverse.Query {
	query := a.from
	if a.key != "" {
		query = columns(a.key, take, without).in(query)
	}
	for _, condition := range a.where {
		query = query.Filter(condition)
	}
	if a.key != "" && !without[count] {
		query = query.Count()
	}
	return query
}

// missingColumn names the column that the environment says it does not have.
func missingColumn(err error) string {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.MissingProperty()
}

func kindOf(err error) dataverse.ErrorKind {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return dataverse.Unknown
	}
	return e.Kind
}

// doWithout remembers not to ask this environment for a column or option.
func (c *collection) doWithout(name string) {
	c.company.mu.Lock()
	defer c.company.mu.Unlock()
	c.company.without[name] = true
}

func (c *collection) withoutColumns() columnSet {
	c.company.mu.Lock()
	defer c.company.mu.Unlock()
	return maps.Clone(c.company.without)
}

// refused reports whether the environment may not know this form of request, so that another
// is tried.
func refused(err error) bool {
	var e *dataverse.Error
	kind := kindOf(err)
	return kind == dataverse.BadRequest || kind == dataverse.NotFound ||
		errors.As(err, &e) && e.Status == http.StatusNotImplemented
}

func forbidden(err error) bool { return stateOf(err) == snapshot.StateForbidden }

// filtered reads the rows that meet any of the conditions, in parallel requests if one would
// be too long. A row may come from several requests.
func (t table[T]) filtered(ctx context.Context, c *collection, a ask, conditions []dataverse.Expr) ([]T, error) {
	filters := anyOf(conditions)
	answers := make([][]T, len(filters))
	err := parallel(ctx, len(filters), func(ctx context.Context, i int) (err error) {
		part := a
		part.where = append(slices.Clip(a.where), filters[i])
		answers[i], err = t.rows(ctx, c, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

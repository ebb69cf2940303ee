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

// rereads is how often an answer that is inconsistent in itself is asked for again.
const rereads = 3

// A columnSet names columns.
type columnSet map[string]bool

// of leaves out of names those that the set holds.
func (s columnSet) of(names ...string) []string {
	kept := make([]string, 0, len(names))
	for _, name := range names {
		if !s[name] {
			kept = append(kept, name)
		}
	}
	return kept
}

// count in a columnSet is the option that counts rows.
const count = "$count"

// optional are columns that older environments may not have. Without them the
// verdict errs on the side of a finding: a team's role gives no Basic rights unless it is
// known to be inherited, and a user exists unless it is known to be deleted. Whether a
// view's owner is a team matters to its fix alone. An access mode that was not read is
// unknown, and so is what hangs on it.
func optional(column string) bool {
	switch column {
	case "isinherited", "componentstate", "deletedstate",
		"islicensed", "accessmode", "azurestate", "azureactivedirectoryobjectid", "orgdborgsettings", "_owningteam_value",
		"_createdby_value", "createdon":
		return true
	}
	return false
}

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
	// fresh asks again what may have been answered already.
	fresh bool
	// query, if it is set, makes the whole question in place of from; see [Question].
	query func(without columnSet) dataverse.Query
}

// rows reads all rows of a collection, each key once. It reads again what is
// inconsistent in itself; what the client below has tried in vain it does not.
func rows[T any](ctx context.Context, c *collection, a ask, take func(*row) T) ([]T, error) {
	return read(ctx, c, a, take, func(from Reader, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return from.Rows(ctx, r)
	})
}

// object reads a response that is one object.
func object[T any](ctx context.Context, c *collection, a ask, take func(*row) T) (T, error) {
	got, err := read(ctx, c, a, take, func(from Reader, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) { yield(from.Get(ctx, r)) }
	})
	if err != nil {
		var none T
		return none, err
	}
	return got[0], nil
}

func read[T any](ctx context.Context, c *collection, a ask, take func(*row) T,
	answer func(Reader, dataverse.Request) iter.Seq2[json.RawMessage, error],
) ([]T, error) {
	counted := a.key != ""
	for attempt := 1; ; {
		a.fresh = a.fresh || attempt > 1
		c.tell(Event{Section: a.section, What: a.what, Attempt: attempt})
		without := c.withoutColumns()
		if !counted {
			without[count] = true
		}
		got, err := once(c, a, without, take, answer)
		if err == nil {
			if a.key != "" && !counted {
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
			// The client below repeats a page, which cannot bring back what an earlier
			// one lost.
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

// once asks once. With an error come the rows before it.
func once[T any](c *collection, a ask, without columnSet, take func(*row) T,
	answer func(Reader, dataverse.Request) iter.Seq2[json.RawMessage, error],
) ([]T, error) {
	from := c.reader
	if a.fresh {
		from = c.direct
	}
	request := queryOf(a, take, without).Request(a.what)
	request.Caller, request.Strong = a.as, c.Strong
	seen := map[string]bool{}
	var values []T
	for data, err := range answer(from, request) {
		if err != nil {
			return values, err
		}
		r := newRow(data, without)
		if a.key != "" {
			id := r.id(a.key)
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

// queryOf asks for the rows with the columns that are read of them, and to have them counted.
func queryOf[T any](a ask, take func(*row) T, without columnSet) dataverse.Query {
	query := a.from
	if a.query != nil {
		query = a.query(without)
	} else if a.key != "" {
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

// refused reports whether the environment turned down a form of request that it
// may not know, so that another may be tried.
func refused(err error) bool {
	var e *dataverse.Error
	kind := kindOf(err)
	return kind == dataverse.BadRequest || kind == dataverse.NotFound ||
		errors.As(err, &e) && e.Status == http.StatusNotImplemented
}

func forbidden(err error) bool { return stateOf(err) == snapshot.StateForbidden }

// longest is how many bytes of conditions one address has. Dataverse takes 32 KB.
const longest = 14_000

// anyOf joins conditions by or, in as many filters as it takes to keep each
// address short.
func anyOf(conditions []dataverse.Expr) []dataverse.Expr {
	var filters []dataverse.Expr
	var part []dataverse.Expr
	length := 0
	for _, condition := range conditions {
		size := len(dataverse.Collection("x").Filter(condition).String())
		if len(part) > 0 && length+size > longest {
			filters = append(filters, dataverse.Or(part...))
			part, length = nil, 0
		}
		part = append(part, condition)
		length += size
	}
	if len(part) > 0 {
		filters = append(filters, dataverse.Or(part...))
	}
	return filters
}

// eachID has a condition for every id.
func eachID(column string, ids []string) []dataverse.Expr {
	conditions := make([]dataverse.Expr, len(ids))
	for i, id := range ids {
		conditions[i] = dataverse.EqID(column, dataverse.GUID(id))
	}
	return conditions
}

// eachText has a condition for every text; those that differ in case alone are one.
func eachText(column string, texts []string) []dataverse.Expr {
	var conditions []dataverse.Expr
	for _, text := range eachOnce(texts) {
		conditions = append(conditions, dataverse.Eq(column, text))
	}
	return conditions
}

// filtered reads the rows that fit any of the conditions, in parallel requests
// where one would be too long. A row that fits conditions of several requests
// comes several times.
func filtered[T any](ctx context.Context, c *collection, a ask, conditions []dataverse.Expr, take func(*row) T) ([]T, error) {
	filters := anyOf(conditions)
	answers := make([][]T, len(filters))
	err := parallel(ctx, len(filters), func(ctx context.Context, i int) (err error) {
		part := a
		part.where = append(slices.Clip(a.where), filters[i])
		answers[i], err = rows(ctx, c, part, take)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(answers...), nil
}

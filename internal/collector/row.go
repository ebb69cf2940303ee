package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A row is one row of an answer. Its methods take columns out of it, strictly,
// and keep the first fault: a column that was asked for and is not there, or is
// of another type, is never taken for an empty one.
type row struct {
	what    string
	columns map[string]json.RawMessage
	// absent names the optional columns that were not asked for.
	absent map[string]bool
	err    error
}

func (c *collection) row(what string, data json.RawMessage) *row {
	r := &row{what: what, absent: c.absentColumns()}
	if err := json.Unmarshal(data, &r.columns); err != nil || r.columns == nil {
		r.err = inconsistentf("%s: a row is no JSON object", what)
	}
	return r
}

func (r *row) fail(column, problem string) {
	if r.err == nil {
		r.err = inconsistentf("%s: the column %s %s", r.what, column, problem)
	}
}

// value is the column's JSON; ok is false where it is null, was not asked for, or
// is missing, which is a fault.
func (r *row) value(column string) (json.RawMessage, bool) {
	if r.err != nil || r.absent[column] {
		return nil, false
	}
	data, found := r.columns[column]
	if !found {
		r.fail(column, "is missing from a row")
		return nil, false
	}
	return data, !bytes.Equal(bytes.TrimSpace(data), []byte("null"))
}

func decode[T any](r *row, column, kind string) T {
	var v T
	data, ok := r.value(column)
	if ok && json.Unmarshal(data, &v) != nil {
		r.fail(column, "is no "+kind)
	}
	return v
}

// text is a string; null is "".
func (r *row) text(column string) string { return decode[string](r, column, "text") }

// flag is a boolean; null is false.
func (r *row) flag(column string) bool { return decode[bool](r, column, "boolean") }

// number is an integer; null is 0.
func (r *row) number(column string) int { return decode[int](r, column, "whole number") }

// id is a GUID that must be there.
func (r *row) id(column string) string {
	id := r.optionalID(column)
	if id == "" {
		r.fail(column, "holds no id")
	}
	return id
}

// optionalID is a GUID in lower case; null is "".
func (r *row) optionalID(column string) string {
	text := r.text(column)
	if text == "" {
		return ""
	}
	id, err := dataverse.ParseGUID(text)
	if err != nil {
		r.fail(column, "holds no id")
		return ""
	}
	return id.String()
}

// managed is the value of a managed property: {"Value":true,…}. A plain boolean
// is taken as well.
func (r *row) managed(column string) bool {
	data, ok := r.value(column)
	if !ok {
		return false
	}
	var plain bool
	if json.Unmarshal(data, &plain) == nil {
		return plain
	}
	var property struct {
		Value *bool `json:"Value"`
	}
	if json.Unmarshal(data, &property) != nil || property.Value == nil {
		r.fail(column, "is no managed property")
		return false
	}
	return *property.Value
}

// typeCode is a table's type: the logical name, or the number that older
// environments give.
func (r *row) typeCode(column string) string {
	data, ok := r.value(column)
	if !ok {
		return ""
	}
	var name string
	if json.Unmarshal(data, &name) == nil {
		return name
	}
	var code int
	if json.Unmarshal(data, &code) == nil {
		return strconv.Itoa(code)
	}
	r.fail(column, "is no type code")
	return ""
}

// rows are those of an expanded collection.
func (r *row) rows(c *collection, column string) []*row {
	list := decode[[]json.RawMessage](r, column, "list")
	rows := make([]*row, len(list))
	for i, data := range list {
		rows[i] = c.row(r.what+": "+column, data)
	}
	return rows
}

// take hands the fault of a row on to the one that it belongs to.
func (r *row) take(inner *row) {
	if r.err == nil {
		r.err = inner.err
	}
}

// optional are columns that older environments may not have. Without them the
// verdict errs on the side of a finding, never of a pass.
func optional(column string) bool {
	switch column {
	case "isinherited", "deletedstate", "azureactivedirectoryobjectid", "iscustomizable":
		return true
	}
	return false
}

// countOption asks for the number of rows, and stands among the columns that an
// environment may not know.
const countOption = "$count"

func (c *collection) absentColumns() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	absent := make(map[string]bool, len(c.absent))
	for column := range c.absent {
		absent[column] = true
	}
	return absent
}

// columns leaves out what this environment is known not to have.
func (c *collection) columns(names ...string) []string {
	absent := c.absentColumns()
	var present []string
	for _, name := range names {
		if !absent[name] {
			present = append(present, name)
		}
	}
	return present
}

// each reads every row of a collection, each key once. Where the environment
// does not know an optional column, it is asked again without it.
func (c *collection) each(ctx context.Context, what, key string, caller dataverse.Caller, query func() dataverse.Query, take func(*row) error) error {
	for {
		err := c.counted(ctx, what, key, caller, query(), take)
		var refused *dataverse.Error
		if !errors.As(err, &refused) || refused.Kind != dataverse.BadRequest {
			return err
		}
		column := refused.MissingProperty()
		if !optional(column) || !c.forget(column) {
			return err
		}
	}
}

// counted asks for the number of rows as well, which a lost row or page is held
// against. An environment that refuses the question is asked without it.
func (c *collection) counted(ctx context.Context, what, key string, caller dataverse.Caller, q dataverse.Query, take func(*row) error) error {
	if c.absentColumns()[countOption] {
		return c.once(ctx, what, key, caller, q, take)
	}
	err := c.once(ctx, what, key, caller, q.Count(), take)
	var refused *dataverse.Error
	if !errors.As(err, &refused) || refused.Kind != dataverse.BadRequest || refused.MissingProperty() != "" {
		return err
	}
	if plain := c.once(ctx, what, key, caller, q, take); plain == nil {
		c.forget(countOption)
		return nil
	}
	return err
}

// forget records that the environment has no such column; it is false where that
// was known.
func (c *collection) forget(column string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.absent[column] {
		return false
	}
	c.absent[column] = true
	return true
}

func (c *collection) once(ctx context.Context, what, key string, caller dataverse.Caller, q dataverse.Query, take func(*row) error) error {
	seen := map[string]bool{}
	request := q.Request(what)
	request.Caller, request.Strong = caller, c.Strong
	for data, err := range c.reader.Rows(ctx, request) {
		if err != nil {
			return err
		}
		r := c.row(what, data)
		id := r.id(key)
		if r.err != nil {
			return r.err
		}
		if seen[id] {
			return inconsistentf("%s: the row %s came twice", what, id)
		}
		seen[id] = true
		if err := take(r); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// get reads one object.
func (c *collection) get(ctx context.Context, what string, caller dataverse.Caller, q dataverse.Query) (*row, error) {
	request := q.Request(what)
	request.Caller, request.Strong = caller, c.Strong
	data, err := c.reader.Get(ctx, request)
	if err != nil {
		return nil, err
	}
	r := c.row(what, data)
	return r, r.err
}

func guids(ids []string) []dataverse.GUID {
	list := make([]dataverse.GUID, len(ids))
	for i, id := range ids {
		list[i] = dataverse.GUID(id)
	}
	return list
}

// refused reports whether the environment turned a form of request down, so that
// another may be tried.
func refused(err error) bool {
	var e *dataverse.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Kind == dataverse.BadRequest || e.Kind == dataverse.NotFound || e.Status == 501
}

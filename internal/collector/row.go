package collector

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An inconsistentError is a fault in the content of a response. The request is repeated.
type inconsistentError struct{ reason string }

func (e *inconsistentError) Error() string { return e.reason }

func inconsistentf(format string, args ...any) error {
	return &inconsistentError{fmt.Sprintf(format, args...)}
}

// IsInconsistent reports whether an error is a fault in the content of a response.
func IsInconsistent(err error) bool {
	_, ok := errors.AsType[*inconsistentError](err)
	return ok
}

// A Row is one object of a response. Its methods read columns strictly: a requested column that is
// missing, or has another type, never counts as empty. The first fault makes the response
// inconsistent.
type Row struct{ *rowState }

type rowState struct {
	columns []dataverse.Member
	// omitted are the optional columns that were not requested.
	omitted columnSet
	err     error // the first fault
	// recorder, if not nil, records which columns are read. A row with a recorder has no response. See
	// selectionOf.
	recorder *selection
}

func newRow(data json.RawMessage, omitted columnSet) Row {
	r := Row{&rowState{omitted: omitted}}
	var err error
	if r.columns, err = dataverse.Members(data); err != nil {
		r.err = inconsistentf("a row is not an object")
	}
	return r
}

// rawColumn returns the JSON of a column, nil if the row does not have it.
func (r Row) rawColumn(name string) json.RawMessage {
	for _, c := range r.columns {
		if c.Name == name {
			return c.Value
		}
	}
	return nil
}

// Reject marks the response as inconsistent, because of a column.
func (r Row) Reject(column, problem string) {
	if r.err == nil && r.recorder == nil {
		r.err = inconsistentf("the column %s %s", column, problem)
	}
}

// value returns the JSON of a column; ok is false if it is null or was not requested.
func (r Row) value(column string) (data json.RawMessage, ok bool) {
	if r.err != nil || r.omitted[column] {
		return nil, false
	}
	if r.recorder != nil {
		if !slices.Contains(r.recorder.columns, column) {
			r.recorder.columns = append(r.recorder.columns, column)
		}
		return nil, false
	}
	data = r.rawColumn(column)
	if data == nil {
		r.Reject(column, "is missing from a row")
		return nil, false
	}
	return data, string(data) != "null"
}

// hasColumn reports whether the row has a column. Older environments omit some.
func (r Row) hasColumn(column string) bool { return r.rawColumn(column) != nil }

// decodeColumn returns the value of a column; ok is false if it is null, invalid or was not
// requested.
func decodeColumn[T any](r Row, column, kind string) (v T, ok bool) {
	data, ok := r.value(column)
	if ok && unmarshal(data, &v) != nil {
		r.Reject(column, "is not a "+kind)
		return v, false
	}
	return v, ok
}

// required returns the value of a column that must not be null.
func required[T any](r Row, column, kind string) T {
	v, ok := decodeColumn[T](r, column, kind)
	if !ok {
		r.Reject(column, "is null")
	}
	return v
}

// unmarshal is [json.Unmarshal], but faster for the types of most columns.
func unmarshal(data json.RawMessage, into any) (err error) {
	switch into := into.(type) {
	case *string:
		*into, err = dataverse.ParseText(data)
		return err
	case *bool:
		*into = string(data) == "true"
		if *into || string(data) == "false" {
			return nil
		}
	}
	return json.Unmarshal(data, into)
}

// Text returns a string; null is "".
func (r Row) Text(column string) string {
	v, _ := decodeColumn[string](r, column, "string")
	return v
}

// TextIfPresent returns a string; null and a missing column are "".
func (r Row) TextIfPresent(column string) string {
	if !r.hasColumn(column) {
		return ""
	}
	return r.Text(column)
}

// ETag returns the row's ETag, "" if it has none.
func (r Row) ETag() string { return r.TextIfPresent("@odata.etag") }

// Bool returns a boolean that must not be null.
func (r Row) Bool(column string) bool { return required[bool](r, column, "boolean") }

// optionalBool returns a boolean; null is false.
func (r Row) optionalBool(column string) bool {
	v, _ := decodeColumn[bool](r, column, "boolean")
	return v
}

// Int returns a whole number that must not be null.
func (r Row) Int(column string) int { return required[int](r, column, "whole number") }

// OptionalInt returns a whole number; null is 0.
func (r Row) OptionalInt(column string) int { return r.intOr(column, 0) }

// intOr returns a whole number, or the fallback if it is null or was not requested.
func (r Row) intOr(column string, fallback int) int {
	if v, ok := decodeColumn[int](r, column, "whole number"); ok {
		return v
	}
	return fallback
}

// ID returns a GUID in lower case; it is required.
func (r Row) ID(column string) string {
	id := r.OptionalID(column)
	if id == "" {
		r.Reject(column, "is empty")
	}
	return id
}

// OptionalID returns a GUID in lower case; null and the GUID of zeros are "".
func (r Row) OptionalID(column string) string {
	text, ok := decodeColumn[string](r, column, "GUID")
	if !ok {
		return ""
	}
	id, err := dataverse.ParseGUID(text)
	if err != nil {
		r.Reject(column, "is not a GUID")
	}
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// IDIfPresent is OptionalID, and "" for a missing column.
func (r Row) IDIfPresent(column string) string {
	if !r.hasColumn(column) {
		return ""
	}
	return r.OptionalID(column)
}

// managedProperty returns the value of a managed property, {"Value":true,…}, or of a boolean;
// known is false if it is null.
func (r Row) managedProperty(column string) (value, known bool) {
	data, ok := r.value(column)
	if !ok {
		return false, false
	}
	if data[0] == '{' {
		property, _ := decodeColumn[struct{ Value json.RawMessage }](r, column, "managed property")
		data = property.Value
	}
	var boolean *bool
	if json.Unmarshal(data, &boolean) != nil {
		r.Reject(column, "is not a managed property")
	}
	return boolean != nil && *boolean, boolean != nil
}

// nameOrNumber returns the text of a column that has a name or a number, such as the type code of
// a table or a member of an enumeration; null is "".
func (r Row) nameOrNumber(column string) string {
	data, ok := r.value(column)
	if !ok {
		return ""
	}
	if name, err := dataverse.ParseText(data); err == nil {
		return name
	}
	var number json.Number
	if json.Unmarshal(data, &number) != nil {
		r.Reject(column, "is neither a name nor a number")
	}
	return number.String()
}

// requiredNameOrNumber is nameOrNumber for a column that must not be null.
func (r Row) requiredNameOrNumber(column string) string {
	text := r.nameOrNumber(column)
	if text == "" {
		r.Reject(column, "is null")
	}
	return text
}

// accessRights returns a value of the enumeration AccessRights, names or a number, as a mask. An
// unknown name counts as a right.
func (r Row) accessRights(column string) int {
	text := r.requiredNameOrNumber(column)
	if mask, err := strconv.Atoi(text); err == nil {
		return mask
	}
	mask := 0
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "None" {
			mask |= int(parseRight(name))
		}
	}
	return mask
}

// parseRight returns the right with a name such as AppendToAccess.
func parseRight(name string) snapshot.Right {
	for _, right := range snapshot.Rights() {
		if strings.EqualFold(strings.ReplaceAll(right.String(), "-", "")+"Access", name) {
			return right
		}
	}
	return snapshot.RightOther
}

// objects decodes the objects of a collection inside a row or a function's response. If they have
// a key, none may appear twice.
func objects[T any](r Row, column, key string, decode func(Row) T) []T {
	if r.recorder != nil {
		r.recorder.expanded = append(r.recorder.expanded, expansion{column, selectionOf(key, decode, r.omitted)})
		return nil
	}
	data, ok := r.value(column)
	elements, err := dataverse.Elements(data)
	if !ok || err != nil {
		r.Reject(column, "is not a list of objects")
		return nil
	}
	seen := map[string]bool{}
	values := make([]T, 0, len(elements))
	for _, data := range elements {
		inner := newRow(data, r.omitted)
		value := decode(inner)
		if key != "" {
			id := inner.ID(key)
			if seen[id] {
				inner.Reject(key, "contains "+id+" twice")
			}
			seen[id] = true
		}
		if inner.err != nil {
			r.Reject(column, "is incomplete: "+inner.err.Error())
			return nil
		}
		values = append(values, value)
	}
	return values
}

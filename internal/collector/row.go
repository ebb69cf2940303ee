package collector

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// inconsistent is a fault of what came, not of its coming: the answer is asked for
// again before it is given up.
type inconsistent struct{ reason string }

func (e *inconsistent) Error() string { return e.reason }

func inconsistentf(format string, args ...any) error {
	return &inconsistent{fmt.Sprintf(format, args...)}
}

// A row is one object of an answer. Its methods read columns strictly: a requested column
// that is missing, or has another type, never counts as empty. The first fault is kept in
// err.
type row struct {
	columns []dataverse.Member
	// without are the optional columns that were not asked for.
	without columnSet
	err     error
	// asked, if it is set, notes what is read; then there is no answer yet. See columns.
	asked *selection
}

func newRow(data json.RawMessage, without columnSet) *row {
	r := &row{without: without}
	var err error
	if r.columns, err = dataverse.Members(data); err != nil {
		r.err = inconsistentf("a row is not an object")
	}
	return r
}

// column is a column's JSON; nil if the row does not have it.
func (r *row) column(name string) json.RawMessage {
	for _, c := range r.columns {
		if c.Name == name {
			return c.Value
		}
	}
	return nil
}

func (r *row) fail(column, problem string) {
	if r.err == nil && r.asked == nil {
		r.err = inconsistentf("the column %s %s", column, problem)
	}
}

// value is a column's JSON; ok is false where it is null or was not asked for.
func (r *row) value(column string) (data json.RawMessage, ok bool) {
	if r.err != nil || r.without[column] {
		return nil, false
	}
	if r.asked != nil {
		if !slices.Contains(r.asked.columns, column) {
			r.asked.columns = append(r.asked.columns, column)
		}
		return nil, false
	}
	data = r.column(column)
	if data == nil {
		r.fail(column, "is missing from a row")
		return nil, false
	}
	return data, string(data) != "null"
}

// has reports whether a row has a column, which older environments may leave out.
func (r *row) has(column string) bool { return r.column(column) != nil }

func decode[T any](r *row, column, kind string) (v T, ok bool) {
	data, ok := r.value(column)
	if ok && unmarshal(data, &v) != nil {
		r.fail(column, "holds no "+kind)
		return v, false
	}
	return v, ok
}

// unmarshal is [json.Unmarshal], and quick for what most columns hold.
func unmarshal(data json.RawMessage, into any) (err error) {
	switch into := into.(type) {
	case *string:
		*into, err = dataverse.Text(data)
		return err
	case *bool:
		*into = string(data) == "true"
		if *into || string(data) == "false" {
			return nil
		}
	}
	return json.Unmarshal(data, into)
}

// text is a string; null is "".
func (r *row) text(column string) string {
	v, _ := decode[string](r, column, "text")
	return v
}

// flag is a boolean that must not be null.
func (r *row) flag(column string) bool {
	v, ok := decode[bool](r, column, "boolean")
	if !ok {
		r.fail(column, "is null")
	}
	return v
}

// optionalFlag is a boolean; null is false.
func (r *row) optionalFlag(column string) bool {
	v, _ := decode[bool](r, column, "boolean")
	return v
}

// number is a whole number that must not be null.
func (r *row) number(column string) int {
	v, ok := decode[int](r, column, "whole number")
	if !ok {
		r.fail(column, "is null")
	}
	return v
}

// optionalNumber is a whole number; null is 0.
func (r *row) optionalNumber(column string) int {
	v, _ := decode[int](r, column, "whole number")
	return v
}

// numberOr is a whole number; null, and a column that was not asked for, is otherwise.
func (r *row) numberOr(column string, otherwise int) int {
	if v, ok := decode[int](r, column, "whole number"); ok {
		return v
	}
	return otherwise
}

// id is a GUID that must be there.
func (r *row) id(column string) string {
	id := r.optionalID(column)
	if id == "" {
		r.fail(column, "holds no id")
	}
	return id
}

// optionalID is a GUID in lower case; null and the id of zeros are "".
func (r *row) optionalID(column string) string {
	text, ok := decode[string](r, column, "id")
	if !ok {
		return ""
	}
	id, err := dataverse.ParseGUID(text)
	if err != nil {
		r.fail(column, "holds no id")
	}
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// managed is the value of a managed property, {"Value":true,…}, or a plain boolean;
// known is false where it is null.
func (r *row) managed(column string) (value, known bool) {
	data, ok := r.value(column)
	if !ok {
		return false, false
	}
	var plain *bool
	if json.Unmarshal(data, &plain) == nil {
		return *plain, true
	}
	property, ok := decode[struct {
		Value json.RawMessage `json:"Value"`
	}](r, column, "managed property")
	switch {
	case !ok:
	case property.Value == nil:
		r.fail(column, "holds no managed property")
	case json.Unmarshal(property.Value, &plain) != nil:
		r.fail(column, "holds no managed property")
	case plain != nil:
		return *plain, true
	}
	return false, false
}

// word is a member of an enumeration: its name or, where it has none, its number,
// in text. It must not be null.
func (r *row) word(column string) string {
	data, ok := r.value(column)
	if !ok {
		r.fail(column, "is null")
		return ""
	}
	var name string
	if json.Unmarshal(data, &name) == nil {
		return name
	}
	var number json.Number
	if json.Unmarshal(data, &number) != nil {
		r.fail(column, "is neither a name nor a number")
	}
	return number.String()
}

// typeCode is a table's type as its logical name or its number, in text.
func (r *row) typeCode(column string) string {
	data, ok := r.value(column)
	if !ok {
		return ""
	}
	var name string
	if json.Unmarshal(data, &name) == nil {
		return name
	}
	var code json.Number
	if json.Unmarshal(data, &code) != nil {
		r.fail(column, "holds no type")
	}
	return code.String()
}

// rights is a value of the AccessRights enumeration as a mask: names, or a number.
// What nobody knows is a right all the same.
func (r *row) rights(column string) int {
	text := r.word(column)
	if mask, err := strconv.Atoi(text); err == nil {
		return mask
	}
	mask := 0
	for name := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(name) {
		case "ReadAccess":
			mask |= int(snapshot.RightRead)
		case "WriteAccess":
			mask |= int(snapshot.RightWrite)
		case "AppendAccess":
			mask |= int(snapshot.RightAppend)
		case "AppendToAccess":
			mask |= int(snapshot.RightAppendTo)
		case "CreateAccess":
			mask |= int(snapshot.RightCreate)
		case "DeleteAccess":
			mask |= int(snapshot.RightDelete)
		case "ShareAccess":
			mask |= int(snapshot.RightShare)
		case "AssignAccess":
			mask |= int(snapshot.RightAssign)
		case "None", "":
		default:
			mask |= int(snapshot.RightOther)
		}
	}
	return mask
}

// list are the objects of a collection inside a row or a function's answer. Where
// they have a key, none may come twice.
func list[T any](r *row, column, key string, take func(*row) T) []T {
	if r.asked != nil {
		r.asked.expanded = append(r.asked.expanded, expansion{column, columns(key, take, r.without)})
		return nil
	}
	data, ok := r.value(column)
	elements, err := dataverse.Elements(data)
	if !ok || err != nil {
		r.fail(column, "is not a list of objects")
		return nil
	}
	seen := map[string]bool{}
	values := make([]T, 0, len(elements))
	for _, data := range elements {
		inner := newRow(data, r.without)
		value := take(inner)
		if key != "" {
			id := inner.id(key)
			if seen[id] {
				inner.fail(key, "holds "+id+" twice")
			}
			seen[id] = true
		}
		if inner.err != nil {
			r.fail(column, "is not whole: "+inner.err.Error())
			return nil
		}
		values = append(values, value)
	}
	return values
}

package dataverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Query is an address below /api/data/v9.2/ with its query options. It is a value: each method
// returns a changed copy. An invalid name or id makes the query invalid. Its text then says why,
// and no [Client] sends it.
type Query struct {
	path    string   // encoded
	options []option // raw values, encoded by String
	err     error
}

type option struct{ name, value string }

// invalidPath is the prefix of an invalid query's text. No path of the Web API begins with it.
const invalidPath = "!"

// Collection addresses all rows of an entity set: roles.
func Collection(set string) Query { return Query{}.appendName(set, "") }

// Row addresses one row by its id: roles(00000000-…).
func Row(set string, id GUID) Query {
	key, err := ParseGUID(string(id))
	return Query{}.appendName(set, "("+string(key)+")").withError(err)
}

// Nav addresses a navigation property of the row: systemusers(…)/systemuserroles_association.
func (q Query) Nav(property string) Query { return q.appendName(property, "") }

// Function addresses an unbound function: WhoAmI, or
// RetrieveRolePrivilegesRole(RoleId=@p1)?@p1=….
func Function(name string, args ...Arg) Query {
	if len(args) == 0 {
		return Query{}.appendName(name, "")
	}
	return Query{}.appendFunction(name, name, args)
}

// Function addresses a function that is bound to the row:
// systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges().
func (q Query) Function(name string, args ...Arg) Query {
	return q.appendFunction(name, "Microsoft.Dynamics.CRM."+name, args)
}

// Select requests only these columns.
func (q Query) Select(columns ...string) Query {
	for _, column := range columns {
		q = q.withError(nameError("column", column))
	}
	if len(columns) == 0 {
		return q.withError(errors.New("select without a column"))
	}
	return q.withOption("$select", strings.Join(columns, ","))
}

// Filter requests the rows that meet the condition, in addition to earlier conditions.
func (q Query) Filter(e Expr) Query {
	for i, o := range q.options {
		if o.name == "$filter" {
			both := And(Expr{text: o.value, op: "any"}, e) // in parentheses, because it may be an or
			q.options = slices.Clone(q.options)
			q.options[i].value = both.text
			return q.withError(both.err)
		}
	}
	return q.withOption("$filter", e.text).withError(e.err)
}

// Expand requests the rows of a navigation property in the same response, with the options of
// inner, such as Query{}.Select("name"). The address of inner is ignored.
func (q Query) Expand(property string, inner Query) Query {
	text := property
	if len(inner.options) > 0 {
		parts := make([]string, len(inner.options))
		for i, o := range inner.options {
			parts[i] = o.name + "=" + o.value
		}
		text += "(" + strings.Join(parts, ";") + ")"
	}
	q = q.withError(nameError("navigation property", property)).withError(inner.err)
	for i, o := range q.options {
		if o.name == "$expand" {
			q.options = slices.Clone(q.options)
			q.options[i].value += "," + text
			return q
		}
	}
	return q.withOption("$expand", text)
}

// Top requests the first n rows. Dataverse ignores $top if the request has a page size, so such a
// request has none.
func (q Query) Top(n int) Query {
	if n < 1 {
		return q.withError(fmt.Errorf("the first %d rows make no request", n))
	}
	return q.withOption("$top", strconv.Itoa(n))
}

// Count requests the number of rows. [Client.Rows] compares it with the rows that it receives, and
// so detects a missing page. The environment counts up to 5,000.
func (q Query) Count() Query { return q.withOption("$count", "true") }

// String returns the encoded path and query, relative to /api/data/v9.2/, for [Request.Path]. For an
// invalid query, it returns a text that no client sends.
func (q Query) String() string {
	if q.err == nil && q.path == "" {
		q.err = errors.New("query without an entity set")
	}
	if q.err != nil {
		return invalidPath + q.err.Error()
	}
	var b strings.Builder
	b.WriteString(q.path)
	separator := "?"
	for _, o := range q.options {
		b.WriteString(separator + o.name + "=" + escape(o.value, isQueryChar))
		separator = "&"
	}
	return b.String()
}

// Request returns the request of this query, with a label for errors and progress.
func (q Query) Request(label string) Request { return Request{Path: q.String(), Label: label} }

func (q Query) appendName(name, key string) Query {
	return q.appendSegment(name + key).withError(nameError("name", name))
}

func (q Query) appendSegment(segment string) Query {
	if q.path != "" {
		q.path += "/"
	}
	q.path += segment
	return q
}

func (q Query) appendFunction(name, full string, args []Arg) Query {
	q = q.withError(nameError("function", name))
	params := make([]string, len(args))
	for i, a := range args {
		alias := "@p" + strconv.Itoa(i+1)
		params[i] = a.name + "=" + alias
		q = q.withOption(alias, a.value).withError(nameError("parameter", a.name)).withError(a.err)
	}
	return q.appendSegment(full + "(" + strings.Join(params, ",") + ")")
}

func (q Query) withOption(name, value string) Query {
	q.options = append(slices.Clip(q.options), option{name, value})
	return q
}

func (q Query) withError(err error) Query {
	if q.err == nil {
		q.err = err
	}
	return q
}

// An Arg is one argument of a function. It is sent as a parameter alias, which Microsoft's
// documentation calls best practice.
type Arg struct {
	name, value string
	err         error
}

// IDArg passes an id.
func IDArg(name string, id GUID) Arg {
	key, err := ParseGUID(string(id))
	return Arg{name, string(key), err}
}

// NamesArg passes a list of texts.
func NamesArg(name string, values []string) Arg {
	list, err := json.Marshal(values)
	return Arg{name, string(list), err}
}

// RefArg passes a reference to a row: {"@odata.id":"userqueries(…)"}. Microsoft's samples have
// apostrophes instead of quotes, and are not JSON.
func RefArg(name, set string, id GUID) Arg {
	row := Row(set, id)
	return Arg{name, `{"@odata.id":"` + row.path + `"}`, row.err}
}

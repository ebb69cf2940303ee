package dataverse

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Query is one address below /api/data/v9.2/ with its query options. It is a
// value: each method returns a changed copy. What cannot be encoded safely (an invalid name
// or id) makes the query invalid: [Query.Err] says why, and no [Client] sends it.
type Query struct {
	path    string   // encoded
	options []option // raw values, encoded by String
	err     error
}

type option struct{ name, value string }

// invalidPath begins the text of an invalid query. No path of the Web API does.
const invalidPath = "!"

// Collection addresses all rows of an entity set: roles.
func Collection(set string) Query { return Query{}.segment(set, "") }

// Row addresses one row by its id: roles(00000000-…).
func Row(set string, id GUID) Query {
	key, err := keyOf(id)
	q := Query{}.segment(set, "("+key+")")
	return q.fail(err)
}

// RowByKey addresses one row by the text value of an alternate key:
// EntityDefinitions(LogicalName='account').
func RowByKey(set, column, value string) Query {
	q := Query{}.segment(set, "("+column+"="+escape(quote(value), isKeySafe)+")")
	return q.fail(nameError("key", column))
}

// Nav goes on to a navigation property: systemusers(…)/systemuserroles_association.
func (q Query) Nav(property string) Query { return q.segment(property, "") }

// NavRow goes on to one row of a collection-valued navigation property:
// systemusers(…)/systemuserroles_association(…).
func (q Query) NavRow(property string, id GUID) Query {
	key, err := keyOf(id)
	return q.segment(property, "("+key+")").fail(err)
}

// Ref addresses the reference itself instead of the row: …/$ref.
func (q Query) Ref() Query {
	q.path += "/$ref"
	return q
}

// Function addresses an unbound function: WhoAmI, or
// RetrieveRolePrivilegesRole(RoleId=@p1)?@p1=….
func Function(name string, args ...Arg) Query {
	if len(args) == 0 {
		return Query{}.segment(name, "")
	}
	return Query{}.call(name, name, args)
}

// Function goes on to a function bound to the row that q addresses:
// systemusers(…)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges().
func (q Query) Function(name string, args ...Arg) Query {
	return q.call(name, "Microsoft.Dynamics.CRM."+name, args)
}

// Action goes on to an action bound to the row that q addresses, for
// [Writer.Post]: roles(…)/Microsoft.Dynamics.CRM.AddPrivilegesRole. An unbound
// action is a [Collection] of its name.
func (q Query) Action(name string) Query {
	err := nameError("action", name)
	if q.path != "" {
		q.path += "/"
	}
	q.path += "Microsoft.Dynamics.CRM." + name
	return q.fail(err)
}

// Select asks for these columns only.
func (q Query) Select(columns ...string) Query {
	for _, column := range columns {
		q = q.fail(nameError("column", column))
	}
	if len(columns) == 0 {
		return q.fail(errors.New("select without a column"))
	}
	return q.with("$select", strings.Join(columns, ","))
}

// Filter asks for the rows that fit e. Several filters hold together.
func (q Query) Filter(e Expr) Query {
	for i, o := range q.options {
		if o.name == "$filter" {
			both := And(Expr{text: o.value, op: "?"}, e)
			q.options = slices.Clone(q.options)
			q.options[i].value = both.text
			return q.fail(both.err)
		}
	}
	return q.with("$filter", e.text).fail(e.err)
}

// Expand asks for the rows behind a navigation property in the same answer,
// with inner's options (its address is ignored): Query{}.Select("name").
func (q Query) Expand(property string, inner Query) Query {
	text := property
	if len(inner.options) > 0 {
		parts := make([]string, len(inner.options))
		for i, o := range inner.options {
			parts[i] = o.name + "=" + o.value
		}
		text += "(" + strings.Join(parts, ";") + ")"
	}
	q = q.fail(nameError("navigation property", property)).fail(inner.err)
	for i, o := range q.options {
		if o.name == "$expand" {
			q.options = slices.Clone(q.options)
			q.options[i].value += "," + text
			return q
		}
	}
	return q.with("$expand", text)
}

// OrderBy asks for rows in the ascending order of these columns.
func (q Query) OrderBy(columns ...string) Query {
	for _, column := range columns {
		q = q.fail(nameError("column", column))
	}
	return q.with("$orderby", strings.Join(columns, ","))
}

// Top asks for the first n rows. Dataverse ignores $top where a page size is
// asked for as well, so such a request carries no page size.
func (q Query) Top(n int) Query {
	if n < 1 {
		return q.fail(fmt.Errorf("the first %d rows make no request", n))
	}
	return q.with("$top", strconv.Itoa(n))
}

// Count asks the environment to say how many rows there are, which [Client.Rows]
// then holds it to: a page that goes missing is noticed. The environment counts
// up to 5,000.
func (q Query) Count() Query { return q.with("$count", "true") }

// Err says why the query cannot be sent, or nil.
func (q Query) Err() error { return q.err }

// String gives the encoded path and query, relative to /api/data/v9.2/, as
// [Request.Path] takes it. An invalid query gives a text that no client sends.
func (q Query) String() string {
	if q.err == nil && q.path == "" {
		q.err = errors.New("query without an entity set")
	}
	if q.err != nil {
		return invalidPath + q.err.Error()
	}
	var b strings.Builder
	b.WriteString(q.path)
	for i, o := range q.options {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(o.name)
		b.WriteByte('=')
		b.WriteString(escape(o.value, isQuerySafe))
	}
	return b.String()
}

// Request makes the request of this query, labelled for errors and progress.
func (q Query) Request(label string) Request { return Request{Path: q.String(), Label: label} }

func (q Query) segment(name, key string) Query {
	err := nameError("name", name)
	if q.path != "" {
		q.path += "/"
	}
	q.path += name + key
	return q.fail(err)
}

func (q Query) call(name, full string, args []Arg) Query {
	q = q.fail(nameError("function", name))
	params := make([]string, len(args))
	for i, a := range args {
		alias := "@p" + strconv.Itoa(i+1)
		params[i] = a.name + "=" + alias
		q = q.with(alias, a.value).fail(nameError("parameter", a.name)).fail(a.err)
	}
	if q.path != "" {
		q.path += "/"
	}
	q.path += full + "(" + strings.Join(params, ",") + ")"
	return q
}

func (q Query) with(name, value string) Query {
	q.options = append(slices.Clip(q.options), option{name, value})
	return q
}

func (q Query) fail(err error) Query {
	if q.err == nil {
		q.err = err
	}
	return q
}

// Arg is one argument of a function. It travels as a parameter alias, the form
// that Microsoft's documentation calls best practice.
type Arg struct {
	name, value string
	err         error
}

// IDArg passes an id.
func IDArg(name string, id GUID) Arg {
	key, err := keyOf(id)
	return Arg{name, key, err}
}

// StringArg passes a text.
func StringArg(name, value string) Arg { return Arg{name, quote(value), nil} }

// NamesArg passes a list of texts.
func NamesArg(name string, values []string) Arg {
	list, err := json.Marshal(values)
	return Arg{name, string(list), err}
}

// RefArg passes a reference to a row: {"@odata.id":"userqueries(…)"}. Microsoft's samples
// have apostrophes instead of quotes, which is not JSON.
func RefArg(name, set string, id GUID) Arg {
	row := Row(set, id)
	return Arg{name, `{"@odata.id":"` + row.path + `"}`, row.err}
}

// Expr is a condition on rows.
type Expr struct {
	text string
	op   string // what joins its parts, "" for a single comparison
	err  error
}

// Eq holds where the column equals a text.
func Eq(column, value string) Expr { return compare(column, "eq", quote(value)) }

// Ne holds where the column differs from a text.
func Ne(column, value string) Expr { return compare(column, "ne", quote(value)) }

// EqID holds where the column equals an id.
func EqID(column string, id GUID) Expr {
	key, err := keyOf(id)
	e := compare(column, "eq", key)
	return e.fail(err)
}

// EqInt holds where the column equals a number.
func EqInt(column string, n int) Expr { return compare(column, "eq", strconv.Itoa(n)) }

// NeInt holds where the column differs from a number.
func NeInt(column string, n int) Expr { return compare(column, "ne", strconv.Itoa(n)) }

// EqBool holds where the column is true, or false.
func EqBool(column string, b bool) Expr { return compare(column, "eq", strconv.FormatBool(b)) }

// EqNull holds where the column is empty.
func EqNull(column string) Expr { return compare(column, "eq", "null") }

// NeNull holds where the column is not empty.
func NeNull(column string) Expr { return compare(column, "ne", "null") }

// Contains holds where value is part of the column's text, in any case (Dataverse
// compares so).
func Contains(column, value string) Expr { return test("contains", column, value) }

// StartsWith holds where the column's text begins with value, in any case.
func StartsWith(column, value string) Expr { return test("startswith", column, value) }

// And holds where all parts do.
func And(parts ...Expr) Expr { return join("and", parts) }

// Or holds where one of the parts does.
func Or(parts ...Expr) Expr { return join("or", parts) }

// AnyOf holds where the column equals one of the texts.
func AnyOf(column string, values ...string) Expr {
	parts := make([]Expr, len(values))
	for i, v := range values {
		parts[i] = Eq(column, v)
	}
	return Or(parts...)
}

// AnyID holds where the column equals one of the ids.
func AnyID(column string, ids ...GUID) Expr {
	parts := make([]Expr, len(ids))
	for i, id := range ids {
		parts[i] = EqID(column, id)
	}
	return Or(parts...)
}

func compare(column, operator, literal string) Expr {
	return Expr{text: column + " " + operator + " " + literal, err: nameError("column", column)}
}

func test(function, column, value string) Expr {
	return Expr{text: function + "(" + column + "," + quote(value) + ")", err: nameError("column", column)}
}

// join keeps an empty list from becoming no condition at all: "none of these"
// must not read as "every row".
func join(operator string, parts []Expr) Expr {
	if len(parts) == 0 {
		return Expr{err: fmt.Errorf("condition %q without a part", operator)}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	joined := Expr{op: operator}
	texts := make([]string, len(parts))
	for i, p := range parts {
		joined = joined.fail(p.err)
		texts[i] = p.text
		if p.op != "" && p.op != operator {
			texts[i] = "(" + p.text + ")"
		}
	}
	joined.text = strings.Join(texts, " "+operator+" ")
	return joined
}

func (e Expr) fail(err error) Expr {
	if e.err == nil {
		e.err = err
	}
	return e
}

func keyOf(id GUID) (string, error) {
	parsed, err := ParseGUID(string(id))
	return string(parsed), err
}

// quote makes an OData text literal, in which a quote is doubled.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// nameError refuses what is not a name of the schema, or a path of such names.
// Refusing, not escaping: servers decode %2C and %2F before they parse.
func nameError(what, name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !isName(part) {
			return fmt.Errorf("%s %q is not a name of the Web API", what, clip(name))
		}
	}
	return nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// escape percent-encodes every byte that safe does not name.
func escape(s string, safe func(byte) bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; safe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// isKeySafe: the unreserved characters of RFC 3986 and the quote of a literal.
func isKeySafe(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~' || c == '\''
}

// isQuerySafe adds what reads better bare and delimits nothing in a query
// string. The semicolon is left out: some servers split parameters at it.
func isQuerySafe(c byte) bool {
	return isKeySafe(c) || c == '$' || c == ',' || c == '(' || c == ')' || c == '/' || c == ':' || c == '@' || c == '='
}

// clip bounds a foreign text for an error message.
func clip(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

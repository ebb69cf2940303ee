package change

import (
	"net/url"
	"strings"
	"unicode"
)

// A Request is one Web API request.
type Request struct {
	// Purpose says what the request is for; it follows "to".
	Purpose string
	Method  string
	URL     string
	// Headers are this request's additional headers.
	Headers []Header
	// Body is indented JSON; empty if there is none.
	Body string
	// Column is the column of the response's single row that fills in Placeholder in later
	// requests. Both are empty if the response is not used, or a person has to choose.
	Column, Placeholder string
}

// A Header is a header of a request.
type Header struct{ Name, Value string }

// String is the request in HTTP syntax: line, headers, body.
func (r Request) String() string {
	var b strings.Builder
	b.WriteString(r.Method + " " + r.URL)
	for _, h := range r.Headers {
		b.WriteString("\n" + h.Name + ": " + h.Value)
	}
	if r.Body != "" {
		b.WriteString("\n\n" + r.Body)
	}
	return b.String()
}

// api is the absolute address of a Web API resource.
func (f fix) api(resource string) string {
	return f.origin() + "/api/data/v9.2/" + resource
}

// origin is the environment's address; if a file was judged, or the result has no valid
// address, it is a placeholder.
func (f fix) origin() string {
	if !strings.HasPrefix(f.env.URL, "https://") || strings.ContainsFunc(f.env.URL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "https://ORG.crmN.dynamics.com"
	}
	return strings.TrimRight(f.env.URL, "/")
}

// lookUp asks for one row; its column fills in the placeholder.
func (f fix) lookUp(what, column, placeholder, resource string) Request {
	r := f.list(what, resource)
	r.Column, r.Placeholder = column, placeholder
	return r
}

// list asks for rows that a person has to choose from.
func (f fix) list(what, resource string) Request {
	return Request{Purpose: "find " + what, Method: "GET", URL: f.api(resource)}
}

func (f fix) post(purpose, resource string, body object) Request {
	return Request{Purpose: purpose, Method: "POST", URL: f.api(resource), Body: body.indented()}
}

// patch changes a row. Without If-Match, a missing row would be created.
func (f fix) patch(purpose, resource string, body object) Request {
	return Request{Purpose: purpose, Method: "PATCH", URL: f.api(resource), Headers: []Header{{"If-Match", "*"}}, Body: body.indented()}
}

func (f fix) remove(purpose, resource string) Request {
	return Request{Purpose: purpose, Method: "DELETE", URL: f.api(resource)}
}

// The placeholders that earlier requests fill in; that of a privilege is [privilegeOf].
const (
	roleID  = "{roleid}"
	userID  = "{systemuserid}"
	teamID  = "{teamid}"
	unitID  = "{businessunitid}"
	viewID  = "{userqueryid}"
	ownerID = "{ownerid}"
)

// row is a row as a parameter of an action.
func row(table, key, id string) object {
	return object{{"@odata.type", "Microsoft.Dynamics.CRM." + table}, {key, id}}
}

// quote makes an OData string literal.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// key is an id in an address: a GUID or a placeholder stays unchanged.
func key(id string) string {
	inner, ok := strings.CutPrefix(id, "{")
	inner, end := strings.CutSuffix(inner, "}")
	if ok && end && !strings.ContainsFunc(inner, func(r rune) bool { return r != ' ' && !unicode.IsLetter(r) }) {
		return id
	}
	return escape(id)
}

func keyOr(id, placeholder string) string {
	if id == "" {
		return placeholder
	}
	return key(id)
}

// named is the filter for rows with a name.
func named(name string) string { return escape("name eq " + quote(name)) }

// escape percent-encodes a query option's value; spaces become %20, which, unlike a plus
// sign, every OData server reads as a space.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

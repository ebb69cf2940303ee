package change

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// A Call is one Web API request.
type Call struct {
	// Purpose says what the request is for; it follows "to".
	Purpose string
	Method  string
	URL     string
	// Headers are this request's additional headers.
	Headers []Header
	// Body is indented JSON, or empty.
	Body string
	// Column is the column of the response's single row that fills in Placeholder in later
	// calls. Both are empty if the response is not used, or a person has to choose.
	Column, Placeholder string
}

// A Header is a header of a request.
type Header struct{ Name, Value string }

// String is the request in HTTP syntax: line, headers, body.
func (r Call) String() string {
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

// call is a request for people to send: what the fix does not contain is a placeholder, and
// any version of a row is changed.
func (f fix) call(purpose string, r Request) Call {
	values := map[string]string{
		SlotAPI: strings.TrimSuffix(f.api(""), "/"), SlotRole: id(f.Role, roleID), SlotCopy: roleID, SlotUser: id(f.User, userID),
		SlotUnit: id(f.BusinessUnit, unitID), SlotView: id(f.View, viewID), SlotApplication: keyOr(f.ApplicationID, "{application (client) id}"),
	}
	for i, g := range f.Privileges {
		values[slotOf(i)] = privilegeOf(g)
	}
	r = r.Fill(values)
	c := Call{Purpose: purpose, Method: r.Method, URL: f.api(r.Path)}
	if r.IfMatch != "" { // without it, a missing row would be created
		c.Headers = []Header{{"If-Match", "*"}}
	}
	var body bytes.Buffer
	if r.Body != nil && json.Indent(&body, r.Body, "", "  ") == nil {
		c.Body = body.String()
	}
	return c
}

// slotOf is the slot of a privilege of the fix. Its name may contain anything.
func slotOf(i int) string { return fmt.Sprintf("privilege%d", i) }

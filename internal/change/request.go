package change

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A Request is one request of the Web API.
type Request struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`               // relative to the environment's /api/data/v9.2/
	IfMatch string          `json:"if_match,omitempty"` // the header If-Match; empty for none
	As      *Ref            `json:"as,omitempty"`       // the user that the request impersonates; nil for none
	Body    json.RawMessage `json:"body,omitempty"`
}

// Slots are the placeholders of requests. A privilege's slot is its name.
const (
	SlotRole        = "role"
	SlotCopy        = "copy"
	SlotUser        = "user"
	SlotUnit        = "unit"
	SlotApplication = "application"
	SlotView        = "view"
	SlotPrincipal   = "principal"
	SlotTag         = "etag" // the ETag of the row as it was read
	SlotAPI         = "api"  // the absolute address of the Web API, without a slash at its end
)

// Fill replaces slots whose values are known.
func (r Request) Fill(values map[string]string) Request {
	var pairs []string
	for name, value := range values {
		if value != "" {
			pairs = append(pairs, "{"+name+"}", value)
		}
	}
	replace := strings.NewReplacer(pairs...)
	r.Path = replace.Replace(r.Path)
	r.IfMatch = replace.Replace(r.IfMatch)
	if r.Body != nil {
		r.Body = json.RawMessage(replace.Replace(string(r.Body)))
	}
	return r
}

// Filled reports whether all slots are filled. Foreign text cannot look like one: see [jsonString].
func (r Request) Filled() bool {
	slot := regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)
	return !slot.MatchString(r.Path) && !slot.MatchString(r.IfMatch) && !slot.Match(r.Body)
}

// SlotValues are the slot values that the target itself contains.
func (t Target) SlotValues() map[string]string {
	values := map[string]string{SlotApplication: t.ApplicationID}
	for slot, ref := range map[string]*Ref{
		SlotRole: t.Role, SlotCopy: t.Copy, SlotUser: t.User, SlotUnit: t.BusinessUnit, SlotView: t.View, SlotPrincipal: t.Principal,
	} {
		if ref != nil {
			values[slot] = ref.ID
		}
	}
	maps.Copy(values, t.Privileges)
	return values
}

func post(path, format string, args ...any) Request {
	return Request{Method: "POST", Path: path, Body: jsonBody(format, args...)}
}

func del(path string) Request { return Request{Method: "DELETE", Path: path} }

// patch changes a row that is as it was read.
func patch(row, format string, args ...any) Request {
	return Request{Method: "PATCH", Path: row, IfMatch: "{" + SlotTag + "}", Body: jsonBody(format, args...)}
}

// jsonBody makes a JSON body. The format and its arguments are JSON already.
func jsonBody(format string, args ...any) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(format, args...))
}

// jsonString is foreign text as a JSON string in which nothing looks like a slot.
func jsonString(s string) string {
	data, err := json.Marshal(s)
	if err != nil { // strings always encode
		return `""`
	}
	return strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(string(text.JSON(data)))
}

// A Call is one Web API request.
type Call struct {
	Purpose string // says what the request is for; it follows "to"
	Method  string
	URL     string
	Headers []Header // this request's additional headers
	Body    string   // indented JSON, or empty
	// Column of the response's single row fills in Placeholder in later calls; both may be empty.
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

// newCall is a request for people to send: what the fix does not contain is a placeholder, and
// any version of a row is changed.
func (f fix) newCall(purpose string, r Request) Call {
	values := map[string]string{
		SlotAPI: strings.TrimSuffix(f.apiURL(""), "/"), SlotRole: idOr(f.Role, roleID), SlotCopy: roleID, SlotUser: idOr(f.User, userID),
		SlotUnit: idOr(f.BusinessUnit, unitID), SlotView: idOr(f.View, viewID), SlotApplication: escapeIDOr(f.ApplicationID, "{application (client) id}"),
	}
	for i, g := range f.Privileges {
		values[privilegeSlot(i)] = privilegeID(g)
	}
	r = r.Fill(values)
	c := Call{Purpose: purpose, Method: r.Method, URL: f.apiURL(r.Path)}
	if r.IfMatch != "" { // without it, a missing row would be created
		c.Headers = []Header{{"If-Match", "*"}}
	}
	var body bytes.Buffer
	if r.Body != nil && json.Indent(&body, r.Body, "", "  ") == nil {
		c.Body = body.String()
	}
	return c
}

// privilegeSlot is the slot of a privilege of the fix. Its name may contain anything.
func privilegeSlot(i int) string { return fmt.Sprintf("privilege%d", i) }

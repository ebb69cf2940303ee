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

// A Request is a request of the Web API. Its strings may contain slots.
type Request struct {
	Method  string          `json:"method"`
	Path    string          `json:"path"`               // relative to the environment's /api/data/v9.2/
	IfMatch string          `json:"if_match,omitempty"` // the header If-Match; empty for none
	As      *Ref            `json:"as,omitempty"`       // the user that the request impersonates; nil for none
	Body    json.RawMessage `json:"body,omitempty"`
}

// The slots of requests: names in braces, which [Request.Fill] replaces. The slot for the id of a
// privilege is the privilege's name.
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

// Fill returns the request with the values in its slots. Slots without a value stay.
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

// Filled reports whether no slot is left. Foreign text cannot look like a slot: see [jsonString].
func (r Request) Filled() bool {
	slot := regexp.MustCompile(`\{[A-Za-z][A-Za-z0-9_]*\}`)
	return !slot.MatchString(r.Path) && !slot.MatchString(r.IfMatch) && !slot.Match(r.Body)
}

// SlotValues returns the values for slots that the target itself contains.
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

// post returns a request with a body. The format and its arguments must be JSON.
func post(path, format string, args ...any) Request {
	return Request{Method: "POST", Path: path, Body: json.RawMessage(fmt.Sprintf(format, args...))}
}

func del(path string) Request { return Request{Method: "DELETE", Path: path} }

// patch returns the request that changes a row if nobody changed it since it was read.
func patch(row, format string, args ...any) Request {
	return Request{Method: "PATCH", Path: row, IfMatch: "{" + SlotTag + "}", Body: json.RawMessage(fmt.Sprintf(format, args...))}
}

// jsonString returns foreign text as a JSON string in which nothing looks like a slot.
func jsonString(s string) string {
	data, _ := json.Marshal(s) // never fails for strings
	return strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(string(text.JSON(data)))
}

// A Call is a Web API request for people to send.
type Call struct {
	Purpose string // completes "to …"
	Method  string
	URL     string
	Headers []Header // the additional headers of this request
	Body    string   // indented JSON, or empty
	// Column is the column of the response's only row that fills in Placeholder in later calls.
	// Both are empty if later calls need nothing from the response.
	Column, Placeholder string
}

// A Header is a header of a request.
type Header struct{ Name, Value string }

// String returns the request in HTTP syntax: line, headers, body.
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

// newCall returns a request with placeholders for the ids that the fix does not contain. It
// changes any version of a row.
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
	if r.IfMatch != "" { // without this header, the request would create a missing row
		c.Headers = []Header{{"If-Match", "*"}}
	}
	var body bytes.Buffer
	if r.Body != nil && json.Indent(&body, r.Body, "", "  ") == nil {
		c.Body = body.String()
	}
	return c
}

// privilegeSlot returns the slot for a privilege of the fix, because its name may contain anything.
func privilegeSlot(i int) string { return fmt.Sprintf("privilege%d", i) }

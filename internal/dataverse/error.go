package dataverse

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/enum"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ErrorKind says what went wrong, as far as a caller may act on it.
type ErrorKind string

// The kinds of errors. Only NotFound says that something does not exist; only Forbidden and
// NotMember say that it may not be read.
const (
	Unknown      ErrorKind = ""
	Unauthorized ErrorKind = "unauthorized"    // no token, or none that the environment accepts
	Forbidden    ErrorKind = "forbidden"       // a privilege is missing, or access is restricted
	NotMember    ErrorKind = "not a member"    // the token is valid, but no user of the environment has this identity
	NotFound     ErrorKind = "not found"       // the Web API says that the row or segment does not exist
	BadRequest   ErrorKind = "bad request"     // the environment does not understand: a schema gap, or a bug
	Conflict     ErrorKind = "conflict"        // the row changed, or exists already
	Throttled    ErrorKind = "throttled"       // service protection, for longer than is allowed to wait
	Server       ErrorKind = "server error"    // the environment failed
	Transport    ErrorKind = "no answer"       // no answer, or one that broke off
	Protocol     ErrorKind = "unusable answer" // an answer that is not what the Web API promises
	Redirected   ErrorKind = "redirected"      // sent elsewhere; nothing was followed
)

func (k ErrorKind) String() string { return enum.String(k) }

// Error is a failed request. It contains nothing secret and no address.
type Error struct {
	Kind    ErrorKind
	Status  int    // HTTP status; 0 if there was no response
	Code    string // Dataverse's code, 0x80040220; may be empty
	Message string // the environment's words, or ours; one line
	// CorrelationID is what Microsoft's support asks for; may be empty.
	CorrelationID string
	Label         string // what was being read or changed
	Attempts      int    // how many times it was tried
	// Impersonated reports that the request was made as another user.
	Impersonated bool
	// Writer reports that the identity applies changes, Change that the request was a change.
	Writer, Change bool
	// MayHaveHappened reports that a change was sent and it is unknown whether it was carried
	// out: read the state before sending it again.
	MayHaveHappened bool
	// RetryAfter is how long the environment asked to wait, if it did.
	RetryAfter time.Duration

	needsClaims bool // a 401 asks for more claims than the token has
	notOData    bool // the response is not in the Web API's form
	cause       error
}

// Error says what failed, how, and what to do next.
func (e *Error) Error() string {
	return e.Summary() + after(e.Advice())
}

// after is a text after a colon, or "".
func after(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// Summary says what failed and how, without advice.
func (e *Error) Summary() string {
	var b strings.Builder
	if e.Label != "" {
		b.WriteString(e.Label + ": ")
	}
	b.WriteString(e.Kind.String())
	var facts []string
	if e.Status != 0 {
		facts = append(facts, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.Code != "" {
		facts = append(facts, "code "+e.Code)
	}
	if e.CorrelationID != "" {
		facts = append(facts, "correlation id "+e.CorrelationID)
	}
	if e.Attempts > 1 {
		facts = append(facts, fmt.Sprintf("tried %d times", e.Attempts))
	}
	if len(facts) > 0 {
		b.WriteString(" (" + strings.Join(facts, ", ") + ")")
	}
	switch {
	case e.Message != "":
		b.WriteString(": " + strings.TrimRight(e.Message, ". "))
	case e.cause != nil:
		b.WriteString(": " + Printable(e.cause.Error()))
	}
	return b.String()
}

// Explain says what failed and what to do, in the same words each time it fails: correlation
// ids, ports and numbers of attempts are left out. Advice names those that are known.
func (e *Error) Explain(known PrincipalNames) string {
	plain := *e
	plain.CorrelationID, plain.Attempts, plain.cause = "", 0, nil
	if e.Kind == Transport {
		plain.Message = ""
	}
	return plain.Summary() + after(e.AdviceFor(known))
}

// Unwrap returns the cause, such as context.Canceled or a failed sign-in.
func (e *Error) Unwrap() error { return e.cause }

// MissingPrivilege returns the name of the privilege that the environment says
// is missing, or "".
func (e *Error) MissingPrivilege() string {
	return strings.TrimRight(e.submatch(`(?i)missing\s+(prv[^\s,;:()'"]+)`), ".")
}

// MissingProperty returns the name of the column that the environment says it
// does not have, or "".
func (e *Error) MissingProperty() string {
	return e.submatch(`Could not find a property named '([^']+)'`)
}

// submatch returns what a pattern captures in the environment's words, or "".
func (e *Error) submatch(pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return ""
}

// Printable makes a foreign text safe for a message: one line of bounded length, with every
// character visible.
func Printable(s string) string { return text.Message(s) }

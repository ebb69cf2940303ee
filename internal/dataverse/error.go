package dataverse

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/enum"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// An ErrorKind says what went wrong, as far as a caller can react to it.
type ErrorKind string

// The kinds of errors. Only NotFound says that something does not exist; only Forbidden and
// NotMember say that it may not be read.
const (
	Unknown      ErrorKind = ""
	Unauthorized ErrorKind = "unauthorized"    // the token is missing, or the environment refuses it
	Forbidden    ErrorKind = "forbidden"       // a privilege is missing, or access is restricted
	NotMember    ErrorKind = "not a member"    // the token is valid, but no user of the environment has this identity
	NotFound     ErrorKind = "not found"       // the Web API says that the row or segment does not exist
	BadRequest   ErrorKind = "bad request"     // the environment does not support the request, or it is invalid
	Conflict     ErrorKind = "conflict"        // the row was changed, or already exists
	Throttled    ErrorKind = "throttled"       // service protection asks to wait for longer than the client waits
	Server       ErrorKind = "server error"    // the environment failed
	Transport    ErrorKind = "no answer"       // nothing was returned, or it broke off
	Protocol     ErrorKind = "unusable answer" // the response does not conform to the Web API
	Redirected   ErrorKind = "redirected"      // the response is a redirect, which is not followed
)

func (k ErrorKind) String() string { return enum.String(k) }

// An Error is a failed request. It contains no secret and no address.
type Error struct {
	Kind    ErrorKind
	Status  int    // HTTP status; 0 if there was no response
	Code    string // Dataverse's code, 0x80040220; may be empty
	Message string // the environment's words, or ours; one line
	// CorrelationID identifies the request for Microsoft's support; may be empty.
	CorrelationID string
	Label         string // what was read or changed
	Attempts      int    // how many times it was tried
	// Impersonated is set if the request impersonated a user.
	Impersonated bool
	// Writer is set if the client can write, Change if the request was a change.
	Writer, Change bool
	// MayHaveHappened is set if it is unknown whether a change was carried out. The state must be
	// read before the change is sent again.
	MayHaveHappened bool
	// RetryAfter is how long the environment asked to wait, or 0.
	RetryAfter time.Duration

	needsClaims bool // the environment requires more claims than the token has
	notOData    bool // the response is not in the Web API's form
	cause       error
}

// ErrorOf returns the Error that err wraps, or an empty one.
func ErrorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{}
}

// Error says what failed, how, and what to do next.
func (e *Error) Error() string { return withAdvice(e.Summary(), e.Advice()) }

func withAdvice(summary, advice string) string {
	if advice == "" {
		return summary
	}
	return summary + ": " + advice
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

// Explain says what failed and what to do. It leaves out correlation ids, ports and numbers of
// attempts, so that the same failure always gives the same text.
func (e *Error) Explain(names PrincipalNames) string {
	plain := *e
	plain.CorrelationID, plain.Attempts, plain.cause = "", 0, nil
	if e.Kind == Transport {
		plain.Message = ""
	}
	return withAdvice(plain.Summary(), e.AdviceFor(names))
}

// Unwrap returns the cause, such as context.Canceled or a failed sign-in.
func (e *Error) Unwrap() error { return e.cause }

// MissingPrivilege returns the name of the privilege that is missing according to the environment,
// or "".
func (e *Error) MissingPrivilege() string {
	return strings.TrimRight(e.submatch(`(?i)missing\s+(prv[^\s,;:()'"]+)`), ".")
}

// MissingProperty returns the name of the column that the environment does not have according to
// itself, or "".
func (e *Error) MissingProperty() string {
	return e.submatch(`(?:Could not find a property named|contain attribute with Name =) '([^']+)'`)
}

// submatch returns the text that a pattern captures in the message, or "".
func (e *Error) submatch(pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(e.Message); m != nil {
		return m[1]
	}
	return ""
}

// Printable returns a foreign text as one line of limited length, with every character visible.
func Printable(s string) string { return text.Message(s) }

package dataverse

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ErrorKind says what went wrong, as far as a caller may act on it.
type ErrorKind int

// The kinds of errors. Only NotFound says that something does not exist; only Forbidden and
// NotMember say that it may not be read.
const (
	Unknown      ErrorKind = iota
	Unauthorized           // no token, or none that the environment accepts
	Forbidden              // a privilege is missing, or access is restricted
	NotMember              // the token is good, but nobody in the environment has this identity
	NotFound               // the Web API says that there is no such row or segment
	BadRequest             // the environment does not understand: a schema gap, or a bug
	Conflict               // the row changed, or exists already
	Throttled              // service protection, for longer than is allowed to wait
	Server                 // the environment failed
	Transport              // no answer, or one that broke off
	Protocol               // an answer that is not what the Web API promises
	Redirected             // sent elsewhere; nothing was followed
)

// String gives the kind's name in lower case.
func (k ErrorKind) String() string {
	switch k {
	case Unauthorized:
		return "unauthorized"
	case Forbidden:
		return "forbidden"
	case NotMember:
		return "not a member"
	case NotFound:
		return "not found"
	case BadRequest:
		return "bad request"
	case Conflict:
		return "conflict"
	case Throttled:
		return "throttled"
	case Server:
		return "server error"
	case Transport:
		return "no answer"
	case Protocol:
		return "unusable answer"
	case Redirected:
		return "redirected"
	case Unknown:
	}
	return "unknown"
}

// Error is what a request came to when it did not succeed. It holds nothing
// secret and no address beyond the entity set.
type Error struct {
	Kind    ErrorKind
	Status  int    // HTTP status; 0 where there was no answer
	Code    string // Dataverse's code, 0x80040220; may be empty
	Message string // the environment's words, or ours; one line
	// CorrelationID is what Microsoft's support asks for; may be empty.
	CorrelationID string
	Label         string // what was being read or changed
	Target        string // path below /api/data/v9.2/ without its query
	Attempts      int    // how many times it was tried
	// Impersonated reports that the request was made as somebody else.
	Impersonated bool
	// Writer reports that the identity is one that applies changes, and Change that
	// the request was to make one.
	Writer, Change bool
	// MayHaveHappened reports that a change was sent and no answer tells whether
	// it was carried out: read the state before sending it again.
	MayHaveHappened bool
	// RetryAfter is how long the environment asked to wait, if it did.
	RetryAfter time.Duration

	authority string // what a 401 says of where to sign in
	claims    bool   // a 401 asks for more claims than the token has
	bare      bool   // a refusal that is not in the Web API's form
	cause     error
}

// Error says what failed, how, and what to do next.
func (e *Error) Error() string {
	text := e.Summary()
	if advice := e.Advice(); advice != "" {
		text += ": " + advice
	}
	return text
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

// Unwrap gives the cause, such as context.Canceled or a failed sign-in.
func (e *Error) Unwrap() error { return e.cause }

// Advice is the next step for whoever reads the error, or "" where the cause
// carries its own.
func (e *Error) Advice() string {
	if e.MayHaveHappened {
		return "the change may have happened: read the current state before sending it again"
	}
	if advice := e.causeAdvice(); advice != "" {
		return advice
	}
	if advice := e.codeAdvice(); advice != "" {
		return advice
	}
	switch e.Kind {
	case Unauthorized:
		if e.cause != nil {
			return ""
		}
		return "the environment refuses the token: check that --url, --tenant-id and the cloud belong together, and that the clock of this machine is right"
	case Forbidden:
		return e.forbiddenAdvice()
	case NotFound:
		return "check that --url names the right environment and that the app which brings this table is installed"
	case BadRequest:
		if property := e.MissingProperty(); property != "" {
			return fmt.Sprintf("this environment has no column %q: it may be older than the request expects", property)
		}
		if e.Change {
			return "the environment refuses the change for the reason that it gives: put that right, or leave the change out of a new plan by --except"
		}
		return "the environment does not understand this request: report it with the code and the environment's version"
	case Conflict:
		return "it was changed meanwhile or exists already: read it again and make a new plan"
	case Throttled:
		return "the environment limits how much this identity may ask: wait, or run fewer scans at the same time"
	case Server:
		return "the environment failed: try again later; if it stays, give the correlation id to Microsoft's support"
	case Transport:
		return ConnectionAdvice(e.cause)
	case Protocol:
		return "what answered does not keep to the Dataverse Web API: check --url, and any proxy in between"
	case Redirected:
		return "redirects are not followed, to keep the token at home: set --url to the environment's own address"
	case NotMember, Unknown:
	}
	return "see the code and the correlation id"
}

// role is the security role that the identity should have.
func (e *Error) role() string {
	if e.Writer {
		return "a role that may make the plan's changes, such as System Administrator"
	}
	return "the auditor's role"
}

// codeAdvice knows the codes whose cause the status alone does not tell.
func (e *Error) codeAdvice() string {
	switch canonicalCode(e.Code) {
	case "0x80048306":
		if e.MissingPrivilege() == "" {
			return "the security layer refused and named no privilege: check that the user is enabled and has a security role, and then what dbaudit doctor says"
		}
	case "0x80041403":
		return "a role of this name was created meanwhile: make a new plan, which uses the existing role"
	case "0x80041102":
		return "this environment has no such table: the app that brings it may not be installed"
	case "0x80040217", "0x80048d02":
		return "the row does not exist, or is not visible to this identity: read again, because it may have been deleted meanwhile"
	}
	return ""
}

// actOnBehalf is the privilege to do something as somebody else.
const actOnBehalf = "prvActOnBehalfOfAnotherUser"

// forbiddenAdvice asks for a role only where the environment names a privilege.
func (e *Error) forbiddenAdvice() string {
	privilege := e.MissingPrivilege()
	behalf := strings.EqualFold(privilege, actOnBehalf) || privilege == "" && canonicalCode(e.Code) == "0x8004a110"
	switch {
	case behalf && e.Writer:
		return "to act on behalf of another user, the identity that applies needs prvActOnBehalfOfAnotherUser " +
			"(Business Management > Act on Behalf of Another User): give it a role that grants this, or have it done by hand"
	case behalf:
		return "reading as another user needs prvActOnBehalfOfAnotherUser: add it to the auditor's role " +
			"(Business Management > Act on Behalf of Another User), or do without impersonation"
	case privilege == "" && e.Impersonated:
		return "no privilege is named: see that the user on whose behalf this is done is enabled and has a security role, " +
			"and that this identity holds prvActOnBehalfOfAnotherUser in a role assigned to it directly"
	case privilege == "" && e.Writer:
		return "no privilege is named, and so a role may not help: read the environment's own words; dbaudit doctor --apply names the privileges that are missing"
	case privilege == "":
		return "no privilege is named, and so a role may not help: read the environment's own words; dbaudit doctor names the privileges that are missing"
	case e.Writer && e.Impersonated:
		return "the user on whose behalf this is done, or the identity that applies, lacks " + privilege + ": an action as somebody else needs it in both"
	case e.Impersonated:
		return "the user that is impersonated, or the auditor, lacks " + privilege + ": an action as somebody else needs it in both"
	case e.Change && e.Principal() != "":
		return "the user or team " + e.Principal().String() + " lacks " + privilege + ", who may be whom the change is for and not who makes it: give " + privilege + " to a security role of theirs"
	}
	return "give " + privilege + " to a security role of this identity, at organization level where the editor allows it"
}

// MissingPrivilege gives the name of the privilege that the environment says
// is missing, or "".
func (e *Error) MissingPrivilege() string {
	m := regexp.MustCompile(`(?i)missing\s+(prv[^\s,;:()'"]+)`).FindStringSubmatch(e.Message)
	if m == nil {
		return ""
	}
	return strings.TrimRight(m[1], ".")
}

// MissingProperty gives the name of the column that the environment says it
// does not have, or "".
func (e *Error) MissingProperty() string {
	m := regexp.MustCompile(`Could not find a property named '([^']+)'`).FindStringSubmatch(e.Message)
	if m == nil {
		return ""
	}
	return m[1]
}

// Authority gives the sign-in address that a 401 named, or "".
func (e *Error) Authority() string { return e.authority }

// hide takes what must not be shown out of everything that came from the other
// side.
func (e *Error) hide(scrub func(string) string) {
	for _, text := range []*string{&e.Code, &e.Message, &e.CorrelationID, &e.authority} {
		*text = scrub(*text)
	}
}

// failure turns an unsuccessful response into an Error, and a success into nil. The status
// decides; the code only refines it.
func failure(r reply) *Error {
	if r.status >= 200 && r.status <= 299 {
		return nil
	}
	e := &Error{Status: r.status, CorrelationID: correlation(r.header)}
	said, isOData := decodeError(r.body)
	e.Code, e.Message = said.code, said.message
	switch s := r.status; {
	case s == http.StatusNotModified:
		e.Kind, e.Message = Protocol, "nobody asked whether it was modified"
	case s >= 300 && s <= 399:
		e.Kind = Redirected
		e.Message = "the environment answered with a redirect"
		if host := locationHost(r.header); host != "" {
			e.Message += " to " + host
		}
	case s == http.StatusUnauthorized:
		challenge := ParseChallenge(r.header.Values("WWW-Authenticate")...)
		e.Kind, e.authority, e.claims = Unauthorized, challenge.AuthorizationURI, challenge.Insufficient
	case e.Cause() == CauseNotMember:
		e.Kind = NotMember
	case s == http.StatusForbidden, canonicalCode(e.Code) == "0x80048306", s != http.StatusTooManyRequests && refuses(e.Cause()):
		e.Kind, e.bare = Forbidden, !isOData
		if e.bare && !strings.Contains(r.header.Get("Content-Type"), "json") {
			e.Message = "the answer does not come from the Web API" + title(r.body)
		}
	case s == http.StatusNotFound && isOData:
		e.Kind = NotFound
	case s == http.StatusNotFound, s < 200:
		// Only the Web API itself can say that something does not exist.
		e.Kind = Protocol
		e.Message = "the answer does not come from the Web API"
	case s == http.StatusConflict, s == http.StatusPreconditionFailed:
		e.Kind = Conflict
	case s == http.StatusTooManyRequests:
		e.Kind = Throttled
	case s == http.StatusRequestTimeout, s >= 500:
		e.Kind = Server
	default:
		e.Kind = BadRequest
	}
	return e
}

// refuses reports whether a cause by itself makes an answer a refusal, whatever its
// status: the reference names codes, and leaves their statuses open.
func refuses(c Cause) bool {
	switch c {
	case CauseOrganizationDisabled, CauseAdministrationMode, CauseApplicationBlocked, CauseUnitDisabled, CauseUnlicensed, CauseNoRole, CauseNotMember:
		return true
	case CauseUnknown, CausePrivilege, CauseUserDisabled, CauseRestricted, CauseClaims:
	}
	return false
}

// title gives what a gateway's page says of itself, with a colon before it, or "".
func title(page []byte) string {
	m := regexp.MustCompile(`(?is)<title>([^<]{1,200})</title>`).FindSubmatch(page)
	if m == nil {
		return ""
	}
	return ": " + Printable(string(m[1]))
}

func correlation(h http.Header) string {
	for _, name := range []string{"x-ms-service-request-id", "REQ_ID", "x-ms-correlation-request-id"} {
		if v := h.Get(name); v != "" {
			return Printable(v[:min(len(v), longestCorrelation)])
		}
	}
	return ""
}

// longestCorrelation is how many bytes of a correlation id are shown: a GUID has 36.
const longestCorrelation = 100

// Printable makes a foreign text fit for a message: one line in which everything is
// seen, of bounded length.
func Printable(s string) string { return text.Message(s) }

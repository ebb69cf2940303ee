package dataverse

import (
	"encoding/json"
	"net/http"
	"regexp"
)

// classify returns the error of an unsuccessful response, nil for a success. The status decides
// its kind, and the code refines it.
func classify(r reply) *Error {
	if r.status >= 200 && r.status <= 299 {
		return nil
	}
	reported, isOData := decodeError(r.body)
	e := &Error{Status: r.status, CorrelationID: correlationID(r.header), Code: reported.code, Message: reported.message, notOData: !isOData}
	// Microsoft documents codes without their statuses.
	cause := causeOfCode(e.Code)
	switch s := r.status; {
	case s == http.StatusNotModified:
		e.Kind, e.Message = Protocol, "the request was not conditional, and the response says that nothing was modified"
	case s >= 300 && s <= 399:
		e.Kind = Redirected
		e.Message = "the environment responded with a redirect"
		if host := locationHost(r.header); host != "" {
			e.Message += " to " + host
		}
	case s == http.StatusUnauthorized:
		e.Kind, e.needsClaims = Unauthorized, ParseChallenge(r.header.Values("WWW-Authenticate")...).Insufficient
	case cause == CauseNotMember:
		e.Kind = NotMember
	case s == http.StatusForbidden, canonicalCode(e.Code) == "0x80048306",
		s != http.StatusTooManyRequests && cause != CauseUnknown && cause != CauseUserDisabled:
		e.Kind = Forbidden
		if e.notOData && (!isJSON(r) || json.Valid(r.body)) {
			e.Message = "the response does not come from the Web API" + pageTitle(r.body)
		}
	case s == http.StatusNotFound && !e.notOData:
		e.Kind = NotFound
	case s == http.StatusNotFound, s < 200:
		// Only the Web API itself can say that something does not exist.
		e.Kind = Protocol
		e.Message = "the response does not come from the Web API"
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

// pageTitle returns the title of a gateway's HTML page after a colon, or "".
func pageTitle(page []byte) string {
	m := regexp.MustCompile(`(?is)<title>([^<]{1,200})</title>`).FindSubmatch(page)
	if m == nil {
		return ""
	}
	return ": " + Printable(string(m[1]))
}

func correlationID(h http.Header) string {
	for _, name := range []string{"x-ms-service-request-id", "REQ_ID", "x-ms-correlation-request-id"} {
		if v := h.Get(name); v != "" {
			return truncate(Printable(v))
		}
	}
	return ""
}

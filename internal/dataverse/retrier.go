package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A retrier repeats requests if that is safe and may help. It waits as the environment asks, and
// gives up within its limits. The caller can use a reply that it returns without an error.
type retrier struct {
	Options
	next     sender
	scrub    func(string) string
	counters *counters

	mu      sync.Mutex
	opensAt time.Time // when the environment accepts requests again
}

// counters counts what [Stats] reports.
type counters struct {
	requests, retries, throttled atomic.Int64
	skew                         atomic.Pointer[time.Duration]
}

// A retryRule says which calls may be repeated after a failed attempt.
type retryRule int

const (
	retryNone      retryRule = iota
	retryReads               // reads only: a write may have been carried out
	retryAll                 // the call was not carried out
	retryAfterWait           // the call was not carried out, and the environment asks to wait
)

func (rt *retrier) send(ctx context.Context, c call) (reply, error) {
	var waited time.Duration
	broken, throttled := 0, 0
	for attempt := 1; ; attempt++ {
		if err := rt.waitUntilOpen(ctx); err != nil {
			return reply{}, rt.finish(c, attempt-1, rt.interrupted(ctx, c, nil))
		}
		rt.Observe(Event{Kind: RequestStarted, Label: c.label, Attempt: attempt})
		r, err := rt.next.send(ctx, c)
		if err != nil && ctx.Err() != nil {
			return r, rt.finish(c, attempt, rt.interrupted(ctx, c, err))
		}
		e, rule := rt.assess(c, r, err)
		if e == nil {
			rt.Observe(Event{Kind: RequestFinished, Label: c.label, Attempt: attempt, Status: r.status, Bytes: len(r.body)})
			return r, nil
		}
		if rule == retryNone || rule == retryReads && !c.isRead() {
			return r, rt.finish(c, attempt, e)
		}
		var wait time.Duration
		kind := RequestRetried
		if rule == retryAfterWait {
			kind = RequestThrottled
			throttled++
			rt.counters.throttled.Add(1)
			wait = cmp.Or(e.RetryAfter, Backoff(throttled, longestWait, rt.Jitter()))
		} else {
			broken++
			wait = max(Backoff(broken, longestWait, rt.Jitter()), e.RetryAfter)
		}
		if broken == rt.Limits.MaxAttempts || throttled > maxThrottled || wait > maxWait-waited {
			return r, rt.finish(c, attempt, e)
		}
		waited += wait
		rt.Observe(Event{Kind: kind, Label: c.label, Attempt: attempt, Status: r.status, Wait: wait, Reason: e.Kind})
		rt.counters.retries.Add(1)
		if rule == retryAfterWait && e.RetryAfter > 0 {
			rt.closeFor(wait) // waitUntilOpen then delays this request like all others
		} else if err := rt.Sleep(ctx, wait); err != nil {
			return r, rt.finish(c, attempt, rt.interrupted(ctx, c, nil))
		}
	}
}

// assess returns the error of an attempt, or nil, and whether the call may be repeated.
func (rt *retrier) assess(c call, r reply, err error) (*Error, retryRule) {
	if err != nil {
		return rt.assessFailure(c, r, err)
	}
	e := classify(r)
	if e == nil {
		return validate(c, r)
	}
	e.RetryAfter = RetryAfter(r.header, rt.Now())
	// A proxy may have forwarded the request before it refused.
	forwarded := e.notOData && r.status >= 400 && r.status != http.StatusUnauthorized && r.status != http.StatusTooManyRequests
	e.MayHaveHappened = !c.isRead() && (r.status >= 500 || r.status == http.StatusRequestTimeout || forwarded)
	// An error body that claims to be JSON and is not was damaged in transit. A refusal in
	// another form of JSON comes from a gateway.
	damaged := len(r.body) > 0 && e.notOData && isJSON(r) && (e.Kind != Forbidden || !json.Valid(r.body))
	switch {
	case r.status == http.StatusTooManyRequests:
		return e, retryAfterWait
	case IsTransient(r.status):
		return e, retryReads
	case r.status >= 500:
		return e, retryNone
	case e.Kind == Protocol, damaged && e.Kind != Unauthorized && e.Kind != Redirected:
		e.Kind = Protocol
		e.Message = cmp.Or(e.Message, "the error that the environment reports cannot be read")
		return e, retryReads
	}
	return e, retryNone
}

// isJSON reports whether a reply claims to be JSON.
func isJSON(r reply) bool { return strings.Contains(r.header.Get("Content-Type"), "json") }

// IsTransient reports whether a repeated request may get another status.
func IsTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// validate returns the error of a successful response that the caller cannot use, or nil.
func validate(c call, r reply) (*Error, retryRule) {
	var reason error
	switch {
	case c.isRead() && r.status != http.StatusOK:
		reason = fmt.Errorf("status %d instead of 200", r.status)
	case c.validate != nil:
		reason = c.validate(r)
	}
	if reason == nil {
		return nil, retryNone
	}
	e := &Error{Kind: Protocol, Status: r.status, CorrelationID: correlationID(r.header), Message: Printable(reason.Error())}
	if kind := r.header.Get("Content-Type"); kind != "" && !strings.Contains(kind, "json") {
		e.Message += " (it is " + Printable(truncate(kind)) + ")"
	}
	if is[permanentError](reason) {
		return e, retryNone
	}
	return e, retryReads
}

// assessFailure assesses an attempt without a complete response. The status, if it was received,
// still says whether the call was carried out.
func (rt *retrier) assessFailure(c call, r reply, err error) (*Error, retryRule) {
	if known, ok := errors.AsType[*Error](err); ok {
		return known, retryNone
	}
	if r.status == http.StatusTooManyRequests {
		return rt.assess(c, r, nil)
	}
	fault := diagnose(err)
	e := &Error{Kind: Transport, Status: r.status, CorrelationID: correlationID(r.header), cause: err}
	refused := r.status >= 300 && r.status < 500 && r.status != http.StatusRequestTimeout
	e.MayHaveHappened = !c.isRead() && !refused && !fault.unsent
	switch {
	case is[tooLargeError](err):
		e.Kind = Protocol
		return e, retryNone
	case fault.permanent:
		return e, retryNone
	case fault.unsent:
		return e, retryAll
	}
	return e, retryReads
}

// interrupted returns the error of a caller that gave up. It wraps the context's error.
func (rt *retrier) interrupted(ctx context.Context, c call, err error) *Error {
	e := &Error{Kind: Transport, cause: ctx.Err(), Message: "interrupted"}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Message = "out of time"
		if err == nil && rt.counters.throttled.Load() > 0 { // it was waiting because of the throttling
			e.Kind = Throttled
		}
	}
	e.MayHaveHappened = !c.isRead() && err != nil && !diagnose(err).unsent
	return e
}

// finish completes an error with what the call knows, and reports it.
func (rt *retrier) finish(c call, tries int, e *Error) *Error {
	e.Code, e.Message, e.CorrelationID = rt.scrub(e.Code), rt.scrub(e.Message), rt.scrub(e.CorrelationID)
	e.Label, e.Impersonated, e.Attempts = c.label, !c.caller.isZero(), tries
	e.Writer, e.Change = rt.writing, !c.isRead()
	rt.Observe(Event{Kind: RequestFailed, Label: c.label, Attempt: tries, Status: e.Status, Reason: e.Kind})
	return e
}

// waitUntilOpen waits until the environment accepts requests again. Its limits apply to the user, so
// one refusal applies to all requests of this client. More requests would only prolong the wait.
func (rt *retrier) waitUntilOpen(ctx context.Context) error {
	rt.mu.Lock()
	wait := rt.opensAt.Sub(rt.Now())
	rt.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	return rt.Sleep(ctx, wait)
}

// closeFor delays all requests of this client.
func (rt *retrier) closeFor(wait time.Duration) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if until := rt.Now().Add(wait); until.After(rt.opensAt) {
		rt.opensAt = until
	}
}

// Backoff returns how long to wait after a number of failures: half a second, doubled with each
// failure up to the longest wait. Chance, in [0, 1), varies the upper half, so that requests that
// failed together are not repeated together.
func Backoff(failures int, longest time.Duration, chance float64) time.Duration {
	wait := longest
	if doubled := failures - 1; doubled < 10 {
		wait = min(longest, time.Second/2<<doubled)
	}
	return wait/2 + time.Duration(chance*float64(wait)/2)
}

// RetryAfter returns how long a response asks to wait, in seconds or until an HTTP date; 0 if it
// does not say, or if the time has passed. A date is compared with the server's clock, if the
// response has it.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	seconds, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange), seconds > math.MaxInt64/uint64(time.Second):
		return math.MaxInt64
	case err == nil:
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	if until, err := http.ParseTime(text); err == nil {
		return max(0, until.Sub(now))
	}
	return 0
}

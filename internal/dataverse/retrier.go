package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// retrier repeats requests if that is safe and may help, waits as the environment asks, and
// gives up within bounds. A reply that it returns can be used.
type retrier struct {
	Options
	next     sender
	scrub    func(string) string
	counters *counters

	mu      sync.Mutex
	opensAt time.Time // when the environment takes requests again, for all
}

// counters is the running form of Stats.
type counters struct {
	requests, retries, throttled atomic.Int64
	skew                         atomic.Pointer[time.Duration]
}

// retryRule says when the same call may be repeated.
type retryRule int

const (
	neverRetry     retryRule = iota
	retryReads               // if it only reads
	retryAll                 // it was not carried out
	retryAfterWait           // it was not carried out, and the environment asks to wait
)

func (p *retrier) send(ctx context.Context, c call) (reply, error) {
	var waited time.Duration
	broken, throttled := 0, 0
	for attempt := 1; ; attempt++ {
		if err := p.waitUntilOpen(ctx); err != nil {
			return reply{}, p.finish(c, attempt-1, p.interrupted(ctx, c, nil))
		}
		p.Observe(Event{Kind: RequestStarted, Label: c.label, Attempt: attempt})
		r, err := p.next.send(ctx, c)
		if err != nil && ctx.Err() != nil {
			return r, p.finish(c, attempt, p.interrupted(ctx, c, err))
		}
		e, when := p.assess(c, r, err)
		if e == nil {
			p.Observe(Event{Kind: RequestFinished, Label: c.label, Attempt: attempt, Status: r.status, Bytes: len(r.body)})
			return r, nil
		}
		if when == neverRetry || when == retryReads && !c.isRead() {
			return r, p.finish(c, attempt, e)
		}
		var wait time.Duration
		kind := RequestRetried
		if when == retryAfterWait {
			kind = RequestThrottled
			throttled++
			p.counters.throttled.Add(1)
			wait = cmp.Or(e.RetryAfter, Backoff(throttled, longestWait, p.Jitter()))
		} else {
			broken++
			wait = max(Backoff(broken, longestWait, p.Jitter()), e.RetryAfter)
		}
		if broken == p.Limits.MaxAttempts || throttled > maxThrottled || wait > maxWait-waited {
			return r, p.finish(c, attempt, e)
		}
		waited += wait
		p.Observe(Event{Kind: kind, Label: c.label, Attempt: attempt, Status: r.status, Wait: wait, Reason: e.Kind})
		p.counters.retries.Add(1)
		if when == retryAfterWait && e.RetryAfter > 0 {
			p.closeFor(wait) // the gate holds this request like all others
		} else if err := p.Sleep(ctx, wait); err != nil {
			return r, p.finish(c, attempt, p.interrupted(ctx, c, nil))
		}
	}
}

// assess returns the error, or nil, and when the call may be repeated.
func (p *retrier) assess(c call, r reply, err error) (*Error, retryRule) {
	if err != nil {
		return p.assessFailure(c, r, err)
	}
	e := classify(r)
	if e == nil {
		return validate(c, r)
	}
	e.RetryAfter = RetryAfter(r.header, p.Now())
	// A proxy may have forwarded the request before it refused.
	forwarded := e.notOData && r.status >= 400 && r.status != http.StatusUnauthorized && r.status != http.StatusTooManyRequests
	e.MayHaveHappened = !c.isRead() && (r.status >= 500 || r.status == http.StatusRequestTimeout || forwarded)
	// An error body that claims to be JSON but is not was damaged in transit. A refusal in
	// another form of JSON is a gateway's.
	damaged := len(r.body) > 0 && e.notOData && isJSON(r) && (e.Kind != Forbidden || !json.Valid(r.body))
	switch {
	case r.status == http.StatusTooManyRequests:
		return e, retryAfterWait
	case IsTransient(r.status):
		return e, retryReads
	case r.status >= 500:
		return e, neverRetry
	case e.Kind == Protocol, damaged && e.Kind != Unauthorized && e.Kind != Redirected:
		e.Kind = Protocol
		e.Message = cmp.Or(e.Message, "the error that the environment reports cannot be read")
		return e, retryReads
	}
	return e, neverRetry
}

// isJSON reports whether a reply claims to be JSON.
func isJSON(r reply) bool { return strings.Contains(r.header.Get("Content-Type"), "json") }

// IsTransient reports whether a status may be another one when the request is repeated.
func IsTransient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// validate is the error of a successful response that the caller cannot use, or nil.
func validate(c call, r reply) (*Error, retryRule) {
	var reason error
	if c.validate != nil {
		reason = c.validate(r)
	}
	if reason == nil {
		return nil, neverRetry
	}
	e := &Error{Kind: Protocol, Status: r.status, CorrelationID: correlationID(r.header), Message: Printable(reason.Error())}
	if kind := r.header.Get("Content-Type"); kind != "" && !strings.Contains(kind, "json") {
		e.Message += " (it is " + Printable(truncate(kind)) + ")"
	}
	if is[permanentError](reason) {
		return e, neverRetry
	}
	return e, retryReads
}

// assessFailure judges an attempt without a complete response. A status that was received still
// says whether the call was executed.
func (p *retrier) assessFailure(c call, r reply, err error) (*Error, retryRule) {
	if known, ok := errors.AsType[*Error](err); ok {
		return known, neverRetry
	}
	if r.status == http.StatusTooManyRequests {
		return p.assess(c, r, nil)
	}
	found := diagnose(err)
	e := &Error{Kind: Transport, Status: r.status, CorrelationID: correlationID(r.header), cause: err}
	refused := r.status >= 300 && r.status < 500 && r.status != http.StatusRequestTimeout
	e.MayHaveHappened = !c.isRead() && !refused && !found.unsent
	switch {
	case is[tooLargeError](err):
		e.Kind = Protocol
		return e, neverRetry
	case found.permanent:
		return e, neverRetry
	case found.unsent:
		return e, retryAll
	}
	return e, retryReads
}

// interrupted is the error of a caller that gave up; it wraps the context's.
func (p *retrier) interrupted(ctx context.Context, c call, err error) *Error {
	e := &Error{Kind: Transport, cause: ctx.Err(), Message: "interrupted"}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Message = "out of time"
		if err == nil && p.counters.throttled.Load() > 0 { // it waited until the environment accepts requests
			e.Kind = Throttled
		}
	}
	e.MayHaveHappened = !c.isRead() && err != nil && !diagnose(err).unsent
	return e
}

func (p *retrier) finish(c call, tries int, e *Error) *Error {
	e.Code, e.Message, e.CorrelationID = p.scrub(e.Code), p.scrub(e.Message), p.scrub(e.CorrelationID)
	e.Label, e.Impersonated, e.Attempts = c.label, !c.caller.isZero(), tries
	e.Writer, e.Change = p.writing, !c.isRead()
	p.Observe(Event{Kind: RequestFailed, Label: c.label, Attempt: tries, Status: e.Status, Reason: e.Kind})
	return e
}

// waitUntilOpen waits until the environment accepts requests again. Its limits apply per user, so one
// refusal applies to all requests of this client; more requests would only prolong the wait.
func (p *retrier) waitUntilOpen(ctx context.Context) error {
	p.mu.Lock()
	wait := p.opensAt.Sub(p.Now())
	p.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	return p.Sleep(ctx, wait)
}

func (p *retrier) closeFor(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.Now().Add(wait); until.After(p.opensAt) {
		p.opensAt = until
	}
}

// Backoff is how long to wait after so many failures: half a second, doubled with each up
// to the longest wait. Chance, in [0, 1), decides about the upper half, so that requests
// that failed together are not repeated together.
func Backoff(failures int, longest time.Duration, chance float64) time.Duration {
	wait := longest
	if doubled := failures - 1; doubled < 10 {
		wait = min(longest, time.Second/2<<doubled)
	}
	return wait/2 + time.Duration(chance*float64(wait)/2)
}

// RetryAfter is how long an answer asks to wait, in seconds or until an HTTP date; 0 if it
// does not say, or says a time in the past. A date is compared with the server's own clock,
// if the answer states it.
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

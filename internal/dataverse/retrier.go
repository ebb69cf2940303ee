package dataverse

import (
	"context"
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
	next     sender
	limits   Limits
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	jitter   func() float64
	observe  func(Event)
	scrub    func(string) string
	counters *counters
	writing  bool // the identity is one that applies changes

	mu   sync.Mutex
	open time.Time // when the environment takes requests again, for all
}

// counters is the running form of Stats.
type counters struct {
	requests, retries, throttled atomic.Int64
	skew                         atomic.Pointer[time.Duration]
}

// again says when the same call may be repeated.
type again int

const (
	never   again = iota
	asRead        // if it only reads
	always        // it was not carried out
	waiting       // it was not carried out, and the environment asks to wait
)

func (p *retrier) send(ctx context.Context, c call) (reply, error) {
	var waited time.Duration
	broken, throttled := 0, 0
	for attempt := 1; ; attempt++ {
		if err := p.gate(ctx); err != nil {
			return reply{}, p.finish(c, attempt-1, p.canceled(ctx, c, nil))
		}
		p.observe(Event{Kind: RequestStarted, Label: c.label, Attempt: attempt})
		r, err := p.next.send(ctx, c)
		if err != nil && ctx.Err() != nil {
			return r, p.finish(c, attempt, p.canceled(ctx, c, err))
		}
		e, when := p.judge(c, r, err)
		if e == nil {
			p.observe(Event{Kind: RequestFinished, Label: c.label, Attempt: attempt, Status: r.status, Bytes: len(r.body)})
			return r, nil
		}
		if when == never || when == asRead && !c.reads() {
			return r, p.finish(c, attempt, e)
		}
		var wait time.Duration
		if when == waiting {
			throttled++
			p.counters.throttled.Add(1)
			wait = e.RetryAfter
			if wait == 0 {
				wait = p.backoff(throttled)
			}
		} else {
			broken++
			wait = max(p.backoff(broken), e.RetryAfter)
		}
		if broken == p.limits.MaxAttempts || throttled > maxThrottled || wait > maxWait-waited {
			return r, p.finish(c, attempt, e)
		}
		waited += wait
		kind := RequestRetried
		if when == waiting {
			kind = RequestThrottled
		}
		p.observe(Event{Kind: kind, Label: c.label, Attempt: attempt, Status: r.status, Wait: wait, Reason: e.Kind})
		p.counters.retries.Add(1)
		if when == waiting && e.RetryAfter > 0 {
			p.shut(wait) // the gate holds this request like all others
		} else if err := p.sleep(ctx, wait); err != nil {
			return r, p.finish(c, attempt, p.canceled(ctx, c, nil))
		}
	}
}

// judge returns the error, or nil, and when the call may be repeated.
func (p *retrier) judge(c call, r reply, err error) (*Error, again) {
	if err != nil {
		return p.judgeBroken(c, r, err)
	}
	e := failure(r)
	if e == nil {
		if c.usable == nil {
			return nil, never
		}
		reason := c.usable(r)
		if reason == nil {
			return nil, never
		}
		e = &Error{Kind: Protocol, Status: r.status, CorrelationID: correlation(r.header), Message: Printable(reason.Error())}
		if kind := r.header.Get("Content-Type"); kind != "" && !strings.Contains(kind, "json") {
			e.Message += " (it is " + Printable(clip(kind)) + ")"
		}
		var lasting lastingError
		if errors.As(reason, &lasting) {
			return e, never
		}
		return e, asRead
	}
	e.RetryAfter = RetryAfter(r.header, p.now())
	switch r.status {
	case http.StatusTooManyRequests:
		return e, waiting
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		e.MayHaveHappened = !c.reads()
		return e, asRead
	}
	if r.status >= 500 {
		e.MayHaveHappened = !c.reads()
		return e, never
	}
	// An error body that claims to be JSON but is not was damaged in transit.
	_, isOData := decodeError(r.body)
	// A proxy may have forwarded the request before it refused.
	e.MayHaveHappened = !c.reads() && !isOData && r.status >= 400 && r.status != http.StatusUnauthorized
	damaged := len(r.body) > 0 && !isOData && strings.Contains(r.header.Get("Content-Type"), "json")
	if e.Kind == Protocol || damaged && e.Kind != Unauthorized && e.Kind != Redirected {
		e.Kind = Protocol
		if e.Message == "" {
			e.Message = "the error that the environment reports cannot be read"
		}
		return e, asRead
	}
	return e, never
}

// judgeBroken judges an attempt without a complete response. A status that was received still
// says whether the call was executed.
func (p *retrier) judgeBroken(c call, r reply, err error) (*Error, again) {
	var known *Error
	if errors.As(err, &known) {
		return known, never
	}
	if r.status == http.StatusTooManyRequests {
		e := failure(r)
		e.RetryAfter = RetryAfter(r.header, p.now())
		return e, waiting
	}
	found := diagnose(err)
	e := &Error{Kind: Transport, Status: r.status, CorrelationID: correlation(r.header), cause: err}
	refused := r.status >= 300 && r.status < 500 && r.status != http.StatusRequestTimeout
	e.MayHaveHappened = !c.reads() && !refused && found.sent()
	var large tooLargeError
	switch {
	case errors.As(err, &large):
		e.Kind = Protocol
		return e, never
	case found.lasting():
		return e, never
	case !found.sent():
		return e, always
	}
	return e, asRead
}

// canceled is the error of a caller that gave up; it wraps the context's.
func (p *retrier) canceled(ctx context.Context, c call, err error) *Error {
	e := &Error{Kind: Transport, cause: ctx.Err(), Message: "interrupted"}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.Message = "out of time"
	}
	e.MayHaveHappened = !c.reads() && err != nil && diagnose(err).sent()
	return e
}

func (p *retrier) finish(c call, tries int, e *Error) *Error {
	e.hide(p.scrub)
	e.Label, e.Impersonated, e.Attempts = c.label, !c.as.isZero(), tries
	e.Writer, e.Change = p.writing, !c.reads()
	p.observe(Event{Kind: RequestFailed, Label: c.label, Attempt: tries, Status: e.Status, Reason: e.Kind})
	return e
}

// gate waits until the environment accepts requests again. Its limits apply per user, so one
// refusal applies to all requests of this client; more requests would only prolong the wait.
func (p *retrier) gate(ctx context.Context) error {
	p.mu.Lock()
	wait := p.open.Sub(p.now())
	p.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	return p.sleep(ctx, wait)
}

func (p *retrier) shut(wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.now().Add(wait); until.After(p.open) {
		p.open = until
	}
}

const (
	firstWait = 500 * time.Millisecond
	lastWait  = 30 * time.Second
)

// backoff doubles with each failure. It is random in its upper half, so that requests that
// failed together are not repeated together.
func (p *retrier) backoff(failures int) time.Duration {
	wait := lastWait
	if shift := failures - 1; shift < 10 {
		wait = min(lastWait, firstWait<<shift)
	}
	return wait/2 + time.Duration(p.jitter()*float64(wait)/2)
}

// RetryAfter is how long an answer asks to wait; 0 if it does not say. A date is compared
// with the server's own clock, if the answer states it.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return parseRetryAfter(h.Get("Retry-After"), now)
}

// parseRetryAfter reads seconds or an HTTP date. Anything else, or a time in the past,
// gives 0.
func parseRetryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		if seconds > math.MaxInt64/uint64(time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	} else if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt64
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

package dataverse

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// A call is one request to the environment, with all its attempts.
type call struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
	token  Secret

	// validate returns an error if a successful response cannot be used. A read is then repeated.
	validate func(reply) error
	label    string
	caller   Caller
}

// isRead reports whether the call changes nothing and so may be repeated.
func (c call) isRead() bool { return c.method == http.MethodGet }

// A reply is a response with its complete body.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// A sender is a layer of the client; each wraps the next. It returns a response with any status, or
// an error if no complete response arrived.
type sender interface {
	send(ctx context.Context, c call) (reply, error)
}

// wire is the bottom layer. It sends one request, and limits the time and the size of the response.
type wire struct {
	transport http.RoundTripper
	limits    Limits
	now       func() time.Time
	counters  *counters
}

// A tooLargeError is permanent, because a repeated response would be as large.
type tooLargeError int64

func (e tooLargeError) Error() string {
	return fmt.Sprintf("the response is larger than %d bytes", int64(e))
}

// A timeoutError is the cause of a cancellation by this package.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }

func (w wire) send(ctx context.Context, c call) (reply, error) {
	attempt, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(w.limits.HeaderTimeout, func() { cancel(timeoutError("no response within " + w.limits.HeaderTimeout.String())) })
	defer timer.Stop()
	// A response that arrives slowly, but without a stall, must end too.
	whole := time.AfterFunc(w.limits.AnswerTimeout, func() { cancel(timeoutError("no complete response within " + w.limits.AnswerTimeout.String())) })
	defer whole.Stop()

	req, err := http.NewRequestWithContext(attempt, c.method, c.url.String(), bytes.NewReader(c.body))
	if err != nil {
		return reply{}, errors.New("the request cannot be built")
	}
	req.Header = c.header.Clone()
	if !c.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	w.counters.requests.Add(1)
	resp, err := w.transport.RoundTrip(req)
	if err != nil {
		return reply{}, cancelReason(attempt, err)
	}
	defer func() { _ = resp.Body.Close() }()

	r := reply{status: resp.StatusCode, header: resp.Header}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		w.counters.skew.Store(new(date.Sub(w.now())))
	}
	limited := io.LimitReader(resp.Body, w.limits.MaxBody+1)
	timer.Reset(w.limits.StallTimeout)
	r.body, err = io.ReadAll(progressReader{limited, func() { timer.Reset(w.limits.StallTimeout) }})
	if err == nil {
		// The server may end its response normally although the context was canceled.
		err = attempt.Err()
	}
	switch {
	case err != nil:
		return r, fmt.Errorf("the response broke off: %w", cancelReason(attempt, err))
	case int64(len(r.body)) > w.limits.MaxBody:
		return r, tooLargeError(w.limits.MaxBody)
	case resp.ContentLength > int64(len(r.body)):
		return r, fmt.Errorf("the response broke off: %w", io.ErrUnexpectedEOF)
	}
	r.body = bytes.TrimPrefix(r.body, []byte("\ufeff")) // RFC 8259 lets a parser ignore it
	return r, nil
}

// cancelReason returns this package's reason for a cancellation instead of "context canceled".
func cancelReason(ctx context.Context, err error) error {
	if timeout, ok := errors.AsType[timeoutError](context.Cause(ctx)); ok {
		return timeout
	}
	return cmp.Or(ctx.Err(), err)
}

// A progressReader calls tick after each read that returned data.
type progressReader struct {
	r    io.Reader
	tick func()
}

func (p progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		p.tick()
	}
	return n, err
}

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

// call is one request to the environment, with all its attempts.
type call struct {
	method string
	url    *url.URL
	header http.Header
	body   []byte
	token  Secret

	// validate says why a successful response cannot be used; a read is then repeated.
	validate func(reply) error
	label    string
	caller   Caller
}

// isRead reports whether the call changes nothing, so that it may be repeated.
func (c call) isRead() bool { return c.method == http.MethodGet }

// reply is a complete response.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// sender is a layer; each wraps the next. It returns a response of any status, or an error if
// no complete response arrived.
type sender interface {
	send(ctx context.Context, c call) (reply, error)
}

// wire is the bottom layer: one exchange, within its bounds of time and size.
type wire struct {
	transport http.RoundTripper
	limits    Limits
	now       func() time.Time
	counters  *counters
}

// tooLargeError is lasting: a repeated response would be just as large.
type tooLargeError int64

func (e tooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than %d bytes", int64(e))
}

// timeoutError is the cause of a cancellation by this package.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }

func (w wire) send(ctx context.Context, c call) (reply, error) {
	attempt, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(w.limits.HeaderTimeout, func() { cancel(timeoutError("no answer within " + w.limits.HeaderTimeout.String())) })
	defer timer.Stop()
	// A slow trickle of bytes does not stall, but it must end.
	whole := time.AfterFunc(w.limits.AnswerTimeout, func() { cancel(timeoutError("no whole answer within " + w.limits.AnswerTimeout.String())) })
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
		// After a cancellation, the server may still end its response in good order.
		err = attempt.Err()
	}
	switch {
	case err != nil:
		return r, fmt.Errorf("the answer broke off: %w", cancelReason(attempt, err))
	case int64(len(r.body)) > w.limits.MaxBody:
		return r, tooLargeError(w.limits.MaxBody)
	case resp.ContentLength > int64(len(r.body)):
		return r, fmt.Errorf("the answer broke off: %w", io.ErrUnexpectedEOF)
	}
	return r, nil
}

// cancelReason prefers this package's reason for a cancellation to "context canceled".
func cancelReason(ctx context.Context, err error) error {
	if timeout, ok := errors.AsType[timeoutError](context.Cause(ctx)); ok {
		return timeout
	}
	return cmp.Or(ctx.Err(), err)
}

// progressReader reports each read that returned data.
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

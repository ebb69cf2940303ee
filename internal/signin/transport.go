package signin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// maxResponse is the maximum size of a response. Real ones have a few thousand bytes.
const maxResponse = 1 << 20

const exchangeTimeout = 30 * time.Second

// A boundedTransport reads each response completely, within limits of time and size. If it cannot, it
// returns an *AuthError that says whether another attempt may succeed.
type boundedTransport struct {
	Config

	anyBody bool // the body need not be JSON
}

func (t boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), exchangeTimeout)
	defer cancel()
	resp, err := t.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.connectionError(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.TLS != nil && resp.TLS.Version != 0 && resp.TLS.Version < tls.VersionTLS12 {
		return nil, t.connectionError(tls.RecordHeaderError{Msg: "the sign-in host speaks a TLS version below 1.2"})
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, t.connectionError(fmt.Errorf("the response broke off: %w", err))
	case len(body) > maxResponse:
		return nil, t.connectionError(fmt.Errorf("the response is larger than %d bytes", maxResponse))
	case resp.StatusCode == http.StatusOK && !t.anyBody && !json.Valid(body):
		return nil, unreadableError()
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// A restrictedTransport sends requests only to the authority and to Microsoft's own sign-in hosts. The
// authority's configuration names the token endpoint, but secrets are not sent to any other host.
type restrictedTransport struct {
	authority string // host[:port]
	next      http.RoundTripper
}

func (t restrictedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	_, known := KnownAuthority(req.URL.Host)
	if req.URL.Scheme != "https" || !known && !strings.EqualFold(req.URL.Host, t.authority) {
		return nil, &AuthError{
			Message: fmt.Sprintf("the authority redirects to %s, which was not followed", dataverse.Printable(req.URL.Host)),
			Advice:  "credentials go to the named authority and to Microsoft's own sign-in hosts only: check --authority",
		}
	}
	return t.next.RoundTrip(req)
}

// A retryingTransport retries requests. It is for interactive sign-in, which cannot start over.
// Programs retry the whole sign-in instead, because a signed assertion may be sent only once.
type retryingTransport struct{ boundedTransport }

func (t retryingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	var resp *http.Response
	err := t.retry(req.Context(), func() (err error) {
		attempt := req.Clone(req.Context())
		if req.GetBody != nil { // MSAL sets it for each form
			if attempt.Body, err = req.GetBody(); err != nil {
				return err
			}
		}
		if resp, err = t.boundedTransport.RoundTrip(attempt); err == nil && dataverse.IsTransient(resp.StatusCode) { //nolint:bodyclose // it is in memory
			return t.statusError(resp.StatusCode, resp.Header)
		}
		return err
	})
	if resp != nil {
		return resp, nil // MSAL handles error responses
	}
	return nil, err
}

// httpClient returns a client for MSAL that does not follow redirects.
func httpClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("this client must not send requests")
}

const (
	maxAttempts  = 6
	maxBackoff   = 10 * time.Second // unless the server asks for a longer wait
	maxTotalWait = 2 * time.Minute  // the sum of all waits
)

// retry calls do until it succeeds, its error is not retryable, or the attempts or the time run out.
func (c Config) retry(ctx context.Context, do func() error) error {
	var waited time.Duration
	for attempt := 1; ; attempt++ {
		err := do()
		e, ok := errors.AsType[*AuthError](err)
		if !ok || !e.retryable || ctx.Err() != nil || attempt == maxAttempts {
			return err
		}
		wait := max(dataverse.Backoff(attempt, maxBackoff, c.Jitter()), e.retryAfter)
		if wait > maxTotalWait-waited || c.Sleep(ctx, wait) != nil {
			return err
		}
		waited += wait
	}
}

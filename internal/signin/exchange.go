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

// maxResponse bounds the size of a response; real ones have a few thousand bytes.
const maxResponse = 1 << 20

// exchangeTimeout bounds one exchange with a sign-in host.
const exchangeTimeout = 30 * time.Second

// boundedTransport reads each response completely, within bounds of time and size. What it cannot
// read is an AuthError, which says whether another try may help.
type boundedTransport struct {
	Config

	anyBody bool // the body does not matter, so it need not be JSON
}

func (b boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), exchangeTimeout)
	defer cancel()
	resp, err := b.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, b.connectionError(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.TLS != nil && resp.TLS.Version != 0 && resp.TLS.Version < tls.VersionTLS12 {
		return nil, b.connectionError(tls.RecordHeaderError{Msg: "the sign-in host speaks a TLS version below 1.2"})
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case err != nil:
		return nil, b.connectionError(fmt.Errorf("the answer broke off: %w", err))
	case len(body) > maxResponse:
		return nil, b.connectionError(fmt.Errorf("the answer is larger than %d bytes", maxResponse))
	case resp.StatusCode == http.StatusOK && !b.anyBody && !json.Valid(body):
		return nil, unreadableError()
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// fencedTransport sends requests only to the authority and to Microsoft's own sign-in hosts. The
// authority's configuration says where the token endpoint is; no secret is sent elsewhere.
type fencedTransport struct {
	authority string // host[:port]
	next      http.RoundTripper
}

func (f fencedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	_, known := KnownAuthority(req.URL.Host)
	if req.URL.Scheme != "https" || !known && !strings.EqualFold(req.URL.Host, f.authority) {
		return nil, &AuthError{
			Message: fmt.Sprintf("the authority redirects to %s, which was not followed", dataverse.Printable(req.URL.Host)),
			Advice:  "credentials go to the named authority and to Microsoft's own sign-in hosts only: check --authority",
		}
	}
	return f.next.RoundTrip(req)
}

// retryingTransport repeats exchanges that break. It is for interactive sign-in, whose steps cannot be
// repeated; programs repeat the whole acquisition instead, because a signed assertion
// should be sent only once.
type retryingTransport struct{ boundedTransport }

func (s retryingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	var resp *http.Response
	err := s.retry(req.Context(), func() (err error) {
		attempt := req.Clone(req.Context())
		if req.GetBody != nil { // MSAL sets it for each form
			if attempt.Body, err = req.GetBody(); err != nil {
				return err
			}
		}
		if resp, err = s.boundedTransport.RoundTrip(attempt); err == nil && dataverse.IsTransient(resp.StatusCode) { //nolint:bodyclose // it is in memory already
			return s.statusError(resp.StatusCode, resp.Header)
		}
		return err
	})
	if resp != nil {
		return resp, nil // if it is a refusal, MSAL reports it
	}
	return nil, err
}

// httpClient is the HTTP client that MSAL gets. It follows no redirect.
func httpClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// noNetwork is a transport for clients that do not need a network.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no request was to be made")
}

const (
	maxAttempts  = 6
	maxBackoff   = 10 * time.Second // unless the other side asks for longer
	maxTotalWait = 2 * time.Minute  // of all waits together
)

// retry repeats an attempt until it succeeds, fails permanently, or the time is up.
func (c Config) retry(ctx context.Context, do func() error) error {
	var waited time.Duration
	for attempt := 1; ; attempt++ {
		err := do()
		failed, ok := errors.AsType[*AuthError](err)
		if !ok || !failed.retryable || ctx.Err() != nil || attempt == maxAttempts {
			return err
		}
		wait := max(dataverse.Backoff(attempt, maxBackoff, c.Jitter()), failed.retryAfter)
		if wait > maxTotalWait-waited || c.Sleep(ctx, wait) != nil {
			return err
		}
		waited += wait
	}
}

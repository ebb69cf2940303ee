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
	"net/url"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// maxAnswer bounds the size of a response; real ones have a few thousand bytes.
const maxAnswer = 1 << 20

// exchangeTime bounds one exchange with a sign-in host.
const exchangeTime = 30 * time.Second

// bounded reads each response completely, within bounds of time and size, so that a broken
// one is an error of the exchange and not of its parser.
type bounded struct {
	next    http.RoundTripper
	anyBody bool // the body does not matter, so it need not be JSON
}

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), exchangeTime)
	defer cancel()
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.TLS != nil && resp.TLS.Version != 0 && resp.TLS.Version < tls.VersionTLS12 {
		return nil, tls.RecordHeaderError{Msg: "the sign-in host speaks a TLS version below 1.2"}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	case resp.StatusCode == http.StatusOK && !b.anyBody && !json.Valid(body):
		return nil, errBroken
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// errBroken is a success that is not JSON: truncated, or from another sender.
var errBroken = errors.New("the answer is not JSON, or was cut short")

// fenced lets requests through to the authority and to Microsoft's own sign-in
// hosts. The authority's configuration says where the token endpoint is; this
// keeps it from sending a secret anywhere else.
type fenced struct {
	authority string // host[:port]
	next      http.RoundTripper
}

// fencedError is lasting: the authority will name the same host again.
type fencedError struct{ host string }

func (e fencedError) Error() string {
	return fmt.Sprintf("the authority leads on to %s, which was not followed", dataverse.Printable(e.host))
}

func (f fenced) RoundTrip(req *http.Request) (*http.Response, error) {
	_, known := KnownAuthority(req.URL.Host)
	if req.URL.Scheme != "https" || !known && !strings.EqualFold(req.URL.Host, f.authority) {
		return nil, fencedError{req.URL.Host}
	}
	return f.next.RoundTrip(req)
}

// steady repeats exchanges that break. It is for interactive sign-in, whose steps cannot be
// repeated; programs repeat the whole acquisition instead, because a signed assertion
// should be sent only once. It is on top of bounded, which has read each response and
// closed its side of the connection.
type steady struct {
	patience patience
	next     http.RoundTripper
}

func (s steady) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		_ = req.Body.Close()
	}
	var resp *http.Response
	err := s.patience.try(req.Context(), func() error {
		attempt := req.Clone(req.Context())
		if req.Body != nil {
			attempt.Body = io.NopCloser(bytes.NewReader(body))
		}
		var err error
		if resp, err = s.next.RoundTrip(attempt); err != nil { //nolint:bodyclose // it is in memory already
			return err
		}
		if isPassing(resp.StatusCode) {
			return &passing{status: resp.StatusCode, header: resp.Header}
		}
		return nil
	})
	var p *passing
	if errors.As(err, &p) {
		return resp, nil // the last refusal, for MSAL to report
	}
	return resp, err
}

// client is the HTTP client that MSAL gets. It follows no redirect.
func client(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// nobody is a transport for clients that need no network.
type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no request was to be made")
}

// passing is a refusal that may be over when it is tried again.
type passing struct {
	status int
	header http.Header
}

func (p *passing) Error() string { return fmt.Sprintf("HTTP %d", p.status) }

func isPassing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// patience says how long to go on trying.
type patience struct {
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	jitter func() float64
}

const (
	maxAttempts = 6
	firstWait   = 500 * time.Millisecond
	lastWait    = 10 * time.Second
	maxWait     = 2 * time.Minute // of all waits together
)

// try does something until it works, fails for good, or patience ends.
func (p patience) try(ctx context.Context, do func() error) error {
	var waited time.Duration
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || ctx.Err() != nil || !mayPass(err) || attempt == maxAttempts {
			return err
		}
		wait := min(lastWait, firstWait<<(attempt-1))
		wait = wait/2 + time.Duration(p.jitter()*float64(wait)/2)
		if h := headerOf(err); h != nil {
			wait = max(wait, dataverse.RetryAfter(h, p.now()))
		}
		if wait > maxWait-waited {
			return err
		}
		waited += wait
		if p.sleep(ctx, wait) != nil {
			return err
		}
	}
}

// mayPass reports whether the same sign-in may work when it is tried again.
func mayPass(err error) bool {
	var (
		p       *passing
		call    msal.CallErr
		badJSON msal.InvalidJsonErr
		fence   fencedError
		refused *AuthError
		broken  *brokenError
		address *url.Error
	)
	switch {
	case errors.As(err, &fence), errors.As(err, &refused):
		return false
	case errors.As(err, &p), errors.As(err, &badJSON):
		return true
	case errors.As(err, &call):
		return call.Resp != nil && isPassing(call.Resp.StatusCode)
	case errors.As(err, &broken), errors.As(err, &address), errors.Is(err, errBroken):
		return !dataverse.Lasting(err)
	}
	return false
}

func headerOf(err error) http.Header {
	var p *passing
	if errors.As(err, &p) {
		return p.header
	}
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return call.Resp.Header
	}
	return nil
}

// brokenError is an exchange without a complete response.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// explain turns an error of MSAL into one that can be shown. MSAL's own texts contain whole
// responses, with tokens, so none is passed on.
func explain(ctx context.Context, err error, scrub scrubber) error {
	var (
		configured *ConfigError
		refused    *AuthError
		call       msal.CallErr
		badJSON    msal.InvalidJsonErr
		fence      fencedError
		p          *passing
		broken     *brokenError
		address    *url.Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &configured):
		return configured
	case errors.As(err, &refused):
		return refused
	case ctx.Err() != nil:
		return interrupted(ctx)
	case errors.As(err, &call):
		var status int
		var body []byte
		if call.Resp != nil {
			status = call.Resp.StatusCode
			body, _ = io.ReadAll(io.LimitReader(call.Resp.Body, maxAnswer))
		}
		if len(body) == 0 && call.Err != nil { // managed identity: MSAL has read it
			_, text, _ := strings.Cut(call.Err.Error(), ":\n")
			body = []byte(text)
		}
		return refusal(status, body, scrub)
	case errors.As(err, &fence):
		return &AuthError{Message: fence.Error(), Advice: "credentials go to the named authority and to Microsoft's own sign-in hosts only: check --authority"}
	case errors.As(err, &p):
		return &AuthError{Status: p.status, Message: fmt.Sprintf("the sign-in host answered with HTTP %d", p.status), Advice: statusAdvice(p.status)}
	case errors.As(err, &badJSON), errors.Is(err, errBroken):
		return &AuthError{Message: "the sign-in host's answer cannot be read", Advice: "check --authority, and any proxy in between"}
	case errors.As(err, &address):
		return unreachable(address.Err, scrub)
	case errors.As(err, &broken):
		return unreachable(broken.cause, scrub)
	}
	return &AuthError{Message: scrub.text(err.Error()), Advice: "check --authority, --tenant-id and --client-id"}
}

func interrupted(ctx context.Context) *AuthError {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &AuthError{Message: "it took too long", Advice: "try again", cause: ctx.Err()}
	}
	return &AuthError{Message: "interrupted", cause: ctx.Err()}
}

func unreachable(err error, scrub scrubber) *AuthError {
	return &AuthError{
		Message: "the sign-in host cannot be reached: " + scrub.text(err.Error()),
		Advice:  dataverse.ConnectionAdvice(err), cause: err,
	}
}

package dataverse

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Token is an access token for one environment.
type Token struct {
	Value Secret
	// ExpiresAt is when the token expires; zero if unknown.
	ExpiresAt time.Time
}

// TokenOptions say why a token is requested.
type TokenOptions struct {
	// Refresh requests a new token, not a cached one, because the server refused the last.
	Refresh bool
	// Claims is the JSON text of a claims challenge (continuous access evaluation) that the new
	// token must satisfy, or "".
	Claims string
}

// A TokenSource returns access tokens for one environment. Token is called by one goroutine at a
// time, may take as long as a sign-in takes, and must return when its context ends.
type TokenSource interface {
	Token(ctx context.Context, o TokenOptions) (Token, error)
}

// A tokenCache has the current token for all requests of a client. It renews the token before it
// expires. One renewal serves all requests.
type tokenCache struct {
	source     TokenSource
	now        func() time.Time
	renewed    func()        // called after each token but the first
	signInSlot chan struct{} // holds one value during a sign-in

	mu         sync.Mutex
	current    Token
	generation int   // the number of tokens so far
	signIns    int   // the number of sign-ins so far
	signInErr  error // why the last sign-in failed
	issued     []Secret
	renewAt    time.Time
}

const (
	// renewBefore is how long before it expires a token is renewed. Requests take up to two minutes,
	// and the token must not expire before they end.
	renewBefore = 5 * time.Minute
	// minRenewInterval is the shortest time between two renewals, also after one that failed.
	minRenewInterval = 30 * time.Second
)

// token returns the current token and its generation. It signs in if no token is valid for long
// enough.
func (tc *tokenCache) token(ctx context.Context) (Token, int, error) {
	tc.mu.Lock()
	current, generation, signIns := tc.current, tc.generation, tc.signIns
	due := !tc.renewAt.IsZero() && !tc.now().Before(tc.renewAt)
	tc.mu.Unlock()
	if generation > 0 && !due {
		return current, generation, nil
	}
	return tc.signIn(ctx, generation, signIns, due, TokenOptions{Refresh: due})
}

// renew replaces a token that the server refused, unless another request has already done so.
func (tc *tokenCache) renew(ctx context.Context, refused int, claims string) (Token, int, error) {
	tc.mu.Lock()
	signIns := tc.signIns
	tc.mu.Unlock()
	return tc.signIn(ctx, refused, signIns, false, TokenOptions{Refresh: true, Claims: claims})
}

// signIn returns a token that is newer than a generation. A request that waits for the sign-in of
// another gets the same result, even a failure. An early renewal may fail, because the current
// token is good until it expires.
func (tc *tokenCache) signIn(ctx context.Context, generation, signIns int, early bool, o TokenOptions) (Token, int, error) {
	select {
	case tc.signInSlot <- struct{}{}:
		defer func() { <-tc.signInSlot }()
	case <-ctx.Done():
		return Token{}, 0, context.Cause(ctx)
	}
	tc.mu.Lock()
	current, newest, signedIn, err := tc.current, tc.generation, tc.signIns > signIns, tc.signInErr
	tc.mu.Unlock()
	switch {
	case newest > generation:
		return current, newest, nil
	case signedIn:
		return current, newest, err
	}
	began := tc.now()
	t, err := tc.source.Token(ctx, o)
	if ctx.Err() != nil {
		return Token{}, 0, context.Cause(ctx) // the next in turn signs in itself
	}
	if err == nil && t.Value.IsZero() {
		err = errors.New("the sign-in returned an empty token: sign in again")
	}
	if err == nil && newest > 0 {
		defer tc.renewed()
	}
	tc.mu.Lock()
	defer tc.mu.Unlock()
	tc.signIns, tc.signInErr = tc.signIns+1, nil
	switch {
	case err == nil:
		tc.current, tc.generation, tc.renewAt = t, tc.generation+1, renewTime(began, t.ExpiresAt)
		tc.issued = append(tc.issued[max(0, len(tc.issued)-maxRemembered):], t.Value)
	case early && tc.now().Before(tc.current.ExpiresAt):
		tc.renewAt = tc.now().Add(minRenewInterval)
	default:
		tc.signInErr = err
	}
	return tc.current, tc.generation, tc.signInErr
}

// renewTime returns when to renew a token: five minutes before it expires, or after four fifths of
// a life of less than twenty-five minutes. It never returns the present, because every request
// would then sign in if the clocks disagree.
func renewTime(began, expires time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	at := expires.Add(-min(renewBefore, max(0, expires.Sub(began)/5)))
	if soonest := began.Add(minRenewInterval); at.Before(soonest) {
		return soonest
	}
	return at
}

// maxRemembered is how many earlier tokens are kept, to remove them from messages.
const maxRemembered = 8

// scrub removes tokens from a message of the environment, which may repeat them.
func (tc *tokenCache) scrub(text string) string {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	for _, secret := range tc.issued {
		text = Redact(text, secret)
	}
	return text
}

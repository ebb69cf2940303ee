package dataverse

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Token is an access token for one environment.
type Token struct {
	Value Secret
	// ExpiresAt is when the server begins to refuse it; zero if unknown.
	ExpiresAt time.Time
}

// TokenOptions say why a token is asked for.
type TokenOptions struct {
	// Refresh asks for a new token, not a cached one: the server refused the last.
	Refresh bool
	// Claims is the JSON text of a claims challenge (continuous access
	// evaluation) that the new token must satisfy, or "".
	Claims string
}

// TokenSource returns access tokens for one environment. It is called by one goroutine at a
// time, may take as long as signing in takes, and must obey its context.
type TokenSource interface {
	Token(ctx context.Context, o TokenOptions) (Token, error)
}

// tokenCache holds the current token for all requests of a client. It renews the token before it
// expires; one renewal serves all requests.
type tokenCache struct {
	source     TokenSource
	now        func() time.Time
	renewed    func()        // called after each token but the first
	signInSlot chan struct{} // holds one value during a sign-in

	mu         sync.Mutex
	current    Token
	generation int   // the number of tokens so far
	signIns    int   // the number of sign-ins so far
	signInErr  error // why the last one gave nothing
	issued     []Secret
	renewAt    time.Time
}

// renewBefore is how long before its expiry a token is replaced, so that it
// outlives the requests it is sent with, which take up to two minutes.
const renewBefore = 5 * time.Minute

// minRenewInterval is the shortest time between two renewals, also after an early one that failed.
const minRenewInterval = 30 * time.Second

// token returns the current token and its generation; it signs in if none is valid for long
// enough.
func (k *tokenCache) token(ctx context.Context) (Token, int, error) {
	k.mu.Lock()
	current, generation, tries := k.current, k.generation, k.signIns
	due := !k.renewAt.IsZero() && !k.now().Before(k.renewAt)
	k.mu.Unlock()
	if generation > 0 && !due {
		return current, generation, nil
	}
	return k.signIn(ctx, generation, tries, due, TokenOptions{Refresh: due})
}

// renew replaces a token that the server refused, unless another request has already done so.
func (k *tokenCache) renew(ctx context.Context, refused int, claims string) (Token, int, error) {
	k.mu.Lock()
	tries := k.signIns
	k.mu.Unlock()
	return k.signIn(ctx, refused, tries, false, TokenOptions{Refresh: true, Claims: claims})
}

// signIn gets a token that is newer than a generation. Whoever waits for another's sign-in
// gets what that one got, its failure included. An early renewal may fail: the current token
// is good until it expires.
func (k *tokenCache) signIn(ctx context.Context, generation, tries int, early bool, o TokenOptions) (Token, int, error) {
	select {
	case k.signInSlot <- struct{}{}:
		defer func() { <-k.signInSlot }()
	case <-ctx.Done():
		return Token{}, 0, context.Cause(ctx)
	}
	k.mu.Lock()
	current, newest, tried, failed := k.current, k.generation, k.signIns > tries, k.signInErr
	k.mu.Unlock()
	switch {
	case newest > generation:
		return current, newest, nil
	case tried:
		return current, newest, failed
	}
	began := k.now()
	t, err := k.source.Token(ctx, o)
	if ctx.Err() != nil {
		return Token{}, 0, context.Cause(ctx) // the next in turn signs in itself
	}
	if err == nil && t.Value.IsZero() {
		err = errors.New("the sign-in gave an empty token: sign in again")
	}
	if err == nil && newest > 0 {
		defer k.renewed()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.signIns, k.signInErr = k.signIns+1, nil
	switch {
	case err == nil:
		k.current, k.generation, k.renewAt = t, k.generation+1, renewTime(began, t.ExpiresAt)
		k.issued = append(k.issued[max(0, len(k.issued)-maxRemembered):], t.Value)
	case early && k.now().Before(k.current.ExpiresAt):
		k.renewAt = k.now().Add(minRenewInterval)
	default:
		k.signInErr = err
	}
	return k.current, k.generation, k.signInErr
}

// renewTime is five minutes before the token expires, or after four fifths of its life if it
// lives less than twenty-five minutes. It is never at once: with clocks that disagree, every
// request would sign in.
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

// maxRemembered is how many earlier tokens are removed from messages.
const maxRemembered = 8

// scrub removes tokens from the environment's messages, which may repeat them.
func (k *tokenCache) scrub(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, secret := range k.issued {
		text = Redact(text, secret)
	}
	return text
}

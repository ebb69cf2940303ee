package dataverse

import (
	"context"
	"fmt"
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

// keeper holds the current token for all requests of a client. It renews the token before it
// expires; one renewal serves all requests.
type keeper struct {
	source  TokenSource
	now     func() time.Time
	renewed func() // called after each token but the first

	mu         sync.Mutex
	current    Token
	generation int // the number of tokens so far
	issued     []Secret
	renewAt    time.Time
	flight     *flight
}

// flight is a sign-in in progress. It ends when the source returns, or when no request waits
// for it any more.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	err     error
}

// renewBefore is how long before its expiry a token is replaced, so that it
// outlives the requests it is sent with, which take up to two minutes.
const renewBefore = 5 * time.Minute

// renewAgain is the shortest time between two renewals, also after an early one that failed.
const renewAgain = 30 * time.Second

// token gives the current token and its generation; it signs in if none is valid for long
// enough.
func (k *keeper) token(ctx context.Context) (Token, int, error) {
	k.mu.Lock()
	if k.generation > 0 && (k.renewAt.IsZero() || k.now().Before(k.renewAt)) {
		defer k.mu.Unlock()
		return k.current, k.generation, nil
	}
	return k.join(ctx, TokenOptions{Refresh: k.generation > 0}, k.generation > 0)
}

// renew replaces a token that the server refused, unless another request has already done so.
func (k *keeper) renew(ctx context.Context, refused int, claims string) (Token, int, error) {
	k.mu.Lock()
	if k.generation > refused {
		defer k.mu.Unlock()
		return k.current, k.generation, nil
	}
	return k.join(ctx, TokenOptions{Refresh: true, Claims: claims}, false)
}

// join waits for the sign-in under way, or starts one. It is called with the
// lock held and releases it. An early renewal may fail: the current token is
// good until it expires.
func (k *keeper) join(ctx context.Context, o TokenOptions, early bool) (Token, int, error) {
	f := k.flight
	if f == nil {
		// Detached from this caller: others may still wait when it leaves.
		flightCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		k.flight = f
		go k.fly(flightCtx, f, o, early)
	}
	f.waiting++
	k.mu.Unlock()

	select {
	case <-f.done:
	case <-ctx.Done():
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if k.flight == f {
			k.flight = nil
		}
	}
	if err := ctx.Err(); err != nil {
		return Token{}, 0, context.Cause(ctx)
	}
	return k.current, k.generation, f.err
}

func (k *keeper) fly(ctx context.Context, f *flight, o TokenOptions, early bool) {
	began := k.now()
	t, err := k.source.Token(ctx, o)
	if err == nil && t.Value.IsZero() {
		err = fmt.Errorf("the sign-in gave an empty token: sign in again")
	}

	renewed := false
	k.mu.Lock()
	if k.flight == f {
		k.flight = nil
	}
	switch {
	case err == nil:
		renewed = k.generation > 0
		k.current, k.generation, k.renewAt = t, k.generation+1, renewTime(began, t.ExpiresAt)
		k.issued = append(k.issued[max(0, len(k.issued)-remembered):], t.Value)
	case early && k.now().Before(k.current.ExpiresAt):
		k.renewAt = k.now().Add(renewAgain)
	default:
		f.err = err
	}
	close(f.done)
	k.mu.Unlock()
	if renewed {
		k.renewed()
	}
}

// renewTime is five minutes before the token expires, or after four fifths of its life if it
// lives less than twenty-five minutes. It is never at once: with clocks that disagree, every
// request would sign in.
func renewTime(began, expires time.Time) time.Time {
	if expires.IsZero() {
		return time.Time{}
	}
	at := expires.Add(-min(renewBefore, max(0, expires.Sub(began)/5)))
	if soonest := began.Add(renewAgain); at.Before(soonest) {
		return soonest
	}
	return at
}

// remembered is how many earlier tokens are still kept out of messages.
const remembered = 8

// scrub takes tokens out of what the environment says, in case it echoes them.
func (k *keeper) scrub(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, secret := range k.issued {
		text = Redact(text, secret)
	}
	return text
}

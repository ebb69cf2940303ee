package dataverse

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTokenIsRenewed(t *testing.T) {
	t.Run("after a 401, with its claims", func(t *testing.T) {
		s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer token-3" {
				w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.microsoftonline.com/t/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`)
				w.WriteHeader(401)
				return
			}
			_, _ = io.WriteString(w, `{"UserId":"x"}`)
		})
		if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err != nil {
			t.Fatal(err)
		}
		claims := `{"access_token":{}}`
		if want := []TokenOptions{{}, {Refresh: true, Claims: claims}, {Refresh: true, Claims: claims}}; !slices.Equal(s.tokens.requests, want) {
			t.Errorf("requested %v", s.tokens.requests)
		}
		if n := s.count(TokenRenewed); n != 2 {
			t.Errorf("%d tokens renewed", n)
		}
	})
	t.Run("three times at most", func(t *testing.T) {
		tries := 0
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			tries++
			w.Header().Set("WWW-Authenticate", "Bearer authorization_uri=https://login.microsoftonline.com/t/oauth2/authorize, resource_id=https://x/")
			w.WriteHeader(401)
		})
		_, err := s.client.Get(t.Context(), Function("WhoAmI").Request(""))
		e := asError(t, err)
		if e.Kind != Unauthorized || tries != 4 || len(s.tokens.requests) != 4 {
			t.Errorf("%v after %d tries, %d sign-ins", err, tries, len(s.tokens.requests))
		}
	})
	t.Run("before it expires", func(t *testing.T) {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
		s.tokens.lifetime = time.Hour
		for range 4 {
			if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err != nil {
				t.Fatal(err)
			}
			_ = s.clock.Sleep(t.Context(), 28*time.Minute)
		}
		if want := []TokenOptions{{}, {Refresh: true}}; !slices.Equal(s.tokens.requests, want) {
			t.Errorf("requested %v", s.tokens.requests)
		}
	})
	t.Run("but an early renewal may fail", func(t *testing.T) {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
		s.tokens.lifetime = time.Hour
		get := func() error {
			_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
			return err
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		s.tokens.err = errors.New("no network")
		_ = s.clock.Sleep(t.Context(), 56*time.Minute)
		if err := get(); err != nil {
			t.Errorf("the token was good for four minutes more: %v", err)
		}
		_ = s.clock.Sleep(t.Context(), 5*time.Minute)
		if e := asError(t, get()); e.Kind != Unauthorized || !strings.Contains(e.Error(), "no network") {
			t.Errorf("%v", e)
		}
	})
}

func TestOneRenewalServesAll(t *testing.T) {
	const many = 40
	var mu sync.Mutex
	refused := 0
	all := make(chan struct{})
	s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			mu.Lock()
			if refused++; refused == many {
				close(all)
			}
			mu.Unlock()
			<-all // every request has used the token before any learns that it is bad
			w.WriteHeader(401)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}, func(o *Options) { o.Limits.Concurrency = many })
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.tokens.requests) != 2 {
		t.Errorf("%d sign-ins, want 2", len(s.tokens.requests))
	}
}

// blockingTokens ends a sign-in when the test says so, or when its context ends.
type blockingTokens struct {
	started chan struct{}
	finish  chan error
}

func (w blockingTokens) Token(ctx context.Context, _ TokenOptions) (Token, error) {
	w.started <- struct{}{}
	select {
	case err := <-w.finish:
		return Token{Value: NewSecret("token")}, err
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
}

// A request that waits for the sign-in of another gets the same result, even a failure. If the other
// is canceled, the waiting request signs in.
func TestOneSignInAtATime(t *testing.T) {
	source := blockingTokens{make(chan struct{}), make(chan error)}
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }, func(o *Options) { o.Tokens = source })
	results := make(chan error)
	get := func(ctx context.Context) {
		_, err := s.client.Get(ctx, Function("WhoAmI").Request(""))
		results <- err
	}
	ctx, cancel := context.WithCancel(t.Context())
	go get(ctx)
	<-source.started
	go get(t.Context())
	cancel()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the canceled request: %v", err)
	}
	<-source.started
	go get(t.Context())
	time.Sleep(20 * time.Millisecond) // until it waits
	source.finish <- errors.New("wrong secret")
	for range 2 {
		if err := <-results; err == nil || !strings.Contains(err.Error(), "wrong secret") {
			t.Errorf("a waiting request: %v", err)
		}
	}
	go get(t.Context())
	<-source.started
	source.finish <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// Requests do not sign in again because a clock is wrong.
func TestFrozenClock(t *testing.T) {
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	s.tokens.lifetime, s.tokens.now = time.Hour, func() time.Time { return time.Unix(0, 0) }
	for range 5 {
		if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.tokens.requests) != 1 {
		t.Errorf("%d sign-ins", len(s.tokens.requests))
	}
}

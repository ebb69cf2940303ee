package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	idA = GUID("11111111-2222-3333-4444-555555555555")
	idB = GUID("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
)

// fakeTokens returns token-1, token-2, … and records how it was called.
type fakeTokens struct {
	mu       sync.Mutex
	requests []TokenOptions
	lifetime time.Duration
	now      func() time.Time
	err      error
}

func (t *fakeTokens) Token(_ context.Context, o TokenOptions) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, o)
	if t.err != nil {
		return Token{}, t.err
	}
	token := Token{Value: NewSecret(fmt.Sprintf("token-%d", len(t.requests)))}
	if t.lifetime > 0 {
		token.ExpiresAt = t.now().Add(t.lifetime)
	}
	return token, nil
}

// fakeClock moves only while something sleeps.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps []time.Duration
}

func newFakeClock() *fakeClock { return &fakeClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	return nil
}

// fixture is an environment made by a handler, and a client of it.
type fixture struct {
	client *Client
	writer *Writer
	server *httptest.Server
	tokens *fakeTokens
	clock  *fakeClock
	mu     sync.Mutex
	events []Event
}

func newFixture(t testing.TB, handler http.HandlerFunc, change ...func(*Options)) *fixture {
	t.Helper()
	s := &fixture{clock: newFakeClock()}
	s.tokens = &fakeTokens{now: s.clock.Now}
	s.server = httptest.NewUnstartedServer(handler)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	o := Options{
		URL: s.server.URL, Tokens: s.tokens, Transport: s.server.Client().Transport,
		Now: s.clock.Now, Sleep: s.clock.Sleep, Jitter: func() float64 { return 0.5 },
		Observe: func(e Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	for _, c := range change {
		c(&o)
	}
	writer, err := NewWriter(o)
	if err != nil {
		t.Fatal(err)
	}
	s.writer, s.client = writer, writer.Client
	return s
}

// count is how many events of a kind there were.
func (s *fixture) count(kind EventKind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func rowsOf(ctx context.Context, c *Client, r Request) (rows []string, err error) {
	for row, err := range c.Rows(ctx, r) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(row))
	}
	return rows, nil
}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want an *Error", err, err)
	}
	return e
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func TestHeadersOfARead(t *testing.T) {
	var got http.Header
	var uri string
	s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		got, uri = r.Header.Clone(), r.RequestURI
		http.SetCookie(w, &http.Cookie{Name: "ARRAffinity", Value: "x"})
		_, _ = io.WriteString(w, `{"value":[]}`)
	}, func(o *Options) { o.UserAgent = "dbaudit/1" })
	r := Collection("roles").Select("roleid", "name").Request("roles")
	r.Caller, r.Strong = Caller{ObjectID: idA, SystemUserID: idB}, true
	for range 2 {
		if _, err := rowsOf(t.Context(), s.client, r); err != nil {
			t.Fatal(err)
		}
	}
	if want := "/api/data/v9.2/roles?$select=roleid,name"; uri != want {
		t.Errorf("request line %q, want %q", uri, want)
	}
	want := map[string]string{
		"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0", "If-None-Match": "null",
		"Prefer": "odata.maxpagesize=5000", "CallerObjectId": string(idA), "MSCRMCallerID": "", "Consistency": "Strong",
		"Authorization": "Bearer token-1", "User-Agent": "dbaudit/1", "Cookie": "", "Content-Type": "",
	}
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Get(name), value)
		}
	}
	r.Caller = Caller{SystemUserID: idB}
	if _, err := rowsOf(t.Context(), s.client, r); err != nil {
		t.Fatal(err)
	}
	if got.Get("MSCRMCallerID") != string(idB) || got.Get("CallerObjectId") != "" {
		t.Error("a caller without object id is named by MSCRMCallerID alone")
	}
	if _, err := rowsOf(t.Context(), s.client, Collection("roles").Top(1).Request("")); err != nil {
		t.Fatal(err)
	}
	if got.Get("Prefer") != "" {
		t.Error("Dataverse ignores $top beside a page size")
	}
	if len(s.tokens.requests) != 1 {
		t.Errorf("%d sign-ins for four requests", len(s.tokens.requests))
	}
}

func TestPagesAreFollowedVerbatim(t *testing.T) {
	var uris, prefer []string
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		uris, prefer = append(uris, r.RequestURI), append(prefer, r.Header.Get("Prefer"))
		n := len(uris)
		link := `,"@odata.nextLink":null`
		if n < 4 {
			link = fmt.Sprintf(`,"@odata.nextLink":"%s/api/data/v9.2/roles?$select=name&$skiptoken=%%3Ccookie%%20pagenumber=%%22%d%%22%%20/%%3E"`, s.server.URL, n+1)
		}
		if n == 2 {
			_, _ = io.WriteString(w, `{"@odata.context":"x","value":[]`+link+`}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"value":[{"name":"r%d"}]%s}`, n, link)
	})
	rows, err := rowsOf(t.Context(), s.client, Collection("roles").Select("name").Request("roles"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{`{"name":"r1"}`, `{"name":"r3"}`, `{"name":"r4"}`}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	if want := "/api/data/v9.2/roles?$select=name&$skiptoken=%3Ccookie%20pagenumber=%223%22%20/%3E"; uris[2] != want {
		t.Errorf("third request %q, want %q", uris[2], want)
	}
	if !slices.Equal(prefer, slices.Repeat([]string{"odata.maxpagesize=5000"}, 4)) {
		t.Errorf("page sizes %v", prefer)
	}
	var pages []int
	for _, e := range s.events {
		if e.Kind == PageRead {
			pages = append(pages, e.Rows)
		}
	}
	if !slices.Equal(pages, []int{1, 0, 1, 1}) {
		t.Errorf("events of pages: %v", pages)
	}
}

// TestIncompleteResponses checks that a permanent fault of a response is an error, after it was read
// again.
func TestIncompleteResponses(t *testing.T) {
	const good = `{"value":[{"a":1}]}`
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, base string, n int)
		kind   ErrorKind
		tries  int
		says   string
	}{
		"html": {func(w http.ResponseWriter, _ string, _ int) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>sign in</html>")
		}, Protocol, 6, "text/html"},
		"empty":          {body(""), Protocol, 6, "empty"},
		"cut":            {body(good[:12]), Protocol, 6, "cut short"},
		"behind":         {body(good + "{}"), Protocol, 6, "not JSON"},
		"no value":       {body(`{"values":[]}`), Protocol, 6, `no "value"`},
		"value no array": {body(`{"value":{}}`), Protocol, 6, "array"},
		"value null":     {body(`{"value":null}`), Protocol, 6, "array"},
		"row no object":  {body(`{"value":[{},3]}`), Protocol, 6, "not a row"},
		"twice":          {body(`{"value":[{"a":1}],"value":[]}`), Protocol, 6, "twice"},
		"twice in a row": {body(`{"value":[{"isdisabled":true,"isdisabled":false}]}`), Protocol, 6, `"isdisabled" twice`},
		"twice within":   {body(`{"value":[{"a":{"Value":true,"Value":false}}]}`), Protocol, 6, `"Value" twice`},
		"array":          {body(`[]`), Protocol, 6, "not an object"},
		"not utf-8":      {body("{\"value\":[{\"a\":\"\xff\"}]}"), Protocol, 6, "UTF-8"},
		"deep":           {body(`{"value":[` + strings.Repeat(`{"a":`, 80) + "1" + strings.Repeat("}", 80) + `]}`), Protocol, 6, "deeper than 64"},
		"late error":     {body(`{"value":[{"a":1}],"error":{"code":"","message":"x"}}`), Protocol, 6, "turned into an error"},
		"link empty":     {body(`{"value":[],"@odata.nextLink":""}`), Protocol, 6, "not a link"},
		"count text":     {body(`{"value":[],"@odata.count":"0"}`), Protocol, 6, "not a number of rows"},
		"count short":    {body(`{"value":[],"@odata.count":1}`), Protocol, 6, "announced 1 rows and gave 0"},
		"link number":    {body(`{"value":[],"@odata.nextLink":7}`), Protocol, 6, "not a link"},
		"link elsewhere": {body(`{"value":[],"@odata.nextLink":"https://evil.example/api/data/v9.2/roles"}`), Protocol, 1, "leads to evil.example"},
		"link http":      {body(`{"value":[],"@odata.nextLink":"http://evil.example/api/data/v9.2/roles"}`), Protocol, 1, "not https"},
		"link outside": {func(w http.ResponseWriter, base string, _ int) {
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/main.aspx"}`, base)
		}, Protocol, 1, "out of the Web API"},
		"link climbs": {func(w http.ResponseWriter, base string, _ int) {
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/api/data/%%2e%%2e/x"}`, base)
		}, Protocol, 1, "out of the Web API"},
		"link repeats": {func(w http.ResponseWriter, base string, _ int) {
			_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/api/data/v9.2/roles"}`, base)
		}, Protocol, 6, "leads back"},
		"truncated": {func(w http.ResponseWriter, _ string, _ int) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, good)
		}, Transport, 6, "broke off"},
		"reset": {func(http.ResponseWriter, string, int) { panic(http.ErrAbortHandler) }, Transport, 6, "EOF"},
		"204":   {func(w http.ResponseWriter, _ string, _ int) { w.WriteHeader(204) }, Protocol, 6, "204"},
		"304":   {func(w http.ResponseWriter, _ string, _ int) { w.WriteHeader(304) }, Protocol, 6, ""},
		"redirect": {func(w http.ResponseWriter, _ string, _ int) {
			w.Header().Set("Location", "https://evil.example/roles")
			w.WriteHeader(302)
		}, Redirected, 1, "evil.example"},
		"404 html": {func(w http.ResponseWriter, _ string, _ int) { http.Error(w, "<h1>IIS</h1>", 404) }, Protocol, 6, "Web API"},
		"cut 403": {func(w http.ResponseWriter, _ string, _ int) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(403)
			_, _ = io.WriteString(w, `{"error":{"code":"0x8004`)
		}, Protocol, 6, "cannot be read"},
		"500": {func(w http.ResponseWriter, _ string, _ int) { writeError(w, 500, "", "oops") }, Server, 6, "oops"},
		"501": {func(w http.ResponseWriter, _ string, _ int) { writeError(w, 501, "", "oops") }, Server, 1, "oops"},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			var s *fixture
			s = newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
				tries++
				c.answer(w, s.server.URL, tries)
			})
			_, err := rowsOf(t.Context(), s.client, Collection("roles").Request("reading roles"))
			e := asError(t, err)
			if e.Kind != c.kind || tries != c.tries || e.Attempts != c.tries || !strings.Contains(e.Error(), c.says) {
				t.Errorf("after %d tries (%d said): %v\nwant %v after %d, saying %q", tries, e.Attempts, e, c.kind, c.tries, c.says)
			}
			if !strings.HasPrefix(e.Error(), "reading roles: ") {
				t.Errorf("the error does not say what failed: %v", e)
			}
		})
	}
}

func body(text string) func(http.ResponseWriter, string, int) {
	return func(w http.ResponseWriter, _ string, _ int) { _, _ = io.WriteString(w, text) }
}

func TestBrokenReadsAreRepeated(t *testing.T) {
	tries := 0
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		switch tries++; tries {
		case 1: // on a connection that served before, net/http itself would repeat it
			panic(http.ErrAbortHandler)
		case 2:
			writeError(w, 503, "", "busy")
		case 3:
			_, _ = io.WriteString(w, `{"value":[{"a":`)
		case 4:
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, `{"value":[]}`)
		case 5:
			writeError(w, 500, "", "busy")
		default:
			_, _ = io.WriteString(w, `{"value":[{"a":1}]}`)
		}
	})
	rows, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
	if err != nil || !slices.Equal(rows, []string{`{"a":1}`}) {
		t.Fatalf("%v, %v", rows, err)
	}
	want := []time.Duration{375 * time.Millisecond, 750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second, 6 * time.Second}
	if !slices.Equal(s.clock.sleeps, want) {
		t.Errorf("waited %v, want %v", s.clock.sleeps, want)
	}
	if got := s.client.Stats(); got.Requests < 6 || got.Retries != 5 {
		t.Errorf("stats %+v", got)
	}
}

func TestThrottling(t *testing.T) {
	t.Run("seconds, date, none", func(t *testing.T) {
		tries := 0
		s := newFixture(t, nil)
		s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Sun, 01 Mar 2026 08:00:00 GMT") // its clock differs from ours
			switch tries++; tries {
			case 1:
				w.Header().Set("Retry-After", "7")
				writeError(w, 429, "0x80072322", "Number of requests exceeded")
			case 2:
				w.Header().Set("Retry-After", "Sun, 01 Mar 2026 08:01:30 GMT")
				writeError(w, 429, "0x80072321", "")
			case 3:
				http.Error(w, "slow down", 429)
			default:
				_, _ = io.WriteString(w, `{"value":[]}`)
			}
		})
		if _, err := rowsOf(t.Context(), s.client, Collection("roles").Request("")); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{7 * time.Second, 90 * time.Second, 1500 * time.Millisecond}
		if !slices.Equal(s.clock.sleeps, want) {
			t.Errorf("waited %v, want %v", s.clock.sleeps, want)
		}
		if got := s.client.Stats(); got.Throttled != 3 {
			t.Errorf("stats %+v", got)
		}
	})
	t.Run("too long", func(t *testing.T) {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "99999999999999999999")
			writeError(w, 429, "0x80072322", "Number of requests exceeded")
		})
		_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
		if e := asError(t, err); e.Kind != Throttled || e.Attempts != 1 || len(s.clock.sleeps) != 0 {
			t.Errorf("%v after waiting %v", e, s.clock.sleeps)
		}
	})
	t.Run("for ever", func(t *testing.T) {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "0")
			writeError(w, 429, "0x80072322", "")
		})
		_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
		if e := asError(t, err); e.Kind != Throttled || e.Attempts != 31 {
			t.Errorf("%v", e)
		}
	})
	for _, asked := range []string{"", "7"} {
		t.Run("until the time is up, Retry-After "+asked, func(t *testing.T) {
			s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", asked)
				writeError(w, 429, "0x80072322", "")
			}, func(o *Options) {
				o.Sleep = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
			})
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			_, err := s.client.Get(ctx, Function("WhoAmI").Request("who am I"))
			if e := asError(t, err); e.Kind != Throttled || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(e.Advice(), "throttles") {
				t.Errorf("%v", e)
			}
		})
	}
	t.Run("writes too", func(t *testing.T) {
		tries := 0
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries < 3 {
				w.Header().Set("Retry-After", "2")
				writeError(w, 429, "0x80072322", "")
				return
			}
			w.WriteHeader(204)
		})
		if _, err := s.writer.Change(t.Context(), "POST", Collection("roles").Request(""), []byte(`{"name":"x"}`), ""); err != nil || tries != 3 {
			t.Errorf("%v after %d tries", err, tries)
		}
	})
}

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
			t.Errorf("asked %v", s.tokens.requests)
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
			t.Errorf("asked %v", s.tokens.requests)
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

// blockingTokens signs in when the test allows it, or fails with its caller.
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

// A request that waits for the sign-in of another gets its result, even a failure. If the other
// is canceled, the request signs in.
func TestOneSignInAtATime(t *testing.T) {
	source := blockingTokens{make(chan struct{}), make(chan error)}
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }, func(o *Options) { o.Tokens = source })
	results := make(chan error)
	get := func(ctx context.Context) {
		_, err := s.client.Get(ctx, Function("WhoAmI").Request(""))
		results <- err
	}
	ctx, leave := context.WithCancel(t.Context())
	go get(ctx)
	<-source.started
	go get(t.Context())
	leave()
	if err := <-results; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who leaves: %v", err)
	}
	<-source.started
	go get(t.Context())
	time.Sleep(20 * time.Millisecond) // until it waits
	source.finish <- errors.New("wrong secret")
	for range 2 {
		if err := <-results; err == nil || !strings.Contains(err.Error(), "wrong secret") {
			t.Errorf("those who wait: %v", err)
		}
	}
	go get(t.Context())
	<-source.started
	source.finish <- nil
	if err := <-results; err != nil {
		t.Error(err)
	}
}

func TestCancellation(t *testing.T) {
	started := make(chan struct{}, 1)
	s := newFixture(t, func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	_, err := rowsOf(ctx, s.client, Collection("roles").Request("roles"))
	if !errors.Is(err, context.Canceled) || asError(t, err).Attempts != 1 {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	_, err = s.writer.Change(ctx, "POST", Collection("roles").Request("making a role"), nil, "")
	if e := asError(t, err); !errors.Is(err, context.Canceled) || !e.MayHaveHappened {
		t.Errorf("got %v", err)
	}
	before := len(s.events)
	if _, err = s.client.Get(ctx, Function("WhoAmI").Request("")); !errors.Is(err, context.Canceled) || len(s.events) != before+1 {
		t.Errorf("got %v and %v", err, s.events[before:])
	}
}

func TestTimeouts(t *testing.T) {
	for set, test := range map[string]struct {
		limits Limits
		says   string
	}{
		"never": {Limits{HeaderTimeout: 20 * time.Millisecond, MaxAttempts: 2}, "no answer within 20ms"},
		// On a busy machine, the head of the response may be late.
		"stalls": {Limits{HeaderTimeout: time.Minute, StallTimeout: 20 * time.Millisecond, MaxAttempts: 2}, "broke off"},
		// Each byte is in time, and the response never ends.
		"drips": {Limits{HeaderTimeout: time.Minute, StallTimeout: time.Minute, AnswerTimeout: 100 * time.Millisecond, MaxAttempts: 2}, "no whole answer within 100ms"},
	} {
		s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
			if set == "stalls" {
				_, _ = io.WriteString(w, `{"value":[`)
				_ = http.NewResponseController(w).Flush()
			}
			for set == "drips" && r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond)
			}
			<-r.Context().Done()
		}, func(o *Options) { o.Limits = test.limits })
		_, err := rowsOf(t.Context(), s.client, Collection(set).Request(set))
		if e := asError(t, err); e.Kind != Transport || e.Attempts != 2 || !strings.Contains(e.Error(), test.says) {
			t.Errorf("%v", err)
		}
	}
}

func TestBounds(t *testing.T) {
	n := 0
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "big") {
			_, _ = fmt.Fprintf(w, `{"value":[{"a":%q}]}`, strings.Repeat("x", 3000))
			return
		}
		n++
		_, _ = fmt.Fprintf(w, `{"value":[],"@odata.nextLink":"%s/api/data/v9.2/roles?$skiptoken=%d"}`, s.server.URL, n)
	}, func(o *Options) { o.Limits = Limits{MaxPages: 5, MaxBody: 2000} })
	_, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
	if e := asError(t, err); e.Kind != Protocol || n != 5 {
		t.Errorf("%v after %d pages", err, n)
	}
	_, err = rowsOf(t.Context(), s.client, Collection("big").Request("big"))
	if e := asError(t, err); e.Kind != Protocol || e.Attempts != 1 || !strings.Contains(e.Error(), "2000 bytes") {
		t.Errorf("%v", err)
	}
}

func TestExpandedCollectionsAreCompleted(t *testing.T) {
	var asked []string
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		base := s.server.URL + "/api/data/v9.2/"
		switch {
		case strings.Contains(r.RequestURI, "skiptoken=2"):
			_, _ = fmt.Fprintf(w, `{"value":[{"n":2}],"@odata.nextLink":"%steams(1)/roles?$skiptoken=3"}`, base)
		case strings.Contains(r.RequestURI, "skiptoken=3"):
			_, _ = io.WriteString(w, `{"value":[{"n":3}]}`)
		default:
			_, _ = fmt.Fprintf(w, `{"value":[
				{"id":1,"roles":[{"n":1}],"roles@odata.nextLink":"%[1]steams(1)/roles?$select=n&$skiptoken=2"},
				{"id":2,"roles":[{"n":9}],"roles@odata.nextLink":"%[1]steams(2)/roles?$select=n"},
				{"id":3,"roles":[]}]}`, base)
		}
	})
	rows, err := rowsOf(t.Context(), s.client, Collection("teams").Expand("roles", Query{}.Select("n")).Request("teams"))
	want := []string{`{"id":1,"roles":[{"n":1},{"n":2},{"n":3}]}`, `{"id":2,"roles":[{"n":9}]}`, `{"id":3,"roles":[]}`}
	if err != nil || !slices.Equal(rows, want) {
		t.Errorf("%v, %v", rows, err)
	}
	if len(asked) != 3 || asked[0] != "/api/data/v9.2/teams?$expand=roles($select=n)" {
		t.Errorf("asked %q", asked)
	}
}

func TestFullExpansionsAreReadAgain(t *testing.T) {
	var s *fixture
	inline := "[" + strings.TrimSuffix(strings.Repeat(`{"n":0},`, 5000), ",") + "]"
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.RequestURI, "teams(1)/roles") {
			_, _ = io.WriteString(w, `{"value":[{"n":1},{"n":2}]}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"roles":%s,"roles@odata.nextLink":"%s/api/data/v9.2/teams(1)/roles?$select=n"}`, inline, s.server.URL)
	})
	row, err := s.client.Get(t.Context(), Row("teams", idA).Request("team"))
	if err != nil || string(row) != `{"roles":[{"n":1},{"n":2}]}` {
		t.Errorf("%.100s, %v", row, err)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	for _, c := range []struct {
		status            int
		code, message     string
		kind              ErrorKind
		privilege, column string
		advice            string
	}{
		{403, "0x80040220", "Principal user (Id=af6d214e-90b6-ec11-983f-00224883c651, type=8, roleCount=4, privilegeCount=783, accessMode=0), is missing prvReadRole privilege (Id=c2401db4-999b-4f5a-91a9-fdfc6e9bb76d) on OTC=1036 for entity 'role' (LocalizedName='Rôle de sécurité').", Forbidden, "prvReadRole", "", "give prvReadRole"},
		{403, "0x80072560", "The user is not a member of the organization.", NotMember, "", "", "Application users"},
		{403, "0x80095ffc", "Access to Dataverse API is restricted for this application Id : 'x'.", Forbidden, "", "", "restricted for this application"},
		{400, "0x80048306", "denied", Forbidden, "", "", "enabled"},
		{400, "0x80060888", "Could not find a property named 'overwritetime' on type 'Microsoft.Dynamics.CRM.role'.", BadRequest, "", "overwritetime", `no column "overwritetime"`},
		{400, "0x80041102", "The entity with a name = 'x' was not found", BadRequest, "", "", "does not have the table"},
		{404, "0x80040217", "role With Id = x Does Not Exist", NotFound, "", "", "does not exist"},
		{404, "", "Resource not found for the segment 'rolez'.", NotFound, "", "", "--url"},
		{412, "0x80060882", "The version of the existing record doesn't match", Conflict, "", "", "new plan"},
		{405, "", "x", BadRequest, "", "", "report it"},
	} {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-service-request-id", "corr-1")
			writeError(w, c.status, c.code, c.message)
		})
		_, err := s.client.Get(t.Context(), Row("roles", idA).Request("reading a role"))
		e := asError(t, err)
		if e.Kind != c.kind || e.MissingPrivilege() != c.privilege || e.MissingProperty() != c.column || e.CorrelationID != "corr-1" || e.Attempts != 1 {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(e.Advice(), c.advice) || !strings.Contains(err.Error(), e.Advice()) {
			t.Errorf("advice %q, want %q", e.Advice(), c.advice)
		}
	}
}

func TestImpersonationAdvice(t *testing.T) {
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { writeError(w, 403, "", "nope") })
	r := Collection("userqueries").Request("personal views")
	r.Caller.ObjectID = idA
	_, err := rowsOf(t.Context(), s.client, r)
	if e := asError(t, err); !e.Impersonated || !strings.Contains(e.Advice(), "prvActOnBehalfOfAnotherUser") {
		t.Errorf("%v", err)
	}
}

func TestInvalidRequestsAreNotSent(t *testing.T) {
	s := newFixture(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for _, r := range []Request{
		{},
		{Path: "/api/data/v9.2/roles"},
		{Path: "//evil.example/roles"},
		{Path: "../../x"},
		{Path: "%2e%2e/x"},
		{Path: "roles#x"},
		{Path: "roles?$filter=name eq 'x'"},
		{Path: "roles\r\nX: y"},
		Collection("roles?x").Request("x"),
		Row("roles", "not an id").Request("x"),
		Collection("roles").Select("a,b").Request("x"),
		Collection("roles").Filter(Or()).Request("x"),
		{Path: "roles", Caller: Caller{ObjectID: "x\r\nA: b"}},
	} {
		if _, err := rowsOf(t.Context(), s.client, r); err == nil {
			t.Errorf("%q was accepted", r.Path)
		} else if e := asError(t, err); e.Kind != BadRequest || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("%v", err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{URL: "https://contoso.crm.dynamics.com", Tokens: &fakeTokens{}, Transport: http.DefaultTransport}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	bad := good
	bad.URL = "https://user:secret@contoso.crm.dynamics.com"
	if _, err := New(bad); err == nil || !strings.Contains(err.Error(), "remove it") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the URL is not checked, or the password is shown: %v", err)
	}
	bad = good
	bad.Transport = nil
	if _, err := New(bad); err == nil {
		t.Error("no transport, no client")
	}
	bad.Transport = &http.Transport{TLSClientConfig: insecure()}
	if _, err := New(bad); err == nil {
		t.Error("certificates are always verified")
	}
	bad = good
	bad.Tokens = nil
	if _, err := New(bad); err == nil {
		t.Error("no tokens, no client")
	}
}

// TestEndlessLinks checks that expansions of expansions count as pages.
func TestEndlessLinks(t *testing.T) {
	n := 0
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"value":[{"a":[],"a@odata.nextLink":"%s/api/data/v9.2/a?$skiptoken=%d"}]}`, s.server.URL, n)
	}, func(o *Options) { o.Limits.MaxPages = 50 })
	_, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
	if e := asError(t, err); e.Kind != Protocol || n != 50 {
		t.Errorf("%v after %d pages", err, n)
	}
}

func TestBadExpansions(t *testing.T) {
	for row, says := range map[string]string{
		`{"a":[],"a@odata.nextLink":7}`:                                                 "is not a link",
		`{"a":{},"a@odata.nextLink":"https://evil.example/api/data/x?$skiptoken=1"}`:    "is not an array",
		`{"a":[],"a@odata.nextLink":"https://token-1.example/api/data/x?$skiptoken=1"}`: "leads to [redacted].example",
		`{"a":[],"a@odata.nextLink":"https://evil.example/api/data/x?%24skiptoken=1"}`:  "leads to evil.example",
		`{"a":[],"a":[],"a@odata.nextLink":"x"}`:                                        "twice",
	} {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"value":[`+row+`]}`) })
		rows, err := rowsOf(t.Context(), s.client, Collection("roles").Request("roles"))
		if e := asError(t, err); e.Kind != Protocol || !strings.Contains(err.Error(), says) || len(rows) != 0 {
			t.Errorf("%s: %v", row, err)
		}
	}
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":1,"a@odata.nextLink":"https://elsewhere.example/x"}`)
	})
	row, err := s.client.Get(t.Context(), Row("roles", idA).Request("role"))
	if err != nil || string(row) != `{"id":1}` {
		t.Errorf("a link that need not be followed: %s, %v", row, err)
	}
}

func TestSkew(t *testing.T) {
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sun, 01 Mar 2026 12:04:00 GMT")
		_, _ = io.WriteString(w, "{}")
	})
	if _, ok := s.client.Skew(); ok {
		t.Error("nothing is known before an answer")
	}
	if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err != nil {
		t.Fatal(err)
	}
	if skew, ok := s.client.Skew(); !ok || skew != 4*time.Minute {
		t.Errorf("%v, %v", skew, ok)
	}
}

func TestGetRequiresAnObject(t *testing.T) {
	for body, says := range map[string]string{
		`[]`: "not an object", `{}x`: "not JSON", `{"error":{}}`: "turned into an error", `{"@odata.nextLink":"x","value":[]}`: "read it as rows", "": "empty",
	} {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestStoppedReader(t *testing.T) {
	n := 0
	var s *fixture
	s = newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = fmt.Fprintf(w, `{"value":[{"a":1},{"a":2}],"@odata.nextLink":"%s/api/data/v9.2/roles?$skiptoken=%d"}`, s.server.URL, n)
	})
	for _, err := range s.client.Rows(t.Context(), Collection("roles").Request("roles")) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if n != 1 {
		t.Errorf("%d pages were read for one row", n)
	}
}

// TestFrozenClock checks that a wrong clock does not make every request a sign-in.
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

func TestSignInErrorsPassThrough(t *testing.T) {
	cause := errors.New("the app is unknown")
	s := newFixture(t, nil)
	s.tokens.err = cause
	_, err := s.client.Get(t.Context(), Function("WhoAmI").Request("who am I"))
	if e := asError(t, err); e.Kind != Unauthorized || !errors.Is(err, cause) || err.Error() != "who am I: unauthorized: the app is unknown" {
		t.Errorf("%v", err)
	}
}

// TestAnnouncedRowsAreRequired checks that with $count a missing link or row is detected on the last
// page, which is then read again.
func TestAnnouncedRowsAreRequired(t *testing.T) {
	var s *fixture
	var faults []string
	page := func(count, link bool, rows string) string {
		text := `{"value":[` + rows + `]`
		if count {
			text += `,"@odata.count":3`
		}
		if link {
			text += `,"@odata.nextLink":"` + s.server.URL + `/api/data/v9.2/roles?$count=true&$skiptoken=2"`
		}
		return text + "}"
	}
	s = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		fault := ""
		if len(faults) > 0 {
			fault, faults = faults[0], faults[1:]
		}
		second := strings.Contains(r.RequestURI, "skiptoken")
		switch {
		case second && fault == "row":
			_, _ = io.WriteString(w, page(false, false, ``))
		case second:
			_, _ = io.WriteString(w, page(false, false, `{"n":3}`))
		case fault == "link":
			_, _ = io.WriteString(w, page(true, false, `{"n":1},{"n":2}`))
		case fault == "row":
			_, _ = io.WriteString(w, page(true, true, `{"n":1}`))
		default:
			_, _ = io.WriteString(w, page(true, true, `{"n":1},{"n":2}`))
		}
	})
	read := func(with ...string) ([]string, error) {
		faults = with
		return rowsOf(t.Context(), s.client, Collection("roles").Count().Request("roles"))
	}
	for _, with := range [][]string{nil, {"link"}, {"", "row"}, {"link", "link", "", "row", "row"}} {
		if rows, err := read(with...); err != nil || len(rows) != 3 {
			t.Errorf("%v: %v, %v", with, rows, err)
		}
	}
	if _, err := read("row"); err == nil || !strings.Contains(err.Error(), "announced 3 rows and gave 2") {
		t.Errorf("a row lost before the last page: %v", err)
	}
	if _, err := rowsOf(t.Context(), s.client, Collection("roles").Top(2).Request("")); err != nil {
		t.Errorf("$count takes no notice of $top: %v", err)
	}
	for _, c := range []struct {
		announced, came int
		ok              bool
	}{{unknownCount, 7, true}, {0, 0, true}, {5000, 5000, true}, {5000, 12345, true}, {5000, 4999, false}, {4999, 5000, false}, {3, 4, false}} {
		if err := checkRowCount(c.announced, c.came); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

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

// fakeTokens returns token-1, token-2, … and records the options of each request.
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

// A fakeClock advances only while something sleeps.
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

// A fixture is a server with a client of it.
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

// count returns the number of events of a kind.
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

// A response that stays incomplete or invalid when it is read again is an error.
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
		"late error":     {body(`{"value":[{"a":1}],"error":{"code":"","message":"x"}}`), Protocol, 6, "contains an error"},
		"link empty":     {body(`{"value":[],"@odata.nextLink":""}`), Protocol, 6, "not a link"},
		"count text":     {body(`{"value":[],"@odata.count":"0"}`), Protocol, 6, "not a number of rows"},
		"count short":    {body(`{"value":[],"@odata.count":1}`), Protocol, 6, "announced 1 row and returned 0"},
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
				t.Errorf("after %d tries (%d reported): %v\nwant %v after %d, saying %q", tries, e.Attempts, e, c.kind, c.tries, c.says)
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
	for _, retryAfter := range []string{"", "7"} {
		t.Run("until the time is up, Retry-After "+retryAfter, func(t *testing.T) {
			s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", retryAfter)
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
	for name, test := range map[string]struct {
		limits Limits
		says   string
	}{
		"never": {Limits{HeaderTimeout: 20 * time.Millisecond, MaxAttempts: 2}, "no response within 20ms"},
		// On a busy machine, the head of the response may be late.
		"stalls": {Limits{HeaderTimeout: time.Minute, StallTimeout: 20 * time.Millisecond, MaxAttempts: 2}, "broke off"},
		// Each byte is in time, and the response never ends.
		"drips": {Limits{HeaderTimeout: time.Minute, StallTimeout: time.Minute, AnswerTimeout: 100 * time.Millisecond, MaxAttempts: 2}, "no complete response within 100ms"},
	} {
		s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
			if name == "stalls" {
				_, _ = io.WriteString(w, `{"value":[`)
				_ = http.NewResponseController(w).Flush()
			}
			for name == "drips" && r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Millisecond)
			}
			<-r.Context().Done()
		}, func(o *Options) { o.Limits = test.limits })
		_, err := rowsOf(t.Context(), s.client, Collection(name).Request(name))
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
		{400, "0x80041103", "'role' entity doesn't contain attribute with Name = 'overwritetime' and NameMappingType = 'Logical'.", BadRequest, "", "overwritetime", `no column "overwritetime"`},
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
		t.Error("a client was made without a transport")
	}
	bad.Transport = &http.Transport{TLSClientConfig: insecure()}
	if _, err := New(bad); err == nil {
		t.Error("a transport that does not verify certificates was accepted")
	}
	bad = good
	bad.Tokens = nil
	if _, err := New(bad); err == nil {
		t.Error("a client was made without a token source")
	}
}

func TestSkew(t *testing.T) {
	s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sun, 01 Mar 2026 12:04:00 GMT")
		_, _ = io.WriteString(w, "{}")
	})
	if _, ok := s.client.Skew(); ok {
		t.Error("the skew is known before any response")
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
		`[]`: "not an object", `{}x`: "not JSON", `{"error":{}}`: "contains an error", `{"@odata.nextLink":"x","value":[]}`: "read it as rows", "": "empty",
	} {
		s := newFixture(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if _, err := s.client.Get(t.Context(), Function("WhoAmI").Request("")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", body, err)
		}
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

// A byte order mark before a response, or before an error, is not a fault.
func TestByteOrderMark(t *testing.T) {
	s := newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "roles") {
			_, _ = io.WriteString(w, "\ufeff"+`{"value":[{"name":"x"}]}`)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "\ufeff"+`{"error":{"code":"0x80040220","message":"is missing prvReadTeam privilege"}}`)
	})
	if rows, err := rowsOf(t.Context(), s.client, Collection("roles").Request("")); err != nil || len(rows) != 1 {
		t.Errorf("%v: %v", rows, err)
	}
	_, err := rowsOf(t.Context(), s.client, Collection("teams").Request(""))
	if e := asError(t, err); e.MissingPrivilege() != "prvReadTeam" {
		t.Errorf("%v", err)
	}
}

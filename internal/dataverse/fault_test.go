package dataverse

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var seeds = flag.Int("seeds", 200, "how many schedules of faults are run")

// A faultyEnvironment is an environment behind a bad network. It has three tables with pages, one
// action, and random faults.
type faultyEnvironment struct {
	mu       sync.Mutex
	random   *rand.Rand
	rate     float64
	accepted map[string]bool // tokens
	newest   string          // the last token
	posted   map[string]int  // action by action: how often it was carried out
	rows     map[string]int
	pageSize int
}

func (f *faultyEnvironment) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
	}
	isFaulty, kind := f.random.Float64() < f.rate, f.random.IntN(13)
	if isFaulty {
		switch kind {
		case 0:
			return nil, errors.New("connection reset by peer")
		case 1:
			return odata(429, "0x80072322", "Retry-After", strconv.Itoa(f.random.IntN(20))), nil
		case 2:
			return odata([]int{500, 502, 503, 504}[f.random.IntN(4)], ""), nil
		case 3:
			return answer(200, "text/html", "<html>please wait</html>"), nil
		case 4:
			return answer(503, "text/html", "<html>bad gateway</html>"), nil
		case 5: // the token is revoked
			delete(f.accepted, f.newest)
		case 6:
			return answer(404, "text/html", "<html>no site here</html>"), nil
		}
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !f.accepted[token] {
		return odata(401, ""), nil
	}
	resp, body := f.answer(r, sent)
	if !isFaulty {
		return resp(body), nil
	}
	switch kind {
	case 7: // the response is lost
		return nil, errors.New("unexpected EOF")
	case 8: // cut off, with an error
		out := resp(body)
		out.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
		return out, nil
	case 9: // cut off, without an error
		return resp(body[:f.random.IntN(len(body)+1)]), nil
	case 10: // damaged
		if len(body) > 0 {
			body = bytes.Clone(body)
			body[f.random.IntN(len(body))] = 0xff
		}
		return resp(body), nil
	case 11: // a link to the same page
		if before, _, ok := bytes.Cut(body, []byte(`,"@odata.nextLink"`)); ok {
			body = fmt.Appendf(bytes.Clone(before), `,"@odata.nextLink":%q}`, r.URL)
		}
		return resp(body), nil
	case 12: // no list
		return resp(bytes.Replace(body, []byte(`"value"`), []byte(`"valeu"`), 1)), nil
	}
	return resp(body), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (f *faultyEnvironment) answer(r *http.Request, sent []byte) (func([]byte) *http.Response, []byte) {
	if r.Method == http.MethodPost {
		f.posted[string(sent)]++
		return func([]byte) *http.Response { return answer(204, "", "") }, nil
	}
	set := strings.TrimPrefix(r.URL.Path, apiBase)
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	var b strings.Builder
	b.WriteString(`{"@odata.context":"…","value":[`)
	to := min(from+f.pageSize, f.rows[set])
	for i := from; i < to; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"name":"%s \"{%d}\""}`, i, set, i)
	}
	b.WriteByte(']')
	if to < f.rows[set] {
		fmt.Fprintf(&b, `,"@odata.nextLink":"https://%s%s%s?$skiptoken=%d"`, r.URL.Host, apiBase, set, to)
	}
	b.WriteByte('}')
	return func(body []byte) *http.Response { return answer(200, "application/json", string(body)) }, []byte(b.String())
}

func (f *faultyEnvironment) Token(context.Context, TokenOptions) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest = fmt.Sprintf("token-%d", len(f.accepted)+f.random.IntN(1<<30))
	f.accepted[f.newest] = true
	return Token{Value: NewSecret(f.newest)}, nil
}

func answer(status int, kind, body string, header ...string) *http.Response {
	h := http.Header{}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

func odata(status int, code string, header ...string) *http.Response {
	return answer(status, "application/json", fmt.Sprintf(`{"error":{"code":%q,"message":"x"}}`, code), header...)
}

// With random faults, a read returns all rows, or an error that says nothing about the environment. If
// a change was carried out and returns an error, the error says that this is possible.
func TestRandomFaults(t *testing.T) {
	complete, failed := 0, 0
	for seed := range *seeds {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		f := &faultyEnvironment{
			random: random, rate: 0.3 * random.Float64(), accepted: map[string]bool{}, posted: map[string]int{}, pageSize: 1 + random.IntN(9),
			rows: map[string]int{"roles": random.IntN(60), "teams": 1 + random.IntN(5), "views": 0},
		}
		clock := newFakeClock()
		w, err := NewWriter(Options{
			URL: "https://contoso.crm.dynamics.com", Tokens: f, Transport: f, Now: clock.Now, Sleep: clock.Sleep, Jitter: random.Float64,
		})
		if err != nil {
			t.Fatal(err)
		}
		for set, n := range f.rows {
			got, err := rowsOf(t.Context(), w.Client, Collection(set).Request("reading "+set))
			if err != nil {
				failed++
				switch e := asError(t, err); e.Kind {
				case Unauthorized, Throttled, Server, Transport, Protocol:
				default:
					t.Fatalf("seed %d: %v says something about the environment", seed, err)
				}
				continue
			}
			complete++
			want := make([]string, n)
			for i := range want {
				want[i] = fmt.Sprintf(`{"id":%d,"name":"%s \"{%d}\""}`, i, set, i)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: %s has %d rows, want %d:\n%v", seed, set, len(got), n, got)
			}
		}
		for i := range 5 {
			body := fmt.Sprintf(`{"n":%d}`, i)
			_, err := w.Change(t.Context(), "POST", Collection("DoIt").Request("doing it"), []byte(body), "")
			done := f.posted[body]
			var e *Error
			switch {
			case done > 1:
				t.Fatalf("seed %d: done %d times (%v)", seed, done, err)
			case err == nil && done != 1:
				t.Fatalf("seed %d: said to be done, and was not", seed)
			case err != nil && done == 1 && (!errors.As(err, &e) || !e.MayHaveHappened):
				t.Fatalf("seed %d: done, and the error says it was not: %v", seed, err)
			}
		}
	}
	t.Logf("%d reads complete, %d failed", complete, failed)
	if failed*20 > complete {
		t.Errorf("%d of %d reads failed: it gives up too early", failed, complete+failed)
	}
}

// No visible text contains the token, even if the environment repeats it everywhere.
func TestNothingSecretIsShown(t *testing.T) {
	var shown bytes.Buffer
	var mu sync.Mutex
	kinds := map[ErrorKind]bool{}
	for _, answer := range []func(token string) (*http.Response, error){
		func(s string) (*http.Response, error) {
			return answer(401, "application/json", `{"error":{"code":"`+s+`","message":"`+s+`"}}`, "WWW-Authenticate", "Bearer authorization_uri="+s), nil
		},
		func(s string) (*http.Response, error) {
			return answer(403, "application/json", `{"error":{"code":"`+s+`","message":"missing prv`+s+` privilege"}}`, "REQ_ID", s), nil
		},
		func(s string) (*http.Response, error) {
			return answer(400, "application/json", `{"error":{"code":"","message":"Could not find a property named '`+s+`'"}}`), nil
		},
		func(s string) (*http.Response, error) {
			return answer(404, "application/json", `{"error":{"code":"","message":"`+s+`"}}`), nil
		},
		func(s string) (*http.Response, error) { return answer(500, s, s, "x-ms-service-request-id", s), nil },
		func(s string) (*http.Response, error) { return answer(429, s, s, "Retry-After", s), nil },
		func(s string) (*http.Response, error) { return answer(302, s, s, "Location", "https://"+s+"/"), nil },
		func(s string) (*http.Response, error) { return answer(200, s, s), nil },
		func(s string) (*http.Response, error) { return answer(200, s, `{"`+s+`":1,"`+s+`":2}`), nil },
		func(s string) (*http.Response, error) {
			return answer(200, s, `{"value":[],"@odata.nextLink":"https://`+s+`/"}`), nil
		},
		func(s string) (*http.Response, error) { return nil, errors.New("broken") },
	} {
		c, err := NewWriter(Options{
			URL: "https://contoso.crm.dynamics.com", Tokens: &fakeTokens{},
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				return answer(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			}),
			Now: newFakeClock().Now, Sleep: newFakeClock().Sleep,
			Observe: func(e Event) {
				mu.Lock()
				defer mu.Unlock()
				fmt.Fprintf(&shown, "%v %+v %#v\n", e, e, e)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, readErr := rowsOf(t.Context(), c.Client, Collection("roles").Request("reading roles"))
		_, writeErr := c.Change(t.Context(), "POST", Collection("roles").Request("making a role"), []byte(`{"a":"b"}`), "")
		for _, err := range []error{readErr, writeErr} {
			if err == nil {
				continue
			}
			e := asError(t, err)
			kinds[e.Kind] = true
			fmt.Fprintf(&shown, "%v %+v %#v %s %q %s\n", err, err, *e, e.Advice(), e.MissingPrivilege(), e.MissingProperty())
			for err := errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
				fmt.Fprintf(&shown, "%v %+v %#v\n", err, err, err)
			}
		}
	}
	if i := strings.Index(shown.String(), "token-"); i >= 0 {
		t.Errorf("a token is shown: %s", shown.String()[max(0, i-200):min(shown.Len(), i+100)])
	}
	if len(kinds) < 8 {
		t.Errorf("only %v were seen", kinds)
	}
}

type senderFunc func() (reply, error)

func (f senderFunc) send(context.Context, call) (reply, error) { return f() }

func TestConcurrencyFollowsTheHint(t *testing.T) {
	var next reply
	l := newLimiter(senderFunc(func() (reply, error) { return next, nil }), 8, 52)
	// runningOf returns how many of n requests run at once.
	runningOf := func(n int) int {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if l.acquire(ctx) == nil {
					<-ctx.Done()
					l.release()
				}
			})
		}
		for {
			l.mu.Lock()
			running, all := l.running, l.running+l.waiting == n
			l.mu.Unlock()
			if all {
				cancel()
				wg.Wait()
				return running
			}
			runtime.Gosched()
		}
	}
	respond := func(status int, body, hint string) {
		next = reply{status: status, header: http.Header{"X-Ms-Dop-Hint": {hint}}, body: []byte(body)}
		if _, err := l.send(t.Context(), call{}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(n, want int, when string) {
		t.Helper()
		if got := runningOf(n); got != want {
			t.Errorf("%d at once %s, want %d", got, when, want)
		}
		if l.running != 0 || l.waiting != 0 {
			t.Fatalf("%d run and %d wait after all have ended", l.running, l.waiting)
		}
	}
	check(30, 8, "before any hint")
	respond(200, "", "3")
	check(30, 3, "with hint 3")
	respond(200, "", "900")
	check(120, 52, "with hint 900")
	for _, odd := range []string{"", "0", "-4", "many"} {
		respond(200, "", odd)
	}
	check(120, 52, "after invalid hints")
	respond(200, "", "20")
	for range 19 {
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	respond(429, `{"error":{"code":"`+tooManyAtOnce+`","message":""}}`, "")
	for range 19 {
		l.release()
	}
	check(60, 10, "after 20 were too many")
	respond(200, "", "50")
	check(60, 10, "with hint 50, after 20 were too many")
}

func BenchmarkDecodePage(b *testing.B) {
	var body bytes.Buffer
	body.WriteString(`{"@odata.context":"x","value":[`)
	for i := range 5000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"@odata.etag":"W/\"%d\"","privilegeid":"11111111-2222-3333-4444-%012d","name":"prvReadEntity%d","canbebasic":true,"accessright":1}`, i, i, i)
	}
	body.WriteString(`]}`)
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := decodePage(body.Bytes(), 64); err != nil || len(p.rows) != 5000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	f := &faultyEnvironment{random: rand.New(rand.NewPCG(1, 2)), accepted: map[string]bool{}, pageSize: 500, rows: map[string]int{"roles": 5000}}
	c, err := New(Options{URL: "https://contoso.crm.dynamics.com", Tokens: f, Transport: f})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range c.Rows(b.Context(), Collection("roles").Request("roles")) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 5000 {
			b.Fatal(n)
		}
	}
}

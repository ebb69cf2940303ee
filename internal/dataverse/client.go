package dataverse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Options say what a client is made of. URL, Tokens and Transport are needed.
type Options struct {
	// URL is the environment's origin: https://ORG.crmN.dynamics.com.
	URL    string
	Tokens TokenSource
	// Transport carries each exchange. A RoundTripper does not handle redirects and
	// cookies, so there are none.
	Transport http.RoundTripper
	Now       func() time.Time                           // default time.Now
	Sleep     func(context.Context, time.Duration) error // default: a timer
	Jitter    func() float64                             // in [0, 1); default random
	UserAgent string
	// Observe receives what happens, for progress and logs. It is called from
	// many goroutines and should return at once. May be nil.
	Observe func(Event)
	// PageSize is how many rows a page may have: 1 to 5000, the default.
	PageSize int
	Limits   Limits

	writing bool // set by NewWriter
}

// Limits bound what an environment can make a client do. Zero values stand for
// the defaults.
type Limits struct {
	MaxBody        int64         // bytes of one answer, unpacked; 64 MiB
	MaxPages       int           // pages of one collection; 10,000
	MaxJSONDepth   int           // nesting of one answer; 64
	MaxAttempts    int           // tries of a read that breaks; 6
	MaxThrottled   int           // 429s of one request; 30
	MaxWait        time.Duration // all waits of one request together; 15 minutes
	HeaderTimeout  time.Duration // until an answer begins; 130 seconds, above the platform's two minutes
	StallTimeout   time.Duration // between two pieces of an answer; 60 seconds
	AnswerTimeout  time.Duration // for a whole answer, from the request on; 4 minutes
	Concurrency    int           // exchanges at once until the environment says (x-ms-dop-hint); 8
	MaxConcurrency int           // exchanges at once whatever it says; 52, the service protection limit
}

// DefaultLimits are those that hold where nothing else is said.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	setDefault(&l.MaxBody, 64<<20)
	setDefault(&l.MaxPages, 10_000)
	setDefault(&l.MaxJSONDepth, 64)
	setDefault(&l.MaxAttempts, 6)
	setDefault(&l.MaxThrottled, 30)
	setDefault(&l.MaxWait, 15*time.Minute)
	setDefault(&l.HeaderTimeout, 130*time.Second)
	setDefault(&l.StallTimeout, 60*time.Second)
	setDefault(&l.AnswerTimeout, 4*time.Minute)
	setDefault(&l.Concurrency, 8)
	setDefault(&l.MaxConcurrency, 52)
	l.MaxConcurrency = min(l.MaxConcurrency, 52)
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Caller is the user on whose behalf a request is made. The zero value is the
// signed-in identity itself.
type Caller struct {
	ObjectID     GUID // Entra object id; preferred
	SystemUserID GUID
}

func (c Caller) isZero() bool { return c == Caller{} }

// Request is one read or change.
type Request struct {
	// Path is relative to /api/data/v9.2/ and encoded, as Query.String gives it.
	Path   string
	Caller Caller
	// Strong asks for what is true now instead of what a cache of up to thirty
	// seconds says about permissions and metadata.
	Strong bool
	// Label says in a few words what this is, for errors and progress.
	Label string
}

// EventKind says what happened.
type EventKind int

// The kinds of events.
const (
	UnknownEvent     EventKind = iota
	RequestStarted             // an attempt begins
	RequestFinished            // a request succeeded
	RequestFailed              // a request failed for good; Reason says how
	RequestRetried             // an attempt failed and is repeated after Wait
	RequestThrottled           // the environment asks to wait; repeated after Wait
	PageRead                   // a page of Rows rows was read
	TokenRenewed               // the token was replaced
)

// String gives the kind as a log shows it.
func (k EventKind) String() string {
	switch k {
	case RequestStarted:
		return "request started"
	case RequestFinished:
		return "request finished"
	case RequestFailed:
		return "request failed"
	case RequestRetried:
		return "request retried"
	case RequestThrottled:
		return "throttled"
	case PageRead:
		return "page read"
	case TokenRenewed:
		return "token renewed"
	case UnknownEvent:
	}
	return "unknown"
}

// Event tells what happens, without addresses, values or tokens.
type Event struct {
	Kind    EventKind
	Label   string
	Attempt int           // from 1
	Status  int           // HTTP status, 0 if there is none
	Wait    time.Duration // for RequestRetried and RequestThrottled
	Reason  ErrorKind     // for RequestFailed, RequestRetried and RequestThrottled
	Page    int           // for PageRead, from 1
	Rows    int           // for PageRead
	Bytes   int           // for RequestFinished
}

// Stats count what a client did.
type Stats struct {
	Requests  int           // exchanges sent
	Retries   int           // of those, repetitions
	Throttled int           // 429s
	Renewals  int           // tokens replaced
	Waited    time.Duration // in waits before repetitions
}

// Client reads from one environment. It is safe for concurrent use.
type Client struct {
	origin   origin
	top      sender
	limits   Limits
	observe  func(Event)
	scrub    func(string) string
	counters *counters
	agent    string
	pageSize int
}

// New makes a client that only reads.
func New(o Options) (*Client, error) {
	env, err := parseOrigin(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Tokens == nil {
		return nil, errors.New("no token source given")
	}
	if err := CheckTransport(o.Transport); err != nil {
		return nil, err
	}
	if o.PageSize < 0 || o.PageSize > 5000 {
		return nil, fmt.Errorf("a page size of %d is not possible: give 1 to 5000", o.PageSize)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = Sleep
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.PageSize == 0 {
		o.PageSize = 5000
	}
	if o.UserAgent == "" {
		o.UserAgent = "dbaudit"
	}
	limits, counted := o.Limits.withDefaults(), &counters{}
	tokens := &keeper{source: o.Tokens, now: o.Now, renewed: func() {
		counted.renewals.Add(1)
		o.Observe(Event{Kind: TokenRenewed})
	}}
	var s sender = wire{
		transport: guard{env, o.Transport},
		maxBody:   limits.MaxBody,
		header:    limits.HeaderTimeout,
		stall:     limits.StallTimeout,
		answer:    limits.AnswerTimeout,
		now:       o.Now,
		counters:  counted,
	}
	s = newLimiter(s, limits.Concurrency, limits.MaxConcurrency)
	s = authorizer{s, tokens}
	s = &retrier{next: s, limits: limits, now: o.Now, sleep: o.Sleep, jitter: o.Jitter, observe: o.Observe, scrub: tokens.scrub, counters: counted, writing: o.writing}
	return &Client{
		origin: env, top: s, limits: limits, observe: o.Observe, scrub: tokens.scrub, counters: counted,
		agent: o.UserAgent, pageSize: o.PageSize,
	}, nil
}

// Sleep waits for a time, or until the context ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Origin gives the environment's origin: https://host[:port].
func (c *Client) Origin() string { return c.origin.String() }

// URL gives the absolute address of a query, as @odata.id takes it.
func (c *Client) URL(q Query) (string, error) {
	u, err := c.origin.resolve(q.String())
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// Stats counts what was done so far.
func (c *Client) Stats() Stats {
	n := c.counters
	return Stats{
		Requests:  int(n.requests.Load()),
		Retries:   int(n.retries.Load()),
		Throttled: int(n.throttled.Load()),
		Renewals:  int(n.renewals.Load()),
		Waited:    time.Duration(n.waited.Load()),
	}
}

// Skew tells how far the environment's clock is ahead of this machine's, by its
// last answer; exact to about a second. It is false before any answer.
func (c *Client) Skew() (time.Duration, bool) {
	skew := c.counters.skew.Load()
	if skew == nil {
		return 0, false
	}
	return *skew, true
}

// Rows gives every row of a collection, following its pages to the end. When it yields an
// error, which is an *Error and the last thing it yields, the previous rows are only a part
// of the collection.
func (c *Client) Rows(ctx context.Context, r Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		address, err := c.address(r)
		if err != nil {
			yield(nil, err)
			return
		}
		w := walk{Client: c, ctx: ctx, request: r}
		w.follow(address, yield)
	}
}

// walk is the reading of one request to its end: its pages, and those of the
// collections expanded in them. All of them count towards one bound, so that no
// web of links goes on for ever.
type walk struct {
	*Client
	ctx     context.Context //nolint:containedctx // lives as long as one call
	request Request
	pages   int
}

// follow yields the rows of address and of all pages behind it.
func (w *walk) follow(address *url.URL, yield func(json.RawMessage, error) bool) {
	header := w.header(w.request)
	whole := !strings.Contains(address.RawQuery, "$top=")
	if whole { // Dataverse ignores $top where a page size is given
		header.Set("Prefer", "odata.maxpagesize="+strconv.Itoa(w.pageSize))
	}
	seen := map[string]bool{address.String(): true}
	expected, total := unknown, 0
	for n := 1; address != nil; n++ {
		if w.pages++; w.pages > w.limits.MaxPages {
			yield(nil, w.stopped(w.request, address, fmt.Sprintf("the collection has more than %d pages", w.limits.MaxPages)))
			return
		}
		var p page
		var next *url.URL
		_, err := w.top.send(w.ctx, call{
			method: http.MethodGet, url: address, header: header, label: w.request.Label, as: w.request.Caller,
			usable: func(got reply) (err error) {
				if got.status != http.StatusOK {
					return fmt.Errorf("status %d instead of 200", got.status)
				}
				if p, err = decodePage(got.body, w.limits.MaxJSONDepth); err != nil {
					return err
				}
				if next, err = w.nextPage(address, p, seen); err != nil || next != nil || !whole {
					return err // $count takes no notice of $top
				}
				return tally(max(expected, p.count), total+len(p.rows))
			},
		})
		if err != nil {
			yield(nil, err)
			return
		}
		expected, total = max(expected, p.count), total+len(p.rows)
		w.observe(Event{Kind: PageRead, Label: w.request.Label, Page: n, Rows: len(p.rows)})
		for _, row := range p.rows {
			row, err := w.complete(address, row)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if address = next; address != nil {
			seen[address.String()] = true
		}
	}
}

// tally holds what came against what was announced. The environment counts no
// further than 5,000.
func tally(announced, came int) error {
	const most = 5000
	if announced == unknown || announced == came || announced >= most && came >= most {
		return nil
	}
	return fmt.Errorf("the environment announced %d rows and gave %d", announced, came)
}

// lastingError marks an unusable answer that reading again cannot change.
type lastingError struct{ error }

// nextPage gives where the next page is, nil after the last.
func (c *Client) nextPage(address *url.URL, p page, seen map[string]bool) (*url.URL, error) {
	if p.next == "" {
		return nil, nil //nolint:nilnil // no next page, and nothing wrong
	}
	next, err := c.origin.follow(address, p.next)
	if err != nil {
		return nil, lastingError{fmt.Errorf("the link to the next page was not followed: %w", err)}
	}
	if seen[next.String()] {
		return nil, errors.New("the link to the next page leads back to a page that was read")
	}
	return next, nil
}

// Get gives one JSON object: a row, or the answer of a function.
func (c *Client) Get(ctx context.Context, r Request) (json.RawMessage, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, err
	}
	got, err := c.top.send(ctx, call{
		method: http.MethodGet, url: address, header: c.header(r), label: r.Label, as: r.Caller,
		usable: func(got reply) error {
			if got.status != http.StatusOK {
				return fmt.Errorf("status %d instead of 200", got.status)
			}
			return c.usableObject(got)
		},
	})
	if err != nil {
		return nil, err
	}
	w := walk{Client: c, ctx: ctx, request: r}
	return w.complete(address, got.body)
}

func (c *Client) usableObject(got reply) error {
	fields, err := decodeObject(got.body, c.limits.MaxJSONDepth)
	for _, f := range fields {
		switch f.name {
		case "error":
			return errors.New("the answer turned into an error")
		case "@odata.nextLink":
			return lastingError{errors.New("the answer is a page of a collection: read it as rows")}
		}
	}
	return err
}

const linkSuffix = "@odata.nextLink"

// complete brings the collections expanded inside a row to their end. By
// "Join tables using OData", a link beside one that carries a $skiptoken leads
// to its further rows; one without leads to the same rows again, of which an
// expansion shows 5,000 at most.
func (w *walk) complete(address *url.URL, row json.RawMessage) (json.RawMessage, error) {
	const cut = 5000
	if !bytes.Contains(row, []byte(linkSuffix)) {
		return row, nil
	}
	fields, err := members(row)
	if err != nil {
		return nil, w.stopped(w.request, address, err.Error())
	}
	values := make(map[string]json.RawMessage, len(fields))
	for _, f := range fields {
		values[f.name] = f.value
	}
	for _, f := range fields {
		name, isLink := strings.CutSuffix(f.name, linkSuffix)
		if !isLink || name == "" {
			continue
		}
		delete(values, f.name)
		var link string
		if err := json.Unmarshal(f.value, &link); err != nil {
			return nil, w.stopped(w.request, address, "the link of an expanded collection is not a link")
		}
		var rows []json.RawMessage
		if inline, ok := values[name]; ok {
			if rows, err = elements(inline); err != nil {
				return nil, w.stopped(w.request, address, "an expanded collection "+err.Error())
			}
		}
		further, whole := hasSkipToken(link), len(rows) >= cut
		if !further && !whole {
			continue
		}
		next, err := w.origin.follow(address, link)
		if err != nil {
			return nil, w.stopped(w.request, address, "the link of an expanded collection was not followed: "+err.Error())
		}
		if whole && !further {
			rows = nil
		}
		if rows, err = w.collect(next, rows); err != nil {
			return nil, err
		}
		if values[name], err = json.Marshal(rows); err != nil {
			return nil, w.stopped(w.request, address, "an expanded collection cannot be put together")
		}
	}
	return json.Marshal(values)
}

func (w *walk) collect(address *url.URL, rows []json.RawMessage) ([]json.RawMessage, error) {
	var failed error
	w.follow(address, func(row json.RawMessage, err error) bool {
		if failed = err; err == nil {
			rows = append(rows, row)
		}
		return err == nil
	})
	return rows, failed
}

func hasSkipToken(link string) bool {
	link = strings.ToLower(link)
	return strings.Contains(link, "$skiptoken=") || strings.Contains(link, "%24skiptoken=")
}

func (c *Client) header(r Request) http.Header {
	h := http.Header{
		"Accept":           {"application/json"},
		"Odata-Version":    {"4.0"},
		"Odata-Maxversion": {"4.0"},
		"If-None-Match":    {"null"},
		"User-Agent":       {c.agent},
	}
	switch {
	case r.Caller.ObjectID != "":
		h.Set("CallerObjectId", string(r.Caller.ObjectID))
	case r.Caller.SystemUserID != "":
		h.Set("MSCRMCallerID", string(r.Caller.SystemUserID))
	}
	if r.Strong {
		h.Set("Consistency", "Strong")
	}
	return h
}

// address gives where a request goes, or the error of one that is not sent.
func (c *Client) address(r Request) (*url.URL, error) {
	address, err := c.origin.resolve(r.Path)
	for _, id := range []GUID{r.Caller.ObjectID, r.Caller.SystemUserID} {
		if err == nil && id != "" {
			_, err = ParseGUID(string(id))
		}
	}
	if err != nil {
		return nil, &Error{
			Kind: BadRequest, Label: r.Label, Impersonated: !r.Caller.isZero(), cause: err,
			Message: "the request was not sent: " + Printable(err.Error()),
		}
	}
	return address, nil
}

// stopped is the error of an answer that cannot be used further.
func (c *Client) stopped(r Request, address *url.URL, reason string) *Error {
	return &Error{
		Kind: Protocol, Label: r.Label, Target: target(address), Impersonated: !r.Caller.isZero(),
		Attempts: 1, Message: c.scrub(Printable(reason)),
	}
}

// target is the part of an address that may be shown.
func target(u *url.URL) string { return strings.TrimPrefix(u.Path, apiBase) }

package dataverse

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// A Client reads from one environment. It is safe for concurrent use.
type Client struct {
	origin   origin
	sender   sender
	options  Options
	scrub    func(string) string
	counters *counters
}

// New returns a client that only reads.
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
	o.UserAgent = cmp.Or(o.UserAgent, "dbaudit")
	o.Limits = o.Limits.WithDefaults()
	counted := &counters{}
	tokens := &tokenCache{
		source: o.Tokens, now: o.Now, signInSlot: make(chan struct{}, 1),
		renewed: func() { o.Observe(Event{Kind: TokenRenewed}) },
	}
	exchange := newLimiter(wire{guard{env, o.Transport}, o.Limits, o.Now, counted}, o.Limits.Concurrency, maxConcurrency)
	top := &retrier{Options: o, next: authorizer{exchange, tokens}, scrub: tokens.scrub, counters: counted}
	return &Client{env, top, o, tokens.scrub, counted}, nil
}

// Sleep waits for a duration. If the context ends, it returns the context's error.
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

// Stats returns what the client did so far.
func (c *Client) Stats() Stats {
	n := c.counters
	return Stats{int(n.requests.Load()), int(n.retries.Load()), int(n.throttled.Load())}
}

// Skew returns how far the environment's clock is ahead of this machine's, to about a second,
// according to the last response; false before any response.
func (c *Client) Skew() (time.Duration, bool) {
	skew := c.counters.skew.Load()
	if skew == nil {
		return 0, false
	}
	return *skew, true
}

// Get returns one JSON object: a row, or the response of a function.
func (c *Client) Get(ctx context.Context, r Request) (json.RawMessage, error) {
	address, err := c.address(r)
	if err != nil {
		return nil, err
	}
	got, err := c.sender.send(ctx, call{
		method: http.MethodGet, url: address, header: c.header(r), label: r.Label, caller: r.Caller, validate: c.checkObject,
	})
	if err != nil {
		return nil, err
	}
	p := pager{Client: c, ctx: ctx, request: r}
	return p.completeExpansions(address, got.body)
}

// checkObject returns an error unless the response is one object.
func (c *Client) checkObject(got reply) error {
	fields, err := decodeObject(got.body, maxJSONDepth)
	for _, f := range fields {
		switch f.Name {
		case "error":
			return errors.New("the response contains an error")
		case "@odata.nextLink":
			return permanentError{errors.New("the response is a page of a collection: read it as rows")}
		}
	}
	return err
}

// protocolError returns the error of a response that cannot be used.
func (c *Client) protocolError(r Request, reason string) *Error {
	return &Error{
		Kind: Protocol, Label: r.Label, Impersonated: !r.Caller.isZero(), Attempts: 1, Message: c.scrub(Printable(reason)),
	}
}

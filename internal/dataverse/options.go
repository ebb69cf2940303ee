package dataverse

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Options configure a client. URL, Tokens and Transport are required.
type Options struct {
	// URL is the environment's origin: https://ORG.crmN.dynamics.com.
	URL    string
	Tokens TokenSource
	// Transport sends each request. As a RoundTripper, it follows no redirects and keeps no
	// cookies.
	Transport http.RoundTripper
	Now       func() time.Time                           // default time.Now
	Sleep     func(context.Context, time.Duration) error // default: a timer
	Jitter    func() float64                             // in [0, 1); default random
	UserAgent string
	// Observe receives events, for progress and logs. It is called from many goroutines and
	// should return at once. May be nil.
	Observe func(Event)
	Limits  Limits

	writing bool // set by NewWriter
}

// Limits limit what an environment can make a client do. A zero value is the default.
type Limits struct {
	MaxBody       int64         // bytes of one response, unpacked; 64 MiB
	MaxPages      int           // pages of one collection; 10,000
	MaxAttempts   int           // attempts of a read that breaks off; 6
	HeaderTimeout time.Duration // until a response begins; 130 seconds, above the platform's two minutes
	StallTimeout  time.Duration // between two pieces of a response; 60 seconds
	AnswerTimeout time.Duration // for a complete response, from the request on; 4 minutes
	Concurrency   int           // parallel requests until the environment recommends a number (x-ms-dop-hint); 8
}

// Limits that cannot be changed.
const (
	maxJSONDepth   = 64               // nesting of one response
	maxThrottled   = 30               // 429s of one request
	maxWait        = 15 * time.Minute // all waits of one request together
	longestWait    = 30 * time.Second // between two attempts, unless the environment asks for longer
	maxConcurrency = 52               // parallel requests, whatever the environment recommends: the service protection limit
)

// WithDefaults returns the limits with the default for each that is zero.
func (l Limits) WithDefaults() Limits {
	return Limits{
		MaxBody:       cmp.Or(l.MaxBody, 64<<20),
		MaxPages:      cmp.Or(l.MaxPages, 10_000),
		MaxAttempts:   cmp.Or(l.MaxAttempts, 6),
		HeaderTimeout: cmp.Or(l.HeaderTimeout, 130*time.Second),
		StallTimeout:  cmp.Or(l.StallTimeout, 60*time.Second),
		AnswerTimeout: cmp.Or(l.AnswerTimeout, 4*time.Minute),
		Concurrency:   cmp.Or(l.Concurrency, 8),
	}
}

package dataverse

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Options say what a client is made of. URL, Tokens and Transport are needed.
type Options struct {
	// URL is the environment's origin: https://ORG.crmN.dynamics.com.
	URL    string
	Tokens TokenSource
	// Transport carries each exchange. A RoundTripper follows no redirect and
	// keeps no cookie.
	Transport http.RoundTripper
	Now       func() time.Time                           // default time.Now
	Sleep     func(context.Context, time.Duration) error // default: a timer
	Jitter    func() float64                             // in [0, 1); default random
	UserAgent string
	// Observe receives what happens, for progress and logs. It is called from
	// many goroutines and should return at once. May be nil.
	Observe func(Event)
	Limits  Limits

	writing bool // set by NewWriter
}

// Limits bound what an environment can make a client do. A zero value is the default.
type Limits struct {
	MaxBody       int64         // bytes of one answer, unpacked; 64 MiB
	MaxPages      int           // pages of one collection; 10,000
	MaxAttempts   int           // tries of a read that breaks; 6
	HeaderTimeout time.Duration // until an answer begins; 130 seconds, above the platform's two minutes
	StallTimeout  time.Duration // between two pieces of an answer; 60 seconds
	AnswerTimeout time.Duration // for a whole answer, from the request on; 4 minutes
	Concurrency   int           // exchanges at once until the environment says (x-ms-dop-hint); 8
}

// Limits that cannot be changed.
const (
	maxJSONDepth   = 64               // nesting of one answer
	maxThrottled   = 30               // 429s of one request
	maxWait        = 15 * time.Minute // all waits of one request together
	longestWait    = 30 * time.Second // between two tries, unless the environment asks for longer
	maxConcurrency = 52               // exchanges at once whatever the environment says: the service protection limit
)

// WithDefaults sets each missing limit to its default.
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

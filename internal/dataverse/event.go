package dataverse

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// An EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	UnknownEvent     EventKind = ""
	RequestStarted   EventKind = "request started"  // an attempt begins
	RequestFinished  EventKind = "request finished" // a request succeeded
	RequestFailed    EventKind = "request failed"   // a request failed permanently; Reason says how
	RequestRetried   EventKind = "request retried"  // an attempt failed and is repeated after Wait
	RequestThrottled EventKind = "throttled"        // the environment asks to wait; repeated after Wait
	PageRead         EventKind = "page read"        // a page of Rows rows was read
	TokenRenewed     EventKind = "token renewed"    // the token was replaced
)

func (k EventKind) String() string { return enum.String(k) }

// An Event is something that happened. It contains no addresses, values or tokens.
type Event struct {
	Kind    EventKind
	Label   string
	Attempt int           // from 1
	Status  int           // HTTP status, or 0
	Wait    time.Duration // for RequestRetried and RequestThrottled
	Reason  ErrorKind     // for RequestFailed, RequestRetried and RequestThrottled
	Page    int           // for PageRead, from 1
	Rows    int           // for PageRead
	Bytes   int           // for RequestFinished
}

// Stats count what a client did.
type Stats struct {
	Requests  int // exchanges sent
	Retries   int // of those, repetitions
	Throttled int // 429s
}

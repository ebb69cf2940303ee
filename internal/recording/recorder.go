package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// A Recorder records exchanges. It is safe for concurrent use.
type Recorder struct {
	head Head

	mu        sync.Mutex
	exchanges []*kept
	size      int
}

// kept is an exchange that is not anonymized yet.
type kept struct {
	recorder *Recorder

	method string
	url    *url.URL
	as     map[string]string
	status int
	header http.Header
	body   []byte
}

// NewRecorder begins a recording.
func NewRecorder(head Head) *Recorder {
	head.Format = Format
	return &Recorder{head: head}
}

// callersOf are the headers of a request that name the user on whose behalf it is made.
func callersOf(header http.Header) map[string]string {
	as := only(header, "CallerObjectId", "MSCRMCallerID")
	for name, id := range as {
		as[name] = strings.ToLower(id)
	}
	return as
}

// only are the headers of these names that are set.
func only(header http.Header, names ...string) map[string]string {
	some := map[string]string{}
	for _, name := range names {
		if value := header.Get(name); value != "" {
			some[name] = value
		}
	}
	return some
}

// Wrap returns a transport that records the exchanges of another.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return transport{r, next} }

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	r := t.recorder
	k := &kept{recorder: r, method: request.Method, url: request.URL, as: callersOf(request.Header)}
	r.locked(func() {
		if !r.head.Truncated {
			r.exchanges = append(r.exchanges, k)
		}
	})
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport between others
	}
	r.locked(func() { k.status, k.header = response.StatusCode, response.Header.Clone() })
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(response.Body, k), response.Body}
	return response, nil
}

func (r *Recorder) locked(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// Write records a part of the response's body, within the bounds of a recording.
func (k *kept) Write(data []byte) (int, error) {
	r := k.recorder
	r.locked(func() {
		r.size += len(data)
		if r.head.Truncated = r.head.Truncated || r.size > maxSize; !r.head.Truncated {
			k.body = append(k.body, data...)
		}
	})
	return len(data), nil
}

// Encode writes the recording, anonymized.
func (r *Recorder) Encode() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := newNames(r.head.Pattern)
	if _, err := r.encode(known); err != nil {
		return nil, err
	}
	known.settle()
	return r.encode(known)
}

// encode writes the recording with each id, name and token replaced.
func (r *Recorder) encode(n *names) ([]byte, error) {
	var out bytes.Buffer
	line := json.NewEncoder(&out)
	line.SetEscapeHTML(false)
	if err := line.Encode(n.head(r.head)); err != nil {
		return nil, fmt.Errorf("writing the recording: %w", err)
	}
	for _, k := range r.exchanges {
		if err := line.Encode(n.exchange(k)); err != nil {
			return nil, fmt.Errorf("writing the recording: %w", err)
		}
	}
	return out.Bytes(), nil
}

func (n *names) head(h Head) Head {
	h.Requirement = n.requirement(h.Requirement)
	h.Requirement.ApplicationID, h.Requirement.Role = n.idsIn(h.Requirement.ApplicationID), n.name(h.Requirement.Role)
	return h
}

func (n *names) exchange(k *kept) exchange {
	e := exchange{
		Method: k.method, Address: n.address(canonical(k.url)), Status: k.status,
		As: maps.Clone(k.as), Header: only(k.header, "Content-Type", "OData-Version", "Preference-Applied", "Retry-After", "x-ms-dop-hint",
			"x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"),
	}
	for name, id := range e.As {
		e.As[name] = n.idsIn(id)
	}
	if len(bytes.TrimSpace(k.body)) > 0 {
		e.Body = n.document(k.body)
		e.Broken = e.Body == nil
	}
	return e
}

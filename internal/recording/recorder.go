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

// A Recorder keeps exchanges until they are encoded. It is safe for concurrent use.
type Recorder struct {
	head Head

	mu        sync.Mutex
	exchanges []*kept
	size      int
}

// kept is an exchange as it was.
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

// callersOf gives the headers of a request that name on whose behalf something is asked.
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

// Wrap gives a transport that records what another carries.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return transport{r, next} }

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	k := &kept{recorder: t.recorder, method: request.Method, url: request.URL, as: callersOf(request.Header)}
	k.begin()
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport between others
	}
	k.answered(response)
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(response.Body, k), response.Body}
	return response, nil
}

// begin keeps a request in its place.
func (k *kept) begin() {
	r := k.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.head.Truncated {
		r.exchanges = append(r.exchanges, k)
	}
}

func (k *kept) answered(response *http.Response) {
	k.recorder.mu.Lock()
	defer k.recorder.mu.Unlock()
	k.status, k.header = response.StatusCode, response.Header.Clone()
}

// Write keeps a piece of the answer, as long as there is room.
func (k *kept) Write(data []byte) (int, error) {
	r := k.recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size += len(data)
	if r.head.Truncated = r.head.Truncated || r.size > maxSize; !r.head.Truncated {
		k.body = append(k.body, data...)
	}
	return len(data), nil
}

// Encode writes the recording, made anonymous.
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

// encode writes the recording with each id, name and token as the substitution gives it.
func (r *Recorder) encode(n *names) ([]byte, error) {
	var out bytes.Buffer
	line := json.NewEncoder(&out)
	line.SetEscapeHTML(false)
	if err := line.Encode(headBy(n, r.head)); err != nil {
		return nil, fmt.Errorf("writing the recording: %w", err)
	}
	for _, k := range r.exchanges {
		if err := line.Encode(k.by(n)); err != nil {
			return nil, fmt.Errorf("writing the recording: %w", err)
		}
	}
	return out.Bytes(), nil
}

// headBy replaces what a requirement says of an environment.
func headBy(n *names, h Head) Head {
	h.Requirement = requirementBy(n, h.Requirement)
	h.Requirement.ApplicationID, h.Requirement.Role = idsBy(n, h.Requirement.ApplicationID), n.name(h.Requirement.Role)
	return h
}

func (k *kept) by(n *names) exchange {
	e := exchange{
		Method: k.method, Address: addressBy(n, canonical(k.url)), Status: k.status,
		As: maps.Clone(k.as), Header: only(k.header, "Content-Type", "OData-Version", "Preference-Applied", "Retry-After", "x-ms-dop-hint",
			"x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"),
	}
	for name, id := range e.As {
		e.As[name] = idsBy(n, id)
	}
	if len(bytes.TrimSpace(k.body)) > 0 {
		e.Body = documentBy(n, k.body)
		e.Broken = e.Body == nil
	}
	return e
}

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

// callers are the headers that name on whose behalf something is asked.
func callers() []string { return []string{"CallerObjectId", "MSCRMCallerID"} }

// callersOf gives the headers of a request that name such a user.
func callersOf(header http.Header) map[string]string {
	as := only(header, callers())
	for name, id := range as {
		as[name] = strings.ToLower(id)
	}
	return as
}

// only are the headers of these names that are set.
func only(header http.Header, names []string) map[string]string {
	some := map[string]string{}
	for _, name := range names {
		if value := header.Get(name); value != "" {
			some[name] = value
		}
	}
	return some
}

// headers are those of an answer that are kept.
func headers() []string {
	return []string{
		"Content-Type", "OData-Version", "Preference-Applied", "Retry-After", "x-ms-dop-hint",
		"x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests",
	}
}

// Wrap gives a transport that records what another carries.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return transport{r, next} }

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	k := t.recorder.begin(request)
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // a transport between others
	}
	t.recorder.answered(k, response)
	response.Body = &tee{response.Body, t.recorder, k}
	return response, nil
}

// begin keeps a request in its place. It is nil where no more is kept.
func (r *Recorder) begin(request *http.Request) *kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.head.Truncated {
		return nil
	}
	k := &kept{method: request.Method, url: request.URL, as: callersOf(request.Header)}
	r.exchanges = append(r.exchanges, k)
	return k
}

func (r *Recorder) answered(k *kept, response *http.Response) {
	if k == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	k.status, k.header = response.StatusCode, response.Header.Clone()
}

// add keeps a piece of an answer, as long as there is room.
func (r *Recorder) add(k *kept, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k == nil || r.head.Truncated {
		return
	}
	if r.size += len(data); r.size > maxSize {
		r.head.Truncated = true
		return
	}
	k.body = append(k.body, data...)
}

// tee keeps what is read of an answer.
type tee struct {
	io.ReadCloser
	recorder *Recorder
	of       *kept
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.recorder.add(t.of, p[:n])
	return n, err //nolint:wrapcheck // io.EOF must stay itself
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
	q := h.Requirement
	q.ApplicationID = idsBy(n, q.ApplicationID)
	q.BusinessUnit, q.Role, q.User = n.name(q.BusinessUnit), n.name(q.Role), n.name(q.User)
	views := q.Views
	q.Views = nil
	for _, v := range views {
		v.Name, v.Owner = n.name(v.Name), n.name(v.Owner)
		q.Views = append(q.Views, v)
	}
	h.Requirement = q
	return h
}

func (k *kept) by(n *names) exchange {
	e := exchange{
		Method: k.method, Address: addressBy(n, canonical(k.url)), Status: k.status,
		As: maps.Clone(k.as), Header: only(k.header, headers()),
	}
	for name, id := range e.As {
		e.As[name] = idsBy(n, id)
	}
	if len(bytes.TrimSpace(k.body)) > 0 {
		body, err := documentBy(n, k.body)
		e.Body, e.Broken = body, err != nil
	}
	return e
}

// canonical is an address below /api/data/, decoded.
func canonical(u *url.URL) string {
	address := strings.TrimPrefix(u.Path, "/api/data/")
	if u.RawQuery == "" {
		return address
	}
	var parts []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		text, err := url.QueryUnescape(part)
		if err != nil {
			text = part
		}
		parts = append(parts, text)
	}
	return address + "?" + strings.Join(parts, "&")
}

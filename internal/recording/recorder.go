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

// A Recorder records the exchanges of transports. It is safe for concurrent use.
type Recorder struct {
	header Header

	mu        sync.Mutex
	exchanges []*rawExchange
	size      int
}

// rawExchange is an exchange that is not anonymized yet.
type rawExchange struct {
	recorder *Recorder

	method        string
	url           *url.URL
	impersonation map[string]string
	status        int
	header        http.Header
	body          []byte
}

// NewRecorder returns a recorder of a new recording.
func NewRecorder(header Header) *Recorder {
	header.Format = Format
	return &Recorder{header: header}
}

// impersonationHeaders returns the headers of a request that name the user whom it impersonates.
func impersonationHeaders(header http.Header) map[string]string {
	headers := selectHeaders(header, "CallerObjectId", "MSCRMCallerID")
	for name, id := range headers {
		headers[name] = strings.ToLower(id)
	}
	return headers
}

func selectHeaders(header http.Header, names ...string) map[string]string {
	headers := map[string]string{}
	for _, name := range names {
		if value := header.Get(name); value != "" {
			headers[name] = value
		}
	}
	return headers
}

// Wrap returns a transport that records the exchanges of another.
func (r *Recorder) Wrap(next http.RoundTripper) http.RoundTripper { return transport{r, next} }

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	r := t.recorder
	e := &rawExchange{recorder: r, method: request.Method, url: request.URL, impersonation: impersonationHeaders(request.Header)}
	r.withLock(func() {
		if !r.header.Truncated {
			r.exchanges = append(r.exchanges, e)
		}
	})
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // the client that uses the transport wraps it
	}
	r.withLock(func() { e.status, e.header = response.StatusCode, response.Header.Clone() })
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(response.Body, e), response.Body}
	return response, nil
}

func (r *Recorder) withLock(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// Write records a part of the response's body. Beyond maxSize it marks the recording as truncated.
func (e *rawExchange) Write(data []byte) (int, error) {
	r := e.recorder
	r.withLock(func() {
		r.size += len(data)
		if r.header.Truncated = r.header.Truncated || r.size > maxSize; !r.header.Truncated {
			e.body = append(e.body, data...)
		}
	})
	return len(data), nil
}

// Encode returns the anonymized recording.
func (r *Recorder) Encode() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := newAnonymizer(r.header.Pattern)
	if _, err := r.encode(a); err != nil {
		return nil, err
	}
	a.chooseReplacements()
	return r.encode(a)
}

func (r *Recorder) encode(a *anonymizer) ([]byte, error) {
	var out bytes.Buffer
	line := json.NewEncoder(&out)
	line.SetEscapeHTML(false)
	if err := line.Encode(a.anonymizeHeader(r.header)); err != nil {
		return nil, fmt.Errorf("writing the recording: %w", err)
	}
	for _, e := range r.exchanges {
		if err := line.Encode(a.anonymizeExchange(e)); err != nil {
			return nil, fmt.Errorf("writing the recording: %w", err)
		}
	}
	return out.Bytes(), nil
}

func (a *anonymizer) anonymizeHeader(h Header) Header {
	h.Requirement = a.anonymizeRequirement(h.Requirement)
	h.Requirement.ApplicationID, h.Requirement.Role = a.replaceIDs(h.Requirement.ApplicationID), a.replaceName(h.Requirement.Role)
	return h
}

func (a *anonymizer) anonymizeExchange(k *rawExchange) exchange {
	e := exchange{
		Method: k.method, Address: a.anonymizeAddress(relativeAddress(k.url)), Status: k.status,
		Impersonation: maps.Clone(k.impersonation), Headers: selectHeaders(k.header, "Content-Type", "OData-Version", "Preference-Applied", "Retry-After", "x-ms-dop-hint",
			"x-ms-ratelimit-burst-remaining-xrm-requests", "x-ms-ratelimit-time-remaining-xrm-requests"),
	}
	for name, id := range e.Impersonation {
		e.Impersonation[name] = a.replaceIDs(id)
	}
	if len(bytes.TrimSpace(k.body)) > 0 {
		e.Body = a.anonymizeDocument(k.body)
		e.Broken = e.Body == nil
	}
	return e
}

package cli

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/run"
)

// A pageTransport answers requests from a table, and records them.
type pageTransport struct {
	responses map[string]*http.Response
	requests  []*http.Request
}

func (p *pageTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	p.requests = append(p.requests, r)
	answer := *p.responses[r.URL.String()]
	answer.Request = r
	return &answer, nil
}

func newResponse(status int, body io.Reader, location string) *http.Response {
	header := http.Header{}
	if location != "" {
		header.Set("Location", location)
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: header, Body: io.NopCloser(body)}
}

// TestFetchPage checks that a vendor's page is fetched only over https, without a credential, and
// with limits on size and time.
func TestFetchPage(t *testing.T) {
	t.Parallel()
	const address = "https://vendor.example/page"
	long := io.MultiReader(strings.NewReader("<p>View - Read</p>"), bytes.NewReader(make([]byte, bounds.Page.Max())))
	for name, test := range map[string]struct {
		answers map[string]*http.Response
		want    string // of the error; empty for none
	}{
		"a page":             {map[string]*http.Response{address: newResponse(200, strings.NewReader("View - Read"), "")}, ""},
		"moved":              {map[string]*http.Response{address: newResponse(301, http.NoBody, "https://vendor.example/new"), "https://vendor.example/new": newResponse(200, strings.NewReader("View - Read"), "")}, ""},
		"moved to http":      {map[string]*http.Response{address: newResponse(302, http.NoBody, "http://vendor.example/new")}, "redirects to another scheme"},
		"moved in a circle":  {map[string]*http.Response{address: newResponse(302, http.NoBody, address)}, "redirects to another scheme, or without end"},
		"forbidden":          {map[string]*http.Response{address: newResponse(403, http.NoBody, "")}, "save it in a browser and pass it with --file"},
		"a page without end": {map[string]*http.Response{address: newResponse(200, long, "")}, "vendor.example has more than 16 MiB, the maximum for a page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pageTransport{responses: test.answers}
			a := newApp(Env{Host: run.Host{Transport: func(*x509.CertPool) http.RoundTripper { return p }}})
			page, err := fetchPage(t.Context(), a, address)
			if test.want == "" && (err != nil || string(page) != "View - Read") {
				t.Errorf("got %q, %v", page, err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			for _, r := range p.requests {
				deadline, bounded := r.Context().Deadline()
				if !bounded || time.Until(deadline) > pageTimeout {
					t.Error("the request has no end")
				}
				if r.URL.Scheme != "https" || r.Header.Get("Authorization") != "" {
					t.Errorf("asked %s with %v", r.URL, r.Header)
				}
			}
			if len(p.requests) > 7 {
				t.Errorf("%d requests", len(p.requests))
			}
		})
	}
}

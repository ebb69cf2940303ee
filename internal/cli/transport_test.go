package cli

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// TestTransportConnections checks that concurrent requests share a connection with HTTP/2, and each
// have their own with HTTP/1.1.
func TestTransportConnections(t *testing.T) {
	t.Parallel()
	const requests = 5
	for _, http2 := range []bool{true, false} {
		var connections atomic.Int64
		var together sync.WaitGroup
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/first" { // until all are under way
				together.Done()
				together.Wait()
			}
		}))
		server.EnableHTTP2 = http2
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		client := http.Client{Transport: newTransport(roots)}
		get := func(path string) error {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				return err
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		}
		want := int64(1)
		if !http2 {
			want = requests
			if err := get("/first"); err != nil {
				t.Fatal(err)
			}
			client.CloseIdleConnections()
			connections.Store(0)
		}
		together.Add(requests)
		var group errgroup.Group
		for range requests {
			group.Go(func() error { return get("/") })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := connections.Load(); got != want {
			t.Errorf("HTTP/2 %v: %d requests opened %d connections, want %d", http2, requests, got, want)
		}
	}
}

// TestProxyAdvice checks that what a proxy refuses is not told as a fault of the host or the network.
func TestProxyAdvice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		scheme    string
		status    int // 0 for a proxy that does not run
		permanent bool
		advice    string
	}{
		{"http", http.StatusProxyAuthRequired, true, "http://USER:PASSWORD@HOST:PORT"},
		{"http", http.StatusForbidden, true, "ask its administrator"},
		{"http", http.StatusServiceUnavailable, false, "ask its administrator"},
		{"http", 0, false, "check HTTPS_PROXY"},
		{"socks5", 0, false, "check HTTPS_PROXY"},
	} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) }))
		if test.status == 0 {
			proxy.Close()
		} else {
			t.Cleanup(proxy.Close)
		}
		transport := newTransport(nil)
		transport.single.Proxy = http.ProxyURL(&url.URL{Scheme: test.scheme, User: url.UserPassword("me", "password"), Host: proxy.Listener.Addr().String()})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://contoso.crm.dynamics.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%+v: no error", test)
		}
		advice := dataverse.ConnectionAdvice(err)
		if !strings.Contains(advice, test.advice) || dataverse.IsPermanent(err) != test.permanent || strings.Contains(err.Error(), "password") {
			t.Errorf("%+v: %v: %s, permanent: %v", test, err, advice, dataverse.IsPermanent(err))
		}
	}
}

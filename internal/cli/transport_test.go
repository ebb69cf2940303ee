package cli

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
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

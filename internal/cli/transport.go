package cli

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// platformLimit is the longest time that Dataverse works on one statement, with a margin:
// https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
const platformLimit = 130 * time.Second

// A transport opens one connection to each host, which is enough for HTTP/2. Without this limit, each
// of the first requests to an environment would open a connection, and all but one would be closed
// unused. Once a host has answered by HTTP/1.1, each request may open its own connection.
type transport struct {
	single, multiple *http.Transport
	http1            atomic.Bool
}

func newTransport(roots *x509.CertPool) *transport {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}
	t := &transport{multiple: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: platformLimit,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	t.single = t.multiple.Clone()
	t.single.MaxConnsPerHost = 1
	return t
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.http1.Load() {
		return t.multiple.RoundTrip(req)
	}
	resp, err := t.single.RoundTrip(req)
	if err == nil && resp.ProtoMajor == 1 {
		t.http1.Store(true)
	}
	return resp, err
}

// CloseIdleConnections closes unused connections; see [http.Client.CloseIdleConnections].
func (t *transport) CloseIdleConnections() {
	t.single.CloseIdleConnections()
	t.multiple.CloseIdleConnections()
}

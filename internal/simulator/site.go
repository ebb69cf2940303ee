package simulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// A Site serves over TLS, with a self-signed certificate of its own.
type Site struct {
	url         string
	certificate tls.Certificate
	servers     []*http.Server
	unwatch     func() bool
}

// Serve serves a handler on an address until ctx ends or the site is closed.
func Serve(ctx context.Context, address string, h http.Handler) (*Site, error) {
	s, err := newSite(address)
	if err != nil {
		return nil, err
	}
	listener, url, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	s.url = url
	s.serve(listener, h)
	s.closeAfter(ctx)
	return s, nil
}

// newSite makes a site that serves nothing yet, with a certificate for this machine's names and the host
// of an address.
func newSite(address string) (*Site, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	template := x509.Certificate{
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else if host != "" {
		template.DNSNames = append(template.DNSNames, host)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for TLS: %w", err)
	}
	certificate, err := entra.SelfSigned("dbaudit simulator", key, template)
	return &Site{certificate: certificate}, err //nolint:wrapcheck // it says what failed
}

// listen opens an address and returns its URL.
func listen(ctx context.Context, address string) (net.Listener, string, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("listening on %s: %w", address, err)
	}
	host, _, _ := net.SplitHostPort(address)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return listener, "https://" + net.JoinHostPort(host, port), nil
}

func (s *Site) serve(listener net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.certificate}},
		ReadHeaderTimeout: 10 * time.Second,
		// The client reports what fails with a connection.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.servers = append(s.servers, server)
	go func() { _ = server.ServeTLS(listener, "", "") }()
}

func (s *Site) closeAfter(ctx context.Context) {
	s.unwatch = context.AfterFunc(ctx, func() { _ = s.Close() })
}

// URL is the site's address.
func (s *Site) URL() string { return s.url }

// CAPEM is the certificate that signed the site's own, in PEM.
func (s *Site) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Certificate[0]})
}

// Close stops serving and drops open connections.
func (s *Site) Close() error {
	if s.unwatch != nil {
		s.unwatch()
	}
	return errors.Join(each(s.servers, (*http.Server).Close)...)
}

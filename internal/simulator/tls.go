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

// A TLSServer serves HTTPS with its own self-signed certificate.
type TLSServer struct {
	url         string
	certificate tls.Certificate
	servers     []*http.Server
	stopWaiting func() bool // for the end of the context; nil before closeAfter
}

// Serve serves a handler on an address until ctx ends or the server is closed.
func Serve(ctx context.Context, address string, h http.Handler) (*TLSServer, error) {
	s, err := newTLSServer(address)
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

// newTLSServer returns a server that does not serve yet. Its certificate is for this machine's loopback names
// and for the host of address.
func newTLSServer(address string) (*TLSServer, error) {
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
	return &TLSServer{certificate: certificate}, err //nolint:wrapcheck // the error says what failed
}

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

func (s *TLSServer) serve(listener net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.certificate}},
		ReadHeaderTimeout: 10 * time.Second,
		// The client reports connection errors.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.servers = append(s.servers, server)
	go func() { _ = server.ServeTLS(listener, "", "") }()
}

func (s *TLSServer) closeAfter(ctx context.Context) {
	s.stopWaiting = context.AfterFunc(ctx, func() { _ = s.Close() })
}

// URL returns the server's address.
func (s *TLSServer) URL() string { return s.url }

// CAPEM returns the server's certificate in PEM. It signs itself, so clients trust it as a CA.
func (s *TLSServer) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Certificate[0]})
}

// Close stops the server and drops open connections.
func (s *TLSServer) Close() error {
	if s.stopWaiting != nil {
		s.stopWaiting()
	}
	return errors.Join(mapSlice(s.servers, (*http.Server).Close)...)
}

package simulator

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// A Site is a handler of another's, served as the simulator serves its own: over TLS,
// by a certificate that a new authority has signed.
type Site struct {
	server *Server
	url    string
}

// Serve serves a handler on an address until ctx ends or the site is closed.
func Serve(ctx context.Context, address string, h http.Handler) (*Site, error) {
	ca, err := newAuthority(time.Now())
	if err != nil {
		return nil, err
	}
	listener, url, err := listen(ctx, address)
	if err != nil {
		return nil, err
	}
	s := &Server{ca: ca}
	host, _, _ := net.SplitHostPort(address)
	if err := s.serve(listener, host, h); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.stopWatching = context.AfterFunc(ctx, func() { _ = s.Close() })
	return &Site{s, url}, nil
}

// URL is the site's address.
func (s *Site) URL() string { return s.url }

// CAPEM is the certificate of the authority, in PEM.
func (s *Site) CAPEM() []byte { return s.server.CAPEM() }

// Close stops serving.
func (s *Site) Close() error { return s.server.Close() }

package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// Options are a server's settings; the zero value is good.
type Options struct {
	// Listen is the address of the Web API, 127.0.0.1:0 where it is left out. The sign-in host has a
	// free port on the same interface.
	Listen string
	// Now is the clock, time.Now where it is left out. Certificates for TLS follow the real one.
	Now func() time.Time
	// PageSize caps the rows of a page, so that small environments have several; 5000 where it is 0.
	PageSize int
	// StaleFor is for how many requests after a change privileges are still answered and checked as
	// before it, unless a request asks for Consistency: Strong.
	StaleFor int
	// Latency, Faults and Observe are asked for every request on either listener, before it is
	// handled; the sign-in host's paths begin with the tenant, the Web API's with /api/data.
	Latency func(*http.Request) time.Duration
	Faults  func(*http.Request) Fault
	Observe func(*http.Request)
}

// A Server is a running environment. Its methods may be used from several goroutines at once.
type Server struct {
	options   Options
	types     *entityTypes
	ca        *authority
	directory *entra.Directory

	apiURL, authorityURL string
	servers              []*http.Server
	closed               sync.Once
	closeErr             error
	stopWatching         func() bool

	current atomic.Pointer[world]
	writing sync.Mutex // held by whoever replaces the current world
	made    int        // rows made by requests so far, under writing

	stale      sync.Mutex
	staleWorld *world
	staleLeft  int
}

// Start serves an environment until ctx ends or the server is closed. The environment is copied; it
// must be free of problems, which one from [ParseEnvironment] or [Builtin] is.
func Start(ctx context.Context, env *Environment, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.PageSize <= 0 || o.PageSize > maxPage {
		o.PageSize = maxPage
	}
	own, err := prepared(env)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, types: newEntityTypes()}
	s.current.Store(newWorld(own, nil, o.Now()))
	if s.ca, err = newAuthority(time.Now()); err != nil {
		return nil, err
	}
	if err := s.open(ctx, own); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.stopWatching = context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// open listens on both addresses, makes the directory that knows them, and serves.
func (s *Server) open(ctx context.Context, env *Environment) error {
	host, _, err := net.SplitHostPort(s.options.Listen)
	if err != nil {
		return fmt.Errorf("listening on %q: %w", s.options.Listen, err)
	}
	api, apiURL, err := listen(ctx, s.options.Listen)
	if err != nil {
		return err
	}
	authority, authorityURL, err := listen(ctx, net.JoinHostPort(host, "0"))
	if err != nil {
		return errors.Join(err, api.Close())
	}
	s.apiURL, s.authorityURL = apiURL, authorityURL
	tenant := entra.Tenant{
		ID: env.TenantID, Domain: env.Organization.URLName + ".onmicrosoft.com", Clients: env.Clients,
		Address: authorityURL, Resource: apiURL, Now: s.options.Now,
		// Some clients take Microsoft's addresses alone, and are led here by their resolver.
		Alias: "https://" + env.Organization.URLName + ".crm.dynamics.com",
	}
	for _, u := range env.Users {
		if !u.SoftDeleted {
			tenant.People = append(tenant.People, entra.Person{Name: u.Name, UPN: u.UPN, ObjectID: u.EntraObjectID})
		}
	}
	if s.directory, err = entra.New(tenant); err != nil {
		return errors.Join(err, api.Close(), authority.Close())
	}
	return errors.Join(s.serve(api, host, http.HandlerFunc(s.serveAPI)), s.serve(authority, host, s.directory))
}

// prepared makes a private environment, normalised and with its references pinned.
func prepared(env *Environment) (*Environment, error) {
	own := env.Clone()
	var errs []error
	for _, p := range normalise(own) {
		errs = append(errs, p)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("the environment cannot be used: %w", errors.Join(errs...))
	}
	pinReferences(own)
	return own, nil
}

// listen opens an address and gives the URL under which it is reached.
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

// serve answers on a listener, by a certificate for host and for this machine's own names.
func (s *Server) serve(listener net.Listener, host string, h http.Handler) error {
	config, err := s.ca.serverConfig(host, time.Now())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Handler:           s.disturbed(h),
		TLSConfig:         config,
		ReadHeaderTimeout: 10 * time.Second,
		// What goes wrong with a connection is the client's to tell.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.servers = append(s.servers, server)
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return nil
}

// URL is the environment's address: its Web API is at /api/data/v9.2/ below it.
func (s *Server) URL() string { return s.apiURL }

// AuthorityURL is the sign-in host's address; the tenant's endpoints are below it.
func (s *Server) AuthorityURL() string { return s.authorityURL }

// TenantID is the id of the tenant that the environment belongs to.
func (s *Server) TenantID() string { return s.current.Load().env.TenantID }

// CAPEM is the certificate of the authority that signed both listeners' certificates, in PEM.
func (s *Server) CAPEM() []byte { return append([]byte(nil), s.ca.pem...) }

// ClientCertificate is the certificate and private key, in PEM, of a client whose certificate is
// "generated"; nil for any other.
func (s *Server) ClientCertificate(applicationID string) []byte {
	return s.directory.Certificate(applicationID)
}

// Environment is a copy of the current state.
func (s *Server) Environment() *Environment {
	env := s.current.Load().env.Clone()
	nameReferences(env)
	return env
}

// State gives the current state as canonical bytes: YAML, sorted, equal if and only if the states are.
func (s *Server) State() ([]byte, error) { return canonical(s.current.Load().env) }

// Mutate changes the state underneath running clients, as another administrator would. The change is
// refused as a whole, with an error, if it leaves an environment that cannot be used. App
// registrations (Clients) and people who sign in are read at the start only.
func (s *Server) Mutate(change func(*Environment)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	env := s.Environment()
	change(env)
	keepCreations(s.current.Load().env, env)
	own, err := prepared(env)
	if err != nil {
		return err
	}
	s.replace(own)
	return nil
}

// replace makes env the current state. The caller holds s.writing.
func (s *Server) replace(env *Environment) {
	before := s.current.Load()
	s.current.Store(newWorld(env, before, s.options.Now()))
	s.stale.Lock()
	defer s.stale.Unlock()
	if s.staleLeft == 0 {
		s.staleWorld = before
	}
	s.staleLeft = s.options.StaleFor
}

// permissionWorld is the world that a request's privileges are taken from.
func (s *Server) permissionWorld(header http.Header, current *world) *world {
	s.stale.Lock()
	defer s.stale.Unlock()
	if s.staleLeft == 0 || header.Get("Consistency") == "Strong" {
		return current
	}
	s.staleLeft--
	return s.staleWorld
}

// Close stops serving and drops open connections.
func (s *Server) Close() error {
	s.closed.Do(func() {
		if s.stopWatching != nil {
			s.stopWatching()
		}
		var errs []error
		for _, server := range s.servers {
			errs = append(errs, server.Close())
		}
		s.closeErr = errors.Join(errs...)
	})
	return s.closeErr
}

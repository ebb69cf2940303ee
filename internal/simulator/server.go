package simulator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// Options are a server's settings; the zero value is valid.
type Options struct {
	// Listen is the address of the Web API; default 127.0.0.1:0. The sign-in host has a free port on the
	// same interface.
	Listen string
	// Now is the clock; default time.Now. Certificates for TLS use the real one.
	Now func() time.Time
	// PageSize bounds the rows of a page, so that small environments have several; default 5000.
	PageSize int
	// StaleFor is how many requests after a change still see the earlier privileges, unless they ask for
	// Consistency: Strong.
	StaleFor int
	// Faults and Observe get every request on either listener before it is handled. The sign-in host's
	// paths begin with the tenant, the Web API's with /api/data.
	Faults  func(*http.Request) Fault
	Observe func(*http.Request)
}

// A Server is a running environment. Its methods may be used from several goroutines at once.
type Server struct {
	*Site // its URL is the environment's

	options      Options
	types        map[string]*entityType
	directory    *entra.Directory
	authorityURL string

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
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	o.PageSize = min(cmp.Or(o.PageSize, maxPage), maxPage)
	own, cat, err := prepared(env)
	if err != nil {
		return nil, err
	}
	site, err := newSite(o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{Site: site, options: o, types: newEntityTypes()}
	s.current.Store(newWorld(own, cat, nil, o.Now(), ""))
	if err := s.open(ctx, own); err != nil {
		return nil, err
	}
	s.closeAfter(ctx)
	return s, nil
}

// open listens on both addresses, makes the directory, and serves.
func (s *Server) open(ctx context.Context, env *Environment) error {
	host, _, _ := net.SplitHostPort(s.options.Listen)
	api, apiURL, err := listen(ctx, s.options.Listen)
	if err != nil {
		return err
	}
	authority, authorityURL, err := listen(ctx, net.JoinHostPort(host, "0"))
	if err != nil {
		return errors.Join(err, api.Close())
	}
	s.url, s.authorityURL = apiURL, authorityURL
	tenant := entra.Tenant{
		ID: env.TenantID, Domain: env.Organization.URLName + ".onmicrosoft.com", Clients: env.Clients,
		Address: authorityURL, Resource: apiURL, Now: s.options.Now,
		// Some clients accept only Microsoft's addresses; their resolver maps them to this server.
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
	s.serve(api, s.disturbed(http.HandlerFunc(s.serveAPI)))
	s.serve(authority, s.disturbed(s.directory))
	return nil
}

// prepared makes a private environment, normalised and with its references pinned.
func prepared(env *Environment) (*Environment, *catalogue, error) {
	own := env.Clone()
	cat, problems := normalise(own)
	if len(problems) > 0 {
		return nil, nil, fmt.Errorf("the environment cannot be used: %w", errors.Join(each(problems, func(p problem) error { return p })...))
	}
	pinReferences(own)
	return own, cat, nil
}

// AuthorityURL is the sign-in host's address; the tenant's endpoints are below it.
func (s *Server) AuthorityURL() string { return s.authorityURL }

// TenantID is the id of the tenant that the environment belongs to.
func (s *Server) TenantID() string { return s.current.Load().env.TenantID }

// Token is a token of an application, given without a request.
func (s *Server) Token(applicationID string) string {
	return s.directory.Issue(entra.Identity{ApplicationID: applicationID})
}

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

// State returns the current state in a canonical form: YAML in which references are ids and lists are
// sorted, without Suggest.
func (s *Server) State() ([]byte, error) {
	env := s.current.Load().env.Clone()
	env.Suggest = Suggest{}
	sortLists(reflect.ValueOf(env).Elem())
	return Marshal(env)
}

// Mutate changes the state while clients run, as another administrator would. The whole change is
// refused if the result is not a valid environment. Clients and people who sign in are read only at the
// start.
func (s *Server) Mutate(change func(*Environment)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	env := s.Environment()
	change(env)
	own, cat, err := prepared(env)
	if err != nil {
		return err
	}
	s.replace(newWorld(own, cat, s.current.Load(), s.options.Now(), ""))
	return nil
}

// replace makes a world the current state. The caller holds s.writing.
func (s *Server) replace(w *world) {
	before := s.current.Swap(w)
	s.stale.Lock()
	defer s.stale.Unlock()
	if s.staleLeft == 0 {
		s.staleWorld = before
	}
	s.staleLeft = s.options.StaleFor
}

// permissionWorld is the world that a request's privileges come from.
func (s *Server) permissionWorld(header http.Header, current *world) *world {
	s.stale.Lock()
	defer s.stale.Unlock()
	if s.staleLeft == 0 || header.Get("Consistency") == "Strong" {
		return current
	}
	s.staleLeft--
	return s.staleWorld
}

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

// Options has the settings of a Server. The zero value is valid.
type Options struct {
	// Listen is the address of the Web API. The default is 127.0.0.1:0. The sign-in host has a free port on
	// the same interface.
	Listen string
	// Now is the clock. The default is time.Now. TLS certificates always use the real time.
	Now func() time.Time
	// PageSize limits the rows of a page, so that a small environment can have several pages. The default
	// is 5000.
	PageSize int
	// StaleFor is the number of requests after a change that still use the earlier privileges. A request
	// with the header Consistency: Strong does not.
	StaleFor int
	// Faults and Observe get each request to either listener before it is handled. The paths of the Web API
	// begin with /api/data, those of the sign-in host with the tenant.
	Faults  func(*http.Request) Fault
	Observe func(*http.Request)
}

// A Server is a running environment. It is safe for concurrent use.
type Server struct {
	*TLSServer // its URL is that of the Web API

	options      Options
	types        map[string]*entityType
	directory    *entra.Directory
	authorityURL string

	current     atomic.Pointer[database]
	writeMu     sync.Mutex // serializes changes of current
	rowsCreated int        // by requests so far; guarded by writeMu

	staleMu          sync.Mutex
	stalePermissions *database
	staleRequests    int
}

// Start serves a copy of an environment until ctx ends or the server is closed. It returns an error for an
// environment with problems; those from [ParseEnvironment] and [Builtin] have none.
func Start(ctx context.Context, env *Environment, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Listen = cmp.Or(o.Listen, "127.0.0.1:0")
	o.PageSize = min(cmp.Or(o.PageSize, maxPage), maxPage)
	prepared, cat, err := prepare(env)
	if err != nil {
		return nil, err
	}
	tlsServer, err := newTLSServer(o.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{TLSServer: tlsServer, options: o, types: newEntityTypes()}
	s.current.Store(newDatabase(prepared, cat, nil, o.Now(), ""))
	if err := s.listenAndServe(ctx, prepared); err != nil {
		return nil, err
	}
	s.closeAfter(ctx)
	return s, nil
}

func (s *Server) listenAndServe(ctx context.Context, env *Environment) error {
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
		// Some clients accept only Microsoft's host names. Their resolver maps this one to the server.
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
	s.serve(api, s.withFaults(http.HandlerFunc(s.serveAPI)))
	s.serve(authority, s.withFaults(s.directory))
	return nil
}

// prepare returns a copy of an environment that is normalized and has ids as references.
func prepare(env *Environment) (*Environment, *catalogue, error) {
	prepared := env.Clone()
	cat, problems := normalize(prepared)
	if len(problems) > 0 {
		return nil, nil, fmt.Errorf("the environment cannot be used: %w", errors.Join(mapSlice(problems, func(p problem) error { return p })...))
	}
	refsToIDs(prepared)
	return prepared, cat, nil
}

// AuthorityURL returns the address of the sign-in host. The tenant's endpoints are below it.
func (s *Server) AuthorityURL() string { return s.authorityURL }

// TenantID returns the id of the environment's tenant.
func (s *Server) TenantID() string { return s.current.Load().env.TenantID }

// Token issues an access token to an application without a request to the sign-in host.
func (s *Server) Token(applicationID string) string {
	return s.directory.IssueToken(entra.Identity{ApplicationID: applicationID})
}

// ClientCertificate returns the certificate and private key, in PEM, of a client with the certificate
// "generated". For any other client it returns nil.
func (s *Server) ClientCertificate(applicationID string) []byte {
	return s.directory.ClientCertificate(applicationID)
}

// Environment returns a copy of the current state.
func (s *Server) Environment() *Environment {
	env := s.current.Load().env.Clone()
	refsToNames(env)
	return env
}

// CanonicalState returns the current state for comparisons: YAML without Suggest, in which references are ids
// and lists are sorted.
func (s *Server) CanonicalState() ([]byte, error) {
	env := s.current.Load().env.Clone()
	env.Suggest = Suggestion{}
	sortLists(reflect.ValueOf(env).Elem())
	return Marshal(env)
}

// Mutate changes the state while clients run, as another administrator would. It changes nothing and
// returns an error if the result is not a valid environment. A change of who can sign in, of Clients and of
// the identities of Users, has no effect on the sign-in host.
func (s *Server) Mutate(change func(*Environment)) error {
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	env := s.Environment()
	change(env)
	prepared, cat, err := prepare(env)
	if err != nil {
		return err
	}
	s.setCurrent(newDatabase(prepared, cat, s.current.Load(), s.options.Now(), ""))
	return nil
}

// setCurrent makes db the current state. The caller holds s.writeMu.
func (s *Server) setCurrent(db *database) {
	before := s.current.Swap(db)
	s.staleMu.Lock()
	defer s.staleMu.Unlock()
	if s.staleRequests == 0 {
		s.stalePermissions = before
	}
	s.staleRequests = s.options.StaleFor
}

// permissions returns the database that a request's privileges come from.
func (s *Server) permissions(header http.Header, current *database) *database {
	s.staleMu.Lock()
	defer s.staleMu.Unlock()
	if s.staleRequests == 0 || header.Get("Consistency") == "Strong" {
		return current
	}
	s.staleRequests--
	return s.stalePermissions
}

// Package entra is the sign-in host of the simulator: a tenant of Microsoft Entra with its app registrations
// and people, and the endpoints that issue tokens.
//
// It implements "Microsoft identity platform and the OAuth 2.0 client credentials flow" and the related
// pages: client secrets, certificates and federated credentials for applications, device codes and
// authorization codes for people, and the endpoint of managed identities. Its access tokens are opaque.
package entra

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// tokenLifetime is how long an access token is valid.
const tokenLifetime = time.Hour

// An Identity is that of an application or a person to whom a token was issued.
type Identity struct{ ApplicationID, ObjectID string }

// A Person is a user of the tenant who can sign in.
type Person struct{ Name, UPN, ObjectID string }

// A Tenant has the data that a Directory serves.
type Tenant struct {
	ID, Domain string // addresses contain one of them
	Clients    []Client
	People     []Person
	Address    string // of the directory itself
	Resource   string // the address of the environment that accepts the tokens
	Alias      string // another address of the environment, for scopes
	Now        func() time.Time
}

// A Directory is the sign-in host of a tenant. It is safe for concurrent use.
type Directory struct {
	tenant        Tenant
	registrations map[string]*registration // by application id
	signingKey    []byte                   // of id tokens, whose signatures clients do not check

	mu     sync.Mutex
	grants map[string]*grant // by PARAMETER=CODE; see issueGrant
}

// New returns the directory of a tenant.
func New(t Tenant) (*Directory, error) {
	d := &Directory{
		tenant: t, registrations: map[string]*registration{}, signingKey: []byte(rand.Text()), grants: map[string]*grant{},
	}
	for _, c := range t.Clients {
		r, err := newRegistration(c)
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", c.Name, err)
		}
		d.registrations[c.ApplicationID] = r
	}
	return d, nil
}

// IssueToken issues an access token.
func (d *Directory) IssueToken(identity Identity) string {
	return d.issueGrant("access_token", grant{identity: identity, expires: d.tenant.Now().Add(tokenLifetime)})
}

// Authenticate returns the identity of a request's access token, and whether the token is valid.
func (d *Directory) Authenticate(r *http.Request) (Identity, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.grants["access_token="+token]
	if g == nil || !strings.EqualFold(scheme, "Bearer") || !d.tenant.Now().Before(g.expires) {
		return Identity{}, false
	}
	return g.identity, true
}

// A refusal is an error as Microsoft Entra reports it.
type refusal struct {
	status int
	kind   string // the OAuth error code
	code   int    // the number after AADSTS
	text   string
}

func (e *refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

func newRefusal(status int, kind string, code int, format string, args ...any) error {
	return &refusal{status, kind, code, fmt.Sprintf(format, args...)}
}

func invalidRequest(code int, format string, args ...any) error {
	return newRefusal(http.StatusBadRequest, "invalid_request", code, format, args...)
}

// A page is an HTML response. Any other response is JSON.
type page string

type object = map[string]any

// ServeHTTP handles a request to the sign-in host.
func (d *Directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	response, err := d.handle(r)
	status := http.StatusOK
	if err != nil {
		status, response = d.errorResponse(err, r.Header.Get("Client-Request-Id"))
	}
	if text, ok := response.(page); ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(text))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(response)
}

func (d *Directory) errorResponse(err error, correlation string) (int, object) {
	var e *refusal
	if !errors.As(err, &e) {
		e = &refusal{http.StatusInternalServerError, "server_error", 90033, err.Error()}
	}
	now := d.tenant.Now().UTC().Format("2006-01-02 15:04:05Z")
	return e.status, object{
		"error":             e.kind,
		"error_description": fmt.Sprintf("%v Trace ID: %s Correlation ID: %s Timestamp: %s", e, rand.Text(), correlation, now),
		"error_codes":       []int{e.code},
		"timestamp":         now,
		"correlation_id":    correlation,
	}
}

func (d *Directory) handle(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, invalidRequest(900144, "The request body cannot be read as a form.")
	}
	switch r.URL.Path {
	case "/approve":
		return d.approve(r.Form.Get("user_code"), r.Form.Get("username"))
	case "/msi/token":
		return d.managedIdentityToken(r)
	}
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !d.isTenant(tenant) {
		return nil, invalidRequest(90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)
	}
	base := d.tenant.Address + "/" + tenant
	switch path {
	case "v2.0/.well-known/openid-configuration":
		return object{
			"issuer":                        d.tenant.Address + "/" + d.tenant.ID + "/v2.0",
			"token_endpoint":                base + "/oauth2/v2.0/token",
			"authorization_endpoint":        base + "/oauth2/v2.0/authorize",
			"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
		}, nil
	case "oauth2/v2.0/token":
		return d.token(r.PostForm)
	case "oauth2/v2.0/devicecode":
		return d.deviceCode(r.PostForm)
	case "oauth2/v2.0/authorize":
		return d.authorize(r.Form)
	default:
		return nil, newRefusal(http.StatusNotFound, "invalid_request", 900144, "There is nothing at '%s'.", r.URL.Path)
	}
}

func (d *Directory) isTenant(tenant string) bool {
	return slices.ContainsFunc([]string{d.tenant.ID, d.tenant.Domain, "common", "organizations"},
		func(known string) bool { return strings.EqualFold(known, tenant) })
}

func (d *Directory) token(form url.Values) (any, error) {
	r, err := d.registration(form)
	if err != nil {
		return nil, err
	}
	if !r.Public {
		if err := d.checkCredential(r, form); err != nil {
			return nil, err
		}
	}
	switch kind := form.Get("grant_type"); kind {
	case "client_credentials":
		if r.Public {
			return nil, missingCredential()
		}
		if err := d.checkScope(form.Get("scope")); err != nil {
			return nil, err
		}
		return d.tokenResponse(Identity{ApplicationID: r.ApplicationID}), nil
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		return d.redeem(r, form, "device_code")
	case "authorization_code":
		return d.redeem(r, form, "code")
	case "refresh_token":
		return d.redeem(r, form, "refresh_token")
	default:
		return nil, newRefusal(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", kind)
	}
}

func (d *Directory) registration(form url.Values) (*registration, error) {
	id := form.Get("client_id")
	r := d.registrations[strings.ToLower(id)]
	if r == nil {
		return nil, newRefusal(http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, d.tenant.Domain)
	}
	return r, nil
}

// checkScope returns an error unless a scope names the environment, and no other resource.
func (d *Directory) checkScope(scope string) error {
	var resources []string
	for item := range strings.FieldsSeq(scope) {
		switch item {
		case "openid", "profile", "offline_access", "email":
			continue
		}
		resource, ok := strings.CutSuffix(item, "/.default")
		resource = strings.TrimSuffix(resource, "/")
		if !ok || resource != d.tenant.Resource && resource != d.tenant.Alias {
			return newRefusal(http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", item, d.tenant.Domain)
		}
		resources = append(resources, resource)
	}
	if len(resources) != 1 {
		return invalidRequest(900144, "The request body must contain the following parameter: 'scope', with one resource; it has '%s'.", scope)
	}
	return nil
}

// tokenResponse issues an access token and returns it as the token endpoint does.
func (d *Directory) tokenResponse(identity Identity) object {
	seconds := int(tokenLifetime / time.Second)
	return object{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": d.IssueToken(identity)}
}

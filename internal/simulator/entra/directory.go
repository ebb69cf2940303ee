// Package entra is the sign-in host of the simulator: a tenant of Microsoft Entra with its app
// registrations and its people, the endpoints that issue tokens, and the tokens themselves.
//
// It speaks the documented protocols, "Microsoft identity platform and the OAuth 2.0 client
// credentials flow" and its siblings: client secrets, certificates and federated credentials for
// applications, device codes and authorization codes for people, and the endpoint of managed
// identities. Access tokens are opaque: only this simulator reads them.
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

// An Identity is who a token was issued to: an application, or a person.
type Identity struct{ ApplicationID, ObjectID string }

// A Person can sign in.
type Person struct{ Name, UPN, ObjectID string }

// A Tenant is what a directory is made of. Address is the directory's own. Resource is the address of
// the environment that its tokens open; scopes may name it by Alias.
type Tenant struct {
	ID, Domain               string // either names it in addresses
	Clients                  []Client
	People                   []Person
	Address, Resource, Alias string
	Now                      func() time.Time
}

// A Directory serves a tenant. Its methods may be used from several goroutines at once.
type Directory struct {
	tenant        Tenant
	registrations map[string]*registration
	signingKey    []byte // of id tokens, which clients take on trust

	mu     sync.Mutex
	grants map[string]*grant
}

// New makes a directory.
func New(t Tenant) (*Directory, error) {
	d := &Directory{
		tenant: t, registrations: map[string]*registration{}, signingKey: []byte(rand.Text()), grants: map[string]*grant{},
	}
	for _, c := range t.Clients {
		r, err := register(c)
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", c.Name, err)
		}
		d.registrations[c.ApplicationID] = r
	}
	return d, nil
}

// Issue makes an access token.
func (d *Directory) Issue(who Identity) string {
	return d.give("access_token", grant{identity: who, expires: d.tenant.Now().Add(tokenLifetime)})
}

// Bearer is the identity of a request's token.
func (d *Directory) Bearer(r *http.Request) (Identity, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.grants["access_token="+token]
	if g == nil || !strings.EqualFold(scheme, "Bearer") || !d.tenant.Now().Before(g.expires) {
		return Identity{}, false
	}
	return g.identity, true
}

// A refusal is an error in the form of Microsoft Entra's.
type refusal struct {
	status int
	kind   string // the OAuth error
	code   int    // the number behind AADSTS
	text   string
}

func (e *refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

func refuse(status int, kind string, code int, format string, args ...any) error {
	return &refusal{status, kind, code, fmt.Sprintf(format, args...)}
}

func badRequest(code int, format string, args ...any) error {
	return refuse(http.StatusBadRequest, "invalid_request", code, format, args...)
}

// A page is an answer for a browser, anything else one in JSON.
type page string

type object = map[string]any

// ServeHTTP answers on the sign-in host.
func (d *Directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	reply, err := d.reply(r)
	status := http.StatusOK
	if err != nil {
		status, reply = d.refused(err, r.Header.Get("Client-Request-Id"))
	}
	if text, ok := reply.(page); ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(text))
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(reply)
}

func (d *Directory) refused(err error, correlation string) (int, object) {
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

func (d *Directory) reply(r *http.Request) (any, error) {
	if err := r.ParseForm(); err != nil {
		return nil, badRequest(900144, "The request body cannot be read as a form.")
	}
	switch r.URL.Path {
	case "/approve":
		return d.approve(r.Form.Get("user_code"), r.Form.Get("username"))
	case "/msi/token":
		return d.managedIdentityToken(r)
	}
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if !d.knows(tenant) {
		return nil, badRequest(90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", tenant)
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
		return nil, refuse(http.StatusNotFound, "invalid_request", 900144, "There is nothing at '%s'.", r.URL.Path)
	}
}

func (d *Directory) knows(tenant string) bool {
	return slices.ContainsFunc([]string{d.tenant.ID, d.tenant.Domain, "common", "organizations"},
		func(known string) bool { return strings.EqualFold(known, tenant) })
}

// token answers on the token endpoint, for every grant type.
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
			return nil, noCredential()
		}
		if err := d.checkScope(form.Get("scope")); err != nil {
			return nil, err
		}
		return d.bearer(Identity{ApplicationID: r.ApplicationID}), nil
	case "device_code", "urn:ietf:params:oauth:grant-type:device_code":
		return d.redeem(r, form, "device_code")
	case "authorization_code":
		return d.redeem(r, form, "code")
	case "refresh_token":
		return d.redeem(r, form, "refresh_token")
	default:
		return nil, refuse(http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", kind)
	}
}

func (d *Directory) registration(form url.Values) (*registration, error) {
	id := form.Get("client_id")
	r := d.registrations[strings.ToLower(id)]
	if r == nil {
		return nil, refuse(http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, d.tenant.Domain)
	}
	return r, nil
}

// checkScope accepts only the scopes of the environment.
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
			return refuse(http.StatusBadRequest, "invalid_resource", 500011, "The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", item, d.tenant.Domain)
		}
		resources = append(resources, resource)
	}
	if len(resources) != 1 {
		return badRequest(900144, "The request body must contain the following parameter: 'scope', with one resource; it has '%s'.", scope)
	}
	return nil
}

func (d *Directory) bearer(who Identity) object {
	seconds := int(tokenLifetime / time.Second)
	return object{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": d.Issue(who)}
}

package web

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/dbaudit/dbaudit/internal/loopback"
)

// A Role says what a visitor may do.
type Role int

// The roles. App roles in Microsoft Entra have the same names.
const (
	RoleNone     Role = iota
	RoleReader        // may see everything
	RoleOperator      // may also start and cancel scans
)

func (r Role) String() string {
	switch r {
	case RoleReader:
		return "Reader"
	case RoleOperator:
		return "Operator"
	case RoleNone:
	}
	return "none"
}

// roleOf returns the highest role in the "roles" claim of a token.
func roleOf(names []string) Role {
	for _, role := range []Role{RoleOperator, RoleReader} {
		if slices.Contains(names, role.String()) {
			return role
		}
	}
	return RoleNone
}

// A visitor is the person or program that sends a request. It is also the content of a session.
type visitor struct {
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	ExpiresAt time.Time `json:"ends"`
}

// SignInOptions configure sign-in by OpenID Connect.
type SignInOptions struct {
	Issuer       string // of one tenant, if it is Microsoft Entra
	ClientID     string // of the page; also the audience of the API's tokens
	ClientSecret string
	BaseURL      string // the address of the page, https://HOST[:PORT]
	// SessionKey encrypts the sessions. Servers that share a key share sessions. Without a key,
	// sessions end with the process.
	SessionKey string
	Client     *http.Client // for requests to the issuer
	Now        func() time.Time
}

// A SignIn signs people in by OpenID Connect, and accepts bearer tokens of the same issuer from
// programs.
type SignIn struct {
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	client   *http.Client
	aead     cipher.AEAD // encrypts cookies
	secure   bool        // whether the page is served over HTTPS
	now      func() time.Time
}

const (
	callbackPath = "/sign-in/callback"
	// sessionDuration is how long a person stays signed in. A role that is taken away lasts as long.
	sessionDuration = 8 * time.Hour
	flowDuration    = 10 * time.Minute
)

// NewSignIn checks the options and reads the configuration of the issuer.
func NewSignIn(ctx context.Context, o SignInOptions) (*SignIn, error) {
	base, err := parseBaseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	for _, shared := range []string{"/common", "/organizations", "/consumers"} {
		if strings.Contains(o.Issuer+"/", shared+"/") {
			return nil, fmt.Errorf("the issuer %s accepts users of any tenant: name one tenant, https://login.microsoftonline.com/TENANT-ID/v2.0", o.Issuer)
		}
	}
	s := &SignIn{client: o.Client, secure: base.Scheme == "https", now: o.Now}
	provider, err := oidc.NewProvider(s.context(ctx), o.Issuer)
	if err != nil {
		return nil, fmt.Errorf("reading the sign-in configuration of the issuer %s: %w", o.Issuer, err)
	}
	s.verifier = provider.VerifierContext(s.context(context.WithoutCancel(ctx)), &oidc.Config{ClientID: o.ClientID, Now: o.Now})
	s.oauth = oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: strings.TrimSuffix(o.BaseURL, "/") + callbackPath, Scopes: []string{oidc.ScopeOpenID, "profile"},
	}
	s.aead, err = newCookieCipher(o.SessionKey)
	return s, err
}

// parseBaseURL accepts https://HOST[:PORT], and http:// for this machine.
func parseBaseURL(baseURL string) (*url.URL, error) {
	base, err := url.Parse(baseURL)
	switch {
	case err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "":
		return nil, fmt.Errorf("the page's own address %q: want https://HOST[:PORT]", baseURL)
	case base.Scheme != "https" && (base.Scheme != "http" || !loopback.IsHost(base.Hostname())):
		return nil, fmt.Errorf("the page's own address %s is not https: a session would be sent unencrypted", baseURL)
	}
	return base, nil
}

// context returns a context in which the OpenID Connect library uses the client of the options.
func (s *SignIn) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, s.client)
}

// visitor returns the visitor of a request, from its bearer token or its session.
func (s *SignIn) visitor(r *http.Request) (visitor, error) {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return s.verifyToken(s.context(r.Context()), strings.TrimSpace(token), nil)
	}
	var v visitor
	if !s.openCookie(r, sessionCookie, &v) || !s.now().Before(v.ExpiresAt) {
		return visitor{}, errors.New("sign in, or send a bearer token")
	}
	return v, nil
}

// verifyToken verifies a token of the issuer, with its nonce unless that is nil, and returns the
// visitor that it identifies.
func (s *SignIn) verifyToken(ctx context.Context, raw string, nonce *string) (visitor, error) {
	token, err := s.verifier.Verify(ctx, raw)
	if err != nil {
		return visitor{}, errors.New("the token is not valid here: it has expired, or is for another program")
	}
	if nonce != nil && token.Nonce != *nonce {
		return visitor{}, errors.New("the token belongs to another sign-in: sign in again")
	}
	var claims struct {
		Name     string   `json:"name"`
		Username string   `json:"preferred_username"`
		Roles    []string `json:"roles"`
	}
	if err := token.Claims(&claims); err != nil {
		return visitor{}, errors.New("the token cannot be read")
	}
	return visitor{Name: cmp.Or(claims.Username, claims.Name, token.Subject), Role: roleOf(claims.Roles), ExpiresAt: token.Expiry}, nil
}

// A flow is the state of a sign-in, in a cookie, between [SignIn.start] and [SignIn.callback].
type flow struct {
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Verifier  string    `json:"verifier"`
	Next      string    `json:"next"`
	ExpiresAt time.Time `json:"ends"`
}

func (s *SignIn) start(w http.ResponseWriter, r *http.Request) {
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: localPath(r.FormValue("next")), ExpiresAt: s.now().Add(flowDuration)}
	s.sealCookie(w, flowCookie, f, flowDuration)
	http.Redirect(w, r, s.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusSeeOther)
}

// localPath returns a path of this server unchanged, and "/" for every other address.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "/"
	}
	return path
}

func (s *SignIn) callback(w http.ResponseWriter, r *http.Request) error {
	var f flow
	failed := func(reason string) error {
		return &statusError{http.StatusBadRequest, "the sign-in did not work: " + reason + "; open the page again"}
	}
	ok := s.openCookie(r, flowCookie, &f)
	s.deleteCookie(w, flowCookie)
	switch {
	case !ok || !s.now().Before(f.ExpiresAt):
		return failed("it took too long, or was begun in another browser")
	case r.FormValue("state") != f.State:
		return failed("the response is for another sign-in")
	case r.FormValue("error") != "":
		return failed("the issuer refused it")
	}
	ctx, cancel := context.WithTimeout(s.context(r.Context()), 30*time.Second)
	defer cancel()
	token, err := s.oauth.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return failed("the issuer did not accept the code")
	}
	idToken, _ := token.Extra("id_token").(string)
	v, err := s.verifyToken(ctx, idToken, &f.Nonce)
	if err != nil {
		return failed(err.Error())
	}
	if v.Role == RoleNone {
		return &statusError{http.StatusForbidden, "you are signed in, but have no role here: ask the administrator of the sign-in for the role Reader or Operator"}
	}
	v.ExpiresAt = s.now().Add(sessionDuration)
	s.sealCookie(w, sessionCookie, v, sessionDuration)
	http.Redirect(w, r, f.Next, http.StatusSeeOther)
	return nil
}

// signOut ends the session of a person on this server, but not at the issuer.
func (s *SignIn) signOut(w http.ResponseWriter, r *http.Request) {
	s.deleteCookie(w, sessionCookie)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>Signed out</title><p>You are signed out. <a href="/">Sign in again</a></p></html>`)
}

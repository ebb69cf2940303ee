package web

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
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

// A Role is what a visitor may do.
type Role int

// The roles, in Microsoft Entra as app roles of these names.
const (
	RoleNone     Role = iota
	RoleReader        // may see everything
	RoleOperator      // may ask for scans, too
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

// roleOf is the highest role among the names of a token's "roles" claim.
func roleOf(names []string) Role {
	for _, role := range []Role{RoleOperator, RoleReader} {
		if slices.Contains(names, role.String()) {
			return role
		}
	}
	return RoleNone
}

// A visitor is who sends a request.
type visitor struct {
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	ExpiresAt time.Time `json:"ends"`
}

// SignInOptions say by whom people and programs are known.
type SignInOptions struct {
	Issuer                 string // of one tenant, if it is Microsoft Entra
	ClientID, ClientSecret string // of the page, and the audience of the API's tokens
	BaseURL                string // the address of the page, https://HOST[:PORT]
	// SessionKey seals the sessions. Several servers share it. Without one, sessions end with the
	// process.
	SessionKey string
	Client     *http.Client
	Now        func() time.Time
}

// SignIn knows people by OpenID Connect and programs by bearer tokens of the same issuer.
type SignIn struct {
	verifier *oidc.IDTokenVerifier
	oauth    oauth2.Config
	client   *http.Client
	aead     cipher.AEAD
	secure   bool
	now      func() time.Time
}

const (
	callbackPath  = "/sign-in/callback"
	sessionCookie = "dbaudit-session"
	flowCookie    = "dbaudit-sign-in"
	// sessionDuration is how long a person stays signed in, and keeps a role that was taken away.
	sessionDuration = 8 * time.Hour
	flowDuration    = 10 * time.Minute
	minKeyLength    = 32
)

// NewSignIn asks the issuer how it signs people in.
func NewSignIn(ctx context.Context, o SignInOptions) (*SignIn, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" {
		return nil, fmt.Errorf("the page's own address %q: want https://HOST[:PORT]", o.BaseURL)
	}
	local := base.Scheme == "http" && loopback.IsHost(base.Hostname())
	if base.Scheme != "https" && !local {
		return nil, fmt.Errorf("the page's own address %s is not https: a session would be sent in clear", o.BaseURL)
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
	key := sha256.Sum256([]byte(o.SessionKey))
	switch {
	case o.SessionKey == "":
		if _, err := rand.Read(key[:]); err != nil {
			return nil, fmt.Errorf("making a key for sessions: %w", err)
		}
	case len(o.SessionKey) < minKeyLength:
		return nil, fmt.Errorf("the key of the sessions has %d characters: want %d at least", len(o.SessionKey), minKeyLength)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("the key of the sessions: %w", err)
	}
	if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, fmt.Errorf("the key of the sessions: %w", err)
	}
	return s, nil
}

func (s *SignIn) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, s.client)
}

// visitor is who sends a request, by its bearer token or its session.
func (s *SignIn) visitor(r *http.Request) (visitor, error) {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return s.verifyToken(s.context(r.Context()), strings.TrimSpace(token), nil)
	}
	var who visitor
	if !s.openCookie(r, sessionCookie, &who) || !s.now().Before(who.ExpiresAt) {
		return visitor{}, errors.New("sign in, or send a bearer token")
	}
	return who, nil
}

// verifyToken verifies a token of the issuer and reads who it is for.
func (s *SignIn) verifyToken(ctx context.Context, raw string, nonce *string) (visitor, error) {
	token, err := s.verifier.Verify(ctx, raw)
	if err != nil {
		return visitor{}, errors.New("the token is not valid here: it has expired, or is for another program")
	}
	if nonce != nil && token.Nonce != *nonce {
		return visitor{}, errors.New("the token answers another sign-in: sign in again")
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

// A flow is what a sign-in must come back with.
type flow struct {
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Verifier  string    `json:"verifier"`
	Next      string    `json:"next"`
	ExpiresAt time.Time `json:"ends"`
}

// start sends a person to the issuer.
func (s *SignIn) start(w http.ResponseWriter, r *http.Request) {
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: localPath(r.FormValue("next")), ExpiresAt: s.now().Add(flowDuration)}
	s.sealCookie(w, flowCookie, f, flowDuration)
	http.Redirect(w, r, s.oauth.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), http.StatusSeeOther)
}

// localPath is a path of this server, "/" for everything else.
func localPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.Contains(path, `\`) {
		return "/"
	}
	return path
}

// callback takes what the issuer sends a person back with.
func (s *SignIn) callback(w http.ResponseWriter, r *http.Request) error {
	var f flow
	again := func(why string) error {
		return &statusError{http.StatusBadRequest, "the sign-in did not work: " + why + "; open the page again"}
	}
	ok := s.openCookie(r, flowCookie, &f)
	s.deleteCookie(w, flowCookie)
	switch {
	case !ok || !s.now().Before(f.ExpiresAt):
		return again("it took too long, or was begun in another browser")
	case r.FormValue("state") != f.State:
		return again("the answer is for another sign-in")
	case r.FormValue("error") != "":
		return again("the issuer refused it")
	}
	ctx, cancel := context.WithTimeout(s.context(r.Context()), 30*time.Second)
	defer cancel()
	answer, err := s.oauth.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return again("the issuer did not accept the code")
	}
	raw, _ := answer.Extra("id_token").(string)
	who, err := s.verifyToken(ctx, raw, &f.Nonce)
	if err != nil {
		return again(err.Error())
	}
	if who.Role == RoleNone {
		return &statusError{http.StatusForbidden, "you are signed in, but have no role here: ask the administrator of the sign-in for the role Reader or Operator"}
	}
	who.ExpiresAt = s.now().Add(sessionDuration)
	s.sealCookie(w, sessionCookie, who, sessionDuration)
	http.Redirect(w, r, f.Next, http.StatusSeeOther)
	return nil
}

// signOut signs a person out of this server.
func (s *SignIn) signOut(w http.ResponseWriter, r *http.Request) {
	s.deleteCookie(w, sessionCookie)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><title>Signed out</title><p>You are signed out. <a href="/">Sign in again</a></p></html>`)
}

// sealCookie seals a value into a cookie, with the cookie's name, so that one is not read as another.
func (s *SignIn) sealCookie(w http.ResponseWriter, name string, value any, lasts time.Duration) {
	data, err := json.Marshal(value)
	if err != nil {
		return // strings and times alone
	}
	s.setCookie(w, name, base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, data, []byte(name))), int(lasts.Seconds()))
}

func (s *SignIn) deleteCookie(w http.ResponseWriter, name string) { s.setCookie(w, name, "", -1) }

func (s *SignIn) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	// Lax, since the issuer's answer comes from another site.
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}

// cookieName is the name of a cookie; the prefix keeps it from other hosts and from plain HTTP.
func (s *SignIn) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *SignIn) openCookie(r *http.Request, name string, into any) bool {
	cookie, err := r.Cookie(s.cookieName(name))
	if err != nil {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return false
	}
	data, err := s.aead.Open(nil, nil, sealed, []byte(name))
	return err == nil && json.Unmarshal(data, into) == nil
}

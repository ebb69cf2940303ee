package foreign

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"

	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

// issuer starts an OpenID Connect provider with fosite. It signs everybody in as a person with the
// given roles.
func issuer(t *testing.T, redirect string, roles *[]string) *httptest.Server {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	config := &fosite.Config{
		GlobalSecret: []byte("some-secret-that-is-32-bytes-long"), IDTokenIssuer: s.URL, AccessTokenLifespan: time.Hour, IDTokenLifespan: time.Hour,
		EnforcePKCE: true, TokenURL: s.URL + "/token", SendDebugMessagesToClients: true,
	}
	clients := storage.NewMemoryStore()
	hash, err := (&fosite.BCrypt{Config: config}).Hash(t.Context(), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	clients.Clients["the-page"] = &fosite.DefaultClient{
		ID: "the-page", Secret: hash, RedirectURIs: []string{redirect}, GrantTypes: []string{"authorization_code"},
		ResponseTypes: []string{"code"}, Scopes: []string{"openid", "profile"},
	}
	provider := compose.ComposeAllEnabled(config, clients, key)
	session := func() *openid.DefaultSession {
		return &openid.DefaultSession{
			Subject: "jane",
			Claims:  &jwt.IDTokenClaims{Subject: "jane", Issuer: s.URL, AuthTime: time.Now(), RequestedAt: time.Now(), Extra: map[string]any{"roles": *roles, "name": "Jane"}},
			Headers: &jwt.Headers{Extra: map[string]any{"kid": "k"}},
		}
	}
	answer := func(w http.ResponseWriter, document any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(document)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": s.URL, "authorization_endpoint": s.URL + "/auth", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) {
		request, err := provider.NewAuthorizeRequest(r.Context(), r)
		if err != nil {
			provider.WriteAuthorizeError(r.Context(), w, request, err)
			return
		}
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
		response, err := provider.NewAuthorizeResponse(r.Context(), request, session())
		if err != nil {
			provider.WriteAuthorizeError(r.Context(), w, request, err)
			return
		}
		provider.WriteAuthorizeResponse(r.Context(), w, request, response)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		request, err := provider.NewAccessRequest(r.Context(), r, session())
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		response, err := provider.NewAccessResponse(r.Context(), request)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		provider.WriteAccessResponse(r.Context(), w, request, response)
	})
	return s
}

// TestPage signs in to the fleet's page at fosite, with each role and without one.
func TestPage(t *testing.T) {
	var handler http.Handler
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(page.Close)
	var roles []string
	s := issuer(t, page.URL+"/sign-in/callback", &roles)
	fleet, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "fleet.db"), store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fleet.Close() })
	signIn, err := web.NewSignIn(t.Context(), web.SignInOptions{
		Issuer: s.URL, ClientID: "the-page", ClientSecret: secret, BaseURL: page.URL, Client: http.DefaultClient, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if handler, err = web.New(web.Options{Store: fleet, SignIn: signIn}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		roles []string
		want  int
	}{{nil, http.StatusForbidden}, {[]string{"Reader"}, http.StatusOK}, {[]string{"Operator"}, http.StatusOK}} {
		roles = tc.roles
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&http.Client{Jar: jar}).Get(page.URL + "/controls")
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != tc.want || tc.want == http.StatusOK && got.Request.URL.Path != "/controls" {
			t.Errorf("%v: %d at %s", tc.roles, got.StatusCode, got.Request.URL)
		}
	}
}

package web_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

// An issuer is an OpenID Connect provider that signs everybody in without a form.
type issuer struct {
	*httptest.Server

	keys     oidctest.Server
	key      *rsa.PrivateKey
	claims   map[string]any        // additional claims of every token
	requests map[string]url.Values // authorization requests by code
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key := must.Get(rsa.GenerateKey(rand.Reader, 2048))
	i := &issuer{key: key, claims: map[string]any{"roles": []string{"Reader"}, "name": "Jane"}, requests: map[string]url.Values{}}
	i.keys = oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.RS256}}}
	mux := http.NewServeMux()
	mux.Handle("/", &i.keys)
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		i.requests[code] = r.URL.Query()
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+url.Values{"code": {code}, "state": {r.FormValue("state")}}.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		request, ok := i.requests[r.FormValue("code")]
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != request.Get("code_challenge") {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": "unused", "token_type": "Bearer", "id_token": i.token(map[string]any{"nonce": request.Get("nonce")}),
		})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	i.keys.SetIssuer(i.URL)
	return i
}

func (i *issuer) token(changes map[string]any) string {
	claims := map[string]any{"iss": i.URL, "aud": "the-page", "sub": "s", "iat": noon().Unix(), "exp": noon().Add(time.Hour).Unix()}
	for _, more := range []map[string]any{i.claims, changes} {
		for name, value := range more {
			claims[name] = value
		}
	}
	data, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return oidctest.SignIDToken(i.key, "k", oidc.RS256, string(data))
}

func serveWithSignIn(t *testing.T, i *issuer, s *store.Store) *httptest.Server {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	signIn, err := web.NewSignIn(t.Context(), web.SignInOptions{
		Issuer: i.URL, ClientID: "the-page", ClientSecret: "s", BaseURL: server.URL, Client: http.DefaultClient, Now: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	if handler, err = web.New(web.Options{Store: s, Fleet: must.Get(fleet.New(s, fleet.Options{})), SignIn: signIn}); err != nil {
		t.Fatal(err)
	}
	return server
}

// TestSignIn checks the session of a person with each role, and without one.
func TestSignIn(t *testing.T) {
	t.Parallel()
	i, s := newIssuer(t), newStore(t)
	server := serveWithSignIn(t, i, s)
	for _, tc := range []struct {
		roles      []string
		read, scan int
	}{
		{nil, http.StatusForbidden, http.StatusUnauthorized},
		{[]string{"Other"}, http.StatusForbidden, http.StatusUnauthorized},
		{[]string{"Reader"}, http.StatusOK, http.StatusForbidden},
		{[]string{"Operator"}, http.StatusOK, http.StatusOK},
	} {
		t.Run(fmt.Sprint(tc.roles), func(t *testing.T) {
			i.claims["roles"] = tc.roles
			jar := must.Get(cookiejar.New(nil))
			person := &http.Client{Jar: jar}
			page := must.Get(person.Get(server.URL + "/environments/green"))
			defer page.Body.Close()
			if page.StatusCode != tc.read || page.StatusCode == http.StatusOK && page.Request.URL.Path != "/environments/green" {
				t.Errorf("%s: %d", page.Request.URL, page.StatusCode)
			}
			scan := must.Get(person.Post(server.URL+"/environments/green/scan", "", nil))
			defer scan.Body.Close()
			if scan.StatusCode != tc.scan {
				t.Errorf("scan now: %d, want %d", scan.StatusCode, tc.scan)
			}
		})
	}
	if got := requested(t, s); len(got) != 1 || got[0] != "Jane scans green" {
		t.Errorf("requested: %q", got)
	}
}

// TestNoAccess checks that without a role no answer reveals which environments exist.
func TestNoAccess(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	server := serveWithSignIn(t, i, newStore(t))
	for _, path := range []string{"/", "/environments/green", "/environments/nowhere", "/controls", "/controls/DB-PRIV-LEAD", "/environments/green/report/demandbase", "/api/v1/environments", "/api/v1/environments/green", "/api/v1/runs/1", "/metrics"} {
		for what, header := range map[string]http.Header{
			"nothing":         nil,
			"no token":        {"Authorization": {"Bearer x"}},
			"no role":         {"Authorization": {"Bearer " + i.token(map[string]any{"roles": []string{}})}},
			"another's":       {"Authorization": {"Bearer " + i.token(map[string]any{"aud": "another"})}},
			"another issuer":  {"Authorization": {"Bearer " + i.token(map[string]any{"iss": "https://evil.example"})}},
			"expired":         {"Authorization": {"Bearer " + i.token(map[string]any{"exp": noon().Add(-time.Hour).Unix()})}},
			"a forged cookie": {"Cookie": {"dbaudit-session=eyJuYW1lIjoieCIsInJvbGUiOjJ9"}},
		} {
			got := send(t, http.MethodGet, server.URL+path, header)
			body := strings.ReplaceAll(got.body, url.QueryEscape(path), "") // the requested path
			if got.status < 300 || strings.Contains(body, "green") || strings.Contains(got.body, "contoso") {
				t.Errorf("%s with %s: %d %.200s", path, what, got.status, got.body)
			}
		}
	}
	if got := send(t, http.MethodGet, server.URL+"/api/v1/environments/green", http.Header{"Authorization": {"Bearer " + i.token(nil)}}); got.status != http.StatusOK {
		t.Errorf("a Reader's token: %d", got.status)
	}
	if got := send(t, http.MethodPost, server.URL+"/api/v1/environments/green/runs", http.Header{"Authorization": {"Bearer " + i.token(nil)}}); got.status != http.StatusForbidden {
		t.Errorf("a scan with a Reader's token: %d", got.status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := send(t, http.MethodGet, server.URL+path, nil); got.status != http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

// TestCallback checks that an answer of the issuer to another sign-in, or to none, begins no session.
func TestCallback(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	server := serveWithSignIn(t, i, newStore(t))
	started := send(t, http.MethodGet, server.URL+"/sign-in?next=//evil.example", nil)
	cookie, _, _ := strings.Cut(started.header.Get("Set-Cookie"), ";")
	location, err := url.Parse(started.header.Get("Location"))
	if err != nil || location.Query().Get("code_challenge_method") != "S256" || location.Query().Get("nonce") == "" {
		t.Fatalf("%v %s", err, location)
	}
	back := send(t, http.MethodGet, location.String(), nil).header.Get("Location")
	state := location.Query().Get("state")
	for what, tc := range map[string]struct{ path, cookie string }{
		"another browser": {back, ""},
		"another state":   {strings.Replace(back, state, "x", 1), cookie},
		"no code":         {server.URL + "/sign-in/callback?state=" + state, cookie},
		"a wrong code":    {server.URL + "/sign-in/callback?code=x&state=" + state, cookie},
		"refused":         {server.URL + "/sign-in/callback?error=access_denied&state=" + state, cookie},
	} {
		got := send(t, http.MethodGet, tc.path, http.Header{"Cookie": {tc.cookie}})
		if got.status != http.StatusBadRequest || strings.Contains(strings.Join(got.header["Set-Cookie"], " "), "dbaudit-session=") {
			t.Errorf("%s: %d %q", what, got.status, got.header["Set-Cookie"])
		}
	}
	right := send(t, http.MethodGet, back, http.Header{"Cookie": {cookie}})
	if right.status != http.StatusSeeOther || right.header.Get("Location") != "/" {
		t.Errorf("%d to %s", right.status, right.header.Get("Location"))
	}
}

// TestUnsafeSignIn checks that options are refused that would let anybody in or send sessions
// unencrypted.
func TestUnsafeSignIn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	good := web.SignInOptions{Issuer: i.URL, ClientID: "the-page", BaseURL: "https://page.example", Client: http.DefaultClient, Now: noon}
	must.Get(web.NewSignIn(t.Context(), good))
	for what, change := range map[string]func(*web.SignInOptions){
		"any tenant":       func(o *web.SignInOptions) { o.Issuer = "https://login.microsoftonline.com/common/v2.0" },
		"organizations":    func(o *web.SignInOptions) { o.Issuer = "https://login.microsoftonline.com/organizations/v2.0" },
		"in clear":         func(o *web.SignInOptions) { o.BaseURL = "http://page.example" },
		"a path":           func(o *web.SignInOptions) { o.BaseURL = "https://page.example/dbaudit" },
		"no host":          func(o *web.SignInOptions) { o.BaseURL = "page.example" },
		"a short key":      func(o *web.SignInOptions) { o.SessionKey = "short" },
		"another's issuer": func(o *web.SignInOptions) { o.Issuer += "/" },
	} {
		o := good
		change(&o)
		if _, err := web.NewSignIn(t.Context(), o); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

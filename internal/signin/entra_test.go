package signin

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

const (
	tenant   = "72f988bf-0000-0000-0000-2d7cd011db47"
	appID    = "11111111-2222-3333-4444-555555555555"
	theCode  = "ABCD-EFGH"
	envURL   = "https://contoso.crm4.dynamics.com"
	theScope = envURL + "/.default"
)

const theSecret = "Zq8~very-secret-value~Zq8"

// An entra is a sign-in host that behaves like Microsoft Entra.
type entra struct {
	*httptest.Server
	mu        sync.Mutex
	requests  []string     // the method and path of each request
	forms     []url.Values // the form of each token request
	issued    int
	cert      *x509.Certificate                             // the certificate of the app
	platform  map[string]bool                               // the federated tokens that it trusts
	jti       map[string]bool                               // the ids of used assertions: each is valid once
	pending   int                                           // the number of polls before a device code is accepted
	person    string                                        // the user name of the person
	intercept func(http.ResponseWriter, *http.Request) bool // may answer a request instead, and then returns true
	tokenURL  string
	lifetime  int
	scope     string
}

func newEntra(t testing.TB) *entra {
	t.Helper()
	e := &entra{jti: map[string]bool{}, lifetime: 3599, person: "jane@contoso.com", scope: theScope}
	e.Server = httptest.NewUnstartedServer(http.HandlerFunc(e.serve))
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	e.tokenURL = e.URL + "/" + tenant + "/oauth2/v2.0/token"
	return e
}

// config returns the configuration of an app that signs in at this host, without a credential.
func (e *entra) config() Config {
	return Config{
		EnvironmentURL: envURL, TenantID: tenant, ClientID: appID, Authority: e.URL,
		Transport: e.Client().Transport,
		Sleep:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Jitter:    func() float64 { return 0 },
	}
}

// withSecret returns the configuration of an app with a valid secret.
func (e *entra) withSecret() Config {
	c := e.config()
	c.ClientSecret = dataverse.NewSecret(theSecret)
	return c
}

func (e *entra) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests = append(e.requests, r.Method+" "+r.URL.Path)
	if e.intercept != nil && e.intercept(w, r) {
		return
	}
	base := "/" + tenant
	switch r.Method + " " + r.URL.Path {
	case "GET " + base + "/v2.0/.well-known/openid-configuration":
		writeJSON(w, 200, map[string]any{
			"authorization_endpoint": e.URL + base + "/oauth2/v2.0/authorize",
			"token_endpoint":         e.tokenURL,
			"issuer":                 e.URL + base + "/v2.0",
		})
	case "POST " + base + "/oauth2/v2.0/token":
		_ = r.ParseForm()
		e.forms = append(e.forms, r.PostForm)
		e.token(w, r.PostForm)
	case "POST " + base + "/oauth2/v2.0/devicecode":
		writeJSON(w, 200, map[string]any{
			"user_code": theCode, "device_code": "the-device-code", "verification_uri": "https://microsoft.com/devicelogin",
			"expires_in": 900, "interval": 5, "message": "enter the code",
		})
	default:
		writeError(w, 404, "invalid_request", "AADSTS900144: no such endpoint")
	}
}

func (e *entra) token(w http.ResponseWriter, form url.Values) {
	if !strings.Contains(" "+form.Get("scope")+" ", " "+e.scope+" ") {
		writeError(w, 400, "invalid_resource", "AADSTS500011: The resource principal named x was not found in the tenant.")
		return
	}
	if form.Get("client_id") != appID {
		writeError(w, 400, "unauthorized_client", "AADSTS700016: Application with identifier 'x' was not found in the directory.")
		return
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		switch {
		case form.Get("client_secret") != "":
			if form.Get("client_secret") != theSecret {
				writeError(w, 401, "invalid_client", "AADSTS7000215: Invalid client secret provided. You sent "+form.Get("client_secret")+". Trace ID: 6f9619ff-8b86-d011-b42d-00cf4fc964ff Correlation ID: x Timestamp: 2026-03-01")
				return
			}
		case e.platform[form.Get("client_assertion")]:
		default:
			if err := e.verify(form.Get("client_assertion")); err != nil {
				writeError(w, 401, "invalid_client", "AADSTS700027: "+err.Error()+": "+form.Get("client_assertion"))
				return
			}
		}
		e.issue(w, false)
	case "device_code":
		if e.pending--; e.pending >= 0 {
			writeError(w, 400, "authorization_pending", "AADSTS70016: pending")
			return
		}
		e.issue(w, true)
	case "authorization_code":
		if form.Get("code") != "the-code" || form.Get("code_verifier") == "" {
			writeError(w, 400, "invalid_grant", "AADSTS70008: expired")
			return
		}
		e.issue(w, true)
	case "refresh_token":
		if form.Get("refresh_token") != "the-refresh-token" {
			writeError(w, 400, "invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity.")
			return
		}
		e.issue(w, true)
	default:
		writeError(w, 400, "unsupported_grant_type", "")
	}
}

// verify checks the assertion of a certificate as Entra documents it: signed with PS256, with the
// certificate's x5t#S256, for the app and this token endpoint, valid now, and used once.
func (e *entra) verify(assertion string) error {
	var claims jwt.RegisteredClaims
	token, err := jwt.ParseWithClaims(assertion, &claims, func(*jwt.Token) (any, error) {
		if e.cert == nil {
			return nil, errors.New("the app has no certificate")
		}
		return e.cert.PublicKey, nil
	}, jwt.WithValidMethods([]string{"PS256"}), jwt.WithIssuer(appID), jwt.WithSubject(appID), jwt.WithAudience(e.tokenURL),
		jwt.WithExpirationRequired(), jwt.WithLeeway(5*time.Second))
	if err != nil {
		return err
	}
	thumbprint := sha256.Sum256(e.cert.Raw)
	chain, _ := token.Header["x5c"].([]any)
	switch {
	case token.Header["x5t#S256"] != base64.StdEncoding.EncodeToString(thumbprint[:]):
		return fmt.Errorf("x5t#S256 %v", token.Header["x5t#S256"])
	case len(chain) == 0:
		return errors.New("no chain")
	case e.jti[claims.ID]:
		return errors.New("replayed")
	}
	e.jti[claims.ID] = true
	return nil
}

// issue answers with a token and, for a person, with an id token and a refresh token.
func (e *entra) issue(w http.ResponseWriter, person bool) {
	e.issued++
	body := map[string]any{
		"token_type": "Bearer", "expires_in": e.lifetime, "access_token": fmt.Sprintf("the-access-token-%d", e.issued),
	}
	if person {
		claims, _ := json.Marshal(map[string]string{"preferred_username": e.person, "oid": "0000", "tid": tenant, "sub": "s"})
		info, _ := json.Marshal(map[string]string{"uid": e.person, "utid": tenant})
		encode := base64.RawURLEncoding.EncodeToString
		body["id_token"] = encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "."
		body["client_info"] = encode(info)
		body["refresh_token"] = "the-refresh-token"
		body["scope"] = theScope
	}
	writeJSON(w, 200, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func writeError(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]any{
		"error": code, "error_description": description,
		"trace_id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff", "correlation_id": "7f9619ff-8b86-d011-b42d-00cf4fc964ff",
	})
}

func open(t *testing.T, c Config) *Session {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tokenOf(t *testing.T, s dataverse.TokenSource, o dataverse.TokenOptions) string {
	t.Helper()
	token, err := s.Token(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if time.Until(token.ExpiresAt) < time.Minute {
		t.Errorf("the token expires at %v", token.ExpiresAt)
	}
	return token.Value.Reveal()
}

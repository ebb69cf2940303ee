package simulator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// checkToken checks that a token belongs to a user.
func checkToken(t *testing.T, server *simulator.Server, hc *http.Client, token, wantUser string) {
	t.Helper()
	c := &client{t: t, server: server, http: hc, token: token, header: http.Header{}}
	r := c.get("WhoAmI")
	r.expect(t, "WhoAmI with the token", http.StatusOK, "-")
	if got := r.json(t)["UserId"]; got != wantUser {
		t.Errorf("the token belongs to %v, want %s", got, wantUser)
	}
}

const auditorID = "a0d17a0d-17a0-4d17-8a0d-17a0d17a0d17"

// An issuer issues federated tokens, as a build system does.
type issuer struct {
	key *ecdsa.PrivateKey
	pem string
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

func (i issuer) sign(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodES256, claims).SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestFederation(t *testing.T) {
	trusted, stranger := newIssuer(t), newIssuer(t)
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Client(auditorID).Federated = []simulator.FederatedCredential{{
			Issuer: "https://builds.example.com", Subject: "repo:contoso/audit:ref:refs/heads/main", Keys: trusted.pem,
		}}
	})
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{
			"iss": "https://builds.example.com", "sub": "repo:contoso/audit:ref:refs/heads/main",
			"aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix(),
		}
		if change != nil {
			change(c)
		}
		return c
	}
	for name, assertion := range map[string]string{
		"":                 trusted.sign(t, claims(nil)),
		"another key":      stranger.sign(t, claims(nil)),
		"another issuer":   trusted.sign(t, claims(func(c jwt.MapClaims) { c["iss"] = "https://elsewhere.example.com" })),
		"another audience": trusted.sign(t, claims(func(c jwt.MapClaims) { c["aud"] = "https://example.com" })),
		"another subject":  trusted.sign(t, claims(func(c jwt.MapClaims) { c["sub"] = "repo:other" })),
		"expired":          trusted.sign(t, claims(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Hour).Unix() })),
		"nonsense":         "nonsense",
	} {
		status, body := tokenRequest(t, server, url.Values{
			"client_id": {auditorID}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		if codes, _ := body["error_codes"].([]any); name == "" && status != http.StatusOK || name != "" && (status != http.StatusUnauthorized || len(codes) != 1 || codes[0] != 700027.0) {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

// tokenRequest requests a token with client credentials. values replaces the valid values; the value tenant
// replaces the tenant in the path.
func tokenRequest(t *testing.T, server *simulator.Server, values url.Values) (int, map[string]any) {
	t.Helper()
	c := &client{t: t, server: server, http: httpClient(t, server)}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {server.URL() + "/.default"}}
	tenant := server.TenantID()
	for name, v := range values {
		if name == "tenant" {
			tenant = v[0]
			continue
		}
		form[name] = v
	}
	return c.form("/"+tenant+"/oauth2/v2.0/token", form)
}

func TestTokenRefusals(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, func(e *simulator.Environment) {
		e.Clients = append(e.Clients, simulator.Client{
			Name: "Late", ApplicationID: "11111111-2222-4333-8444-555555555555", Secret: "late", SecretExpires: "2020-01-31",
		})
	})
	good := func(change ...string) url.Values {
		v := url.Values{"client_id": {auditorID}, "client_secret": {"simulated-auditor-secret"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	if status, body := tokenRequest(t, server, good()); status != http.StatusOK {
		t.Fatalf("a good request: %d %v", status, body)
	}
	for name, tt := range map[string]struct {
		values url.Values
		status int
		kind   string
		code   float64
	}{
		"wrong secret":       {good("client_secret", "wrong"), 401, "invalid_client", 7000215},
		"no secret":          {good("client_secret", ""), 401, "invalid_client", 7000218},
		"expired secret":     {good("client_id", "11111111-2222-4333-8444-555555555555", "client_secret", "late"), 401, "invalid_client", 7000222},
		"unknown app":        {good("client_id", "99999999-9999-4999-8999-999999999999"), 400, "unauthorized_client", 700016},
		"unknown tenant":     {good("tenant", "99999999-9999-4999-8999-999999999999"), 400, "invalid_request", 90002},
		"another resource":   {good("scope", "https://other.crm.dynamics.com/.default"), 400, "invalid_resource", 500011},
		"scope with a path":  {good("scope", server.URL()+"/api/data/.default"), 400, "invalid_resource", 500011},
		"scope not default":  {good("scope", server.URL()+"/user_impersonation"), 400, "invalid_resource", 500011},
		"no scope":           {good("scope", ""), 400, "invalid_request", 900144},
		"unknown grant":      {good("grant_type", "password"), 400, "unsupported_grant_type", 70003},
		"unknown device":     {good("grant_type", "device_code", "device_code", "x"), 400, "invalid_grant", 70000},
		"unknown code":       {good("grant_type", "authorization_code", "code", "x"), 400, "invalid_grant", 70008},
		"unknown refresh":    {good("grant_type", "refresh_token", "refresh_token", "x"), 400, "invalid_grant", 70008},
		"unsigned assertion": {good("client_secret", "", "client_assertion", unsigned(t), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), 401, "invalid_client", 700027},
	} {
		status, body := tokenRequest(t, server, tt.values)
		codes, _ := body["error_codes"].([]any)
		if status != tt.status || body["error"] != tt.kind || len(codes) != 1 || codes[0] != tt.code {
			t.Errorf("%s: %d %v, want %d %s %v", name, status, body, tt.status, tt.kind, tt.code)
		}
		if text, _ := body["error_description"].(string); !strings.HasPrefix(text, fmt.Sprintf("AADSTS%.0f: ", tt.code)) {
			t.Errorf("%s: description %q", name, text)
		}
	}
}

func unsigned(t *testing.T) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"iss": auditorID, "sub": auditorID, "jti": "1"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCertificateAssertions(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	certs, key, err := confidential.CertFromPEM(server.ClientCertificate(auditorID), "")
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := confidential.CertFromPEM(start(t, "compliant", simulator.Options{}, nil).ClientCertificate(auditorID), "")
	if err != nil {
		t.Fatal(err)
	}
	post := func(assertion string) (int, map[string]any) {
		return tokenRequest(t, server, url.Values{
			"client_id": {auditorID}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
	}
	serial := 0
	sign := func(key any, change func(jwt.MapClaims, map[string]any)) string {
		serial++
		claims := jwt.MapClaims{
			"aud": server.AuthorityURL() + "/" + server.TenantID() + "/oauth2/v2.0/token", "iss": auditorID, "sub": auditorID,
			"jti": fmt.Sprint(serial), "exp": time.Now().Add(10 * time.Minute).Unix(), "nbf": time.Now().Unix(),
		}
		token := jwt.NewWithClaims(jwt.SigningMethodPS256, claims)
		token.Header["x5t#S256"] = thumbprint(certs[0])
		if change != nil {
			change(claims, token.Header)
		}
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if status, body := post(sign(key, nil)); status != http.StatusOK {
		t.Fatalf("a good assertion: %d %v", status, body)
	}
	for name, assertion := range map[string]string{
		"another key":   sign(otherKey, nil),
		"no thumbprint": sign(key, func(_ jwt.MapClaims, h map[string]any) { delete(h, "x5t#S256") }),
		"another audience": sign(key, func(c jwt.MapClaims, _ map[string]any) {
			c["aud"] = "https://login.microsoftonline.com/x/oauth2/v2.0/token"
		}),
		"another app": sign(key, func(c jwt.MapClaims, _ map[string]any) { c["sub"] = "someone" }),
		"expired":     sign(key, func(c jwt.MapClaims, _ map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
		"without end": sign(key, func(c jwt.MapClaims, _ map[string]any) { delete(c, "exp") }),
		"without id":  sign(key, func(c jwt.MapClaims, _ map[string]any) { delete(c, "jti") }),
	} {
		if status, body := post(assertion); status != http.StatusUnauthorized || body["error"] != "invalid_client" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

const publicID = "9e09e09e-09e0-4e09-8e09-e09e09e09e09"

func TestTokensExpire(t *testing.T) {
	var elapsed atomic.Int64
	begin := time.Now()
	clock := func() time.Time { return begin.Add(time.Duration(elapsed.Load())) }
	server := start(t, "compliant", simulator.Options{Now: clock}, nil)
	c := signIn(t, server, "dbaudit")
	elapsed.Store(int64(59 * time.Minute))
	c.get("WhoAmI").expect(t, "before the end", http.StatusOK, "-")
	elapsed.Store(int64(time.Hour))
	c.get("WhoAmI").expect(t, "at the end", http.StatusUnauthorized, "-")
}

func TestDiscovery(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	hc := httpClient(t, server)
	for _, path := range []string{"/" + server.TenantID() + "/v2.0/.well-known/openid-configuration", "/approve"} {
		if body := browse(t, hc, server.AuthorityURL()+path); body == "" {
			t.Errorf("%s: the body is empty", path)
		}
	}
}

package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

func TestClientSecret(t *testing.T) {
	e := newEntra(t)
	c := e.withSecret()
	s := open(t, c)
	if len(e.requests) != 0 {
		t.Errorf("Open sends requests although the tenant is given: %v", e.requests)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "the-access-token-1" {
		t.Errorf("token %q", got)
	}
	if want := []string{"GET /" + tenant + "/v2.0/.well-known/openid-configuration", "POST /" + tenant + "/oauth2/v2.0/token"}; !slices.Equal(e.requests, want) {
		t.Errorf("sign-in took %v", e.requests)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "the-access-token-1" {
		t.Errorf("a valid token is not reused: %q", got)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{Refresh: true}); got != "the-access-token-2" {
		t.Errorf("a refused token is not replaced: %q", got)
	}
	if got := tokenOf(t, s, dataverse.TokenOptions{}); got != "the-access-token-2" {
		t.Errorf("the new token is not reused: %q", got)
	}
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
	if got := tokenOf(t, s, dataverse.TokenOptions{Refresh: true, Claims: claims}); got != "the-access-token-3" {
		t.Errorf("claims do not request a new token: %q", got)
	}
	if got := e.forms[2].Get("claims"); !strings.Contains(got, `"nbf"`) || !strings.Contains(got, `"CP1"`) {
		t.Errorf("claims sent: %s", got)
	}
	if len(e.requests) != 4 {
		t.Errorf("a new token does not take one request: %v", e.requests)
	}
	want := "signing in with a client secret, as app " + appID + ", in tenant " + tenant + ", at " + strings.TrimPrefix(e.URL, "https://")
	if s.Describe() != want {
		t.Errorf("describes itself as\n%s\nwant\n%s", s.Describe(), want)
	}
}

type keyPair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// newKey returns the key of all tests, because generating one is slow under the race detector.
var newKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newKeyPair(t *testing.T, until time.Time) keyPair {
	t.Helper()
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "auditor"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{key, cert}
}

func (p keyPair) pem(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
}

func (p keyPair) pfx(t *testing.T, password string) []byte {
	t.Helper()
	data, err := pkcs12.Modern.Encode(p.key, p.cert, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readFrom returns a Config.ReadFile for files in memory.
func readFrom(content map[string][]byte) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if data, ok := content[name]; ok {
			return data, nil
		}
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
}

func TestCertificate(t *testing.T) {
	e := newEntra(t)
	p := newKeyPair(t, time.Now().Add(365*24*time.Hour))
	e.cert = p.cert
	content := map[string][]byte{"auditor.pem": p.pem(t), "auditor.pfx": p.pfx(t, "pass-word"), "open.pfx": p.pfx(t, "")}
	for name, password := range map[string]string{"auditor.pem": "", "auditor.pfx": "pass-word", "open.pfx": ""} {
		c := e.config()
		c.CertificateFile, c.CertificatePassword, c.ReadFile = name, dataverse.NewSecret(password), readFrom(content)
		s := open(t, c)
		if got := tokenOf(t, s, dataverse.TokenOptions{}); !strings.HasPrefix(got, "the-access-token-") {
			t.Errorf("%s: %q", name, got)
		}
		if !s.CredentialExpiry.Equal(p.cert.NotAfter) || s.Method != Certificate || len(s.Warnings) != 0 {
			t.Errorf("%s: expiry %v, method %v, warnings %v", name, s.CredentialExpiry, s.Method, s.Warnings)
		}
	}
}

func TestAssertionsAreSentOnce(t *testing.T) {
	e := newEntra(t)
	p := newKeyPair(t, time.Now().Add(365*24*time.Hour))
	e.cert = p.cert
	failures := 0
	e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/token") || failures == 3 {
			return false
		}
		failures++
		_ = r.ParseForm()
		_ = e.verify(r.PostForm.Get("client_assertion")) // it was received, but the response is lost
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return true
	}
	c := e.config()
	c.CertificateFile, c.ReadFile = "a.pem", readFrom(map[string][]byte{"a.pem": p.pem(t)})
	if got := tokenOf(t, open(t, c), dataverse.TokenOptions{}); got != "the-access-token-1" {
		t.Errorf("token %q", got)
	}
}

func TestInvalidCertificates(t *testing.T) {
	e := newEntra(t)
	p := newKeyPair(t, time.Now().Add(365*24*time.Hour))
	old, soon := newKeyPair(t, time.Now().Add(-time.Minute)), newKeyPair(t, time.Now().Add(5*24*time.Hour))
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
	content := map[string][]byte{
		"cert only.pem": certPEM,
		"locked.pem":    append(slices.Clone(certPEM), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})...),
		"ec.pem":        append(slices.Clone(certPEM), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ecDER})...),
		"old.pem":       old.pem(t),
		"locked.pfx":    p.pfx(t, "pass-word"),
		"garbage.pfx":   []byte("no certificate"),
		"soon.pem":      soon.pem(t),
	}
	for name, wantError := range map[string]string{
		"": "--client-certificate", "missing.pem": "does not exist: check the path", "cert only.pem": "one private key", "locked.pem": "encrypted",
		"ec.pem": "RSA", "old.pem": "expired on", "locked.pfx": "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", "garbage.pfx": "neither a PEM nor a PFX",
	} {
		c := e.config()
		c.Method, c.CertificateFile, c.ReadFile = Certificate, name, readFrom(content)
		if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), wantError) {
			t.Errorf("%s: %v, want %q", name, err, wantError)
		}
	}
	c := e.config()
	c.CertificateFile, c.CertificatePassword, c.ReadFile = "locked.pfx", dataverse.NewSecret("wrong-password"), readFrom(content)
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "a different password") || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("%v", err)
	}
	c.CertificateFile = "soon.pem"
	if s := open(t, c); len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "expires on") {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestSignInRetries(t *testing.T) {
	e := newEntra(t)
	n := 0
	e.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		switch n++; n {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.Header().Set("Retry-After", "3")
			writeError(w, 429, "temporarily_unavailable", "AADSTS50196")
		case 3:
			_, _ = w.Write([]byte(`{"token_endpoint":`))
		case 5:
			http.Error(w, "bad gateway", 502)
		default:
			return false
		}
		return true
	}
	c := e.withSecret()
	if got := tokenOf(t, open(t, c), dataverse.TokenOptions{}); got != "the-access-token-1" || n != 6 {
		t.Errorf("token %q after %d requests", got, n)
	}
}

func TestSignInErrors(t *testing.T) {
	e := newEntra(t)
	for name, c := range map[string]struct {
		answer    func(http.ResponseWriter)
		wantError string
		requests  int
	}{
		"down":     {func(w http.ResponseWriter) { http.Error(w, "x", 503) }, "HTTP 503", 6},
		"html":     {func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) }, "cannot be read", 6},
		"gone":     {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "cannot be reached", 6},
		"wait":     {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "9999"); w.WriteHeader(429) }, "busy", 1},
		"redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.example"); w.WriteHeader(302) }, "redirects", 1},
		"404":      {func(w http.ResponseWriter) { w.WriteHeader(404) }, "--tenant-id", 1},
		"no token": {func(w http.ResponseWriter) { writeJSON(w, 200, map[string]any{"expires_in": 5}) }, "--authority", 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			e.intercept = func(w http.ResponseWriter, _ *http.Request) bool { n++; c.answer(w); return true }
			conf := e.withSecret()
			_, err := open(t, conf).Token(t.Context(), dataverse.TokenOptions{})
			var e *AuthError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.wantError) || n < c.requests || n > c.requests+1 { // net/http repeats a GET on a stale connection
				t.Errorf("after %d requests: %v, want %q", n, err, c.wantError)
			}
		})
	}
}

func TestSecretStaysAtAuthority(t *testing.T) {
	other := newEntra(t)
	e := newEntra(t)
	e.tokenURL = other.URL + "/" + tenant + "/oauth2/v2.0/token"
	c := e.withSecret()
	_, err := open(t, c).Token(t.Context(), dataverse.TokenOptions{})
	if err == nil || len(other.requests) != 0 || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("%v; the other host got %v", err, other.requests)
	}
}

func TestRefusalAdvice(t *testing.T) {
	e := newEntra(t)
	for _, c := range []struct {
		change func(*Config)
		code   string
		advice string
	}{
		{func(c *Config) { c.ClientSecret = dataverse.NewSecret("another-secret-value") }, "AADSTS7000215", "not its id"},
		{func(c *Config) { c.ClientID = "22222222-2222-3333-4444-555555555555" }, "AADSTS700016", "--client-id"},
		{func(c *Config) { c.EnvironmentURL = "https://fabrikam.crm.dynamics.com" }, "AADSTS500011", "--url"},
	} {
		conf := e.withSecret()
		c.change(&conf)
		_, err := open(t, conf).Token(t.Context(), dataverse.TokenOptions{})
		var got *AuthError
		if !errors.As(err, &got) || got.Code != c.code || !strings.Contains(got.Advice, c.advice) || !strings.Contains(err.Error(), got.Advice) {
			t.Errorf("%v, want %s and %q", err, c.code, c.advice)
			continue
		}
		if got.CorrelationID != "7f9619ff-8b86-d011-b42d-00cf4fc964ff" || got.TraceID == "" || strings.Contains(got.Message, "Trace ID") {
			t.Errorf("%+v", got)
		}
	}
}

// TestErrorsWithoutSecrets uses a sign-in host that repeats the request in its error.
func TestErrorsWithoutSecrets(t *testing.T) {
	e := newEntra(t)
	p := newKeyPair(t, time.Now().Add(365*24*time.Hour))
	e.cert = newKeyPair(t, time.Now().Add(time.Hour)).cert // another certificate: refused, with the assertion in the text
	assertion := ""
	e.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/token") {
			_ = r.ParseForm()
			assertion = r.PostForm.Get("client_assertion")
		}
		return false
	}
	withSecret, withCertificate, withPlatform := e.config(), e.config(), e.config()
	withSecret.ClientSecret = dataverse.NewSecret("another-secret-value")
	withCertificate.CertificateFile, withCertificate.ReadFile = "a.pem", readFrom(map[string][]byte{"a.pem": p.pem(t)})
	withPlatform.Getenv = func(name string) string {
		return map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "token"}[name]
	}
	withPlatform.ReadFile = readFrom(map[string][]byte{"token": []byte("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2ln")})
	for _, c := range []Config{withSecret, withCertificate, withPlatform} {
		s := open(t, c)
		_, err := s.Token(t.Context(), dataverse.TokenOptions{})
		if err == nil {
			t.Fatal("no error")
		}
		text := fmt.Sprintf("%v %+v %#v %s %+v %#v", err, err, err, s.Describe(), s, c)
		for _, secret := range []string{"another-secret-value", "eyJ", assertion} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q is shown in %s", secret, text)
			}
		}
	}
}

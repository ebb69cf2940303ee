package foreign

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

const (
	tenant      = "contoso"
	environment = "https://contoso.crm.dynamics.com"
	secret      = "a-secret-that-is-long-enough"
)

// server starts fosite with the addresses of Entra. It drops the responses to the first successful
// token requests, as many as drops says.
func server(t *testing.T, client *fosite.DefaultOpenIDConnectClient, drops int32) *httptest.Server {
	t.Helper()
	var dropped atomic.Int32
	mux := http.NewServeMux()
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	config := &fosite.Config{
		GlobalSecret: []byte("some-secret-that-is-32-bytes-long"), AccessTokenLifespan: time.Hour,
		TokenURL: s.URL + "/" + tenant + "/oauth2/v2.0/token", ScopeStrategy: fosite.ExactScopeStrategy,
	}
	store := storage.NewMemoryStore()
	hash, err := (&fosite.BCrypt{Config: config}).Hash(t.Context(), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	client.Secret = hash
	client.GrantTypes = []string{"client_credentials"}
	// MSAL requests the last three with every grant.
	client.Scopes = []string{environment + "/.default", "openid", "offline_access", "profile"}
	store.Clients[client.ID] = client
	provider := compose.Compose(config, store, compose.NewOAuth2HMACStrategy(config), compose.OAuth2ClientCredentialsGrantFactory)

	mux.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": s.URL + "/" + tenant + "/v2.0", "token_endpoint": config.TokenURL,
			"authorization_endpoint": s.URL + "/" + tenant + "/oauth2/v2.0/authorize",
		})
	})
	mux.HandleFunc("POST /"+tenant+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		request, err := provider.NewAccessRequest(r.Context(), r, &fosite.DefaultSession{})
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		for _, scope := range request.GetRequestedScopes() {
			request.GrantScope(scope)
		}
		response, err := provider.NewAccessResponse(r.Context(), request)
		if err != nil {
			provider.WriteAccessError(r.Context(), w, request, err)
			return
		}
		if dropped.Add(1) <= drops {
			panic(http.ErrAbortHandler)
		}
		provider.WriteAccessResponse(r.Context(), w, request, response)
	})
	return s
}

func config(s *httptest.Server, id string) signin.Config {
	return signin.Config{
		EnvironmentURL: environment, TenantID: tenant, ClientID: id, Authority: s.URL, Transport: s.Client().Transport,
	}
}

func signIn(t *testing.T, c signin.Config) (dataverse.Token, error) {
	t.Helper()
	session, err := signin.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return session.Token(t.Context(), dataverse.TokenOptions{})
}

func TestClientSecret(t *testing.T) {
	client := &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{ID: "auditor"}, TokenEndpointAuthMethod: "client_secret_post",
	}
	c := config(server(t, client, 0), "auditor")
	c.ClientSecret = dataverse.NewSecret(secret)
	token, err := signIn(t, c)
	if err != nil || token.Value.IsZero() || time.Until(token.ExpiresAt) < 50*time.Minute {
		t.Errorf("%v, %v", token, err)
	}
	c.ClientSecret = dataverse.NewSecret("another-secret-altogether")
	_, err = signIn(t, c)
	var refused *signin.AuthError
	if !errors.As(err, &refused) || refused.Code != "invalid_client" || !strings.Contains(refused.Advice, "--client-id") || strings.Contains(err.Error(), "another-secret") {
		t.Errorf("%v", err)
	}
}

func TestCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "auditor"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	client := &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{ID: "auditor"}, TokenEndpointAuthMethod: "private_key_jwt", TokenEndpointAuthSigningAlgorithm: "PS256",
		JSONWebKeys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Use: "sig", Algorithm: "PS256"}}},
	}
	// Two responses are dropped. The server accepts an assertion only once, so each attempt must
	// sign its own.
	c := config(server(t, client, 2), "auditor")
	c.CertificateFile = "auditor.pem"
	c.ReadFile = func(string) ([]byte, error) { return file, nil }
	if token, err := signIn(t, c); err != nil || token.Value.IsZero() {
		t.Errorf("%v, %v", token, err)
	}
}

package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// Transport trusts simulated environments.
func Transport(tb testing.TB, servers ...*simulator.Server) *http.Transport {
	tb.Helper()
	roots := x509.NewCertPool()
	for _, s := range servers {
		roots.AppendCertsFromPEM(s.CAPEM())
	}
	t := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64,
	}
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

// Connection are the options of a client of a simulated environment that signs in as one of its
// applications and waits for nothing.
func Connection(tb testing.TB, server *simulator.Server, application string) dataverse.Options {
	tb.Helper()
	transport := Transport(tb, server)
	return dataverse.Options{
		URL: server.URL(), Transport: transport,
		Tokens: &tokens{server, &http.Client{Transport: transport}, application},
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// tokens signs in with a client secret, and knows nothing of how dbaudit does.
type tokens struct {
	server      *simulator.Server
	http        *http.Client
	application string
}

func (s *tokens) Token(ctx context.Context, _ dataverse.TokenOptions) (dataverse.Token, error) {
	registration := s.server.Environment().Client(s.application)
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {registration.ApplicationID}, "client_secret": {registration.Secret},
		"scope": {s.server.URL() + "/.default"},
	}
	var failure error
	for range 50 { // under random faults
		token, err := s.ask(ctx, form)
		if err == nil {
			return token, nil
		}
		failure = err
	}
	return dataverse.Token{}, failure
}

func (s *tokens) ask(ctx context.Context, form url.Values) (dataverse.Token, error) {
	address := s.server.AuthorityURL() + "/" + s.server.TenantID() + "/oauth2/v2.0/token"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return dataverse.Token{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.http.Do(request)
	if err != nil {
		return dataverse.Token{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err != nil || json.Unmarshal(data, &answer) != nil || answer.Token == "" {
		return dataverse.Token{}, fmt.Errorf("no token: HTTP %d %s", response.StatusCode, data)
	}
	return dataverse.Token{Value: dataverse.NewSecret(answer.Token), ExpiresAt: time.Now().Add(time.Duration(answer.Seconds) * time.Second)}, nil
}

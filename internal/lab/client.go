package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// Transport returns a transport that trusts the certificates of simulated environments.
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

// ClientOptions returns the options of a client that uses a simulated environment as one of its applications.
// The client does not wait between requests.
func ClientOptions(tb testing.TB, server *simulator.Server, application string) dataverse.Options {
	tb.Helper()
	return dataverse.Options{
		URL: server.URL(), Transport: Transport(tb, server),
		Tokens: tokens{server, server.Environment().Client(application).ApplicationID},
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

type tokens struct {
	server      *simulator.Server
	application string
}

func (t tokens) Token(context.Context, dataverse.TokenOptions) (dataverse.Token, error) {
	return dataverse.Token{Value: dataverse.NewSecret(t.server.Token(t.application)), ExpiresAt: time.Now().Add(time.Hour)}, nil
}

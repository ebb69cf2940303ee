package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// A connection is a signed-in client of one environment.
type connection struct {
	client  *dataverse.Client
	session *signin.Session
}

// connect signs in to an environment. roots are trusted beside nothing else, or
// the system's where they are nil.
func (a *app) connect(ctx context.Context, t target, roots *x509.CertPool, observe func(dataverse.Event)) (connection, error) {
	transport := a.Transport(roots)
	session, err := a.signIn(ctx, t, transport)
	if err != nil {
		return connection{}, err
	}
	client, err := dataverse.New(a.clientOptions(t, session, transport, observe))
	if err != nil {
		return connection{}, err
	}
	return connection{client: client, session: session}, nil
}

func (a *app) clientOptions(t target, tokens dataverse.TokenSource, transport http.RoundTripper, observe func(dataverse.Event)) dataverse.Options {
	return dataverse.Options{
		URL: t.url, Tokens: tokens, Transport: transport, Now: a.Now, Observe: observe,
		UserAgent: "dbaudit/" + version().Version,
	}
}

func (a *app) signIn(ctx context.Context, t target, transport http.RoundTripper) (*signin.Session, error) {
	var method signin.Method
	if t.method != "" {
		var err error
		if method, err = signin.ParseMethod(t.method); err != nil {
			return nil, &usageError{fmt.Errorf("--auth: %w", err)}
		}
	}
	return signin.Open(ctx, signin.Config{
		Method:              method,
		EnvironmentURL:      t.url,
		TenantID:            t.tenantID,
		ClientID:            t.clientID,
		ClientSecret:        t.clientSecret,
		CertificateFile:     t.certificate,
		CertificatePassword: dataverse.NewSecret(a.Getenv("DBAUDIT_CLIENT_CERTIFICATE_PASSWORD")),
		Authority:           t.authority,
		Transport:           transport,
		Getenv:              a.Getenv,
		ReadFile:            os.ReadFile,
		Now:                 a.Now,
	})
}

package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// A connection is a client of one environment, and the session that it signs in
// by. Nobody is signed in until something is read.
type connection struct {
	client  *dataverse.Client
	session *signin.Session
}

// connect opens an environment, and narrates how it is signed in to. The given
// roots alone are trusted, or the system's where they are nil.
func (a *app) connect(ctx context.Context, t target, roots *x509.CertPool, observe func(dataverse.Event)) (connection, error) {
	transport := a.Transport(roots)
	session, err := a.signIn(ctx, t, transport)
	if err != nil {
		return connection{}, err
	}
	a.log(slog.LevelInfo, t.name, session.Describe())
	// Roots are given for the embedded simulator alone, whose host needs no warning.
	if roots == nil {
		for _, warning := range session.Warnings() {
			a.log(slog.LevelWarn, t.name, "warning: "+warning)
		}
	}
	client, err := dataverse.New(a.clientOptions(t, a.tokens(session), transport, observe))
	if err != nil {
		return connection{}, err
	}
	return connection{client: client, session: session}, nil
}

// tokens is where a session's tokens come from. Several environments are opened
// at once, but a person is asked one thing at a time: the first sign-in, once
// kept, serves the others without a question.
func (a *app) tokens(session *signin.Session) dataverse.TokenSource {
	switch session.Method() {
	case signin.DeviceCode, signin.Interactive:
		return oneAtATime{&a.asking, session}
	case signin.Auto, signin.ClientSecret, signin.Certificate, signin.WorkloadIdentity, signin.ManagedIdentity, signin.AzureCLI:
	}
	return session
}

type oneAtATime struct {
	turn   *sync.Mutex
	source dataverse.TokenSource
}

func (o oneAtATime) Token(ctx context.Context, options dataverse.TokenOptions) (dataverse.Token, error) {
	o.turn.Lock()
	defer o.turn.Unlock()
	return o.source.Token(ctx, options)
}

func (a *app) clientOptions(t target, tokens dataverse.TokenSource, transport http.RoundTripper, observe func(dataverse.Event)) dataverse.Options {
	return dataverse.Options{
		URL: t.url, Tokens: tokens, Transport: transport, Now: a.Now, Sleep: a.Sleep, Observe: observe,
		UserAgent: "dbaudit/" + version().Version,
	}
}

func (a *app) signIn(ctx context.Context, t target, transport http.RoundTripper) (*signin.Session, error) {
	c, err := a.signInConfig(t, transport)
	if err != nil {
		return nil, err
	}
	return signin.Open(ctx, c)
}

// signInConfig is how a target is signed in to, with what this process can do
// for it: run az, open a browser, show a code, keep a sign-in.
func (a *app) signInConfig(t target, transport http.RoundTripper) (signin.Config, error) {
	method, err := signin.ParseMethod(t.method)
	if err != nil {
		return signin.Config{}, err
	}
	c := signin.Config{
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
		RunCommand:          a.Run,
		Cache:               a.signIns(),
		Warn:                func(text string) { a.log(slog.LevelWarn, t.name, "warning: "+text) },
		Terminal:            a.StderrIsTerminal,
		Now:                 a.Now,
		Sleep:               a.Sleep,
	}
	// An unattended run whose saved sign-in has ended must fail, not wait for a
	// person; who asks for --auth device-code is there to be shown the code.
	if a.StderrIsTerminal || method != signin.Auto {
		c.Prompt = func(p signin.DevicePrompt) { a.showCode(t.name, p) }
		if a.OpenBrowser != nil {
			c.OpenBrowser = func(address string) error { return a.browse(t.name, address) }
		}
	}
	return c, nil
}

// signIns keeps people's sign-ins: between runs where that is possible, else for
// all environments of this one.
func (a *app) signIns() signin.Cache {
	if a.SignIns != nil {
		return a.SignIns
	}
	return &a.forgotten
}

// showCode asks a person to sign in on another device, --quiet or not.
func (a *app) showCode(environment string, p signin.DevicePrompt) {
	text := fmt.Sprintf("to sign in, open %s in a browser and enter the code %s", p.VerificationURL, p.UserCode)
	if !p.ExpiresAt.IsZero() {
		text += " before " + p.ExpiresAt.Local().Format("15:04")
	}
	a.log(slog.LevelWarn, environment, text, slog.String("user_code", p.UserCode), slog.String("verification_url", p.VerificationURL))
}

// browse opens the browser. Where none opens, the address is there to be copied.
func (a *app) browse(environment, address string) error {
	a.log(slog.LevelWarn, environment, "to sign in, use the browser that opens now; where none does, open "+address)
	if err := a.OpenBrowser(address); err != nil {
		a.log(slog.LevelWarn, environment, err.Error())
	}
	return nil
}

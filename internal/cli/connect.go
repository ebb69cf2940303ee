package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
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
	where := ""
	if signin.Loopback(t.url) {
		where = ", to a practice environment on this machine"
	}
	a.log(slog.LevelInfo, t.name, session.Describe()+where)
	// Roots are given for the embedded simulator alone, whose host needs no warning.
	if roots == nil {
		for _, warning := range session.Warnings() {
			a.warnOf(t.name, warning)
		}
	}
	client, err := dataverse.New(a.clientOptions(t, a.tokens(session), transport, observe))
	if err != nil {
		return connection{}, err
	}
	return connection{client: client, session: session}, nil
}

// A timeoutError is the cause of a reading that took longer than it may.
type timeoutError struct{ limit time.Duration }

func (e timeoutError) Error() string {
	return fmt.Sprintf("it took longer than %s: give it more by --timeout, or look for what makes it slow", e.limit)
}

// within has something done in the target's environment, in the target's time.
func (t target) within(ctx context.Context, do func(context.Context) error) error {
	limit := cmp.Or(t.timeout, DefaultTimeout)
	timed, cancel := context.WithTimeoutCause(ctx, limit, timeoutError{limit})
	defer cancel()
	err := do(timed)
	var late timeoutError
	if err != nil && ctx.Err() == nil && errors.As(context.Cause(timed), &late) {
		return fmt.Errorf("%w (it was at this: %s)", late, err.Error())
	}
	return err
}

// tokens is where a session's tokens come from. Several environments are opened
// at once, but a person is asked one thing at a time: the first sign-in, once
// kept, serves the others without a question.
func (a *app) tokens(session *signin.Session) dataverse.TokenSource {
	if byPerson(session) {
		return oneAtATime{&a.asking, session}
	}
	return session
}

func byPerson(session *signin.Session) bool {
	method := session.Method()
	return method == signin.DeviceCode || method == signin.Interactive
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
	if t.recorder != nil {
		transport = t.recorder.Wrap(transport)
	}
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
	// What another method needs is not read: it need not be there.
	secret, secretFrom := t.clientSecret, ""
	if t.secret != nil && (method == signin.Auto || method == signin.ClientSecret) {
		if secret, secretFrom, err = a.readSecret(t.file, *t.secret, "secret"); err != nil {
			return signin.Config{}, err
		}
	}
	password, passwordFrom := dataverse.Secret{}, ""
	if t.password != nil && t.certificate != "" && (method == signin.Auto || method == signin.Certificate) {
		if password, passwordFrom, err = a.readSecret(t.file, *t.password, "certificate_password"); err != nil {
			return signin.Config{}, err
		}
	}
	c := signin.Config{
		Method:              method,
		EnvironmentURL:      t.url,
		TenantID:            t.tenantID,
		ClientID:            t.clientID,
		ClientSecret:        secret,
		SecretFrom:          secretFrom,
		CertificateFile:     t.certificate,
		CertificatePassword: password,
		PasswordFrom:        passwordFrom,
		Authority:           t.authority,
		Transport:           transport,
		Getenv:              a.Getenv,
		ReadFile:            func(name string) ([]byte, error) { return bounds.ReadFile(bounds.Credential, name) },
		RunCommand:          a.runWithout(secretVariables(t.file)),
		HasProgram:          a.HasProgram,
		Cache:               a.signIns(),
		Warn:                func(text string) { a.warnOf(t.name, text) },
		Terminal:            a.StderrIsTerminal,
		Now:                 a.Now,
		Sleep:               a.Sleep,
	}
	// An unattended run whose saved sign-in has ended must fail, not wait for a
	// person; who asks for --auth device-code is there to be shown the code.
	if a.StderrIsTerminal || method != signin.Auto {
		c.Prompt = func(p signin.DevicePrompt) { a.showCode(t.name, p) }
		if a.OpenBrowser != nil {
			c.OpenBrowser = func(address string) error { return a.browse(t, address) }
		}
	}
	return c, nil
}

// readSecret reads a secret from where the configuration or a variable has it, and
// names that place. What is missing is a fault of this environment's configuration
// alone.
func (a *app) readSecret(file *config.File, from config.Source, key string) (dataverse.Secret, string, error) {
	if from.Env != "" {
		value := a.Getenv(from.Env)
		if value == "" {
			return dataverse.Secret{}, "", usagef("auth.%s: the variable %s is not set: set it, or name another under auth: in the configuration", key, from.Env)
		}
		return dataverse.NewSecret(value), from.String(), nil
	}
	name := besideConfiguration(file, from.File)
	data, err := bounds.ReadFile(bounds.Credential, name)
	if err != nil {
		return dataverse.Secret{}, "", usagef("auth.%s: %w: correct file: under auth: in the configuration", key, err)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return dataverse.Secret{}, "", usagef("auth.%s: the file %s is empty: put the value into it", key, name)
	}
	return dataverse.NewSecret(value), "the file " + name, nil
}

// secretVariables are the variables that hold secrets: no other program gets them.
func secretVariables(file *config.File) []string {
	names := []string{
		"DBAUDIT_CLIENT_SECRET", "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD",
		"DBAUDIT_APPLY_CLIENT_SECRET", "DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD",
	}
	if file != nil {
		names = append(names, file.SecretVariables()...)
	}
	return names
}

// runWithout runs programs that do not get the hidden variables; nil where none can be
// run.
func (a *app) runWithout(hidden []string) func(context.Context, string, ...string) ([]byte, error) {
	if a.Run == nil {
		return nil
	}
	return func(ctx context.Context, name string, args ...string) ([]byte, error) {
		return a.Run(ctx, hidden, name, args...)
	}
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
func (a *app) browse(t target, address string) error {
	a.log(slog.LevelWarn, t.name, "to sign in, use the browser that opens now; where none does, open "+address)
	if err := a.OpenBrowser(secretVariables(t.file), address); err != nil {
		a.log(slog.LevelWarn, t.name, err.Error())
	}
	return nil
}

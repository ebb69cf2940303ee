package run

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// A Client reads one environment, signed in by a session. Sign-in happens only when
// something is read.
type Client struct {
	*dataverse.Client

	Session *signin.Session
	// CloseIdle closes idle connections: after many environments, they would be most of the
	// memory in use.
	CloseIdle func()
}

// Connect opens an environment, and narrates the sign-in. Only the given roots are trusted,
// or the system's if they are nil.
func (r *Runner) Connect(ctx context.Context, t Target, roots *x509.CertPool, observe func(dataverse.Event)) (Client, error) {
	transport := r.Transport(roots)
	session, err := r.signIn(ctx, t, transport)
	if err != nil {
		return Client{}, err
	}
	where := ""
	if signin.IsLoopback(t.URL) {
		where = ", to a practice environment on this machine"
	}
	r.Log(slog.LevelInfo, t.Name, session.Describe()+where)
	// Roots are given only for the embedded simulator, which needs no warning.
	if roots == nil {
		for _, warning := range session.Warnings {
			r.Warn(t.Name, warning)
		}
	}
	client, err := dataverse.New(r.ClientOptions(t, r.tokenSource(session), transport, observe))
	if err != nil {
		return Client{}, err
	}
	return Client{client, session, (&http.Client{Transport: transport}).CloseIdleConnections}, nil
}

// signIn opens the session of a target, or uses one again, with its tokens.
func (r *Runner) signIn(ctx context.Context, t Target, transport http.RoundTripper) (*signin.Session, error) {
	c, err := r.SignInConfig(t, transport)
	if err != nil {
		return nil, err
	}
	key := sessionKey(c)
	if session, ok := r.sessions.Load(key); ok {
		return session.(*signin.Session), nil //nolint:forcetypeassert // it contains nothing else
	}
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	r.sessions.Store(key, session)
	return session, nil
}

// sessionKey is a hash of what distinguishes sign-ins. A renewed secret or certificate is
// another sign-in.
func sessionKey(c signin.Config) [sha256.Size]byte {
	var changed time.Time
	if info, err := os.Stat(c.CertificateFile); err == nil {
		changed = info.ModTime()
	}
	return sha256.Sum256(fmt.Appendf(nil, "%q", []string{
		c.Method.String(), c.EnvironmentURL, c.TenantID, c.ClientID, c.Authority, c.CertificateFile, changed.String(),
		c.ClientSecret.Reveal(), c.CertificatePassword.Reveal(),
	}))
}

// tokenSource is the source of a session's tokens. Of several interactive sign-ins, one runs at a
// time: the others use what it stored.
func (r *Runner) tokenSource(session *signin.Session) dataverse.TokenSource {
	if isInteractive(session) {
		return serialTokenSource{&r.interactiveSignIn, session}
	}
	return session
}

func isInteractive(session *signin.Session) bool {
	return session.Method == signin.DeviceCode || session.Method == signin.Interactive
}

type serialTokenSource struct {
	mutex  *sync.Mutex
	source dataverse.TokenSource
}

func (o serialTokenSource) Token(ctx context.Context, options dataverse.TokenOptions) (dataverse.Token, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.source.Token(ctx, options)
}

// ClientOptions are those of a client of a target.
func (r *Runner) ClientOptions(t Target, tokens dataverse.TokenSource, transport http.RoundTripper, observe func(dataverse.Event)) dataverse.Options {
	if t.recorder != nil {
		transport = t.recorder.Wrap(transport)
	}
	return dataverse.Options{
		URL: t.URL, Tokens: tokens, Transport: transport, Now: r.Now, Sleep: r.Sleep, Observe: observe,
		UserAgent: r.Tool.Name + "/" + r.Tool.Version,
	}
}

// SignInConfig is the sign-in of a target, with what this process can do for it: run az, open
// a browser, show a code, store a sign-in.
func (r *Runner) SignInConfig(t Target, transport http.RoundTripper) (signin.Config, error) {
	method, err := signin.ParseMethod(t.Auth.Method)
	if err != nil {
		return signin.Config{}, err
	}
	c := signin.Config{
		Method:          method,
		EnvironmentURL:  t.URL,
		TenantID:        t.Auth.TenantID,
		ClientID:        t.Auth.ClientID,
		ClientSecret:    t.ClientSecret,
		CertificateFile: t.Auth.Certificate,
		Authority:       t.Auth.Authority,
		Transport:       transport,
		Getenv:          r.Getenv,
		RunCommand:      r.runCommandWithout(r.secretVariables(t.File)),
		HasProgram:      r.HasProgram,
		Cache:           cmp.Or[signin.Cache](r.SignIns, &r.memorySignIns),
		Warn:            func(text string) { r.Warn(t.Name, text) },
		Terminal:        r.Attended,
		VariablePrefix:  t.variables,
		Now:             r.Now,
		Sleep:           r.Sleep,
	}
	// A credential that only another method uses is not read: it may be missing.
	if t.Auth.Secret != nil && (method == signin.Auto || method == signin.ClientSecret) {
		if c.ClientSecret, c.SecretFrom, err = r.readSecret(t.File, *t.Auth.Secret, "secret"); err != nil {
			return signin.Config{}, err
		}
	}
	if t.Auth.CertificatePassword != nil && t.Auth.Certificate != "" && (method == signin.Auto || method == signin.Certificate) {
		if c.CertificatePassword, c.PasswordFrom, err = r.readSecret(t.File, *t.Auth.CertificatePassword, "certificate_password"); err != nil {
			return signin.Config{}, err
		}
	}
	// An unattended run must fail if its saved sign-in has ended, and not wait for a person.
	// With --auth device-code, a person is present to see the code.
	if r.Attended || method != signin.Auto {
		c.Prompt = func(p signin.DevicePrompt) { r.showCode(t.Name, p) }
		if r.OpenBrowser != nil {
			c.OpenBrowser = func(address string) error { return r.openBrowser(t, address) }
		}
	}
	return c, nil
}

// readSecret reads a secret from a source in the configuration, and names the source.
func (r *Runner) readSecret(file *config.File, from config.Source, key string) (dataverse.Secret, string, error) {
	if from.File != "" {
		from.File = configuredPath(file, from.File)
	}
	value, err := ReadSecret(from, r.Getenv)
	if err != nil {
		return dataverse.Secret{}, "", Usagef("auth.%s: %w: correct it, or name another place under auth: in the configuration", key, err)
	}
	return dataverse.NewSecret(value), from.String(), nil
}

// ReadSecret reads a secret from a variable or a file, without a trailing line break.
func ReadSecret(from config.Source, getenv func(string) string) (string, error) {
	if from.Env != "" {
		if value := getenv(from.Env); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("the variable %s is not set", from.Env)
	}
	data, err := bounds.ReadFile(bounds.Credential, from.File)
	if err != nil {
		return "", err
	}
	if value := strings.TrimRight(string(data), "\r\n"); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("the file %s is empty", from.File)
}

// secretVariables are the variables with secrets, besides dbaudit's own: no other program gets them.
func (r *Runner) secretVariables(file *config.File) []string {
	return slices.Concat(file.SecretVariables(), r.SecretVariables, []string{"PGPASSWORD"})
}

// runCommandWithout runs programs without the hidden variables; nil if programs cannot be run.
func (r *Runner) runCommandWithout(hidden []string) func(context.Context, string, ...string) ([]byte, error) {
	if r.Run == nil {
		return nil
	}
	return func(ctx context.Context, name string, args ...string) ([]byte, error) {
		return r.Run(ctx, hidden, name, args...)
	}
}

// showCode prompts for a sign-in on another device, --quiet or not.
func (r *Runner) showCode(environment string, p signin.DevicePrompt) {
	text := fmt.Sprintf("to sign in, open %s in a browser and enter the code %s", p.VerificationURL, p.UserCode)
	if !p.ExpiresAt.IsZero() {
		text += " before " + p.ExpiresAt.Local().Format("15:04")
	}
	r.Log(slog.LevelWarn, environment, text, slog.String("user_code", p.UserCode), slog.String("verification_url", p.VerificationURL))
}

// openBrowser opens the browser, and shows the address in case none opens.
func (r *Runner) openBrowser(t Target, address string) error {
	r.Log(slog.LevelWarn, t.Name, "to sign in, use the browser that opens now; if none opens, go to "+address)
	if err := r.OpenBrowser(r.secretVariables(t.File), address); err != nil {
		r.Log(slog.LevelWarn, t.Name, err.Error())
	}
	return nil
}

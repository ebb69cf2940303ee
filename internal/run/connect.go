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

// A Client reads one environment. It signs in with the session at its first request.
type Client struct {
	*dataverse.Client

	Session *signin.Session
	// CloseIdle closes idle connections. After many environments, they would use most of the
	// memory.
	CloseIdle func()
}

// Connect returns a client for an environment and logs how it signs in. It trusts the given roots,
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
	// Only the embedded simulator has roots, and it needs no warning.
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

// signIn returns the session of a target. Targets with the same sign-in share a session.
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

// sessionKey returns a hash of a sign-in. A renewed secret or certificate changes it.
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

// tokenSource returns the source of a session's tokens. Interactive sign-ins run one at a time, so
// that the later ones find the tokens that the first stored.
func (r *Runner) tokenSource(session *signin.Session) dataverse.TokenSource {
	if session.Method.IsPersonal() {
		return serialTokenSource{&r.interactiveSignIn, session}
	}
	return session
}

type serialTokenSource struct {
	mutex  *sync.Mutex
	source dataverse.TokenSource
}

func (s serialTokenSource) Token(ctx context.Context, options dataverse.TokenOptions) (dataverse.Token, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.source.Token(ctx, options)
}

// ClientOptions returns the options of the client for a target.
func (r *Runner) ClientOptions(t Target, tokens dataverse.TokenSource, transport http.RoundTripper, observe func(dataverse.Event)) dataverse.Options {
	if t.recorder != nil {
		transport = t.recorder.Wrap(transport)
	}
	return dataverse.Options{
		URL: t.URL, Tokens: tokens, Transport: transport, Now: r.Now, Sleep: r.Sleep, Observe: observe,
		UserAgent: r.Tool.Name + "/" + r.Tool.Version,
	}
}

// SignInConfig returns the configuration of a target's sign-in, with the functions of this process
// that run az, open a browser, show a code and store tokens.
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
		HasProgram:      r.HasProgram,
		Cache:           cmp.Or[signin.Cache](r.SignIns, &r.memorySignIns),
		Warn:            func(text string) { r.Warn(t.Name, text) },
		Terminal:        r.Attended,
		VariablePrefix:  t.variablePrefix,
		Now:             r.Now,
		Sleep:           r.Sleep,
	}
	if r.Run != nil {
		c.RunCommand = func(ctx context.Context, name string, args ...string) ([]byte, error) {
			return r.Run(ctx, r.secretVariables(t.File), name, args...)
		}
	}
	// A credential that the method does not use is not read, because it may be missing.
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
	// An unattended run must not wait for a person if its saved sign-in has expired. With --auth
	// device-code, a person is present to see the code.
	if r.Attended || method != signin.Auto {
		c.Prompt = func(p signin.DevicePrompt) { r.showCode(t.Name, p) }
		if r.OpenBrowser != nil {
			c.OpenBrowser = func(address string) error { return r.openBrowser(t, address) }
		}
	}
	return c, nil
}

func (r *Runner) readSecret(file *config.File, from config.Source, key string) (dataverse.Secret, string, error) {
	from = from.In(file.Name())
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

// secretVariables returns the names of variables with secrets that are not dbaudit's own. Other
// programs do not receive them.
func (r *Runner) secretVariables(file *config.File) []string {
	return slices.Concat(file.SecretVariables(), r.SecretVariables, []string{"PGPASSWORD"})
}

// showCode shows the code of a sign-in on another device, even with --quiet.
func (r *Runner) showCode(environment string, p signin.DevicePrompt) {
	text := fmt.Sprintf("to sign in, open %s in a browser and enter the code %s", p.VerificationURL, p.UserCode)
	if !p.ExpiresAt.IsZero() {
		text += " before " + p.ExpiresAt.Local().Format("15:04")
	}
	r.Log(slog.LevelWarn, environment, text, slog.String("user_code", p.UserCode), slog.String("verification_url", p.VerificationURL))
}

// openBrowser opens the browser, and shows the address in case no browser opens.
func (r *Runner) openBrowser(t Target, address string) error {
	r.Log(slog.LevelWarn, t.Name, "to sign in, use the browser that opens now; if none opens, go to "+address)
	if err := r.OpenBrowser(r.secretVariables(t.File), address); err != nil {
		r.Log(slog.LevelWarn, t.Name, err.Error())
	}
	return nil
}

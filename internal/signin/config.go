package signin

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A Config says who signs in, how and where. EnvironmentURL and Transport are required. The method
// determines which other fields are.
type Config struct {
	Method         Method // Auto chooses one by the other fields and the environment variables
	EnvironmentURL string // https://ORG.crmN.dynamics.com
	TenantID       string // GUID or domain; if empty, taken from the environment's challenge
	ClientID       string // the app registration, or the user-assigned managed identity
	ClientSecret   dataverse.Secret
	// CertificateFile is a PEM or PFX file with a certificate, its private key and optionally its
	// chain. The password is for PFX files only.
	CertificateFile     string
	CertificatePassword dataverse.Secret
	// Username chooses one of several saved sign-ins, and is the default in the sign-in form.
	Username string
	// Authority is the sign-in host, https://HOST[:PORT] without the tenant. If empty, it is that of
	// the environment's cloud.
	Authority string

	Transport http.RoundTripper
	Getenv    func(string) string          // default: no variable is set
	ReadFile  func(string) ([]byte, error) // default: regular files of limited size
	// RunCommand runs a program (az) and returns its standard output. Its error may contain the
	// standard error output.
	RunCommand func(ctx context.Context, name string, args ...string) ([]byte, error)
	// HasProgram reports whether a program can be run by its name. Nil means that none can.
	HasProgram func(name string) bool
	// Prompt shows a person the code to enter. Sign-in by device code requires it.
	Prompt func(DevicePrompt)
	// OpenBrowser opens a person's browser. Sign-in in a browser requires it.
	OpenBrowser func(address string) error
	// Cache stores people's sign-ins. Nil keeps them in memory.
	Cache Cache
	// Warn is called with a message if a sign-in cannot be stored. It may be nil.
	Warn func(string)
	// Terminal says that a person uses a terminal. It changes the advice.
	Terminal bool
	// SecretFrom and PasswordFrom say in advice where the secret and the password come from. If
	// empty: DBAUDIT_CLIENT_SECRET and DBAUDIT_CLIENT_CERTIFICATE_PASSWORD.
	SecretFrom, PasswordFrom string
	// VariablePrefix begins the names of variables in advice about credentials. If empty: DBAUDIT_.
	VariablePrefix string

	Now    func() time.Time                           // default time.Now
	Sleep  func(context.Context, time.Duration) error // default: a timer
	Jitter func() float64                             // in [0, 1); default random
}

// A DevicePrompt tells a person how to sign in by device code.
type DevicePrompt struct {
	UserCode, VerificationURL string
	ExpiresAt                 time.Time
}

func (c Config) withDefaults() Config {
	if c.Getenv == nil {
		c.Getenv = func(string) string { return "" }
	}
	if c.ReadFile == nil {
		c.ReadFile = func(name string) ([]byte, error) { return bounds.ReadFile(bounds.Credential, name) }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = dataverse.Sleep
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	if c.Cache == nil {
		c.Cache = &MemoryCache{}
	}
	if c.Warn == nil {
		c.Warn = func(string) {}
	}
	c.TenantID, c.ClientID = strings.TrimSpace(c.TenantID), strings.TrimSpace(c.ClientID)
	return c
}

// withCredentialNames replaces the names of variables in the advice of an error by those from which
// the credentials come.
func (c Config) withCredentialNames(err error) error {
	prefix := cmp.Or(c.VariablePrefix, "DBAUDIT_") + "CLIENT_"
	names := strings.NewReplacer(
		"DBAUDIT_CLIENT_SECRET", cmp.Or(c.SecretFrom, prefix+"SECRET"),
		"DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", cmp.Or(c.PasswordFrom, prefix+"CERTIFICATE_PASSWORD"),
		"DBAUDIT_CLIENT_", prefix,
	)
	if e, ok := errors.AsType[*ConfigError](err); ok {
		e.Message = names.Replace(e.Message)
	} else if e, ok := errors.AsType[*AuthError](err); ok {
		e.Advice = names.Replace(e.Advice)
	}
	return err
}

// firstVariable returns the value of the first of two environment variables that is set.
func (c Config) firstVariable(first, second string) string {
	return cmp.Or(strings.TrimSpace(c.Getenv(first)), strings.TrimSpace(c.Getenv(second)))
}

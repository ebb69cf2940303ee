package signin

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// Config says who signs in, how and where. EnvironmentURL and Transport are
// needed; what else is depends on the method.
type Config struct {
	Method         Method // Auto deduces it
	EnvironmentURL string // https://ORG.crmN.dynamics.com
	TenantID       string // GUID or domain; found from the environment's challenge where empty
	ClientID       string // the app registration, or the user-assigned managed identity
	ClientSecret   dataverse.Secret
	// CertificateFile is a PEM or PFX file with certificate, private key and, if there is
	// one, the chain. Its password is for PFX only.
	CertificateFile     string
	CertificatePassword dataverse.Secret
	// Username chooses among several saved sign-ins, and fills in the form.
	Username string
	// Authority is another sign-in host, https://HOST[:PORT]; the tenant is
	// appended. Empty stands for the environment's cloud.
	Authority string

	Transport http.RoundTripper
	Getenv    func(string) string // default: nothing is set
	ReadFile  func(string) ([]byte, error)
	// RunCommand runs a program (az) and gives what it writes to its standard
	// output; its error may hold what it wrote to its standard error.
	RunCommand func(ctx context.Context, name string, args ...string) ([]byte, error)
	// HasProgram reports whether a program can be run by its name; nil where none can.
	HasProgram func(name string) bool
	// Prompt shows a person the code to enter. Without it nobody is asked.
	Prompt func(DevicePrompt)
	// OpenBrowser opens a person's browser. Without it none is opened.
	OpenBrowser func(address string) error
	// Cache keeps people's sign-ins; nil keeps them for this process only.
	Cache Cache
	// Warn receives a message if a sign-in cannot be stored. May be nil.
	Warn func(string)
	// Terminal reports that a person uses a terminal, which changes advice.
	Terminal bool
	// SecretFrom and PasswordFrom name where the secret and the password come from, for
	// advice; empty for DBAUDIT_CLIENT_SECRET and DBAUDIT_CLIENT_CERTIFICATE_PASSWORD.
	SecretFrom, PasswordFrom string
	// Variables is what the names of the variables begin with that advice names for
	// credentials; empty for DBAUDIT_.
	Variables string

	Now    func() time.Time                           // default time.Now
	Sleep  func(context.Context, time.Duration) error // default: a timer
	Jitter func() float64                             // in [0, 1); default random
}

// DevicePrompt is what a person must do to sign in by device code.
type DevicePrompt struct {
	UserCode, VerificationURL, Message string
	ExpiresAt                          time.Time
}

// Session is a way into one environment: a token source that knows how it came
// about.
type Session struct {
	method    Method
	why       string
	origin    string
	cloud     Cloud
	authority string // https://HOST, "" where the method has none
	tenant    string
	found     bool // the tenant was found, not given
	clientID  string
	warnings  []string
	expiry    time.Time
	source    dataverse.TokenSource
	naming    func(error) error
}

// Open decides how to sign in, finds the tenant where none is given (one or two
// requests), and gives a session. Sign-in happens only when a token is requested. What is
// missing is a *ConfigError, what fails an *AuthError.
func Open(ctx context.Context, c Config) (*Session, error) {
	c = c.withDefaults()
	s, err := prepare(ctx, c)
	if err != nil {
		return nil, c.naming(err)
	}
	s.naming = c.naming
	return s, nil
}

// Loopback reports whether an origin is this machine: a practice environment, whose
// answers come from nobody else.
func Loopback(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func prepare(ctx context.Context, c Config) (*Session, error) {
	if err := dataverse.CheckTransport(c.Transport); err != nil {
		return nil, &ConfigError{err.Error()}
	}
	s := &Session{clientID: c.ClientID}
	var err error
	if s.origin, err = dataverse.ParseEnvironment(c.EnvironmentURL); err != nil {
		return nil, &ConfigError{err.Error()}
	}
	if s.method, s.why, err = deduce(c, c.hasSavedSignIn); err != nil {
		return nil, err
	}
	var known bool
	if s.cloud, known = CloudOf(s.origin); !known && !Loopback(s.origin) {
		s.warn("%s is not a known Dataverse host: check --url before trusting the result", strings.TrimPrefix(s.origin, "https://"))
	}
	if err := s.locate(ctx, c, known); err != nil {
		return nil, err
	}
	if s.source, err = s.newSource(c); err != nil {
		return nil, err
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Getenv == nil {
		c.Getenv = func(string) string { return "" }
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
		c.Cache = NewMemoryCache()
	}
	c.TenantID, c.ClientID = strings.TrimSpace(c.TenantID), strings.TrimSpace(c.ClientID)
	return c
}

func (c Config) hasSavedSignIn() bool {
	data, err := c.Cache.Load()
	return err == nil && len(data) > 0
}

// naming has an error's advice name the variables that hold these credentials.
func (c Config) naming(err error) error {
	own := func(text string) string {
		if c.SecretFrom != "" {
			text = strings.ReplaceAll(text, "DBAUDIT_CLIENT_SECRET", c.SecretFrom)
		}
		if c.PasswordFrom != "" {
			text = strings.ReplaceAll(text, "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", c.PasswordFrom)
		}
		if c.Variables == "" {
			return text
		}
		return strings.ReplaceAll(text, "DBAUDIT_CLIENT_", c.Variables+"CLIENT_")
	}
	var wrong *ConfigError
	var failed *AuthError
	switch {
	case errors.As(err, &wrong):
		wrong.Message = own(wrong.Message)
	case errors.As(err, &failed):
		failed.Advice = own(failed.Advice)
	}
	return err
}

func (c Config) patience() patience { return patience{c.Now, c.Sleep, c.Jitter} }

func (c Config) scrubber() scrubber {
	return scrubber{[]dataverse.Secret{c.ClientSecret, c.CertificatePassword}}
}

// newSource makes the token source of the session's method.
func (s *Session) newSource(c Config) (dataverse.TokenSource, error) {
	switch s.method {
	case ClientSecret:
		return newSecretSource(c, s)
	case Certificate:
		return newCertificateSource(c, s)
	case WorkloadIdentity:
		return newFederatedSource(c, s)
	case ManagedIdentity:
		return newManagedSource(c, s)
	case DeviceCode, Interactive:
		return newPersonSource(c, s)
	case AzureCLI:
		return newCLISource(c, s)
	case Auto:
	}
	return nil, &ConfigError{"no sign-in is configured: choose a method with --auth"}
}

// Token gives an access token for the environment.
func (s *Session) Token(ctx context.Context, o dataverse.TokenOptions) (dataverse.Token, error) {
	token, err := s.source.Token(ctx, o)
	var refused *AuthError
	if errors.As(err, &refused) {
		refused.fit(s.method)
	}
	return token, s.naming(err)
}

// Method gives how the session signs in, never Auto.
func (s *Session) Method() Method { return s.method }

// Origin gives the environment's origin.
func (s *Session) Origin() string { return s.origin }

// Cloud gives the environment's cloud.
func (s *Session) Cloud() Cloud { return s.cloud }

// Tenant gives the tenant, "" where the method knows it itself.
func (s *Session) Tenant() string { return s.tenant }

// Authority gives the sign-in address with its tenant, "" where the method
// knows it itself.
func (s *Session) Authority() string {
	if s.authority == "" {
		return ""
	}
	return s.authority + "/" + s.tenant
}

// Warnings are for people: what works, but should not stay so.
func (s *Session) Warnings() []string { return s.warnings }

// CredentialExpiry tells until when the credential itself is valid, where that
// can be known: for a certificate.
func (s *Session) CredentialExpiry() (time.Time, bool) { return s.expiry, !s.expiry.IsZero() }

// Describe says in one line how the session signs in and why.
func (s *Session) Describe() string {
	how := "signing in " + s.method.words()
	if s.why != "" {
		how += " (" + s.why + ")"
	}
	parts := []string{how}
	if s.clientID != "" {
		parts = append(parts, "as app "+dataverse.Printable(s.clientID))
	}
	if s.tenant != "" {
		in := "in tenant " + s.tenant
		if s.found {
			in += " (named by the environment)"
		}
		parts = append(parts, in)
	}
	if s.authority != "" {
		parts = append(parts, "at "+strings.TrimPrefix(s.authority, "https://"))
	}
	return strings.Join(parts, ", ")
}

func (s *Session) warn(format string, args ...any) {
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// locate settles authority and tenant.
func (s *Session) locate(ctx context.Context, c Config, knownHost bool) error {
	var err error
	if c.TenantID != "" {
		if s.tenant, err = parseTenant(c.TenantID); err != nil {
			return err
		}
	}
	if !s.method.needsTenant() {
		return nil
	}
	if c.Authority != "" {
		if s.authority, err = parseAuthority(c.Authority); err != nil {
			return err
		}
	}
	if s.tenant == "" && s.method == WorkloadIdentity {
		if tenant := firstOf(c.Getenv, "AZURE_TENANT_ID", "AZURESUBSCRIPTION_TENANT_ID"); tenant != "" {
			if s.tenant, err = parseTenant(tenant); err != nil {
				return err
			}
		}
	}
	if s.tenant == "" {
		found, err := discover(ctx, c, s.origin, s.authority)
		if err != nil {
			return err
		}
		s.tenant, s.found = found.Tenant, true
		if s.authority == "" && !knownHost {
			s.cloud = found.Cloud
		}
	}
	if s.authority == "" {
		s.authority = s.cloud.Authority()
	}
	return nil
}

// host gives the authority's host[:port].
func (s *Session) host() string { return strings.TrimPrefix(s.authority, "https://") }

// parseTenant accepts a GUID or a domain. The names that stand for "any tenant"
// would sign in somewhere, but not where the environment is.
func parseTenant(tenant string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(tenant))
	switch name {
	case "common", "organizations", "consumers", "adfs", "dstsv2":
		return "", &ConfigError{fmt.Sprintf("--tenant-id %s names no tenant: give its GUID or domain", name)}
	}
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$`).MatchString(name) {
		return "", &ConfigError{fmt.Sprintf("--tenant-id %q is not a tenant: pass its GUID or domain", dataverse.Printable(tenant))}
	}
	return name, nil
}

// parseAuthority accepts https://HOST[:PORT] and gives it in lower case.
func parseAuthority(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.User != nil || u.Hostname() == "" || u.Opaque != "":
		return "", &ConfigError{"--authority is not an address: pass it as https://HOST[:PORT]"}
	case u.Scheme != "https":
		return "", &ConfigError{"--authority must be https://: credentials are sent there"}
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return "", &ConfigError{fmt.Sprintf("--authority is the host alone, https://%s: the tenant goes into --tenant-id", u.Host)}
	}
	return "https://" + strings.ToLower(strings.TrimSuffix(u.Host, ":443")), nil
}

func firstOf(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			return v
		}
	}
	return ""
}

package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/loopback"
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
	// appended. Empty means that of the environment's cloud.
	Authority string

	Transport http.RoundTripper
	Getenv    func(string) string          // default: nothing is set
	ReadFile  func(string) ([]byte, error) // default: of regular files, within bounds
	// RunCommand runs a program (az) and returns its standard output; its error may contain the
	// standard error.
	RunCommand func(ctx context.Context, name string, args ...string) ([]byte, error)
	// HasProgram reports whether a program can be run by its name; nil if none can.
	HasProgram func(name string) bool
	// Prompt shows a person the code to enter. Sign-in by device code needs it.
	Prompt func(DevicePrompt)
	// OpenBrowser opens a person's browser. Sign-in in a browser needs it.
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
	// VariablePrefix is the prefix of the variables that advice names for credentials; empty for
	// DBAUDIT_.
	VariablePrefix string

	Now    func() time.Time                           // default time.Now
	Sleep  func(context.Context, time.Duration) error // default: a timer
	Jitter func() float64                             // in [0, 1); default random
}

// DevicePrompt is what a person must do to sign in by device code.
type DevicePrompt struct {
	UserCode, VerificationURL, Message string
	ExpiresAt                          time.Time
}

// Session is a token source for one environment, and says how it signs in.
type Session struct {
	Method Method // never Auto
	Origin string // the environment's
	// Warnings name what works but should be corrected.
	Warnings []string
	// CredentialExpiry is until when the credential itself is valid, if that can be known: for a
	// certificate.
	CredentialExpiry time.Time

	reason      string
	cloud       Cloud
	authority   string // https://HOST, "" if the method has none
	tenant      string
	tenantFound bool // the tenant was found, not given
	clientID    string
	source      source
	config      Config
}

// A source signs in. Its errors may be MSAL's own.
type source = func(context.Context, dataverse.TokenOptions) (public.AuthResult, error)

// IsLoopback reports whether an origin is this machine: a simulated environment.
func IsLoopback(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && loopback.IsHost(u.Hostname())
}

// Open decides how to sign in, finds the tenant if none is given (one or two
// requests), and returns a session. Sign-in happens only when a token is requested. What is
// missing is a *ConfigError, what fails an *AuthError.
func Open(ctx context.Context, c Config) (_ *Session, err error) {
	c = c.withDefaults()
	defer func() { err = c.withCredentialNames(err) }()
	if err := dataverse.CheckTransport(c.Transport); err != nil {
		return nil, &ConfigError{err.Error()}
	}
	s := &Session{clientID: c.ClientID}
	if s.Origin, err = dataverse.ParseEnvironment(c.EnvironmentURL); err != nil {
		return nil, &ConfigError{err.Error()}
	}
	if c.Method, s.reason, err = chooseMethod(c); err != nil {
		return nil, err
	}
	s.Method, s.config = c.Method, c
	var known bool
	if s.cloud, known = CloudOf(s.Origin); !known && !IsLoopback(s.Origin) {
		s.warn("%s is not a known Dataverse host: check --url before trusting the result", strings.TrimPrefix(s.Origin, "https://"))
	}
	if err := s.resolveAuthority(ctx, known); err != nil {
		return nil, err
	}
	if s.source, err = s.newSource(); err != nil {
		return nil, err
	}
	return s, nil
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

// withCredentialNames makes the advice of an error name the variables that hold these credentials.
func (c Config) withCredentialNames(err error) error {
	own := func(text string) string {
		if c.SecretFrom != "" {
			text = strings.ReplaceAll(text, "DBAUDIT_CLIENT_SECRET", c.SecretFrom)
		}
		if c.PasswordFrom != "" {
			text = strings.ReplaceAll(text, "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", c.PasswordFrom)
		}
		if c.VariablePrefix == "" {
			return text
		}
		return strings.ReplaceAll(text, "DBAUDIT_CLIENT_", c.VariablePrefix+"CLIENT_")
	}
	if wrong, ok := errors.AsType[*ConfigError](err); ok {
		wrong.Message = own(wrong.Message)
	} else if failed, ok := errors.AsType[*AuthError](err); ok {
		failed.Advice = own(failed.Advice)
	}
	return err
}

// firstVariable is the value of the first of two variables that is set.
func (c Config) firstVariable(one, other string) string {
	return cmp.Or(strings.TrimSpace(c.Getenv(one)), strings.TrimSpace(c.Getenv(other)))
}

// newSource makes the token source of the session's method.
func (s *Session) newSource() (source, error) {
	switch s.Method {
	case ClientSecret:
		return s.secretSource()
	case Certificate:
		return s.certificateSource()
	case WorkloadIdentity:
		return s.federatedSource()
	case ManagedIdentity:
		return s.managedSource()
	case DeviceCode, Interactive:
		p, err := s.personSource()
		return p.token, err
	case AzureCLI:
		return s.cliSource()
	case Auto:
	}
	return nil, &ConfigError{"no sign-in is configured: choose a method with --auth"}
}

// Token returns an access token for the environment.
func (s *Session) Token(ctx context.Context, o dataverse.TokenOptions) (dataverse.Token, error) {
	got, err := s.source(ctx, o)
	if err != nil {
		return dataverse.Token{}, s.config.withCredentialNames(s.config.explain(ctx, err))
	}
	return dataverse.Token{Value: dataverse.NewSecret(got.AccessToken), ExpiresAt: got.ExpiresOn}, nil
}

// scope is what a token for the environment is asked for: its exact origin.
func (s *Session) scope() string { return s.Origin + "/.default" }

// Describe says in one line how the session signs in and why.
func (s *Session) Describe() string {
	how := "signing in " + s.Method.phrase()
	if s.reason != "" {
		how += " (" + s.reason + ")"
	}
	parts := []string{how}
	if s.clientID != "" {
		parts = append(parts, "as app "+dataverse.Printable(s.clientID))
	}
	if s.tenant != "" {
		in := "in tenant " + s.tenant
		if s.tenantFound {
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
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// resolveAuthority finds authority and tenant.
func (s *Session) resolveAuthority(ctx context.Context, knownHost bool) (err error) {
	c, tenant := s.config, s.config.TenantID
	if tenant == "" && s.Method == WorkloadIdentity {
		tenant = c.firstVariable("AZURE_TENANT_ID", "AZURESUBSCRIPTION_TENANT_ID")
	}
	if tenant != "" {
		if s.tenant, err = parseTenant(tenant); err != nil {
			return err
		}
	}
	if !s.Method.needsTenant() {
		return nil
	}
	if c.Authority != "" {
		if s.authority, err = parseAuthority(c.Authority); err != nil {
			return err
		}
	}
	if s.tenant == "" {
		found, err := Discover(ctx, c)
		if err != nil {
			return err
		}
		s.tenant, s.tenantFound = found.Tenant, true
		if s.authority == "" && !knownHost {
			s.cloud = found.Cloud
		}
	}
	if s.authority == "" {
		s.authority, _ = s.cloud.addresses()
	}
	return nil
}

// host returns the authority's host[:port].
func (s *Session) host() string { return strings.TrimPrefix(s.authority, "https://") }

// parseTenant accepts a GUID or a domain. The names for "any tenant" would sign in
// to a tenant other than the environment's.
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

// parseAuthority accepts https://HOST[:PORT] and returns it in lower case.
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

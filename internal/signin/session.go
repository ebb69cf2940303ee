package signin

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/loopback"
)

// A Session is a token source for one environment.
type Session struct {
	Method Method // never Auto
	Origin string // of the environment
	// Warnings are about settings that work but should be corrected.
	Warnings []string
	// CredentialExpiry is when the certificate expires. It is zero for other credentials.
	CredentialExpiry time.Time

	reason      string // why the method was chosen; may be empty
	cloud       Cloud
	authority   string // https://HOST; empty if the method needs none
	tenant      string
	tenantFound bool // whether the tenant comes from the environment
	clientID    string
	source      source
	person      *personSource // nil unless a person signs in
	config      Config
}

// A source gets tokens. Its errors may be MSAL's own.
type source = func(context.Context, dataverse.TokenOptions) (public.AuthResult, error)

// IsLoopback reports whether an origin is on this machine, such as a simulated environment.
func IsLoopback(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && loopback.IsHost(u.Hostname())
}

// Open chooses the method, discovers the tenant if none is given (one or two requests), and returns
// a session. The session signs in when a token is requested. Open returns a *ConfigError if a
// setting is missing or wrong, and an *AuthError if a request fails.
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

func (s *Session) newSource() (_ source, err error) {
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
		s.person, err = s.personSource()
		return s.person.token, err
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

func (s *Session) scope() string { return s.Origin + "/.default" }

// Describe returns one line that says how the session signs in and why.
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
		tenant := "in tenant " + s.tenant
		if s.tenantFound {
			tenant += " (named by the environment)"
		}
		parts = append(parts, tenant)
	}
	if s.authority != "" {
		parts = append(parts, "at "+strings.TrimPrefix(s.authority, "https://"))
	}
	return strings.Join(parts, ", ")
}

func (s *Session) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

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

func (s *Session) host() string { return strings.TrimPrefix(s.authority, "https://") }

// parseTenant accepts a GUID or a domain, and returns it in lower case. It refuses the names for any
// tenant, which would sign in to a different tenant from the environment's.
func parseTenant(tenant string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(tenant))
	switch name {
	case "common", "organizations", "consumers", "adfs", "dstsv2":
		return "", &ConfigError{fmt.Sprintf("--tenant-id %s does not name a tenant: pass its GUID or domain", name)}
	}
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$`).MatchString(name) {
		return "", &ConfigError{fmt.Sprintf("--tenant-id %q is not a tenant: pass its GUID or domain", dataverse.Printable(tenant))}
	}
	return name, nil
}

// parseAuthority accepts https://HOST[:PORT], and returns it in lower case.
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

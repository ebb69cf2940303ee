package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A Discovery says where an environment's users sign in.
type Discovery struct {
	Tenant string
	Cloud  Cloud
}

// Discover sends a request without a token and reads the environment's challenge. It accepts only
// Microsoft's known sign-in hosts and the configured authority.
func Discover(ctx context.Context, c Config) (Discovery, error) {
	c = c.withDefaults()
	origin, err := dataverse.ParseEnvironment(c.EnvironmentURL)
	if err != nil {
		return Discovery{}, &ConfigError{err.Error()}
	}
	authority := ""
	if c.Authority != "" {
		if authority, err = parseAuthority(c.Authority); err != nil {
			return Discovery{}, err
		}
	}
	for _, path := range []string{"/api/data/v9.2/", "/api/data/"} {
		resp, err := c.getUnauthenticated(ctx, origin+path) //nolint:bodyclose // it is in memory
		if err != nil {
			return Discovery{}, err
		}
		uri := dataverse.ParseChallenge(resp.Header.Values("WWW-Authenticate")...).AuthorizationURI
		if resp.StatusCode == http.StatusUnauthorized && uri != "" {
			return parseAuthorizationURI(uri, authority)
		}
	}
	return Discovery{}, &AuthError{
		Message: "the environment does not say which tenant it belongs to",
		Advice:  "check that --url is a Dataverse environment, or pass --tenant-id (DBAUDIT_TENANT_ID)",
	}
}

// parseAuthorizationURI returns the tenant and the cloud of the address in a challenge, or an error
// if its host is neither known nor the given authority.
func parseAuthorizationURI(uri, authority string) (Discovery, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return Discovery{}, &AuthError{
			Message: "the environment names an invalid sign-in address",
			Advice:  "pass --tenant-id (DBAUDIT_TENANT_ID)",
		}
	}
	cloud, known := KnownAuthority(u.Host)
	if !known && "https://"+strings.ToLower(u.Host) != authority {
		return Discovery{}, &AuthError{
			Message: fmt.Sprintf("the environment names the sign-in host %s, which is not a known Microsoft host and was not used", dataverse.Printable(u.Host)),
			Advice:  "if you trust it, name it with --authority (DBAUDIT_AUTHORITY), with --tenant-id",
		}
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	tenant, err := parseTenant(segment)
	if err != nil {
		return Discovery{}, &AuthError{
			Message: "the environment does not say which tenant it belongs to",
			Advice:  "pass --tenant-id (DBAUDIT_TENANT_ID)",
		}
	}
	return Discovery{tenant, cloud}, nil
}

// getUnauthenticated sends a GET request to the environment without credentials.
func (c Config) getUnauthenticated(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := retryingTransport{boundedTransport{c, true}}.RoundTrip(req)
	if err == nil && dataverse.IsTransient(resp.StatusCode) {
		err = c.statusError(resp.StatusCode, resp.Header)
	}
	err = c.explain(ctx, err)
	if e, ok := errors.AsType[*AuthError](err); ok { // the request was to the environment
		e.beforeSignIn = e.Status == 0 && e.Code == ""
		e.Message = strings.Replace(e.Message, "the sign-in host", "the environment", 1)
	}
	return resp, err
}

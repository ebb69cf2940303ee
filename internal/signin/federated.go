package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// newFederatedSource signs in by a token of the platform that runs the program,
// which an app registration or a user-assigned identity trusts. The token is fetched again
// for each sign-in, because it is valid only for minutes.
func newFederatedSource(c Config, s *Session) (dataverse.TokenSource, error) {
	if s.clientID == "" {
		s.clientID = firstOf(c.Getenv, "AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID")
	}
	fetch, err := c.platform(s)
	if err != nil {
		return nil, err
	}
	cred := confidential.NewCredFromAssertionCallback(func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
		assertion, err := fetch(ctx)
		if err != nil {
			return "", err
		}
		if assertion = strings.TrimSpace(assertion); strings.Count(assertion, ".") != 2 || strings.ContainsAny(assertion, " \t\r\n") {
			return "", &AuthError{
				Message: "the platform's token is invalid",
				Advice:  "check how the platform hands its token to the program",
			}
		}
		return assertion, nil
	})
	return newProgramSource(c, s, cred)
}

// platform finds where the platform's token comes from.
func (c Config) platform(s *Session) (func(context.Context) (string, error), error) {
	file := c.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	switch {
	case file != "":
		return func(context.Context) (string, error) { return c.readTokenFile(file) }, nil
	case c.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "":
		return func(ctx context.Context) (string, error) { return c.gitHubToken(ctx, s.cloud.exchangeAudience()) }, nil
	case c.Getenv("SYSTEM_OIDCREQUESTURI") != "":
		if c.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID") == "" || c.Getenv("SYSTEM_ACCESSTOKEN") == "" {
			return nil, &ConfigError{"sign-in by an Azure DevOps service connection needs AZURESUBSCRIPTION_SERVICE_CONNECTION_ID " +
				"(an AzureCLI or AzurePowerShell task sets it) and SYSTEM_ACCESSTOKEN (env: SYSTEM_ACCESSTOKEN: $(System.AccessToken))"}
		}
		return c.azureDevOpsToken, nil
	}
	return nil, &ConfigError{"sign-in by workload identity needs the platform's token: Kubernetes sets AZURE_FEDERATED_TOKEN_FILE; " +
		"GitHub Actions needs permissions: id-token: write; Azure DevOps sets SYSTEM_OIDCREQUESTURI"}
}

func (c Config) readTokenFile(name string) (string, error) {
	if c.ReadFile == nil {
		return "", &ConfigError{"files cannot be read here"}
	}
	text, err := c.ReadFile(name)
	if err != nil {
		return "", &AuthError{
			Message: "the federated token file cannot be read: " + dataverse.Printable(err.Error()),
			Advice:  "check AZURE_FEDERATED_TOKEN_FILE, and that the pod's service account is set up for workload identity",
		}
	}
	return string(text), nil
}

func (c Config) gitHubToken(ctx context.Context, audience string) (string, error) {
	u, err := url.Parse(c.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"))
	if err != nil {
		return "", &ConfigError{"ACTIONS_ID_TOKEN_REQUEST_URL is not an address"}
	}
	q := u.Query()
	q.Set("audience", audience)
	u.RawQuery = q.Encode()
	var answer struct {
		Value string `json:"value"`
	}
	err = c.fetch(ctx, http.MethodGet, u, "GitHub Actions", c.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), &answer)
	return answer.Value, err
}

func (c Config) azureDevOpsToken(ctx context.Context) (string, error) {
	u, err := url.Parse(c.Getenv("SYSTEM_OIDCREQUESTURI"))
	if err != nil {
		return "", &ConfigError{"SYSTEM_OIDCREQUESTURI is not an address"}
	}
	q := u.Query()
	q.Set("api-version", "7.1")
	q.Set("serviceConnectionId", c.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"))
	u.RawQuery = q.Encode()
	var answer struct {
		Token string `json:"oidcToken"`
	}
	err = c.fetch(ctx, http.MethodPost, u, "Azure DevOps", c.Getenv("SYSTEM_ACCESSTOKEN"), &answer)
	return answer.Token, err
}

// fetch asks a platform for its token. It tries once: the sign-in around it is
// what is repeated.
func (c Config) fetch(ctx context.Context, method string, u *url.URL, platform, bearer string, into any) error {
	if u.Scheme != "https" {
		return &ConfigError{"the token address of " + platform + " is not https"}
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return &ConfigError{"the token address of " + platform + " is not an address"}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+bearer)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-TFS-FedAuthRedirect", "Suppress") // an error instead of a sign-in page
	}
	resp, err := bounded{next: c.Transport}.RoundTrip(req)
	if err != nil {
		return &brokenError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	if isPassing(resp.StatusCode) {
		return &passing{resp.StatusCode, resp.Header}
	}
	if resp.StatusCode != http.StatusOK {
		return &AuthError{
			Status:  resp.StatusCode,
			Message: fmt.Sprintf("%s gives no token (HTTP %d)", platform, resp.StatusCode),
			Advice:  "check that the job may ask for one (GitHub: permissions: id-token: write; Azure DevOps: the service connection and SYSTEM_ACCESSTOKEN)",
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return &brokenError{errBroken}
	}
	return nil
}

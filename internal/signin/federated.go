package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// federatedSource returns a source that signs in with a token of the platform that runs dbaudit. An
// app registration or a user-assigned identity trusts the platform. Each sign-in fetches a new
// token, because it is valid only for minutes.
func (s *Session) federatedSource() (source, error) {
	c := s.config
	if s.clientID == "" {
		s.clientID = c.firstVariable("AZURE_CLIENT_ID", "AZURESUBSCRIPTION_CLIENT_ID")
	}
	fetch, err := c.platformToken(s.cloud)
	if err != nil {
		return nil, err
	}
	cred := confidential.NewCredFromAssertionCallback(func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
		assertion, err := fetch(ctx)
		if err != nil {
			return "", err
		}
		if assertion = strings.TrimSpace(assertion); strings.Count(assertion, ".") != 2 || strings.ContainsAny(assertion, " \t\r\n") {
			return "", &AuthError{Message: "the platform's token is invalid", Advice: "check how the platform hands its token to the program"}
		}
		return assertion, nil
	})
	return s.programSource(cred)
}

func (c Config) platformToken(cloud Cloud) (func(context.Context) (string, error), error) {
	file := c.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	var endpoint platformEndpoint
	switch {
	case file != "":
		return func(context.Context) (string, error) { return c.readTokenFile(file) }, nil
	case c.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL") != "":
		_, audience := cloud.addresses()
		endpoint = platformEndpoint{
			"GitHub Actions", http.MethodGet, "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
			url.Values{"audience": {audience}},
		}
	case c.Getenv("SYSTEM_OIDCREQUESTURI") != "":
		if c.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID") == "" || c.Getenv("SYSTEM_ACCESSTOKEN") == "" {
			return nil, &ConfigError{"sign-in by an Azure DevOps service connection needs AZURESUBSCRIPTION_SERVICE_CONNECTION_ID " +
				"(an AzureCLI or AzurePowerShell task sets it) and SYSTEM_ACCESSTOKEN (env: SYSTEM_ACCESSTOKEN: $(System.AccessToken))"}
		}
		endpoint = platformEndpoint{
			"Azure DevOps", http.MethodPost, "SYSTEM_OIDCREQUESTURI", "SYSTEM_ACCESSTOKEN",
			url.Values{"api-version": {"7.1"}, "serviceConnectionId": {c.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")}},
		}
	default:
		return nil, &ConfigError{"sign-in by workload identity needs the platform's token: Kubernetes sets AZURE_FEDERATED_TOKEN_FILE; " +
			"GitHub Actions needs permissions: id-token: write; Azure DevOps sets SYSTEM_OIDCREQUESTURI"}
	}
	return func(ctx context.Context) (string, error) { return endpoint.fetch(ctx, c) }, nil
}

func (c Config) readTokenFile(name string) (string, error) {
	text, err := c.ReadFile(name)
	if err != nil {
		return "", &AuthError{
			Message: "the federated token file cannot be read: " + dataverse.Printable(err.Error()),
			Advice:  "check AZURE_FEDERATED_TOKEN_FILE, and that the pod's service account is set up for workload identity",
		}
	}
	return string(text), nil
}

// A platformEndpoint is an HTTP endpoint of a platform that returns tokens for its jobs.
type platformEndpoint struct {
	name, method    string
	address, bearer string     // the variables with the address and the bearer token
	query           url.Values // added to the address
}

// fetch requests a token of the platform. It does not retry, because the sign-in as a whole is
// retried.
func (e platformEndpoint) fetch(ctx context.Context, c Config) (string, error) {
	req, err := http.NewRequestWithContext(ctx, e.method, c.Getenv(e.address), nil)
	if err != nil {
		return "", &ConfigError{e.address + " is not an address"}
	}
	if req.URL.Scheme != "https" {
		return "", &ConfigError{"the token address of " + e.name + " is not https"}
	}
	query := req.URL.Query()
	maps.Copy(query, e.query)
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.Getenv(e.bearer))
	if e.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-TFS-FedAuthRedirect", "Suppress") // an error instead of a sign-in page
	}
	resp, err := boundedTransport{Config: c}.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case dataverse.IsTransient(resp.StatusCode):
		return "", c.statusError(resp.StatusCode, resp.Header)
	case resp.StatusCode != http.StatusOK:
		return "", &AuthError{
			Status:  resp.StatusCode,
			Message: fmt.Sprintf("%s gives no token (HTTP %d)", e.name, resp.StatusCode),
			Advice:  "check that the job may request one (GitHub: permissions: id-token: write; Azure DevOps: the service connection and SYSTEM_ACCESSTOKEN)",
		}
	}
	var body struct {
		GitHub string `json:"value"`
		Azure  string `json:"oidcToken"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return "", unreadableError()
	}
	return cmp.Or(body.GitHub, body.Azure), nil
}

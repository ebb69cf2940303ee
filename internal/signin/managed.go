package signin

import (
	"context"
	"errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// managedSource returns a source that signs in as the identity of the Azure resource that runs
// dbaudit. MSAL takes the endpoint from the process's environment variables (IDENTITY_ENDPOINT,
// MSI_ENDPOINT) or uses the machine's metadata service, and retries failed requests.
func (s *Session) managedSource() (source, error) {
	id := managedidentity.SystemAssigned()
	if s.clientID != "" {
		id = managedidentity.UserAssignedClientID(s.clientID)
	}
	client, err := managedidentity.New(id, managedidentity.WithHTTPClient(httpClient(boundedTransport{Config: s.config})))
	if err != nil {
		return nil, &ConfigError{"managed identity: " + dataverse.Printable(err.Error())}
	}
	return func(ctx context.Context, o dataverse.TokenOptions) (managedidentity.AuthResult, error) {
		got, err := client.AcquireToken(ctx, s.Origin, managedidentity.WithClaims(requestClaims(o)))
		err = s.config.explain(ctx, err)
		if e, ok := errors.AsType[*AuthError](err); ok && e.Code == "" && ctx.Err() == nil {
			e.Advice = advise(ManagedIdentity)
		}
		return got, err
	}, nil
}

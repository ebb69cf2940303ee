package signin

import (
	"context"
	"errors"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// managedSource signs in as the identity of the Azure resource that runs the
// program. MSAL finds its endpoint from the process's own environment
// (IDENTITY_ENDPOINT, MSI_ENDPOINT, else the machine's metadata service) and
// repeats what fails there.
func (s *Session) managedSource() (source, error) {
	id := managedidentity.SystemAssigned()
	if s.clientID != "" {
		id = managedidentity.UserAssignedClientID(s.clientID)
	}
	made, err := managedidentity.New(id, managedidentity.WithHTTPClient(httpClient(boundedTransport{Config: s.config})))
	if err != nil {
		return nil, &ConfigError{"managed identity: " + dataverse.Printable(err.Error())}
	}
	return func(ctx context.Context, o dataverse.TokenOptions) (managedidentity.AuthResult, error) {
		got, err := made.AcquireToken(ctx, s.Origin, managedidentity.WithClaims(requestClaims(o)))
		err = s.config.explain(ctx, err)
		if failed, ok := errors.AsType[*AuthError](err); ok && failed.Code == "" && ctx.Err() == nil {
			failed.Advice = advise(ManagedIdentity)
		}
		return got, err
	}, nil
}

package signin

import (
	"context"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// managedSource signs in as the identity of the Azure resource that runs the
// program. MSAL finds its endpoint from the process's own environment
// (IDENTITY_ENDPOINT, MSI_ENDPOINT, else the machine's metadata service) and
// repeats by itself what fails there.
type managedSource struct {
	client   managedidentity.Client
	resource string
	scrub    scrubber
}

func newManagedSource(c Config, s *Session) (dataverse.TokenSource, error) {
	id := managedidentity.SystemAssigned()
	if s.clientID != "" {
		id = managedidentity.UserAssignedClientID(s.clientID)
	}
	made, err := managedidentity.New(id, managedidentity.WithHTTPClient(client(bounded{next: c.Transport})))
	if err != nil {
		return nil, &ConfigError{"managed identity: " + dataverse.Printable(err.Error())}
	}
	scrub := c.scrubber()
	scrub.secrets = append(scrub.secrets, dataverse.NewSecret(c.Getenv("IDENTITY_HEADER")), dataverse.NewSecret(c.Getenv("MSI_SECRET")))
	return managedSource{made, s.origin, scrub}, nil
}

func (m managedSource) Token(ctx context.Context, o dataverse.TokenOptions) (dataverse.Token, error) {
	var options []managedidentity.AcquireTokenOption
	if o.Refresh {
		// MSAL does not send these claims; they make it skip its cache.
		options = append(options, managedidentity.WithClaims("{}"))
	}
	got, err := m.client.AcquireToken(ctx, m.resource, options...)
	if err != nil {
		return dataverse.Token{}, m.explain(ctx, err)
	}
	return dataverse.Token{Value: dataverse.NewSecret(got.AccessToken), ExpiresAt: got.ExpiresOn}, nil
}

func (m managedSource) explain(ctx context.Context, err error) error {
	const advice = "check that this resource has a managed identity, and that --client-id, if set, is a user-assigned one of it"
	explained := explain(ctx, err, m.scrub)
	if refused, ok := explained.(*AuthError); ok && ctx.Err() == nil { //nolint:errorlint // explain made it
		refused.Advice = advice
	}
	return explained
}

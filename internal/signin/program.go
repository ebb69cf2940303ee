package signin

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

func (s *Session) secretSource() (source, error) {
	c := s.config
	if c.ClientSecret.IsZero() {
		return nil, &ConfigError{"sign-in by client secret needs one: set DBAUDIT_CLIENT_SECRET (secrets are never flags)"}
	}
	cred, err := confidential.NewCredFromSecret(c.ClientSecret.Reveal())
	if err != nil {
		return nil, &ConfigError{"the client secret is empty: set DBAUDIT_CLIENT_SECRET"}
	}
	return s.programSource(cred)
}

func (s *Session) certificateSource() (source, error) {
	c := s.config
	certs, key, err := c.readCertificate()
	if err != nil {
		return nil, err
	}
	cred, err := confidential.NewCredFromCert(certs, key)
	if err != nil {
		return nil, &ConfigError{fmt.Sprintf("--client-certificate %s: the private key belongs to none of its certificates", c.CertificateFile)}
	}
	for _, cert := range certs {
		if key.PublicKey.Equal(cert.PublicKey) {
			s.CredentialExpiry = cert.NotAfter
			if err := s.checkValidity(cert, c.Now(), c.CertificateFile); err != nil {
				return nil, err
			}
		}
	}
	// The chain is sent too. An app registration that trusts a subject and an issuer needs it to
	// accept a renewed certificate.
	return s.programSource(cred, confidential.WithX5C())
}

func (s *Session) programSource(cred confidential.Credential, options ...confidential.Option) (source, error) {
	if s.clientID == "" {
		return nil, &ConfigError{"sign-in by " + s.Method.String() + " needs the app registration: set --client-id (DBAUDIT_CLIENT_ID)"}
	}
	options = append(options,
		confidential.WithHTTPClient(httpClient(restrictedTransport{s.host(), boundedTransport{Config: s.config}})),
		// The authority is one of Microsoft's known hosts or was named by the user. To ask Microsoft
		// about it would take another request.
		confidential.WithInstanceDiscovery(false),
		confidential.WithClientCapabilities([]string{"CP1"}),
		// Otherwise MSAL_FORCE_REGION could change the host.
		confidential.WithAzureRegion("DisableMsalForceRegion"),
	)
	client, err := confidential.New(s.authority+"/"+s.tenant, s.clientID, cred, options...)
	if err != nil {
		return nil, &ConfigError{"the sign-in cannot be set up: check --authority and --tenant-id"}
	}
	return func(ctx context.Context, o dataverse.TokenOptions) (got confidential.AuthResult, err error) {
		err = s.config.retry(ctx, func() (err error) {
			got, err = client.AcquireTokenByCredential(ctx, []string{s.scope()}, confidential.WithClaims(requestClaims(o)))
			return s.config.explain(ctx, err)
		})
		return got, err
	}, nil
}

// requestClaims returns the claims for a token request. Only claims make MSAL request a new token, so
// a refresh without claims has empty ones.
func requestClaims(o dataverse.TokenOptions) string {
	if o.Refresh && o.Claims == "" {
		return "{}"
	}
	return o.Claims
}

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

func (c Config) readCertificate() ([]*x509.Certificate, *rsa.PrivateKey, error) {
	name := c.CertificateFile
	if name == "" {
		return nil, nil, &ConfigError{"sign-in by certificate needs one: set --client-certificate (DBAUDIT_CLIENT_CERTIFICATE) to a PEM or PFX file"}
	}
	certs, key, err := c.parseCertificate()
	private, ok := key.(*rsa.PrivateKey)
	if err == nil && !ok {
		err = errors.New("its key is not an RSA key, the only kind that Entra accepts for this")
	}
	if err != nil {
		return nil, nil, &ConfigError{"--client-certificate " + name + ": " + err.Error()}
	}
	return certs, private, nil
}

// parseCertificate is readCertificate for any kind of key. Its errors do not name the file.
func (c Config) parseCertificate() (certs []*x509.Certificate, key crypto.PrivateKey, err error) {
	data, err := c.ReadFile(c.CertificateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errors.New("the file does not exist: check the path, which is relative to the working directory")
	}
	if err != nil {
		return nil, nil, errors.New("cannot be read: " + dataverse.Printable(err.Error()))
	}
	if strings.Contains(string(data), "-----BEGIN") {
		certs, key, err = confidential.CertFromPEM(data, "")
		switch {
		case strings.Contains(string(data), "ENCRYPTED"):
			return nil, nil, errors.New("its private key is encrypted, which is not supported in a PEM file: use a PFX file with DBAUDIT_CLIENT_CERTIFICATE_PASSWORD, or decrypt it (openssl pkcs8 -topk8 -nocrypt)")
		case err != nil:
			return nil, nil, errors.New("is not a PEM file with one certificate chain and one private key")
		}
		return certs, key, nil
	}
	key, cert, chain, err := pkcs12.DecodeChain(data, c.CertificatePassword.Reveal())
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && c.CertificatePassword.IsZero():
		return nil, nil, errors.New("has a password: set DBAUDIT_CLIENT_CERTIFICATE_PASSWORD")
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, nil, errors.New("has a different password: check DBAUDIT_CLIENT_CERTIFICATE_PASSWORD")
	case err != nil:
		return nil, nil, errors.New("is neither a PEM nor a PFX file that can be read")
	}
	return append([]*x509.Certificate{cert}, chain...), key, nil
}

// ExpiryWarning is how long before its end a certificate causes a warning.
const ExpiryWarning = 30 * 24 * time.Hour

// checkValidity returns an error if a certificate is not valid now, and warns if it ends soon.
func (s *Session) checkValidity(cert *x509.Certificate, now time.Time, name string) error {
	const date = "2 January 2006"
	switch {
	case now.After(cert.NotAfter):
		return &AuthError{
			Message: fmt.Sprintf("the certificate %s expired on %s", name, cert.NotAfter.Format(date)),
			Advice:  "make a new one and upload its public part under App registrations > (the app) > Certificates & secrets",
		}
	case now.Before(cert.NotBefore):
		return &AuthError{
			Message: fmt.Sprintf("the certificate %s is not valid before %s", name, cert.NotBefore.Format(date)),
			Advice:  "check the clock of this machine",
		}
	case now.Add(ExpiryWarning).After(cert.NotAfter):
		s.warn("the certificate %s expires on %s: renew it", name, cert.NotAfter.Format(date))
	}
	return nil
}

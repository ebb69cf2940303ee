package entra

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func missingCredential() error {
	return newRefusal(http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
}

func (d *Directory) checkCredential(r *registration, form url.Values) error {
	if assertion := form.Get("client_assertion"); assertion != "" {
		if err := d.checkAssertion(r, assertion); err != nil {
			return newRefusal(http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application, or the assertion is not valid. [Reason - %v]", err)
		}
		return nil
	}
	switch secret := form.Get("client_secret"); {
	case secret == "":
		return missingCredential()
	case secret != r.Secret:
		return newRefusal(http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", r.ApplicationID)
	case !r.secretExpiry.IsZero() && !d.tenant.Now().Before(r.secretExpiry):
		return newRefusal(http.StatusUnauthorized, "invalid_client", 7000222, "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.", r.ApplicationID)
	}
	return nil
}

// checkAssertion verifies a signed assertion: the token of an issuer that the client trusts, or an assertion
// signed with the client's certificate.
func (d *Directory) checkAssertion(r *registration, assertion string) error {
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(assertion, &claims); err != nil {
		return fmt.Errorf("reading the assertion: %w", err)
	}
	for i, f := range r.Federated {
		if claims.Issuer == f.Issuer {
			return d.checkFederated(r, i, assertion)
		}
	}
	return d.checkCertificate(r, assertion)
}

func (d *Directory) verifyAssertion(assertion string, key jwt.Keyfunc, options ...jwt.ParserOption) (*jwt.RegisteredClaims, error) {
	claims := new(jwt.RegisteredClaims)
	options = append(options, jwt.WithValidMethods([]string{"PS256", "RS256", "ES256"}),
		jwt.WithTimeFunc(d.tenant.Now), jwt.WithExpirationRequired(), jwt.WithLeeway(5*time.Minute))
	_, err := jwt.NewParser(options...).ParseWithClaims(assertion, claims, key)
	return claims, err //nolint:wrapcheck // the response contains it
}

func (d *Directory) checkFederated(r *registration, i int, assertion string) error {
	_, err := d.verifyAssertion(assertion, func(*jwt.Token) (any, error) { return r.issuers[i], nil },
		jwt.WithSubject(r.Federated[i].Subject), jwt.WithAudience("api://AzureADTokenExchange"))
	return err
}

// checkCertificate verifies an assertion that is signed with the client's certificate. Its header has the
// certificate's thumbprint.
func (d *Directory) checkCertificate(r *registration, assertion string) error {
	claims, err := d.verifyAssertion(assertion, func(t *jwt.Token) (any, error) {
		if r.certificate == nil {
			return nil, errors.New("the application has no certificate")
		}
		pair, err := r.certificate()
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(pair.Certificate[0])
		given, _ := t.Header["x5t#S256"].(string)
		// Entra accepts both base64 alphabets, with or without padding.
		given = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(given)
		if given != base64.RawURLEncoding.EncodeToString(sum[:]) {
			return nil, errors.New("the key was not found: no registered certificate has the thumbprint in the header")
		}
		return pair.PrivateKey.(crypto.Signer).Public(), nil
	}, jwt.WithIssuer(r.ApplicationID), jwt.WithSubject(r.ApplicationID))
	if err != nil {
		return err
	}
	if claims.ID == "" || !slices.ContainsFunc(claims.Audience, d.isTokenEndpoint) {
		return errors.New("jti is missing, or the audience is not this tenant's token endpoint")
	}
	return nil
}

func (d *Directory) isTokenEndpoint(audience string) bool {
	rest, ok := strings.CutPrefix(audience, d.tenant.Address+"/")
	tenant, path, _ := strings.Cut(rest, "/")
	return ok && d.isTenant(tenant) && (path == "oauth2/v2.0/token" || path == "v2.0")
}

// managedIdentityToken handles a request to Azure's token endpoint for managed identities.
func (d *Directory) managedIdentityToken(r *http.Request) (any, error) {
	id := strings.ToLower(r.Form.Get("client_id"))
	reg := d.registrations[id]
	if reg == nil || !reg.ManagedIdentity || r.Header.Get("X-Identity-Header") != reg.Secret {
		return nil, invalidRequest(700016, "No managed identity was found for specified client id, or the identity header is not that of this machine.")
	}
	if err := d.checkScope(r.Form.Get("resource") + "/.default"); err != nil {
		return nil, err
	}
	response := d.tokenResponse(Identity{ApplicationID: id})
	response["expires_on"] = fmt.Sprint(d.tenant.Now().Add(tokenLifetime).Unix())
	return response, nil
}

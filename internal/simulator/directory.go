package simulator

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An identity is who a token was issued to: an application, or a person.
type identity struct{ applicationID, objectID string }

// A directory is the simulator's Microsoft Entra tenant: its app registrations, its people, and the
// tokens it has issued.
type directory struct {
	tenantID      string
	now           func() time.Time
	lifetime      time.Duration
	registrations map[string]*registration
	people        []person
	signingKey    func() (*rsa.PrivateKey, error) // made when it is first needed

	mu         sync.Mutex
	tokens     map[string]issued // by the token's text
	refresh    map[string]grant
	codes      map[string]authorizationCode
	devices    map[string]*device // by device code
	assertions map[string]time.Time
}

// issued is a token in somebody's hands.
type issued struct {
	identity identity
	resource string
	expires  time.Time
}

// A grant is what a refresh token is good for.
type grant struct {
	person   person
	clientID string
	resource string
}

// A person can sign in.
type person struct{ name, upn, objectID string }

// A registration is an app registration, its credentials read.
type registration struct {
	*Client
	certificate *x509.Certificate
	// generated makes the certificate and its key when they are first asked for: that takes a moment.
	generated     func() (*keyPair, error)
	issuers       *x509.CertPool // of certificates that are trusted by their subject's name
	secretExpires time.Time
	federated     []federation
}

type federation struct {
	FederatedCredential
	keys []crypto.PublicKey
}

// newRegistration reads a client's credentials; those to be generated are left to the directory.
func newRegistration(c *Client) (*registration, error) {
	r := &registration{Client: c}
	if c.SecretExpires != "" {
		last, err := time.Parse(time.DateOnly, c.SecretExpires)
		if err != nil {
			return nil, fmt.Errorf("secret_expires %q is no date; write YYYY-MM-DD", c.SecretExpires)
		}
		r.secretExpires = last.AddDate(0, 0, 1)
	}
	if c.Certificate != "" && c.Certificate != "generated" {
		certificate, err := parseCertificate(c.Certificate)
		if err != nil {
			return nil, err
		}
		r.certificate = certificate
	}
	if c.CertificateAuthority != "" {
		certificate, err := parseCertificate(c.CertificateAuthority)
		if err != nil {
			return nil, fmt.Errorf("certificate_authority: %w", err)
		}
		r.issuers = x509.NewCertPool()
		r.issuers.AddCert(certificate)
	}
	for _, f := range c.Federated {
		keys, err := parsePublicKeys(f.Keys)
		if err != nil {
			return nil, fmt.Errorf("federated credential of %s: %w", f.Issuer, err)
		}
		r.federated = append(r.federated, federation{f, keys})
	}
	return r, nil
}

func parseCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New(`the certificate is neither "generated" nor a PEM block CERTIFICATE`)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return certificate, nil
}

func parsePublicKeys(text string) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading a public key: %w", err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("keys has no PEM block PUBLIC KEY")
	}
	return keys, nil
}

func newDirectory(env *Environment, o Options) (*directory, error) {
	d := &directory{
		tenantID: env.TenantID, now: o.Now, lifetime: o.TokenLifetime,
		registrations: map[string]*registration{}, tokens: map[string]issued{}, refresh: map[string]grant{},
		codes: map[string]authorizationCode{}, devices: map[string]*device{}, assertions: map[string]time.Time{},
		signingKey: sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	}
	for i := range env.Clients {
		c := &env.Clients[i]
		r, err := newRegistration(c)
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", c.Name, err)
		}
		if c.Certificate == "generated" {
			r.generated = sync.OnceValues(func() (*keyPair, error) { return newClientCertificate(c.Name, time.Now()) })
		}
		d.registrations[c.ApplicationID] = r
	}
	for _, u := range env.Users {
		if !u.SoftDeleted {
			d.people = append(d.people, person{u.Name, u.UPN, u.EntraObjectID})
		}
	}
	return d, nil
}

func (d *directory) clientCertificate(applicationID string) []byte {
	r := d.registrations[strings.ToLower(applicationID)]
	if r == nil || r.generated == nil {
		return nil
	}
	pair, err := r.generated()
	if err != nil {
		return nil
	}
	return append([]byte(nil), pair.pem...)
}

// certificateOf is a registration's certificate, nil if it has none.
func certificateOf(r *registration) *x509.Certificate {
	if r.generated == nil {
		return r.certificate
	}
	pair, err := r.generated()
	if err != nil {
		return nil
	}
	return pair.certificate
}

// issue makes an access token for a resource.
func (d *directory) issue(who identity, resource string) string {
	token := "simulated." + randomText() + "." + randomText()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tokens[token] = issued{who, resource, d.now().Add(d.lifetime)}
	return token
}

// bearer finds out who a request's token was issued to.
func (d *directory) bearer(r *http.Request, resource string) (identity, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return identity{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.tokens[token]
	if !ok || t.resource != resource || !d.now().Before(t.expires) {
		return identity{}, false
	}
	return t.identity, true
}

func (d *directory) revokeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.tokens)
}

func randomText() string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

package entra

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Client is an app registration. A managed identity gets its tokens from /msi/token, with Secret as the
// identity header. People sign in through a public client, which has no credential.
type Client struct {
	Name            string                `yaml:"name"`
	ApplicationID   string                `yaml:"application_id"`
	Secret          string                `yaml:"secret,omitempty"`
	SecretExpires   string                `yaml:"secret_expires,omitempty"` // the secret's last day, YYYY-MM-DD
	Certificate     string                `yaml:"certificate,omitempty"`    // "generated", or empty for none
	ManagedIdentity bool                  `yaml:"managed_identity,omitempty"`
	Public          bool                  `yaml:"public,omitempty"`
	Blocked         bool                  `yaml:"blocked,omitempty"` // the Web API refuses tokens of this client
	Federated       []FederatedCredential `yaml:"federated,omitempty"`
}

// A FederatedCredential makes a client trust the tokens of another issuer instead of a secret.
type FederatedCredential struct {
	Issuer  string `yaml:"issuer"`
	Subject string `yaml:"subject"`
	Keys    string `yaml:"keys"` // the issuer's public keys in PEM; the real Entra fetches them
}

// A registration is a client with parsed credentials.
type registration struct {
	Client

	secretExpiry time.Time                       // zero for never
	certificate  func() (tls.Certificate, error) // generates the certificate at the first call; nil for none
	issuers      []jwt.VerificationKeySet        // the keys of each federated credential
}

// Validate returns an error if the client's credentials are invalid.
func (c Client) Validate() error {
	_, err := newRegistration(c)
	return err
}

func newRegistration(c Client) (*registration, error) {
	r := &registration{Client: c}
	if c.SecretExpires != "" {
		last, err := time.Parse(time.DateOnly, c.SecretExpires)
		if err != nil {
			return nil, fmt.Errorf("secret_expires %q is not a date: write YYYY-MM-DD", c.SecretExpires)
		}
		r.secretExpiry = last.AddDate(0, 0, 1)
	}
	if c.Certificate != "" {
		r.certificate = sync.OnceValues(func() (tls.Certificate, error) {
			key, err := rsa.GenerateKey(rand.Reader, 2048) // sign-in libraries accept no other kind
			if err != nil {
				return tls.Certificate{}, fmt.Errorf("making the key of client %q: %w", c.Name, err)
			}
			return SelfSigned(c.Name, key, x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		})
	}
	for _, f := range c.Federated {
		keys, err := publicKeys(f.Keys)
		if err != nil {
			return nil, fmt.Errorf("federated credential of %s: %w", f.Issuer, err)
		}
		r.issuers = append(r.issuers, keys)
	}
	return r, nil
}

func publicKeys(text string) (set jwt.VerificationKeySet, err error) {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return set, fmt.Errorf("reading a public key: %w", err)
		}
		set.Keys = append(set.Keys, key)
	}
	if len(set.Keys) == 0 {
		return set, errors.New("keys has no PEM block PUBLIC KEY")
	}
	return set, nil
}

// ClientCertificate returns the certificate and private key, in PEM, of a client with the certificate
// "generated". For any other client it returns nil.
func (d *Directory) ClientCertificate(applicationID string) []byte {
	r := d.registrations[strings.ToLower(applicationID)]
	if r == nil || r.certificate == nil {
		return nil
	}
	pair, err := r.certificate()
	if err != nil {
		return nil
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
}

// SelfSigned returns a self-signed certificate made from a template. It is valid for a year, and since
// yesterday, because clocks differ.
func SelfSigned(name string, key crypto.Signer, template x509.Certificate) (tls.Certificate, error) {
	now := time.Now()
	template.SerialNumber = big.NewInt(now.UnixNano())
	template.Subject = pkix.Name{CommonName: name, Organization: []string{"dbaudit"}}
	template.NotBefore, template.NotAfter = now.Add(-24*time.Hour), now.Add(365*24*time.Hour)
	template.KeyUsage |= x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the certificate of %q: %w", name, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

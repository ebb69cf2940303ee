package run

import (
	"context"
	"crypto/sha256"
	"net/http"
	"os"
	"time"

	"github.com/dbaudit/dbaudit/internal/signin"
)

// A sessionKey is all that tells one sign-in from another. A secret that was renewed is
// another sign-in, and so is a certificate.
type sessionKey struct {
	method                                  signin.Method
	origin, tenant, client, authority, file string
	changed                                 time.Time // of the certificate
	secrets                                 [sha256.Size]byte
}

// signIn gives the session of a target. One that was opened before is used again, with
// its tokens: they are kept by tenant, client and environment.
func (r *Runner) signIn(ctx context.Context, t Target, transport http.RoundTripper) (*signin.Session, error) {
	c, err := r.SignInConfig(t, transport)
	if err != nil {
		return nil, err
	}
	key := keyOf(c)
	if session, ok := r.sessions.Load(key); ok {
		return session.(*signin.Session), nil //nolint:forcetypeassert // it holds nothing else
	}
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	r.sessions.Store(key, session)
	return session, nil
}

func keyOf(c signin.Config) sessionKey {
	key := sessionKey{
		method: c.Method, origin: c.EnvironmentURL, tenant: c.TenantID, client: c.ClientID, authority: c.Authority, file: c.CertificateFile,
		secrets: sha256.Sum256([]byte(c.ClientSecret.Reveal() + "\x00" + c.CertificatePassword.Reveal())),
	}
	if info, err := os.Stat(c.CertificateFile); err == nil {
		key.changed = info.ModTime()
	}
	return key
}

package run

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// Applier is the target as apply signs in to it: by apply: of the configuration
// or DBAUDIT_APPLY_CLIENT_ID, where either is given. own reports whether it is.
func (r *Runner) Applier(t Target) (_ Target, own bool) {
	get := r.Getenv
	var auth config.Auth
	if t.Env.Apply != nil {
		auth = *t.Env.Apply
	}
	if t.File.Apply != nil {
		auth = merge(auth, *t.File.Apply)
	}
	auth.ClientID = cmp.Or(get("DBAUDIT_APPLY_CLIENT_ID"), auth.ClientID)
	auth.Certificate = cmp.Or(get("DBAUDIT_APPLY_CLIENT_CERTIFICATE"), auth.Certificate)
	if get("DBAUDIT_APPLY_CLIENT_SECRET") != "" {
		auth.Secret = &config.Source{Env: "DBAUDIT_APPLY_CLIENT_SECRET"}
	}
	if auth == (config.Auth{}) {
		return t, false
	}
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.Auth.ClientID) || auth.Method != "" || auth.Certificate != "" || auth.Secret != nil {
		// Another identity: nothing of the scan's own credentials is mixed in.
		t.ClientSecret, t.Auth.Secret = dataverse.Secret{}, auth.Secret
		t.Auth.Certificate, t.Auth.Method = auth.Certificate, auth.Method
	}
	t.Auth.CertificatePassword = cmp.Or(auth.CertificatePassword, t.Auth.CertificatePassword)
	t.Auth.ClientID = cmp.Or(auth.ClientID, t.Auth.ClientID)
	t.Auth.TenantID = cmp.Or(auth.TenantID, t.Auth.TenantID)
	t.Auth.Authority = cmp.Or(auth.Authority, t.Auth.Authority)
	return t, true
}

// Writer signs in as whoever applies.
func (r *Runner) Writer(ctx context.Context, t Target) (*dataverse.Writer, error) {
	transport := r.Transport(nil)
	t, own := r.Applier(t)
	c, err := r.SignInConfig(t, transport)
	if err != nil {
		return nil, err
	}
	r.ApplySignIn(&c, own)
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	r.Log(slog.LevelInfo, t.Name, "to apply, "+session.Describe())
	return dataverse.NewWriter(r.ClientOptions(t, session, transport, nil))
}

// ApplySignIn sets the password of the certificate that apply signs in with, where
// it has one of its own, and the names of the variables that hold its credentials.
func (r *Runner) ApplySignIn(c *signin.Config, own bool) {
	if own {
		c.Variables = "DBAUDIT_APPLY_"
	}
	if password := r.Getenv("DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD"); password != "" {
		c.CertificatePassword, c.PasswordFrom = dataverse.NewSecret(password), "DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD"
	}
}

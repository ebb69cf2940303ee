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

// authFromVariables returns the sign-in settings of the DBAUDIT_* variables.
func (r *Runner) authFromVariables() config.Auth {
	auth := r.credentialFromVariables("DBAUDIT_")
	auth.Method, auth.TenantID, auth.Authority = r.Getenv("DBAUDIT_AUTH"), r.Getenv("DBAUDIT_TENANT_ID"), r.Getenv("DBAUDIT_AUTHORITY")
	return auth
}

// credentialFromVariables is an app's credential in the variables that begin with a prefix.
func (r *Runner) credentialFromVariables(prefix string) config.Auth {
	source := func(name string) *config.Source {
		if r.Getenv(name) == "" {
			return nil
		}
		return &config.Source{Env: name}
	}
	return config.Auth{
		ClientID: r.Getenv(prefix + "CLIENT_ID"), Certificate: r.Getenv(prefix + "CLIENT_CERTIFICATE"),
		Secret: source(prefix + "CLIENT_SECRET"), CertificatePassword: source(prefix + "CLIENT_CERTIFICATE_PASSWORD"),
	}
}

// impliedMethod is the method that settings state, or imply by their only credential: it takes
// precedence over the credential of a variable.
func impliedMethod(own config.Auth) string {
	switch {
	case own.Method != "":
		return own.Method
	case own.Secret != nil && own.Certificate == "":
		return signin.ClientSecret.String()
	case own.Certificate != "" && own.Secret == nil:
		return signin.Certificate.String()
	}
	return ""
}

// warnUnusedVariables warns about variables that apply to only some of the chosen environments, because
// the others have their own settings.
func (r *Runner) warnUnusedVariables(conn Connection, targets []Target) {
	if !conn.SelectsConfigured() {
		return
	}
	var envs []config.Environment
	for i, t := range targets {
		if i == 0 || targets[i-1].Env.Name != t.Env.Name { // another integration of it
			envs = append(envs, t.Env)
		}
	}
	for _, v := range []struct {
		name   string
		stated func(config.Auth) bool
	}{
		{"DBAUDIT_AUTH", func(o config.Auth) bool { return impliedMethod(o) != "" }},
		{"DBAUDIT_TENANT_ID", func(o config.Auth) bool { return o.TenantID != "" }},
		{"DBAUDIT_CLIENT_ID", func(o config.Auth) bool { return o.ClientID != "" }},
		{"DBAUDIT_CLIENT_SECRET", func(o config.Auth) bool {
			return o.Certificate != "" || o.Secret != nil && o.Secret.Env != "DBAUDIT_CLIENT_SECRET"
		}},
		{"DBAUDIT_CLIENT_CERTIFICATE", func(o config.Auth) bool { return o.Secret != nil || o.Certificate != "" }},
		{"DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", func(o config.Auth) bool {
			return o.CertificatePassword != nil && o.CertificatePassword.Env != "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD"
		}},
		{"DBAUDIT_AUTHORITY", func(o config.Auth) bool { return o.Authority != "" }},
	} {
		var stating, others []string
		for _, env := range envs {
			if env.Auth != nil && v.stated(*env.Auth) {
				stating = append(stating, env.Name)
			} else {
				others = append(others, env.Name)
			}
		}
		if stating == nil || r.Getenv(v.name) == "" {
			continue
		}
		rest := "for no other"
		if others != nil {
			rest = "for " + strings.Join(others, ", ")
		}
		r.Warnf("%s is not used for %s, because its auth: in the configuration takes precedence over variables; it is used %s",
			v.name, strings.Join(stating, ", "), rest)
	}
}

// mergeAuth takes each setting from the first level that has it.
func mergeAuth(levels ...config.Auth) config.Auth {
	var m config.Auth
	for _, l := range levels {
		if m.Secret == nil || l.Secret == nil { // an end belongs to its own secret
			m.SecretEnds = cmp.Or(m.SecretEnds, l.SecretEnds)
		}
		m.Method = cmp.Or(m.Method, l.Method)
		m.TenantID = cmp.Or(m.TenantID, l.TenantID)
		m.ClientID = cmp.Or(m.ClientID, l.ClientID)
		m.Certificate = cmp.Or(m.Certificate, l.Certificate)
		m.Authority = cmp.Or(m.Authority, l.Authority)
		m.Secret = cmp.Or(m.Secret, l.Secret)
		m.CertificatePassword = cmp.Or(m.CertificatePassword, l.CertificatePassword)
	}
	return m
}

// ApplyTarget is the target with the sign-in of apply: that of the DBAUDIT_APPLY_* variables, of
// apply: in the configuration, or else of a scan.
func (r *Runner) ApplyTarget(t Target) Target {
	auth := r.credentialFromVariables(applyPrefix)
	for _, configured := range []*config.Auth{t.Env.Apply, t.File.Apply} {
		if configured != nil {
			auth = mergeAuth(auth, *configured)
		}
	}
	if auth == (config.Auth{}) {
		return t
	}
	t.variables = applyPrefix
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.Auth.ClientID) || auth.Method != "" || auth.Certificate != "" || auth.Secret != nil {
		// Another identity uses none of the credentials of a scan.
		t.ClientSecret, t.Auth.Secret = dataverse.Secret{}, nil
		t.Auth.Certificate, t.Auth.Method = "", ""
	}
	t.Auth = mergeAuth(auth, t.Auth)
	return t
}

// applyPrefix is the prefix of the variables for apply.
const applyPrefix = "DBAUDIT_APPLY_"

// ConnectWriter signs in as the identity that applies.
func (r *Runner) ConnectWriter(ctx context.Context, t Target) (*dataverse.Writer, error) {
	transport := r.Transport(nil)
	c, err := r.SignInConfig(r.ApplyTarget(t), transport)
	if err != nil {
		return nil, err
	}
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	r.Log(slog.LevelInfo, t.Name, "to apply, "+session.Describe())
	return dataverse.NewWriter(r.ClientOptions(t, session, transport, nil))
}

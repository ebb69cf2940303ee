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

// resolveAuth merges the sign-in settings of flags, variables and the configuration. The settings of
// an environment that the flags choose take precedence over variables.
func (r *Runner) resolveAuth(file *config.File, env config.Environment, conn Connection) config.Auth {
	auth := mergeAuth(conn.Auth, r.authFromVariables(), env.Auth, file.Auth)
	if conn.SelectsConfigured() {
		env.Auth.Method = impliedMethod(env.Auth)
		auth = mergeAuth(conn.Auth, env.Auth, r.authFromVariables(), file.Auth)
	}
	if auth.Method == "" {
		auth.Method = impliedMethod(conn.Auth) // the flag of a certificate overrides the variable of a secret
	}
	return auth
}

func (r *Runner) authFromVariables() config.Auth {
	auth := r.credentialFromVariables("DBAUDIT_")
	auth.Method, auth.TenantID, auth.Authority = r.Getenv("DBAUDIT_AUTH"), r.Getenv("DBAUDIT_TENANT_ID"), r.Getenv("DBAUDIT_AUTHORITY")
	return auth
}

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

// impliedMethod returns the method that settings state, or imply by their only credential; empty
// otherwise. The credential of a variable must not change it.
func impliedMethod(auth config.Auth) string {
	switch {
	case auth.Method != "":
		return auth.Method
	case auth.Secret != nil && auth.Certificate == "":
		return signin.ClientSecret.String()
	case auth.Certificate != "" && auth.Secret == nil:
		return signin.Certificate.String()
	}
	return ""
}

// warnUnusedVariables warns about variables that apply to only some of the chosen environments,
// because the configuration of the others states the setting.
func (r *Runner) warnUnusedVariables(conn Connection, targets []Target) {
	if !conn.SelectsConfigured() {
		return
	}
	var envs []config.Environment
	for i, t := range targets {
		if i == 0 || targets[i-1].Env.Name != t.Env.Name { // else another integration of the same
			envs = append(envs, t.Env)
		}
	}
	for _, v := range []struct {
		name       string
		overridden func(config.Auth) bool
	}{
		{"DBAUDIT_AUTH", func(a config.Auth) bool { return impliedMethod(a) != "" }},
		{"DBAUDIT_TENANT_ID", func(a config.Auth) bool { return a.TenantID != "" }},
		{"DBAUDIT_CLIENT_ID", func(a config.Auth) bool { return a.ClientID != "" }},
		{"DBAUDIT_CLIENT_SECRET", func(a config.Auth) bool {
			return a.Certificate != "" || a.Secret != nil && a.Secret.Env != "DBAUDIT_CLIENT_SECRET"
		}},
		{"DBAUDIT_CLIENT_CERTIFICATE", func(a config.Auth) bool { return a.Secret != nil || a.Certificate != "" }},
		{"DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", func(a config.Auth) bool {
			return a.CertificatePassword != nil && a.CertificatePassword.Env != "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD"
		}},
		{"DBAUDIT_AUTHORITY", func(a config.Auth) bool { return a.Authority != "" }},
	} {
		var overriding, others []string
		for _, env := range envs {
			if v.overridden(env.Auth) {
				overriding = append(overriding, env.Name)
			} else {
				others = append(others, env.Name)
			}
		}
		if overriding == nil || r.Getenv(v.name) == "" {
			continue
		}
		rest := "for no other"
		if others != nil {
			rest = "for " + strings.Join(others, ", ")
		}
		r.Warnf("%s is not used for %s, because its auth: in the configuration takes precedence over variables; it is used %s",
			v.name, strings.Join(overriding, ", "), rest)
	}
}

// mergeAuth returns each setting of the first level that has it.
func mergeAuth(levels ...config.Auth) config.Auth {
	var m config.Auth
	for _, l := range levels {
		if m.Secret == nil || l.Secret == nil { // the expiry of a secret does not apply to another
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

// ApplyTarget returns the target with the identity that applies a plan: that of the DBAUDIT_APPLY_*
// variables, else that of apply: in the configuration, else that of a scan.
func (r *Runner) ApplyTarget(t Target) Target {
	auth := mergeAuth(r.credentialFromVariables(applyPrefix), t.Env.Apply, t.File.Apply)
	if auth == (config.Auth{}) {
		return t
	}
	t.variablePrefix = applyPrefix
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.Auth.ClientID) || auth.Method != "" || auth.Certificate != "" || auth.Secret != nil {
		// A different identity does not use the credentials of a scan.
		t.ClientSecret, t.Auth.Secret = dataverse.Secret{}, nil
		t.Auth.Certificate, t.Auth.Method = "", ""
	}
	t.Auth = mergeAuth(auth, t.Auth)
	return t
}

// applyPrefix is the prefix of the variables for apply.
const applyPrefix = "DBAUDIT_APPLY_"

// ConnectWriter returns a writer that is signed in as the identity that applies a plan.
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

package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/signin"
)

// planned is the target of a plan: the environment that flags, variables or the
// configuration name, which must be the plan's. A file alone must not say where a
// token is sent.
func (a *app) planned(p plan.Plan, f applyFlags) (target, error) {
	conn := f.connection
	if conn.allEnvs {
		return target{}, usagef("--all-envs: a plan is for one environment")
	}
	if conn.url == "" && a.Getenv("DBAUDIT_URL") == "" && len(conn.envs) == 0 {
		file, err := a.configuration()
		if err != nil {
			return target{}, err
		}
		if file != nil {
			for _, env := range file.All() {
				if env.Name != "" && sameEnvironment(env.URL, p.Environment.URL) {
					conn.envs = []string{env.Name}
				}
			}
		}
	}
	t, err := a.single(conn, requirementFlags{profile: f.profile, of: p.Profile}, "a plan is for one environment")
	if err != nil {
		return target{}, err
	}
	if !sameEnvironment(t.url, p.Environment.URL) {
		return target{}, usagef("the plan is for %s, and --url, DBAUDIT_URL or the configuration names %s: they must be the same", p.Environment.URL, t.url)
	}
	t.requirement = p.Requirement
	t.name = first(t.env.Name, p.Environment.Name, t.name)
	return t, nil
}

// applier is the target as apply signs in to it: by apply: of the configuration
// or DBAUDIT_APPLY_CLIENT_ID, where either is given. own reports whether it is.
func (a *app) applier(t target) (_ target, own bool) {
	get := a.Getenv
	var auth config.Auth
	if t.env.Apply != nil {
		auth = *t.env.Apply
	}
	if t.file != nil && t.file.Apply != nil {
		auth = merge(auth, *t.file.Apply)
	}
	auth.ClientID = first(get("DBAUDIT_APPLY_CLIENT_ID"), auth.ClientID)
	auth.Certificate = first(get("DBAUDIT_APPLY_CLIENT_CERTIFICATE"), auth.Certificate)
	if get("DBAUDIT_APPLY_CLIENT_SECRET") != "" {
		auth.Secret = &config.Source{Env: "DBAUDIT_APPLY_CLIENT_SECRET"}
	}
	if auth == (config.Auth{}) {
		return t, false
	}
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.clientID) || auth.Method != "" || auth.Certificate != "" || auth.Secret != nil {
		// Another identity: nothing of the scan's own credentials is mixed in.
		t.clientSecret, t.secret = dataverse.Secret{}, auth.Secret
		t.certificate, t.method = auth.Certificate, auth.Method
	}
	t.password = cmp.Or(auth.CertificatePassword, t.password)
	t.clientID = first(auth.ClientID, t.clientID)
	t.tenantID = first(auth.TenantID, t.tenantID)
	t.authority = first(auth.Authority, t.authority)
	return t, true
}

// writer signs in as whoever applies.
func (a *app) writer(ctx context.Context, t target) (*dataverse.Writer, error) {
	transport := a.Transport(nil)
	t, own := a.applier(t)
	c, err := a.signInConfig(t, transport)
	if err != nil {
		return nil, err
	}
	a.applySignIn(&c, own)
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	a.log(slog.LevelInfo, t.name, "to apply, "+session.Describe())
	return dataverse.NewWriter(a.clientOptions(t, session, transport, nil))
}

// applySignIn sets the password of the certificate that apply signs in with, where
// it has one of its own, and the names of the variables that hold its credentials.
func (a *app) applySignIn(c *signin.Config, own bool) {
	if own {
		c.Variables = "DBAUDIT_APPLY_"
	}
	if password := a.Getenv("DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD"); password != "" {
		c.CertificatePassword, c.PasswordFrom = dataverse.NewSecret(password), "DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD"
	}
}

// lacks says what whoever applies would have to hold, and does not: nobody can
// grant what they do not hold.
func lacks(ctx context.Context, e *webapi.Environment, p plan.Plan) (lacking, err error) {
	held, err := e.Held(ctx)
	if err != nil {
		return nil, err
	}
	if p.Lacking(held) == nil {
		return nil, nil
	}
	needs := p.Needs()
	unheld := slices.DeleteFunc(slices.Sorted(maps.Keys(needs)), func(name string) bool { return held[strings.ToLower(name)] != "" })
	undefined, err := e.Undefined(ctx, unheld)
	if err != nil {
		return nil, err
	}
	for _, name := range undefined {
		held[strings.ToLower(name)] = needs[name] // nobody can hold it, and nothing asks for it
	}
	names := p.Lacking(held)
	if names == nil {
		return nil, nil
	}
	return fmt.Errorf("the identity that applies lacks %s: give it a role with these, such as System Administrator, "+
		"or name another under apply: in the configuration", strings.Join(names, ", ")), nil
}

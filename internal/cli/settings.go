package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// DefaultProfile is judged where no profile is named.
const defaultProfile = "demandbase"

// requirementFlags say what is required of an environment.
type requirementFlags struct {
	profile      string
	appID        string
	user         string
	role         string
	businessUnit string
	views        []string
}

func (f *requirementFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.profile, "profile", "", "requirement profile: a `name` or a file (default demandbase; DBAUDIT_PROFILE)")
	flags.StringVar(&f.appID, "integration-app-id", "", "application (client) `id` of the integration's application user (DBAUDIT_INTEGRATION_APP_ID)")
	flags.StringVar(&f.user, "integration-user", "", "user principal `name`, where the integration runs as a person's account (DBAUDIT_INTEGRATION_USER)")
	flags.StringVar(&f.role, "integration-role", "", "`name` of the custom role (default deduced; DBAUDIT_INTEGRATION_ROLE)")
	flags.StringVar(&f.businessUnit, "business-unit", "", "`name` of the business unit that the user must sit in (DBAUDIT_BUSINESS_UNIT)")
	flags.StringArrayVar(&f.views, "view", nil, "`table=name` of a personal view that must be shared with the integration user; repeatable")
}

// connectionFlags say how an environment is reached.
type connectionFlags struct {
	url         string
	tenantID    string
	clientID    string
	certificate string
	auth        string
	authority   string
	envs        []string
	allEnvs     bool
}

func (f *connectionFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "url", "", "the environment, https://ORG.crmN.dynamics.com (DBAUDIT_URL)")
	flags.StringVar(&f.tenantID, "tenant-id", "", "Entra tenant (default found from the environment; DBAUDIT_TENANT_ID)")
	flags.StringVar(&f.clientID, "client-id", "", "the auditor's own app registration (DBAUDIT_CLIENT_ID)")
	flags.StringVar(&f.certificate, "client-certificate", "", "PEM or PFX `file` of its certificate (DBAUDIT_CLIENT_CERTIFICATE, password in DBAUDIT_CLIENT_CERTIFICATE_PASSWORD)")
	flags.StringVar(&f.auth, "auth", "", "sign-in `method`: client-secret, certificate, workload-identity, managed-identity, device-code, interactive, azure-cli (default deduced; DBAUDIT_AUTH)")
	flags.StringVar(&f.authority, "authority", "", "another sign-in host, https://HOST[:PORT] (DBAUDIT_AUTHORITY)")
	flags.StringArrayVar(&f.envs, "env", nil, "`name` of an environment in the configuration; repeatable")
	flags.BoolVar(&f.allEnvs, "all-envs", false, "every environment in the configuration")
}

// A target is one environment with all that is known about it: how to reach it
// and what is required of it.
type target struct {
	name         string
	url          string
	tenantID     string
	clientID     string
	clientSecret dataverse.Secret
	certificate  string
	method       string
	authority    string
	requirement  snapshot.Requirement
	profile      profile.Profile

	file *config.File // nil where there is none
	env  config.Environment
}

// configuration reads the configuration file: the named one, or dbaudit.yaml
// where it is there.
func (a *app) configuration() (*config.File, error) {
	name := a.global.config
	if name == "" {
		name = config.DefaultName
	}
	data, err := os.ReadFile(name)
	switch {
	case err == nil:
		return config.Parse(filepath.ToSlash(name), data)
	case errors.Is(err, fs.ErrNotExist) && a.global.config == "":
		return nil, nil //nolint:nilnil // no file is a normal state
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("there is no configuration file %s; `dbaudit init` writes one", name)
	}
	return nil, usagef("reading the configuration: %w", err)
}

// targets resolves flags, environment variables and the configuration, in that
// order of precedence, to the environments that are meant.
func (a *app) targets(conn connectionFlags, req requirementFlags) ([]target, error) {
	file, err := a.configuration()
	if err != nil {
		return nil, err
	}
	envs, err := a.choose(file, conn)
	if err != nil {
		return nil, err
	}
	targets := make([]target, len(envs))
	for i, env := range envs {
		t, err := a.resolve(file, env, conn, req)
		if err != nil {
			return nil, err
		}
		targets[i] = t
	}
	return targets, nil
}

// choose picks the environments of the configuration.
func (a *app) choose(file *config.File, conn connectionFlags) ([]config.Environment, error) {
	if conn.allEnvs && len(conn.envs) > 0 {
		return nil, usagef("--env and --all-envs exclude each other")
	}
	if conn.url != "" && (conn.allEnvs || len(conn.envs) > 1) {
		return nil, usagef("--url names one environment; --all-envs and several --env mean more")
	}
	var all []config.Environment
	if file != nil {
		all = file.All()
	}
	var names []string
	for _, env := range all {
		if env.Name != "" {
			names = append(names, env.Name)
		}
	}
	if (conn.allEnvs || len(conn.envs) > 0) && len(names) == 0 {
		return nil, usagef("--env and --all-envs choose among environments: in the configuration, and there are none")
	}
	given := first(conn.url, a.Getenv("DBAUDIT_URL"))
	switch {
	case conn.allEnvs:
		return all, nil
	case len(conn.envs) > 0:
		var chosen []config.Environment
		for _, name := range conn.envs {
			i := slices.IndexFunc(all, func(e config.Environment) bool { return e.Name == name })
			if i < 0 {
				return nil, usagef("there is no environment %q in %s: it has %s", name, file.Name(), strings.Join(names, ", "))
			}
			if !slices.ContainsFunc(chosen, func(e config.Environment) bool { return e.Name == name }) {
				chosen = append(chosen, all[i])
			}
		}
		return chosen, nil
	case len(names) > 0 && given != "":
		for _, env := range all {
			if strings.EqualFold(strings.TrimRight(env.URL, "/"), strings.TrimRight(given, "/")) {
				return []config.Environment{env}, nil
			}
		}
		return []config.Environment{{}}, nil
	case len(names) > 1:
		return nil, usagef("the configuration has several environments: choose by --env (%s), or take --all-envs", strings.Join(names, ", "))
	case len(all) == 1:
		return all, nil
	}
	return []config.Environment{{}}, nil
}

func (a *app) resolve(file *config.File, env config.Environment, conn connectionFlags, req requirementFlags) (target, error) {
	t := target{file: file, env: env}
	auth := config.Auth{}
	if file != nil {
		auth = file.Auth
	}
	if env.Auth != nil {
		auth = merge(*env.Auth, auth)
	}
	get := a.Getenv
	t.url = first(conn.url, get("DBAUDIT_URL"), env.URL)
	if len(conn.envs) > 0 || conn.allEnvs {
		// An environment chosen by its name is not redirected by a variable.
		t.url = first(conn.url, env.URL)
	}
	t.tenantID = first(conn.tenantID, get("DBAUDIT_TENANT_ID"), auth.TenantID)
	t.clientID = first(conn.clientID, get("DBAUDIT_CLIENT_ID"), auth.ClientID)
	t.certificate = first(conn.certificate, get("DBAUDIT_CLIENT_CERTIFICATE"), auth.Certificate)
	t.method = first(conn.auth, get("DBAUDIT_AUTH"), auth.Method)
	t.authority = first(conn.authority, get("DBAUDIT_AUTHORITY"), auth.Authority)
	t.clientSecret = dataverse.NewSecret(get("DBAUDIT_CLIENT_SECRET"))
	if t.url == "" {
		return target{}, usagef("no environment is named: give --url https://ORG.crmN.dynamics.com, DBAUDIT_URL, or url: in %s", config.DefaultName)
	}
	host, err := originHost(t.url)
	if err != nil {
		return target{}, err
	}
	t.url = strings.TrimRight(t.url, "/")
	t.name = first(env.Name, firstLabel(host))
	requirement, p, err := a.requirement(file, env, req)
	if err != nil {
		return target{}, err
	}
	t.requirement, t.profile = requirement, p
	return t, nil
}

// merge fills what a says nothing about from b.
func merge(a, b config.Auth) config.Auth {
	return config.Auth{
		Method:      first(a.Method, b.Method),
		TenantID:    first(a.TenantID, b.TenantID),
		ClientID:    first(a.ClientID, b.ClientID),
		Certificate: first(a.Certificate, b.Certificate),
		Authority:   first(a.Authority, b.Authority),
	}
}

// originHost checks that an environment's URL is an origin that a secret may be
// spoken to, and returns its host.
func originHost(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", usagef("the environment's URL is none: %w; it looks like https://ORG.crmN.dynamics.com", err)
	case u.Scheme == "http":
		return "", usagef("%s is not encrypted, and a token must not travel in the clear: write https://%s", raw, u.Host)
	case u.Scheme != "https" || u.Host == "":
		return "", usagef("%q is no environment's URL: it looks like https://ORG.crmN.dynamics.com", raw)
	case u.User != nil:
		return "", usagef("the environment's URL must not hold a user name or a password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", usagef("the environment's URL ends at the host: write https://%s, without %s", u.Host, strings.TrimPrefix(raw, "https://"+u.Host))
	}
	return u.Hostname(), nil
}

func firstLabel(host string) string {
	if strings.Trim(host, "0123456789.:") == "" {
		return host // an address has no labels
	}
	label, _, _ := strings.Cut(host, ".")
	return label
}

// requirement puts together what is required of an environment.
func (a *app) requirement(file *config.File, env config.Environment, req requirementFlags) (snapshot.Requirement, profile.Profile, error) {
	get := a.Getenv
	fail := func(err error) (snapshot.Requirement, profile.Profile, error) {
		return snapshot.Requirement{}, profile.Profile{}, err
	}
	if req.user != "" && req.appID != "" {
		return fail(usagef("--integration-user and --integration-app-id exclude each other: the integration runs as one of them"))
	}
	r := snapshot.Requirement{
		Role:         first(req.role, get("DBAUDIT_INTEGRATION_ROLE"), env.Integration.Role),
		BusinessUnit: first(req.businessUnit, get("DBAUDIT_BUSINESS_UNIT"), env.Unit()),
	}
	// A person named at one level and an application at another is no conflict: the
	// higher level decides.
	levels := [][2]string{
		{req.appID, req.user},
		{get("DBAUDIT_INTEGRATION_APP_ID"), get("DBAUDIT_INTEGRATION_USER")},
		{env.Integration.AppID, env.Integration.User},
	}
	for _, level := range levels {
		if level[0] != "" && level[1] != "" {
			return fail(usagef("DBAUDIT_INTEGRATION_APP_ID and DBAUDIT_INTEGRATION_USER exclude each other: the integration runs as one of them"))
		}
		if level[0] != "" || level[1] != "" {
			r.ApplicationID, r.User = strings.ToLower(level[0]), level[1]
			break
		}
	}
	if r.ApplicationID != "" {
		if _, err := dataverse.ParseGUID(r.ApplicationID); err != nil {
			return fail(usagef("--integration-app-id: %w", err))
		}
	}
	p, err := a.profile(a.profileName(file, req))
	if err != nil {
		return fail(err)
	}
	if file != nil {
		r.Allow = file.Allow
		if r.Depth, err = depths(file, p); err != nil {
			return fail(err)
		}
	}
	r.Profile = p.Name
	for _, v := range env.Views {
		r.Views = append(r.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	if len(req.views) > 0 {
		if r.Views, err = parseViews(req.views); err != nil {
			return fail(err)
		}
	}
	return r, p, nil
}

// depths are those that the configuration asks for, by the profile's own names of the
// privileges. A profile that asks for no privilege, such as lint, has no depth to ask
// for.
func depths(file *config.File, p profile.Profile) (map[string]snapshot.Depth, error) {
	if len(file.Depth) == 0 || len(p.Minimum()) == 0 {
		return nil, nil
	}
	spelt, err := p.Spell(slices.Collect(maps.Keys(file.Depth)))
	var bad *profile.BadDepth
	if errors.As(err, &bad) {
		return nil, &usageError{file.BadDepth(bad.Name, bad.Message)}
	}
	asked := map[string]snapshot.Depth{}
	for name, depth := range file.Depth {
		asked[spelt[name]] = depth
	}
	return asked, err
}

func parseViews(flags []string) ([]snapshot.RequiredView, error) {
	var views []snapshot.RequiredView
	for _, flag := range flags {
		table, name, ok := strings.Cut(flag, "=")
		table, name = strings.ToLower(strings.TrimSpace(table)), strings.TrimSpace(name)
		if !ok || table == "" || name == "" {
			return nil, usagef("--view %q: want TABLE=NAME, such as account=Demandbase Accounts", flag)
		}
		v := snapshot.RequiredView{Table: table, Name: name}
		if !slices.Contains(views, v) {
			views = append(views, v)
		}
	}
	return views, nil
}

// profileName is the name or the file of the profile that is meant.
func (a *app) profileName(file *config.File, req requirementFlags) string {
	name := first(req.profile, a.Getenv("DBAUDIT_PROFILE"))
	if file != nil {
		name = first(name, file.Profile)
	}
	return first(name, defaultProfile)
}

// isFile reports whether a profile is named by its file.
func isFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// profile finds a profile by name, or reads it from a file.
func (a *app) profile(name string) (profile.Profile, error) {
	if isFile(name) {
		data, err := a.readFile(name)
		if err != nil {
			return profile.Profile{}, &usageError{err}
		}
		builtin, err := profile.Builtin(policy.Files)
		if err != nil {
			return profile.Profile{}, err
		}
		return profile.Parse(filepath.ToSlash(name), data, builtin...)
	}
	if p, ok, err := profile.Named(policy.Files, name); ok || err != nil {
		return p, err
	}
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return profile.Profile{}, err
	}
	var names []string
	for _, p := range builtin {
		names = append(names, p.Name)
	}
	return profile.Profile{}, usagef("there is no profile %q: there are %s; a file is named by its path, such as ./%s.yaml",
		name, strings.Join(names, ", "), name)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func (t target) String() string { return fmt.Sprintf("%s (%s)", t.name, t.url) }

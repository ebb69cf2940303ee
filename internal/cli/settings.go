package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/signin"
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

	of  string // the profile of the one of several integrations that is meant; no flag
	any bool   // any of several integrations will do; no flag
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
	labels      []string
	timeout     time.Duration
}

// chosen reports whether environments are chosen out of the configuration, by name,
// pattern or label. Such an environment is not redirected by a variable.
func (f connectionFlags) chosen() bool { return f.allEnvs || len(f.envs) > 0 || len(f.labels) > 0 }

func (f *connectionFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, "url", "", "the environment's `address`, https://ORG.crmN.dynamics.com (DBAUDIT_URL)")
	flags.StringVar(&f.tenantID, "tenant-id", "", "Entra `tenant` (default found from the environment; DBAUDIT_TENANT_ID)")
	flags.StringVar(&f.clientID, "client-id", "", "`id` of the auditor's own app registration (DBAUDIT_CLIENT_ID)")
	flags.StringVar(&f.certificate, "client-certificate", "", "PEM or PFX `file` of its certificate (DBAUDIT_CLIENT_CERTIFICATE; password in DBAUDIT_CLIENT_CERTIFICATE_PASSWORD)")
	flags.StringVar(&f.auth, "auth", "", "sign-in `method`: client-secret, certificate, workload-identity, managed-identity, device-code, interactive, azure-cli (default deduced; DBAUDIT_AUTH)")
	flags.StringVar(&f.authority, "authority", "", "`address` of another sign-in host, https://HOST[:PORT] (DBAUDIT_AUTHORITY)")
	flags.StringArrayVar(&f.envs, "env", nil, "`name` of an environment in the configuration, or a pattern such as 'eu-*'; repeatable")
	flags.StringArrayVar(&f.labels, "label", nil, "`key=value` that the environments have under labels: in the configuration; repeatable, and all must hold")
}

// addAll adds the flag to the commands that take several environments.
func (f *connectionFlags) addAll(flags *pflag.FlagSet) {
	flags.BoolVar(&f.allEnvs, "all-envs", false, "every environment in the configuration")
}

// addTimeout adds the flag to the commands that read an environment.
func (f *connectionFlags) addTimeout(flags *pflag.FlagSet) {
	flags.DurationVar(&f.timeout, "timeout", 0, "`duration` after which reading an environment is given up (default 5m; DBAUDIT_TIMEOUT)")
}

// A target is one environment with all that is known about it: how to reach it
// and what is required of it.
type target struct {
	name         string
	url          string
	tenantID     string
	clientID     string
	clientSecret dataverse.Secret
	secret       *config.Source // goes before clientSecret
	certificate  string
	password     *config.Source // of the certificate
	method       string
	authority    string
	requirement  snapshot.Requirement
	profile      profile.Profile

	recorder *recording.Recorder // nil where nothing is recorded

	timeout time.Duration // for reading it; 0 stands for the default

	file *config.File // nil where there is none
	env  config.Environment
}

// configuration reads the configuration file: the named one, or dbaudit.yaml
// where it is there.
func (a *app) configuration() (*config.File, error) {
	named := first(a.global.config, a.Getenv("DBAUDIT_CONFIG"))
	name := first(named, config.DefaultName)
	data, err := bounds.ReadFile(bounds.Configuration, name)
	switch {
	case err == nil:
		return config.Parse(filepath.ToSlash(name), data)
	case errors.Is(err, fs.ErrNotExist) && named == "":
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
	if conn.url == "" && (file == nil || len(file.Environments) == 0) {
		conn.allEnvs = false // the single environment is all that there are
	}
	envs, err := a.choose(file, conn)
	if err != nil {
		return nil, err
	}
	timeout, err := a.timeout(conn)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, env := range envs {
		integrations, err := a.integrations(file, env, req)
		if err != nil {
			return nil, err
		}
		for _, one := range integrations {
			t, err := a.resolve(file, one, conn, req)
			if err != nil {
				return nil, err
			}
			t.timeout = timeout
			targets = append(targets, t)
		}
	}
	if conn.chosen() {
		a.sayMixed(envs)
	}
	return targets, nil
}

// DefaultTimeout is how long reading one environment may take.
const DefaultTimeout = 5 * time.Minute

func (a *app) timeout(conn connectionFlags) (time.Duration, error) {
	if conn.timeout != 0 {
		if conn.timeout < 0 {
			return 0, usagef("--timeout %s: want a duration above nothing, such as 90s or 5m", conn.timeout)
		}
		return conn.timeout, nil
	}
	text := a.Getenv("DBAUDIT_TIMEOUT")
	if text == "" {
		return DefaultTimeout, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout <= 0 {
		return 0, usagef("DBAUDIT_TIMEOUT %q: want a duration above nothing, such as 90s or 5m", text)
	}
	return timeout, nil
}

// choose picks the environments of the configuration.
func (a *app) choose(file *config.File, conn connectionFlags) ([]config.Environment, error) {
	if conn.allEnvs && len(conn.envs) > 0 {
		return nil, usagef("--env and --all-envs exclude each other")
	}
	if conn.url != "" && (conn.allEnvs || len(conn.envs) > 1 || len(conn.labels) > 0) {
		return nil, usagef("--url names one environment; --all-envs, --label and several --env mean more")
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
	if conn.chosen() && len(names) == 0 {
		return nil, usagef("--env, --label and --all-envs choose among environments: of the configuration, and it has none under environments:")
	}
	given := first(conn.url, a.Getenv("DBAUDIT_URL"))
	switch {
	case conn.chosen():
		return chooseNamed(file, all, names, conn)
	case len(names) > 0 && given != "":
		for _, env := range all {
			if sameEnvironment(env.URL, given) {
				return []config.Environment{env}, nil
			}
		}
		return []config.Environment{{}}, nil
	case len(names) > 1:
		return nil, usagef("the configuration has several environments: choose by --env (%s) or --label, or take --all-envs", strings.Join(names, ", "))
	case len(all) == 1:
		return all, nil
	}
	return []config.Environment{{}}, nil
}

// chooseNamed picks by name, pattern and label, in the order of the flags.
func chooseNamed(file *config.File, all []config.Environment, names []string, conn connectionFlags) ([]config.Environment, error) {
	chosen := all
	if len(conn.envs) > 0 {
		chosen = nil
	}
	for _, pattern := range conn.envs {
		found := false
		for _, env := range all {
			fits, err := path.Match(pattern, env.Name)
			if err != nil {
				return nil, usagef("--env %q: this is no pattern: %w", pattern, err)
			}
			if !fits && env.Name != pattern {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(e config.Environment) bool { return e.Name == env.Name }) {
				chosen = append(chosen, env)
			}
		}
		if !found {
			return nil, usagef("there is no environment %q in %s: it has %s", pattern, file.Name(), strings.Join(names, ", "))
		}
	}
	for _, label := range conn.labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || key == "" {
			return nil, usagef("--label %q: want KEY=VALUE", label)
		}
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(e config.Environment) bool {
			is, ok := e.Labels[key]
			return !ok || is != value
		})
	}
	if len(chosen) == 0 {
		return nil, usagef("no environment in %s has the label %s: look under labels: of %s",
			file.Name(), strings.Join(conn.labels, " and "), strings.Join(names, ", "))
	}
	return chosen, nil
}

func (a *app) resolve(file *config.File, env config.Environment, conn connectionFlags, req requirementFlags) (target, error) {
	t := target{file: file, env: env}
	flags := config.Auth{
		Method: conn.auth, TenantID: conn.tenantID, ClientID: conn.clientID, Certificate: conn.certificate, Authority: conn.authority,
	}
	variables, own, top := a.authOfVariables(), config.Auth{}, config.Auth{}
	if file != nil {
		top = file.Auth
	}
	if env.Auth != nil {
		own = *env.Auth
	}
	auth := merge(flags, variables, own, top)
	t.url = first(conn.url, a.Getenv("DBAUDIT_URL"), env.URL)
	if conn.chosen() {
		own.Method = implied(own)
		auth = merge(flags, own, variables, top)
		t.url = first(conn.url, env.URL)
	}
	if auth.Method == "" {
		auth.Method = implied(flags) // a certificate's flag goes before a secret's variable
	}
	t.tenantID, t.clientID, t.method, t.authority = auth.TenantID, auth.ClientID, auth.Method, auth.Authority
	t.certificate, t.secret, t.password = auth.Certificate, auth.Secret, auth.CertificatePassword
	if t.url == "" {
		return target{}, usagef("no environment is named: give --url https://ORG.crmN.dynamics.com, DBAUDIT_URL, or url: in %s", config.DefaultName)
	}
	origin, err := dataverse.ParseEnvironment(t.url)
	if err != nil {
		return target{}, &usageError{err}
	}
	t.url = origin
	name, err := nameOf(origin)
	if err != nil {
		return target{}, &usageError{err}
	}
	t.name = first(env.Name, name)
	requirement, p, err := a.requirement(file, env, req)
	if err != nil {
		return target{}, err
	}
	t.requirement, t.profile = requirement, p
	return t, t.filledIn()
}

// filledIn refuses what dbaudit init wrote for a person to replace, before anything is
// sent to an environment of somebody else.
func (t target) filledIn() error {
	if t.file == nil {
		return nil
	}
	keys, lines := t.file.Examples(t.env, t.url, t.clientID, t.requirement.ApplicationID)
	switch len(keys) {
	case 0:
		return nil
	case 1:
		return usagef("%s still has init's example value of %s (line %d): replace it", t.file.Name(), keys[0], lines[0])
	}
	numbers := make([]string, len(lines))
	for i, line := range lines {
		numbers[i] = strconv.Itoa(line)
	}
	return usagef("%s still has init's example values: %s (lines %s): replace them", t.file.Name(), strings.Join(keys, ", "), strings.Join(numbers, ", "))
}

// authOfVariables is what the DBAUDIT_* variables say about signing in.
func (a *app) authOfVariables() config.Auth {
	get := a.Getenv
	source := func(name string) *config.Source {
		if get(name) == "" {
			return nil
		}
		return &config.Source{Env: name}
	}
	return config.Auth{
		Method: get("DBAUDIT_AUTH"), TenantID: get("DBAUDIT_TENANT_ID"), ClientID: get("DBAUDIT_CLIENT_ID"),
		Certificate: get("DBAUDIT_CLIENT_CERTIFICATE"), Authority: get("DBAUDIT_AUTHORITY"),
		Secret: source("DBAUDIT_CLIENT_SECRET"), CertificatePassword: source("DBAUDIT_CLIENT_CERTIFICATE_PASSWORD"),
	}
}

// implied is the method that an environment's own auth: states, if only by the one
// credential that it names: a variable's credential does not go before that.
func implied(own config.Auth) string {
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

// sayMixed warns of variables that hold for some of the chosen environments only,
// because the others state their own.
func (a *app) sayMixed(envs []config.Environment) {
	variables := a.authOfVariables()
	for _, v := range []struct {
		name   string
		set    bool
		stated func(config.Auth) bool
	}{
		{"DBAUDIT_AUTH", variables.Method != "", func(o config.Auth) bool { return implied(o) != "" }},
		{"DBAUDIT_TENANT_ID", variables.TenantID != "", func(o config.Auth) bool { return o.TenantID != "" }},
		{"DBAUDIT_CLIENT_ID", variables.ClientID != "", func(o config.Auth) bool { return o.ClientID != "" }},
		{"DBAUDIT_CLIENT_SECRET", variables.Secret != nil, func(o config.Auth) bool { return o.Secret != nil || o.Certificate != "" }},
		{"DBAUDIT_CLIENT_CERTIFICATE", variables.Certificate != "", func(o config.Auth) bool { return o.Secret != nil || o.Certificate != "" }},
		{"DBAUDIT_CLIENT_CERTIFICATE_PASSWORD", variables.CertificatePassword != nil, func(o config.Auth) bool { return o.CertificatePassword != nil }},
		{"DBAUDIT_AUTHORITY", variables.Authority != "", func(o config.Auth) bool { return o.Authority != "" }},
	} {
		var stating, others []string
		for _, env := range envs {
			if env.Auth != nil && v.stated(*env.Auth) {
				stating = append(stating, env.Name)
			} else {
				others = append(others, env.Name)
			}
		}
		if !v.set || stating == nil {
			continue
		}
		rest := "for no other"
		if others != nil {
			rest = "for " + strings.Join(others, ", ")
		}
		a.warn("%s is not used for %s, whose auth: in the configuration goes before variables; it is used %s",
			v.name, strings.Join(stating, ", "), rest)
	}
}

// merge takes each setting from the first that says something about it.
func merge(levels ...config.Auth) config.Auth {
	var m config.Auth
	for _, l := range levels {
		m.Method = first(m.Method, l.Method)
		m.TenantID = first(m.TenantID, l.TenantID)
		m.ClientID = first(m.ClientID, l.ClientID)
		m.Certificate = first(m.Certificate, l.Certificate)
		m.Authority = first(m.Authority, l.Authority)
		m.Secret = cmp.Or(m.Secret, l.Secret)
		m.CertificatePassword = cmp.Or(m.CertificatePassword, l.CertificatePassword)
	}
	return m
}

// sameEnvironment reports whether two addresses are of one environment, however they
// are written.
func sameEnvironment(a, b string) bool {
	x, err := dataverse.ParseEnvironment(a)
	y, other := dataverse.ParseEnvironment(b)
	return err == nil && other == nil && x == y
}

// nameOf is what an environment is called that has no name of its own.
func nameOf(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return "", err
	}
	host := u.Hostname()
	if strings.Trim(host, "0123456789.:") == "" {
		return host, nil // an address has no labels
	}
	label, _, _ := strings.Cut(host, ".")
	return label, nil
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
	p, err := a.profile(first(env.Profile, a.profileName(file, req)))
	if err != nil {
		return fail(err)
	}
	if file != nil {
		r.Allow = file.Allowed(env)
		if r.Depth, err = depths(file, env, p); err != nil {
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
func depths(file *config.File, env config.Environment, p profile.Profile) (map[string]snapshot.Depth, error) {
	wanted := file.Depths(env)
	if len(wanted) == 0 || len(p.Minimum()) == 0 {
		return nil, nil
	}
	spelt, err := p.Spell(slices.Collect(maps.Keys(wanted)))
	var bad *profile.BadDepth
	if errors.As(err, &bad) {
		return nil, &usageError{file.BadDepth(env, bad.Name, bad.Message)}
	}
	asked := map[string]snapshot.Depth{}
	for name, depth := range wanted {
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
		data, err := a.readFile(bounds.Profile, name)
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

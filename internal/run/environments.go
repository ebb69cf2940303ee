package run

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
)

// environmentOf returns the environment of a configuration that has a name and an address, else one
// that has the address, else one that has the name, else the unnamed one.
func environmentOf(file *config.File, name, url string) config.Environment {
	all := file.AllEnvironments()
	isNamed := func(e config.Environment) bool { return name != "" && e.Name == name }
	hasAddress := func(e config.Environment) bool { return SameEnvironment(e.URL, url) }
	both := func(e config.Environment) bool { return isNamed(e) && hasAddress(e) }
	for _, fits := range []func(config.Environment) bool{both, hasAddress, isNamed} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i]
		}
	}
	if all[0].Name == "" {
		return all[0]
	}
	return file.UnnamedEnvironment()
}

func selectEnvironments(file *config.File, conn Connection) ([]config.Environment, error) {
	if conn.AllEnvs && len(conn.Envs) > 0 {
		return nil, Usagef("--env and --all-envs cannot be used together")
	}
	if conn.URL != "" && (conn.AllEnvs || len(conn.Envs) > 1 || len(conn.Labels) > 0) {
		return nil, Usagef("--url names one environment, but --all-envs, --label and several --env choose more")
	}
	all, names := file.AllEnvironments(), file.EnvironmentNames()
	if conn.SelectsConfigured() && len(names) == 0 {
		return nil, Usagef("--env, --label and --all-envs choose from the environments: of the configuration, but it has none")
	}
	switch {
	case conn.SelectsConfigured():
		return selectConfigured(file, all, names, conn)
	case conn.URL != "":
		return []config.Environment{environmentOf(file, "", conn.URL)}, nil
	case len(names) > 1:
		return nil, Usagef("the configuration has several environments: choose with --env (%s) or --label, or pass --all-envs", strings.Join(names, ", "))
	}
	return all, nil
}

// selectConfigured returns the environments with the names, patterns and labels of the flags, in
// the order of the flags.
func selectConfigured(file *config.File, all []config.Environment, names []string, conn Connection) ([]config.Environment, error) {
	chosen := all
	if len(conn.Envs) > 0 {
		chosen = nil
	}
	for _, pattern := range conn.Envs {
		found := false
		for _, env := range all {
			matches, err := path.Match(pattern, env.Name)
			if err != nil {
				return nil, Usagef("--env %q: this is not a pattern: %w", pattern, err)
			}
			if !matches && env.Name != pattern {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(e config.Environment) bool { return e.Name == env.Name }) {
				chosen = append(chosen, env)
			}
		}
		if !found {
			return nil, Usagef("there is no environment %q in %s: it has %s", pattern, file.Name(), strings.Join(names, ", "))
		}
	}
	for _, label := range conn.Labels {
		key, value, ok := strings.Cut(label, "=")
		if !ok || key == "" {
			return nil, Usagef("--label %q: want KEY=VALUE", label)
		}
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(e config.Environment) bool {
			v, ok := e.Labels[key]
			return !ok || v != value
		})
	}
	if len(chosen) == 0 {
		return nil, Usagef("no environment in %s has the label %s: look under labels: of %s",
			file.Name(), strings.Join(conn.Labels, " and "), strings.Join(names, ", "))
	}
	return chosen, nil
}

// SelectIntegrations returns an environment once for each chosen integration: all, or the one with
// the chosen profile. Two integrations with the same profile are an error, because environment and
// profile identify a result.
func (r *Runner) SelectIntegrations(file *config.File, env config.Environment, overrides Overrides) ([]config.Environment, error) {
	if len(env.Integrations) == 0 || overrides.NoRequirement {
		return []config.Environment{env}, nil
	}
	given := cmp.Or(overrides.Profile, r.Getenv("DBAUDIT_PROFILE"))
	var all, chosen []config.Environment
	var names []string
	for _, integration := range file.PerIntegration(env) {
		integration.Profile = cmp.Or(integration.Profile, DefaultProfile)
		p, err := r.configuredProfile(file, integration)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, p.Name) {
			return nil, &UsageError{file.DuplicateProfileError(integration, p.Name)}
		}
		names = append(names, p.Name)
		all = append(all, integration)
		if given == integration.Profile || given == p.Name || given == "" && overrides.IntegrationProfile == p.Name {
			chosen = append(chosen, integration)
		}
	}
	switch {
	case given == "" && overrides.IntegrationProfile == "":
		chosen = all
	case len(chosen) == 0:
		return nil, Usagef("%s has integrations of the profiles %s, but not of %q: choose one of them",
			file.Name(), strings.Join(names, ", "), cmp.Or(given, overrides.IntegrationProfile))
	}
	if len(chosen) > 1 {
		return chosen, r.checkNoOverrides(overrides, len(chosen))
	}
	return chosen, nil
}

// checkNoOverrides returns an error if flags or variables describe a single integration, although
// several were chosen. count is their number.
func (r *Runner) checkNoOverrides(overrides Overrides, count int) error {
	if overrides.AppID != "" || overrides.User != "" || overrides.Role != "" || overrides.BusinessUnit != "" || len(overrides.Views) > 0 {
		return Usagef("--integration-*, --business-unit and --view apply to one integration, but %d were chosen: choose one with --profile", count)
	}
	for _, name := range []string{"DBAUDIT_INTEGRATION_APP_ID", "DBAUDIT_INTEGRATION_USER", "DBAUDIT_INTEGRATION_ROLE", "DBAUDIT_BUSINESS_UNIT"} {
		if r.Getenv(name) != "" {
			return Usagef("%s applies to one integration, but %d were chosen: choose one with --profile, or unset it", name, count)
		}
	}
	return nil
}

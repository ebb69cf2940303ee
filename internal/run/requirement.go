package run

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Requirement returns what is required of an environment, and the profile. Flags take precedence
// over variables, and variables over the configuration.
func (r *Runner) Requirement(file *config.File, env config.Environment, want Overrides) (need snapshot.Requirement, p profile.Profile, err error) {
	get := r.Getenv
	if want.NoRequirement {
		return need, p, nil
	}
	// An application id and a user conflict only at the same level.
	if want.AppID == "" && want.User == "" {
		want.AppID, want.User = get("DBAUDIT_INTEGRATION_APP_ID"), get("DBAUDIT_INTEGRATION_USER")
		if want.AppID != "" && want.User != "" {
			return need, p, Usagef("DBAUDIT_INTEGRATION_APP_ID and DBAUDIT_INTEGRATION_USER exclude each other: the integration runs as one of them")
		}
	}
	want.Role = cmp.Or(want.Role, get("DBAUDIT_INTEGRATION_ROLE"))
	want.BusinessUnit = cmp.Or(want.BusinessUnit, get("DBAUDIT_BUSINESS_UNIT"))
	need = snapshot.Requirement{
		ApplicationID: strings.ToLower(env.Integration.AppID), User: env.Integration.User, Role: env.Integration.Role,
		BusinessUnit: env.RequiredBusinessUnit(), Allow: env.Allow,
	}
	for _, v := range env.Views {
		need.Views = append(need.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	if need, err = want.apply(need); err != nil {
		return need, p, err
	}
	if need.ApplicationID != "" {
		if _, err := dataverse.ParseGUID(need.ApplicationID); err != nil {
			return need, p, Usagef("--integration-app-id: %w", err)
		}
	}
	if given := cmp.Or(want.Profile, get("DBAUDIT_PROFILE")); env.Profile == "" && given != "" {
		p, err = r.Profile(given)
	} else {
		p, err = r.configuredProfile(file, env)
	}
	if err != nil {
		return need, p, err
	}
	need.Profile = p.Name
	need.Depth, err = configuredDepths(file, env, p)
	return need, p, err
}

// apply returns a requirement with the given values.
func (w Overrides) apply(r snapshot.Requirement) (snapshot.Requirement, error) {
	if w.AppID != "" && w.User != "" {
		return r, Usagef("--integration-user and --integration-app-id exclude each other: the integration runs as one of them")
	}
	for _, name := range append([]string{w.User, w.Role, w.BusinessUnit}, w.Views...) {
		if !utf8.ValidString(name) {
			return r, Usagef("%q is not UTF-8: check the encoding of the terminal, or of what sets the variable", name)
		}
	}
	if w.AppID != "" || w.User != "" {
		r.ApplicationID, r.User = strings.ToLower(w.AppID), w.User
	}
	r.Role = cmp.Or(w.Role, r.Role)
	r.BusinessUnit = cmp.Or(w.BusinessUnit, r.BusinessUnit)
	var err error
	if len(w.Views) > 0 {
		r.Views, err = parseViews(w.Views)
	}
	return r, err
}

// configuredDepths returns the depths of the configuration by the profile's spelling of the
// privileges; nil for a profile without privileges, such as lint.
func configuredDepths(file *config.File, env config.Environment, p profile.Profile) (map[string]audit.Depth, error) {
	if len(env.Depth) == 0 || len(p.Minimum()) == 0 {
		return nil, nil
	}
	spelt, err := p.Spelling(slices.Collect(maps.Keys(env.Depth)))
	if bad, ok := errors.AsType[*profile.DepthError](err); ok {
		return nil, &UsageError{file.KeyError(env, bad.Message, "depth", bad.Name)}
	}
	byName := map[string]audit.Depth{}
	for name, depth := range env.Depth {
		byName[spelt[name]] = depth
	}
	return byName, err
}

func parseViews(flags []string) ([]snapshot.RequiredView, error) {
	var views []snapshot.RequiredView
	for _, flag := range flags {
		table, name, ok := strings.Cut(flag, "=")
		table, name = strings.ToLower(strings.TrimSpace(table)), strings.TrimSpace(name)
		if !ok || table == "" || name == "" {
			return nil, Usagef("--view %q: want TABLE=NAME, such as account=Demandbase Accounts", flag)
		}
		v := snapshot.RequiredView{Table: table, Name: name}
		if !slices.Contains(views, v) {
			views = append(views, v)
		}
	}
	return views, nil
}

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
func (r *Runner) Requirement(file *config.File, env config.Environment, overrides Overrides) (required snapshot.Requirement, p profile.Profile, err error) {
	if overrides.NoRequirement {
		return required, p, nil
	}
	if overrides, err = r.withVariables(overrides); err != nil {
		return required, p, err
	}
	required = snapshot.Requirement{
		ApplicationID: strings.ToLower(env.Integration.AppID), User: env.Integration.User, Role: env.Integration.Role,
		BusinessUnit: env.RequiredBusinessUnit(), Allow: env.Allow,
	}
	for _, v := range env.Views {
		required.Views = append(required.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	if required, err = overrides.apply(required); err != nil {
		return required, p, err
	}
	if required.ApplicationID != "" {
		if _, err := dataverse.ParseGUID(required.ApplicationID); err != nil {
			return required, p, Usagef("--integration-app-id: %w", err)
		}
	}
	if given := cmp.Or(overrides.Profile, r.Getenv("DBAUDIT_PROFILE")); env.Profile == "" && given != "" {
		p, err = r.Profile(given)
	} else {
		p, err = r.configuredProfile(file, env)
	}
	if err != nil {
		return required, p, err
	}
	required.Profile = p.Name
	required.Depth, err = configuredDepths(file, env, p)
	return required, p, err
}

// withVariables returns overrides with the values of variables where the flags give none.
func (r *Runner) withVariables(o Overrides) (Overrides, error) {
	// An application id and a user conflict only at the same level.
	if o.AppID == "" && o.User == "" {
		o.AppID, o.User = r.Getenv("DBAUDIT_INTEGRATION_APP_ID"), r.Getenv("DBAUDIT_INTEGRATION_USER")
		if o.AppID != "" && o.User != "" {
			return o, Usagef("DBAUDIT_INTEGRATION_APP_ID and DBAUDIT_INTEGRATION_USER cannot be used together: the integration runs as one of them")
		}
	}
	o.Role = cmp.Or(o.Role, r.Getenv("DBAUDIT_INTEGRATION_ROLE"))
	o.BusinessUnit = cmp.Or(o.BusinessUnit, r.Getenv("DBAUDIT_BUSINESS_UNIT"))
	return o, nil
}

func (o Overrides) apply(r snapshot.Requirement) (snapshot.Requirement, error) {
	if o.AppID != "" && o.User != "" {
		return r, Usagef("--integration-user and --integration-app-id cannot be used together: the integration runs as one of them")
	}
	for _, name := range append([]string{o.User, o.Role, o.BusinessUnit}, o.Views...) {
		if !utf8.ValidString(name) {
			return r, Usagef("%q is not UTF-8: check the encoding of the terminal, or of what sets the variable", name)
		}
	}
	if o.AppID != "" || o.User != "" {
		r.ApplicationID, r.User = strings.ToLower(o.AppID), o.User
	}
	r.Role = cmp.Or(o.Role, r.Role)
	r.BusinessUnit = cmp.Or(o.BusinessUnit, r.BusinessUnit)
	var err error
	if len(o.Views) > 0 {
		r.Views, err = parseViews(o.Views)
	}
	return r, err
}

// configuredDepths returns the depths of the configuration by the profile's spelling of the
// privileges; nil for a profile without privileges, such as lint.
func configuredDepths(file *config.File, env config.Environment, p profile.Profile) (map[string]audit.Depth, error) {
	if len(env.Depth) == 0 || len(p.Minimum()) == 0 {
		return nil, nil
	}
	spelling, err := p.Spelling(slices.Collect(maps.Keys(env.Depth)))
	if depthError, ok := errors.AsType[*profile.DepthError](err); ok {
		return nil, &UsageError{file.KeyError(env, depthError.Message, "depth", depthError.Name)}
	}
	byName := map[string]audit.Depth{}
	for name, depth := range env.Depth {
		byName[spelling[name]] = depth
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
		// A repetition would be a second finding.
		if !(snapshot.Requirement{Views: views}).HasView(table, name) {
			views = append(views, snapshot.RequiredView{Table: table, Name: name})
		}
	}
	return views, nil
}

package run

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Requirement puts together what is required of an environment.
func (r *Runner) Requirement(file *config.File, env config.Environment, want Wanted) (snapshot.Requirement, profile.Profile, error) {
	get := r.Getenv
	fail := func(err error) (snapshot.Requirement, profile.Profile, error) {
		return snapshot.Requirement{}, profile.Profile{}, err
	}
	if want.Nothing {
		return snapshot.Requirement{}, profile.Profile{}, nil
	}
	if want.User != "" && want.AppID != "" {
		return fail(Usagef("--integration-user and --integration-app-id exclude each other: the integration runs as one of them"))
	}
	need := snapshot.Requirement{
		Role:         cmp.Or(want.Role, get("DBAUDIT_INTEGRATION_ROLE"), env.Integration.Role),
		BusinessUnit: cmp.Or(want.BusinessUnit, get("DBAUDIT_BUSINESS_UNIT"), env.Unit()),
	}
	// If one level names a person and another an application, this is not a conflict: the
	// higher level decides.
	levels := [][2]string{
		{want.AppID, want.User},
		{get("DBAUDIT_INTEGRATION_APP_ID"), get("DBAUDIT_INTEGRATION_USER")},
		{env.Integration.AppID, env.Integration.User},
	}
	for _, level := range levels {
		if level[0] != "" && level[1] != "" {
			return fail(Usagef("DBAUDIT_INTEGRATION_APP_ID and DBAUDIT_INTEGRATION_USER exclude each other: the integration runs as one of them"))
		}
		if level[0] != "" || level[1] != "" {
			need.ApplicationID, need.User = strings.ToLower(level[0]), level[1]
			break
		}
	}
	if need.ApplicationID != "" {
		if _, err := dataverse.ParseGUID(need.ApplicationID); err != nil {
			return fail(Usagef("--integration-app-id: %w", err))
		}
	}
	p, err := r.Profile(cmp.Or(env.Profile, r.ProfileName(file, want)))
	if err != nil {
		return fail(err)
	}
	need.Allow = file.Allowed(env)
	if need.Depth, err = depths(file, env, p); err != nil {
		return fail(err)
	}
	need.Profile = p.Name
	for _, v := range env.Views {
		need.Views = append(need.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	if len(want.Views) > 0 {
		if need.Views, err = parseViews(want.Views); err != nil {
			return fail(err)
		}
	}
	return need, p, nil
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
		return nil, &UsageError{file.BadDepth(env, bad.Name, bad.Message)}
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
			return nil, Usagef("--view %q: want TABLE=NAME, such as account=Demandbase Accounts", flag)
		}
		v := snapshot.RequiredView{Table: table, Name: name}
		if !slices.Contains(views, v) {
			views = append(views, v)
		}
	}
	return views, nil
}

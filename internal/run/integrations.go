package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

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
		return nil, Usagef("there is no integration of the profile %q in %s: its integrations are of %s",
			cmp.Or(given, overrides.IntegrationProfile), file.Name(), strings.Join(names, ", "))
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

// sharedRoleNotes returns notes about the custom roles of an integration's user that are also
// assigned to users of other integrations, with the privileges that only those integrations
// require. They are surplus for this one.
func sharedRoleNotes(targets []Target, snapshots []*snapshot.Snapshot, results []audit.Result, index int) []string {
	user := integrationUserID(results[index])
	roles := snapshots[index].CustomRoles(user)
	var notes []string
	for _, root := range slices.Sorted(maps.Keys(roles)) {
		var profiles []string
		surplus := map[string]bool{}
		for i, t := range targets {
			other := integrationUserID(results[i])
			if _, assigned := snapshots[i].CustomRoles(other)[root]; !assigned || other == user {
				continue
			}
			profiles = append(profiles, t.Profile.Name)
			for _, name := range t.Profile.Minimum() {
				if snapshots[i].RolePrivileges[root][name] != audit.DepthNone && !requiresOrAllows(targets[index], name) {
					surplus[name] = true
				}
			}
		}
		if profiles == nil {
			continue
		}
		note := fmt.Sprintf("the role %q is assigned to the users of %s too", text.Line(roles[root]), strings.Join(profiles, ", "))
		if len(surplus) > 0 {
			note += ", which require privileges of it that are surplus here: " + text.JoinFirst(slices.Sorted(maps.Keys(surplus)), maxPrivilegesNamed)
		}
		notes = append(notes, note+"; give each integration a separate role")
	}
	return notes
}

// maxPrivilegesNamed is the maximum number of privileges that a note names.
const maxPrivilegesNamed = 5

func requiresOrAllows(t Target, privilege string) bool {
	same := func(name string) bool { return strings.EqualFold(name, privilege) }
	return slices.ContainsFunc(slices.Concat(t.Profile.Minimum(), t.Profile.Allow, t.Requirement.Allow), same)
}

// integrationUserID returns the id of the judged user; empty if the user does not exist or was not
// read.
func integrationUserID(r audit.Result) string {
	if r.Integration == nil || r.Integration.User == nil {
		return ""
	}
	return r.Integration.User.ID
}

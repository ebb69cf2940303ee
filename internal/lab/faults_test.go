package lab

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A fault is a change of the compliant environment with the expected deviations: those of the control that
// fails, and of the controls that become unknown or not applicable.
type fault struct {
	name   string
	change func(*Scenario)
	expect []string // the lines of deviations
	// unpaired excludes the fault from pairs. The oracle cannot predict its deviations, for example because the
	// requirement names no user or role to deduce them from.
	unpaired bool
}

func (sc *Scenario) changeView(table, name string, change func(*simulator.PersonalView)) {
	if v := sc.PersonalView(table, name); v != nil {
		change(v)
	}
}

func (sc *Scenario) changeAccountsView(change func(*simulator.PersonalView)) {
	sc.changeView("account", "Demandbase Accounts", change)
}

// removeOwners removes the owners of the required views from the requirement.
func (sc *Scenario) removeOwners() {
	for i := range sc.Requirement.Views {
		sc.Requirement.Views[i].Owner = ""
	}
}

func (sc *Scenario) removeAuditorPrivilege(name string) {
	delete(sc.Role("dbaudit Auditor").Privileges, name)
}

func outcomeLines(outcome audit.Outcome, ids ...string) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id+" "+outcome.String())
	}
	return all
}

func notApplicable(ids ...string) []string { return outcomeLines(audit.OutcomeNotApplicable, ids...) }
func unknown(ids ...string) []string       { return outcomeLines(audit.OutcomeUnknown, ids...) }

func userNotApplicable() []string {
	return notApplicable("DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR",
		"DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
}

func roleNotApplicable() []string {
	return notApplicable("DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE", "DB-USER-ROLE")
}

func privilegeControls(p profile.Profile) []string {
	var ids []string
	for _, c := range p.Controls {
		if len(c.Privileges) > 0 {
			ids = append(ids, string(c.ID))
		}
	}
	return ids
}

func oneFinding(id, kind, name, fix string, evidence map[string]any) []string {
	return []string{findingLine(audit.ControlID(id), kind, name, fix, evidence)}
}

func viewNotShared(table, name string) []string {
	return oneFinding("DB-VIEW-SHARED", "required-view", name, "share-view",
		map[string]any{"state": "not-shared", "table": table, "view": name, "views": "1"})
}

func viewNotVisible(table, name string) []string {
	return oneFinding("DB-VIEW-SHARED", "required-view", name, "find-view",
		map[string]any{"state": "not-visible", "table": table, "view": name})
}

func inactiveView(table, name string) []string {
	return oneFinding("DB-VIEW-ACTIVE", "view", name, "activate-view", map[string]any{"active": false, "table": table})
}

func surplusShare(name string, principals []string, rights ...string) []string {
	return oneFinding("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{"surplus": rights, "principals": principals})
}

func administratorRole(template, fix string, ways ...string) []string {
	return oneFinding("DB-USER-NO-ADMINISTRATOR", "role", template, fix, map[string]any{"template": template, "ways": ways})
}

func missingUser(fix string, softDeleted ...string) []string {
	if softDeleted == nil {
		softDeleted = []string{}
	}
	return oneFinding("DB-USER-EXISTS", "user", appID, fix, map[string]any{"found": 0, "soft_deleted": softDeleted})
}

func missingRole(name string) []string {
	return oneFinding("DB-ROLE-EXISTS", "role", name, "create-role", map[string]any{"role": name, "state": "missing"})
}

func roleNotCustom(builtIn, customizable bool) []string {
	return oneFinding("DB-ROLE-CUSTOM", "role", integrationName, "replace-role", map[string]any{"built_in": builtIn, "customizable": customizable})
}

func surplusPrivileges(dangerous int, names ...string) []string {
	return oneFinding("DB-ROLE-LEAST-PRIVILEGE", "role", integrationName, "remove-privilege",
		map[string]any{"surplus": names, "count": len(names), "dangerous": dangerous})
}

func roleNotAssigned(role string, assigned ...string) []string {
	if assigned == nil {
		assigned = []string{}
	}
	return oneFinding("DB-USER-ROLE", "user", integrationName, "assign-role", map[string]any{"role": role, "reaching": assigned})
}

// privilegeFaults returns the faults of each of the 44 privileges: not granted, granted at each depth that is too
// shallow, and undefined.
func privilegeFaults(p profile.Profile) []fault {
	var faults []fault
	defined := definedPrivileges(&simulator.Environment{})
	for _, c := range p.Controls {
		for _, name := range c.Privileges {
			deepest := defined[name].Deepest()
			deviation := func(state, fix, actual, required string) []string {
				return oneFinding(string(c.ID), "role", integrationName, fix, map[string]any{
					"privilege": name, "required_depth": required, "actual_depth": actual, "state": state,
				})
			}
			faults = append(faults, fault{
				name:   "without " + name,
				change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, name) }) },
				expect: deviation("missing", "add-privilege", "none", deepest.String()),
			})
			shallower := slices.DeleteFunc(slices.Clone(defined[name].Depths), func(d simulator.Depth) bool { return d >= deepest })
			for i, depth := range shallower {
				if !isShortRun() || i == len(shallower)-1 {
					faults = append(faults, fault{
						name:   fmt.Sprintf("%s at %s depth", name, depth),
						change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.Privileges[name] = depth }) },
						expect: deviation("shallow", "raise-depth", depth.String(), deepest.String()),
					})
				}
			}
			undefined := fault{
				name:   "no definition of " + name,
				change: func(sc *Scenario) { sc.UndefinedPrivileges = append(sc.UndefinedPrivileges, name) },
				expect: deviation("undefined", "install-app", "none", "global"),
			}
			switch name {
			case "prvReadUserQuery":
				// Nobody can read a personal view.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")...)
			case "prvReadQuery":
				// Nobody can read a system view, so the required view may be one.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED")...)
			case "prvReadUser":
				// Nobody can read a user, not even the auditor, so nothing can be judged.
				undefined.expect, undefined.unpaired = nil, true
				for _, c := range p.Controls {
					undefined.expect = append(undefined.expect, unknown(string(c.ID))...)
				}
			}
			faults = append(faults, undefined)
		}
	}
	return faults
}

// isShortRun reports whether the tests check only some of the faults. With the race detector they take several
// times as long, and the first faults run all of the code.
func isShortRun() bool { return raceEnabled || testing.Short() }

func controlFaults(p profile.Profile) []fault {
	return slices.Concat(roleFaults(p), userFaults(p), viewFaults(), reportedFaults(p))
}

// reportedFaults returns faults of real environments that are reported in public: grants with a record filter or
// an unknown depth, responses for another user, and incomplete responses.
func reportedFaults(p profile.Profile) []fault {
	const privilege = "prvReadAccount"
	contradict := func(c simulator.Contradiction) func(*Scenario) {
		return func(sc *Scenario) {
			if !slices.Contains(sc.Contradictions, c) {
				sc.Contradictions = append(sc.Contradictions, c)
			}
		}
	}
	changeAuditorRole := func(change func(*simulator.Role)) func(*Scenario) {
		return func(sc *Scenario) { change(sc.Role("dbaudit Auditor")) }
	}
	filtered := oneFinding("DB-PRIV-ACCOUNT", "role", integrationName, "add-privilege", map[string]any{
		"privilege": privilege, "required_depth": "global", "actual_depth": "none", "state": "filtered",
	})
	rolesUnknown := slices.Concat(unknown(privilegeControls(p)...), unknown("DB-ROLE-EXISTS", "DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE",
		"DB-ROLE-LEAST-PRIVILEGE", "DB-USER-ROLE", "DB-USER-NO-ADMINISTRATOR"))
	inheritShare := func(rights simulator.Rights) func(*Scenario) {
		return func(sc *Scenario) {
			sc.changeUser(func(*simulator.User) {
				sc.changeAccountsView(func(v *simulator.PersonalView) {
					v.Shares = append(withoutShares(v.Shares, integrationName), simulator.Share{Principal: integrationName, Inherited: rights})
				})
			})
		}
	}
	return []fault{
		{
			name:   "a privilege is granted for some records only",
			change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.RecordFilters = []string{privilege} }) },
			expect: filtered,
		},
		{
			name: "a privilege is granted at the depth of a record filter",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.DepthWords = map[string]string{privilege: "RecordFilter"} })
			},
			expect: filtered,
		},
		{
			name: "a privilege is granted at an unknown depth",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.DepthWords = map[string]string{privilege: "Galaxy"} })
			},
			expect: unknown("DB-PRIV-ACCOUNT"),
		},
		{
			name: "a privilege that is not required is granted at an unknown depth",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) {
					r.Privileges["prvReadSdkMessage"] = simulator.DepthGlobal
					r.DepthWords = map[string]string{"prvReadSdkMessage": "Galaxy"}
				})
			},
		},
		{
			name:   "it is unknown whether the role can be edited",
			change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.CustomizableUnknown = true }) },
			expect: unknown("DB-ROLE-CUSTOM"),
		},
		{
			name:   "the environment ignores impersonation",
			change: contradict(simulator.ActIgnored),
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name:   "the share table shows the auditor only its own shares",
			change: contradict(simulator.SharesInPart),
			// A share without Read may be among the hidden ones.
			expect: unknown("DB-VIEW-LEAST-ACCESS"),
		},
		{
			name:   "a view's share is inherited",
			change: inheritShare(simulator.RightRead),
		},
		{
			name:   "a view's inherited share gives more than Read",
			change: inheritShare(simulator.RightRead | simulator.RightWrite),
			expect: surplusShare("Demandbase Accounts", []string{integrationName}, "write"),
		},
		{
			name:   "the auditor reads teams for some records only",
			change: changeAuditorRole(func(r *simulator.Role) { r.RecordFilters = []string{"prvReadTeam"} }),
			// It is unknown which roles the user has through teams, and which rights on views.
			expect:   slices.Concat(rolesUnknown, unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")),
			unpaired: true,
		},
		{
			name:     "the list of the auditor's privileges omits prvReadRole",
			change:   func(sc *Scenario) { sc.UnnamedPrivileges = []string{"prvReadRole"} },
			expect:   rolesUnknown,
			unpaired: true,
		},
	}
}

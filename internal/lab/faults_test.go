package lab

import (
	"fmt"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A fault is one change of the compliant world, with all that dbaudit must then
// say: the control that fails, and those that the contract then calls unknown or
// not applicable.
type fault struct {
	name   string
	change func(*World)
	expect []string
	// alone keeps a fault out of the pairs: its requirement names no user or role, so
	// that the oracle cannot tell what is deduced.
	alone bool
}

func (w *World) view(table, name string, change func(*simulator.PersonalView)) {
	if v := w.PersonalView(table, name); v != nil {
		change(v)
	}
}

func (w *World) accounts(change func(*simulator.PersonalView)) {
	w.view("account", "Demandbase Accounts", change)
}

// owners forgets who owns the required views.
func (w *World) noOwners() {
	for i := range w.Want.Views {
		w.Want.Views[i].Owner = ""
	}
}

func (w *World) auditor(change func(simulator.Grants)) { change(w.Role("dbaudit Auditor").Privileges) }

func lines(groups ...[]string) []string { return slices.Concat(groups...) }

func outcomes(outcome audit.Outcome, ids ...string) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id+" "+outcome.String())
	}
	return all
}

func inapplicable(ids ...string) []string { return outcomes(audit.OutcomeNotApplicable, ids...) }
func unknown(ids ...string) []string      { return outcomes(audit.OutcomeUnknown, ids...) }

func withoutUser() []string {
	return inapplicable("DB-USER-ENABLED", "DB-USER-DEDICATED", "DB-USER-ROLE", "DB-USER-BUSINESS-UNIT", "DB-USER-NO-ADMINISTRATOR",
		"DB-VIEW-SHARED", "DB-VIEW-TABLE", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")
}

func withoutRole() []string {
	return inapplicable("DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE", "DB-USER-ROLE")
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

func one(id, kind, name, fix string, evidence map[string]any) []string {
	return []string{finding(audit.ControlID(id), kind, name, fix, evidence)}
}

func notShared(table, name string) []string {
	return one("DB-VIEW-SHARED", "required-view", name, "share-view",
		map[string]any{"state": "not-shared", "table": table, "view": name, "views": "1"})
}

func notVisible(table, name string) []string {
	return one("DB-VIEW-SHARED", "required-view", name, "find-view",
		map[string]any{"state": "not-visible", "table": table, "view": name})
}

func inactiveView(table, name string) []string {
	return one("DB-VIEW-ACTIVE", "view", name, "activate-view", map[string]any{"active": false, "table": table})
}

func surplusShare(name string, principals []string, rights ...string) []string {
	return one("DB-VIEW-LEAST-ACCESS", "view", name, "reduce-share", map[string]any{"surplus": rights, "principals": principals})
}

func administrator(template, fix string, ways ...string) []string {
	return one("DB-USER-NO-ADMINISTRATOR", "role", template, fix, map[string]any{"template": template, "ways": ways})
}

func missingUser(fix string, ghosts ...string) []string {
	if ghosts == nil {
		ghosts = []string{}
	}
	return one("DB-USER-EXISTS", "user", appID, fix, map[string]any{"found": 0, "soft_deleted": ghosts})
}

func missingRole(name string) []string {
	return one("DB-ROLE-EXISTS", "role", name, "create-role", map[string]any{"role": name, "state": "missing"})
}

func locked(builtIn, customizable bool) []string {
	return one("DB-ROLE-CUSTOM", "role", integration, "replace-role", map[string]any{"built_in": builtIn, "customizable": customizable})
}

func surplus(dangerous int, names ...string) []string {
	return one("DB-ROLE-LEAST-PRIVILEGE", "role", integration, "remove-privilege",
		map[string]any{"surplus": names, "count": len(names), "dangerous": dangerous})
}

func holdsNot(role string, reaching ...string) []string {
	if reaching == nil {
		reaching = []string{}
	}
	return one("DB-USER-ROLE", "user", integration, "assign-role", map[string]any{"role": role, "reaching": reaching})
}

// privilegeFaults are those of the 44 privileges: each taken away, each at each
// depth that is too shallow, each undefined.
func privilegeFaults(p profile.Profile) []fault {
	var faults []fault
	defined := definitions(&simulator.Environment{})
	for _, c := range p.Controls {
		for _, name := range c.Privileges {
			deepest := defined[name].Deepest()
			short := func(kind, fix, actual, required string) []string {
				return one(string(c.ID), "role", integration, fix, map[string]any{
					"privilege": name, "required_depth": required, "actual_depth": actual, "state": kind,
				})
			}
			faults = append(faults, fault{
				name:   "without " + name,
				change: func(w *World) { w.role(func(r *simulator.Role) { delete(r.Privileges, name) }) },
				expect: short("missing", "add-privilege", "none", deepest.String()),
			})
			shallower := slices.DeleteFunc(slices.Clone(defined[name].Depths), func(d simulator.Depth) bool { return d >= deepest })
			for i, depth := range shallower {
				if !hurried() || i == len(shallower)-1 {
					faults = append(faults, fault{
						name:   fmt.Sprintf("%s at %s depth", name, depth),
						change: func(w *World) { w.role(func(r *simulator.Role) { r.Privileges[name] = depth }) },
						expect: short("shallow", "raise-depth", depth.String(), deepest.String()),
					})
				}
			}
			undefined := fault{
				name:   "no definition of " + name,
				change: func(w *World) { w.UndefinedPrivileges = append(w.UndefinedPrivileges, name) },
				expect: short("undefined", "install-app", "none", "global"),
			}
			switch name {
			case "prvReadUserQuery":
				// Then nobody reads a personal view.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")...)
			case "prvReadQuery":
				// Then nobody reads a system view, the one that may be meant included.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED")...)
			case "prvReadUser":
				// Then nobody, the auditor included, reads a user, and nothing can be judged.
				undefined.expect, undefined.alone = nil, true
				for _, c := range p.Controls {
					undefined.expect = append(undefined.expect, unknown(string(c.ID))...)
				}
			}
			faults = append(faults, undefined)
		}
	}
	return faults
}

// hurried reports whether a part must do for the whole: the race detector makes
// everything several times slower, and has seen all code after the first faults.
func hurried() bool { return raceEnabled || testing.Short() }

func controlFaults(p profile.Profile) []fault {
	return slices.Concat(roleFaults(p), userFaults(p), viewFaults(), situationFaults(p))
}

// situationFaults are what public reports tell of real environments: grants that do not
// count, or that nobody can read; answers for somebody else; a part in place of the whole.
func situationFaults(p profile.Profile) []fault {
	const reader = "prvReadAccount"
	contradict := func(c simulator.Contradiction) func(*World) {
		return func(w *World) {
			if !slices.Contains(w.Contradictions, c) {
				w.Contradictions = append(w.Contradictions, c)
			}
		}
	}
	auditing := func(change func(*simulator.Role)) func(*World) {
		return func(w *World) { change(w.Role("dbaudit Auditor")) }
	}
	filtered := one("DB-PRIV-ACCOUNT", "role", integration, "add-privilege", map[string]any{
		"privilege": reader, "required_depth": "global", "actual_depth": "none", "state": "filtered",
	})
	unreached := lines(unknown(privilegeControls(p)...), unknown("DB-ROLE-EXISTS", "DB-ROLE-CUSTOM", "DB-ROLE-COMPLETE",
		"DB-ROLE-LEAST-PRIVILEGE", "DB-USER-ROLE", "DB-USER-NO-ADMINISTRATOR"))
	inherits := func(rights simulator.Rights) func(*World) {
		return func(w *World) {
			w.user(func(*simulator.User) {
				w.accounts(func(v *simulator.PersonalView) {
					v.Shares = append(unshared(v.Shares, integration), simulator.Share{Principal: integration, Inherited: rights})
				})
			})
		}
	}
	return []fault{
		{
			name:   "a privilege is granted for some records only",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.RecordFilters = []string{reader} }) },
			expect: filtered,
		},
		{
			name: "a privilege is granted at the depth of a record filter",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.DepthWords = map[string]string{reader: "RecordFilter"} })
			},
			expect: filtered,
		},
		{
			name: "a privilege is granted at a depth that nobody knows",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.DepthWords = map[string]string{reader: "Galaxy"} })
			},
			expect: unknown("DB-PRIV-ACCOUNT"),
		},
		{
			name: "what nobody asks for is granted at a depth that nobody knows",
			change: func(w *World) {
				w.role(func(r *simulator.Role) {
					r.Privileges["prvReadSdkMessage"] = simulator.DepthGlobal
					r.DepthWords = map[string]string{"prvReadSdkMessage": "Galaxy"}
				})
			},
		},
		{
			name:   "whether the role can be edited is not told",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.CustomizableUnknown = true }) },
			expect: unknown("DB-ROLE-CUSTOM"),
		},
		{
			name:   "the environment answers as the auditor whoever is impersonated",
			change: contradict(simulator.ActIgnored),
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name:   "the share table shows the auditor its own shares alone",
			change: contradict(simulator.SharesInPart),
			// A share without Read may be among those that are not shown.
			expect: unknown("DB-VIEW-LEAST-ACCESS"),
		},
		{
			name:   "a view's share is inherited",
			change: inherits(simulator.RightRead),
		},
		{
			name:   "a view's share inherits more than Read",
			change: inherits(simulator.RightRead | simulator.RightWrite),
			expect: surplusShare("Demandbase Accounts", []string{integration}, "write"),
		},
		{
			name:   "the auditor reads teams for some records only",
			change: auditing(func(r *simulator.Role) { r.RecordFilters = []string{"prvReadTeam"} }),
			// It is unknown which roles the user has through teams, and what it may do with
			// views because of them.
			expect: lines(unreached, unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE", "DB-VIEW-LEAST-ACCESS")),
			alone:  true,
		},
		{
			name:   "the auditor's own privileges do not name how far it reads roles",
			change: func(w *World) { w.UnnamedPrivileges = []string{"prvReadRole"} },
			expect: unreached,
			alone:  true,
		},
	}
}

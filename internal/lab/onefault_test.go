package lab

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
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
				w.role(func(r *simulator.Role) { r.DepthWords = simulator.Words{reader: "RecordFilter"} })
			},
			expect: filtered,
		},
		{
			name: "a privilege is granted at a depth that nobody knows",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.DepthWords = simulator.Words{reader: "Galaxy"} })
			},
			expect: unknown("DB-PRIV-ACCOUNT"),
		},
		{
			name: "what nobody asks for is granted at a depth that nobody knows",
			change: func(w *World) {
				w.role(func(r *simulator.Role) {
					r.Privileges["prvReadSdkMessage"] = simulator.DepthGlobal
					r.DepthWords = simulator.Words{"prvReadSdkMessage": "Galaxy"}
				})
			},
		},
		{
			name:   "whether the role can be edited is not told",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.CustomizableUnknown = true }) },
			expect: unknown("DB-ROLE-CUSTOM"),
		},
		{
			name:   "the environment answers as the auditor whoever is looked as",
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

func roleFaults(p profile.Profile) []fault {
	filled := func(name, own string, fix string, fillers ...string) []string {
		return one("DB-ROLE-COMPLETE", "role", integration, fix, map[string]any{
			"privilege": name, "required_depth": "global", "actual_depth": own, "state": map[bool]string{true: "missing", false: "shallow"}[own == "none"],
			"filled_by": fillers,
		})
	}
	fill := func(w *World, name string, grants simulator.Grants) {
		w.Roles = append(w.Roles, simulator.Role{Name: name, Privileges: grants})
		w.user(func(u *simulator.User) { u.Roles = append(u.Roles, simulator.RoleAssignment{Role: name}) })
	}
	return []fault{
		{
			name: "the role has another name",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.Name = "Salesforce Sync" })
				w.user(func(u *simulator.User) {
					for i := range u.Roles {
						if u.Roles[i].Role == integration {
							u.Roles[i].Role = "Salesforce Sync"
						}
					}
				})
			},
			// The user's roles are judged nevertheless.
			expect: lines(missingRole(integration), withoutRole()),
		},
		{
			name: "the role is deleted",
			change: func(w *World) {
				w.Roles = slices.DeleteFunc(w.Roles, func(r simulator.Role) bool { return r.Name == integration })
				w.user(func(u *simulator.User) { u.Roles = without(u.Roles, integration) })
			},
			expect: lines(missingRole(integration), withoutRole(), inapplicable(privilegeControls(p)...)),
		},
		{
			name:   "the role is not published",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.State = simulator.Unpublished }) },
			expect: lines(missingRole(integration), withoutRole(), inapplicable(privilegeControls(p)...)),
			alone:  true, // what a role that is not in force gives its holders is not the oracle's to know
		},
		{
			name: "no role is named, and none is there to deduce",
			change: func(w *World) {
				w.Want.Role = ""
				w.Roles = slices.DeleteFunc(w.Roles, func(r simulator.Role) bool { return r.Name == integration })
				w.user(func(u *simulator.User) { u.Roles = nil })
			},
			expect: lines(missingRole(p.RoleName), withoutRole(), inapplicable(privilegeControls(p)...)),
			alone:  true,
		},
		{
			name:   "the role cannot be edited",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.NotCustomizable = true }) },
			expect: locked(false, false),
		},
		{
			name:   "the role is made from a template",
			change: func(w *World) { w.role(func(r *simulator.Role) { r.Template = "Basic User" }) },
			expect: locked(true, true),
		},
		{
			name: "a built-in role is configured",
			change: func(w *World) {
				w.role(func(r *simulator.Role) {
					*r = simulator.Role{Name: "Sync User", Template: "Basic User", Managed: true, NotCustomizable: true, Privileges: r.Privileges}
				})
				w.Want.Role = "Sync User"
				w.user(func(u *simulator.User) { u.Roles = []simulator.RoleAssignment{{Role: "Sync User"}} })
			},
			expect: one("DB-ROLE-CUSTOM", "role", "Sync User", "replace-role", map[string]any{"built_in": true, "customizable": false}),
			alone:  true,
		},
		{
			name: "the role grants what can do harm",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.Privileges["prvDeleteAccount"] = simulator.DepthBasic })
			},
			expect: surplus(1, "prvDeleteAccount"),
		},
		{
			name: "the role grants more than is asked for",
			change: func(w *World) {
				w.role(func(r *simulator.Role) {
					r.Privileges["prvReadProduct"] = simulator.DepthGlobal
					r.Privileges["prvAssignLead"] = simulator.DepthLocal
					r.Privileges["prvActOnBehalfOfAnotherUser"] = simulator.DepthGlobal
				})
			},
			expect: surplus(2, "prvActOnBehalfOfAnotherUser", "prvAssignLead", "prvReadProduct"),
		},
		{
			name: "another role fills a gap",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { delete(r.Privileges, "prvReadLead") })
				fill(w, "Reader of leads", simulator.Grants{"prvReadLead": simulator.DepthGlobal})
			},
			expect: filled("prvReadLead", "none", "add-privilege", "Reader of leads"),
		},
		{
			name: "another role fills up a depth",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { r.Privileges["prvReadContact"] = simulator.DepthDeep })
				fill(w, "Reader of contacts", simulator.Grants{"prvReadContact": simulator.DepthGlobal})
			},
			expect: filled("prvReadContact", "deep", "raise-depth", "Reader of contacts"),
		},
		{
			name: "a team's role fills a gap",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { delete(r.Privileges, "prvReadAccount") })
				w.join("Marketing Operations")
			},
			expect: lines(filled("prvReadAccount", "none", "add-privilege", "Marketing Manager"),
				surplusShare("Demandbase Contacts", []string{"Marketing Operations"}, "write")),
		},
	}
}

func without(assignments []simulator.RoleAssignment, role string) []simulator.RoleAssignment {
	return slices.DeleteFunc(assignments, func(a simulator.RoleAssignment) bool { return a.Role == role })
}

func userFaults(p profile.Profile) []fault {
	twin := func(w *World, name string, deleted bool) {
		w.ApplicationUsers = append(w.ApplicationUsers, simulator.User{Name: name, ApplicationID: appID, SoftDeleted: deleted})
	}
	assign := func(w *World, role string) {
		w.user(func(u *simulator.User) {
			u.Roles = append(without(u.Roles, role), simulator.RoleAssignment{Role: role})
		})
	}
	team := func(w *World, role string) {
		w.found(role+" team", simulator.RoleAssignment{Role: role})
	}
	person := func(w *World) {
		w.Users = append(w.Users, simulator.User{
			Name: "Pat Doe", UPN: "pat@contoso.com", Licensed: true, Roles: []simulator.RoleAssignment{{Role: integration}},
		})
		for i := range w.PersonalViews {
			v := &w.PersonalViews[i]
			if strings.HasPrefix(v.Name, "Demandbase") {
				v.Shares = append(v.Shares, simulator.Share{Principal: "pat@contoso.com", Access: simulator.RightRead})
			}
		}
		w.Want.ApplicationID, w.Want.User = "", "pat@contoso.com"
	}
	return []fault{
		{
			name: "there is no user",
			change: func(w *World) {
				forget(w, integration)
				w.ApplicationUsers = slices.DeleteFunc(w.ApplicationUsers, func(u simulator.User) bool { return u.Name == integration })
			},
			expect: lines(missingUser("create-application-user"), withoutUser()),
		},
		{
			name:   "the user is soft-deleted",
			change: func(w *World) { w.user(func(u *simulator.User) { u.SoftDeleted = true }) },
			expect: lines(missingUser("remove-duplicate-user", integration), withoutUser()),
		},
		{
			name:   "two users have the application id",
			change: func(w *World) { twin(w, "Demandbase Integration (other)", false) },
			expect: lines(one("DB-USER-EXISTS", "user", appID, "remove-duplicate-user", map[string]any{"found": 2, "users": "2"}), withoutUser()),
		},
		{
			name:   "a soft-deleted user in addition to the live one is not a fault",
			change: func(w *World) { twin(w, "Demandbase Integration (old)", true) },
		},
		{
			name:   "the user is disabled",
			change: func(w *World) { w.user(func(u *simulator.User) { u.Disabled = true }) },
			// The owners' lists and the share table still tell of the views.
			expect: one("DB-USER-ENABLED", "user", integration, "enable-user", map[string]any{"disabled": true}),
		},
		{
			name: "the user is disabled, and no owner is named",
			change: func(w *World) {
				w.user(func(u *simulator.User) { u.Disabled = true })
				w.noOwners()
			},
			expect: lines(one("DB-USER-ENABLED", "user", integration, "enable-user", map[string]any{"disabled": true}),
				unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name:   "the user sits below a disabled business unit",
			change: func(w *World) { closed(w, "Germany", "Europe") },
			expect: one("DB-USER-ENABLED", "user", integration, "enable-business-unit",
				map[string]any{"disabled": false, "disabled_business_unit": "Europe"}),
		},
		{
			name:   "the user sits in a disabled business unit",
			change: func(w *World) { closed(w, "Germany", "Germany") },
			expect: one("DB-USER-ENABLED", "user", integration, "enable-business-unit",
				map[string]any{"disabled": false, "disabled_business_unit": "Germany"}),
		},
		{
			name:   "another business unit is disabled",
			change: func(w *World) { w.BusinessUnit("Europe").Disabled = true },
		},
		{
			name: "the role comes through a team of a disabled business unit",
			change: func(w *World) {
				w.user(func(u *simulator.User) { u.Roles = without(u.Roles, integration) })
				w.role(func(*simulator.Role) {
					w.found("Closed", simulator.RoleAssignment{Role: integration})
					w.Team("Closed").BusinessUnit = "Fabrikam (closed)"
				})
			},
			expect: holdsNot(integration),
		},
		{
			name: "the user is a System Administrator through a team of a disabled business unit",
			change: func(w *World) {
				w.found("Closed administrators", simulator.RoleAssignment{Role: "System Administrator"})
				w.Team("Closed administrators").BusinessUnit = "Fabrikam (closed)"
			},
		},
		{
			name: "the role is a copy of another business unit, left over",
			change: func(w *World) {
				w.role(func(*simulator.Role) {
					w.user(func(u *simulator.User) {
						u.Roles = []simulator.RoleAssignment{{Role: integration, BusinessUnit: "Europe"}}
					})
				})
			},
			expect: holdsNot(integration),
		},
		{
			name: "a depth is counted from another business unit",
			change: func(w *World) {
				w.Organization.RecordOwnershipAcrossBusinessUnits = simulator.On
				w.Want.Depth = map[string]snapshot.Depth{"prvReadAccount": snapshot.DepthLocal}
				w.role(func(r *simulator.Role) { r.Privileges["prvReadAccount"] = simulator.DepthLocal })
				w.user(func(u *simulator.User) {
					u.Roles = []simulator.RoleAssignment{{Role: integration, BusinessUnit: "Europe"}}
				})
			},
			expect: one("DB-PRIV-ACCOUNT", "role", integration, "assign-role", map[string]any{
				"privilege": "prvReadAccount", "required_depth": "local", "actual_depth": "basic", "state": "shallow",
			}),
			alone: true,
		},
		{
			name:   "the user's access mode is Administrative",
			change: mode(simulator.AccessAdministrative),
			expect: cannotWork("set-access-mode", "access_mode", "administrative"),
		},
		{
			name:   "the user's access mode is Read",
			change: mode(simulator.AccessRead),
			expect: cannotWork("set-access-mode", "access_mode", "read"),
		},
		{
			name:   "the user's access mode is Support User",
			change: mode(simulator.AccessSupport),
			expect: cannotWork("set-access-mode", "access_mode", "support"),
		},
		{
			name:   "the user's access mode is Delegated Admin",
			change: mode(simulator.AccessDelegatedAdmin),
			expect: cannotWork("set-access-mode", "access_mode", "delegated-admin"),
		},
		{
			name:   "the user's access mode is Read-Write",
			change: mode(simulator.AccessReadWrite),
		},
		{
			name:   "the user's access mode is not documented",
			change: mode("7"),
			expect: unknown("DB-USER-ENABLED"),
		},
		{
			name:   "the user is gone from Entra",
			change: func(w *World) { w.user(func(u *simulator.User) { u.EntraState = simulator.EntraDeleted }) },
			expect: cannotWork("restore-identity", "entra_state", "deleted"),
		},
		{
			name:   "the user is deleted in Entra, and can be restored",
			change: func(w *World) { w.user(func(u *simulator.User) { u.EntraState = simulator.EntraSoftDeleted }) },
			expect: cannotWork("restore-identity", "entra_state", "soft-deleted"),
		},
		{
			name:   "the user is a person",
			change: person,
			expect: one("DB-USER-DEDICATED", "user", "Pat Doe", "replace-user", map[string]any{"application_user": false, "licensed": true}),
			alone:  true,
		},
		{
			name: "the person does not exist",
			change: func(w *World) {
				w.Want.ApplicationID, w.Want.User = "", "nobody@contoso.com"
			},
			expect: lines(one("DB-USER-EXISTS", "user", "nobody@contoso.com", "correct-configuration",
				map[string]any{"found": 0, "soft_deleted": []string{}}), withoutUser()),
			alone: true,
		},
		{
			name:   "the user has no role",
			change: func(w *World) { w.user(func(u *simulator.User) { u.Roles = nil }) },
			// What the integration role grants is judged by itself.
			expect: holdsNot(integration),
		},
		{
			name: "the user has no role, and no owner is named",
			change: func(w *World) {
				w.user(func(u *simulator.User) { u.Roles = nil })
				w.noOwners()
			},
			expect: lines(holdsNot(integration), unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name: "the user reads no personal views, and no owner is named",
			change: func(w *World) {
				w.role(func(r *simulator.Role) { delete(r.Privileges, "prvReadUserQuery") })
				w.noOwners()
			},
			expect: lines(one("DB-PRIV-SAVED-VIEW", "role", integration, "add-privilege", map[string]any{
				"privilege": "prvReadUserQuery", "required_depth": "basic", "actual_depth": "none", "state": "missing",
			}), unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name: "the user holds a copy under another name",
			change: func(w *World) {
				w.role(func(r *simulator.Role) {
					w.Roles = append(w.Roles, simulator.Role{Name: "Sync", Privileges: maps.Clone(r.Privileges)})
				})
				w.user(func(u *simulator.User) {
					u.Roles = append(without(u.Roles, integration), simulator.RoleAssignment{Role: "Sync"})
				})
			},
			expect: holdsNot(integration, "Sync"),
		},
		{
			name:   "the user sits in another business unit",
			change: func(w *World) { w.user(func(u *simulator.User) { u.BusinessUnit = "Europe" }) },
			expect: one("DB-USER-BUSINESS-UNIT", "user", integration, "move-user", map[string]any{"required": "Contoso", "actual": "Europe"}),
		},
		{
			name:   "the business unit that is named does not exist",
			change: func(w *World) { w.Want.BusinessUnit = "Mars" },
			expect: one("DB-USER-BUSINESS-UNIT", "user", integration, "move-user", map[string]any{"required": "Mars", "actual": "Contoso"}),
		},
		{
			name:   "no business unit is named",
			change: func(w *World) { w.Want.BusinessUnit = "" },
			expect: inapplicable("DB-USER-BUSINESS-UNIT"),
		},
		{
			name:   "the user is a System Administrator",
			change: func(w *World) { assign(w, "System Administrator") },
			expect: administrator("System Administrator", "unassign-role", "assigned to the user"),
		},
		{
			name:   "the user is a System Customizer",
			change: func(w *World) { assign(w, "System Customizer") },
			expect: administrator("System Customizer", "unassign-role", "assigned to the user"),
		},
		{
			name:   "the user is a System Administrator through a team",
			change: func(w *World) { team(w, "System Administrator") },
			expect: administrator("System Administrator", "remove-from-team", `through the team "System Administrator team"`),
		},
		{
			name:   "the user is a System Customizer through a team",
			change: func(w *World) { team(w, "System Customizer") },
			expect: administrator("System Customizer", "remove-from-team", `through the team "System Customizer team"`),
		},
		{
			name: "the user is a System Administrator twice over",
			change: func(w *World) {
				assign(w, "System Administrator")
				team(w, "System Administrator")
			},
			expect: administrator("System Administrator", "unassign-role", "assigned to the user", `through the team "System Administrator team"`),
		},
	}
}

// mode gives the user an access mode.
func mode(m simulator.AccessMode) func(*World) {
	return func(w *World) { w.user(func(u *simulator.User) { u.AccessMode = m }) }
}

// cannotWork is the finding on a user whom something other than being disabled keeps
// from working.
func cannotWork(fix, key, value string) []string {
	return one("DB-USER-ENABLED", "user", integration, fix, map[string]any{"disabled": false, key: value})
}

// closed moves the user to a business unit, which is the required one, and disables
// one.
func closed(w *World, unit, disabled string) {
	w.user(func(u *simulator.User) { u.BusinessUnit = unit })
	w.Want.BusinessUnit = unit
	w.BusinessUnit(disabled).Disabled = true
}

// forget takes a principal out of all shares and teams, and its views from it.
func forget(w *World, name string) {
	for i := range w.PersonalViews {
		v := &w.PersonalViews[i]
		v.Shares = unshared(v.Shares, name)
		if v.Owner == name {
			v.Owner = "jane@contoso.com"
		}
	}
	for i := range w.Teams {
		w.Teams[i].Members = slices.DeleteFunc(w.Teams[i].Members, func(m string) bool { return m == name })
	}
}

func unshared(shares []simulator.Share, name string) []simulator.Share {
	return slices.DeleteFunc(shares, func(s simulator.Share) bool { return s.Principal == name })
}

func viewFaults() []fault {
	unshare := func(v *simulator.PersonalView) { v.Shares = unshared(v.Shares, integration) }
	share := func(principal string, access simulator.Rights) func(*simulator.PersonalView) {
		return func(v *simulator.PersonalView) {
			v.Shares = append(unshared(v.Shares, integration), simulator.Share{Principal: principal, Access: access})
		}
	}
	require := func(w *World, table, name, owner string) {
		if v := (snapshot.RequiredView{Table: table, Name: name, Owner: owner}); !slices.Contains(w.Want.Views, v) {
			w.Want.Views = append(w.Want.Views, v)
		}
	}
	const accounts = "Demandbase Accounts"
	return []fault{
		{
			name:   "a view is not shared, and its owner is named",
			change: func(w *World) { w.accounts(unshare) },
			expect: notShared("account", accounts),
		},
		{
			name: "a view is not shared, and its owner is not named",
			change: func(w *World) {
				w.accounts(unshare)
				w.noOwners()
			},
			expect: notVisible("account", accounts),
		},
		{
			name:   "no owner is named, and all is shared",
			change: func(w *World) { w.noOwners() },
		},
		{
			name:   "a view does not exist",
			change: func(w *World) { w.accounts(func(v *simulator.PersonalView) { v.Name = "Accounts of last year" }) },
			expect: notVisible("account", accounts),
		},
		{
			name: "no view exists",
			change: func(w *World) {
				w.PersonalViews = slices.DeleteFunc(w.PersonalViews, func(v simulator.PersonalView) bool {
					return strings.HasPrefix(v.Name, "Demandbase")
				})
			},
			expect: lines(notVisible("account", accounts), notVisible("contact", "Demandbase Contacts"), notVisible("lead", "Demandbase Leads"),
				inapplicable("DB-VIEW-ACTIVE")),
		},
		{
			name: "a view is not shared, and one of its name of another table is",
			change: func(w *World) {
				w.accounts(unshare)
				twin := simulator.PersonalView{Name: accounts, Table: "contact", Owner: "jane@contoso.com"}
				w.user(func(*simulator.User) { share(integration, simulator.RightRead)(&twin) })
				w.PersonalViews = append(w.PersonalViews, twin)
			},
			expect: notShared("account", accounts),
		},
		{
			name:   "a view is shared without Read",
			change: func(w *World) { w.user(func(*simulator.User) { w.accounts(share(integration, simulator.RightWrite)) }) },
			expect: lines(notShared("account", accounts), surplusShare(accounts, []string{integration}, "write")),
		},
		{
			name: "a view shared through a team is shared",
			change: func(w *World) {
				w.found("Readers")
				w.accounts(share("Readers", simulator.RightRead))
			},
		},
		{
			name: "a view of the user's own needs no share",
			change: func(w *World) {
				w.user(func(*simulator.User) {
					w.accounts(func(v *simulator.PersonalView) { unshare(v); v.Owner = integration })
				})
			},
		},
		{
			name:   "a system view needs no share",
			change: func(w *World) { require(w, "account", "Active Accounts", "") },
		},
		{
			name: "a system view that is deactivated",
			change: func(w *World) {
				require(w, "account", "Active Accounts", "")
				w.SystemView("account", "Active Accounts").Inactive = true
			},
			expect: inactiveView("account", "Active Accounts"),
		},
		{
			name:   "a quick find view cannot be chosen",
			change: func(w *World) { require(w, "account", "Quick Find Active Accounts", "") },
			expect: notVisible("account", "Quick Find Active Accounts"),
			alone:  true,
		},
		{
			name: "a view of another table",
			change: func(w *World) {
				deals := simulator.PersonalView{Name: "Demandbase Deals", Table: "opportunity", Owner: "jane@contoso.com"}
				w.user(func(*simulator.User) { share(integration, simulator.RightRead)(&deals) })
				w.PersonalViews = append(w.PersonalViews, deals)
				require(w, "opportunity", "Demandbase Deals", "jane@contoso.com")
			},
			expect: one("DB-VIEW-TABLE", "required-view", "Demandbase Deals", "correct-configuration",
				map[string]any{"table": "opportunity", "allowed": []string{"account", "contact", "lead"}}),
		},
		{
			name:   "a view is deactivated",
			change: func(w *World) { w.accounts(func(v *simulator.PersonalView) { v.Inactive = true }) },
			expect: inactiveView("account", accounts),
		},
		{
			name:   "no view is required",
			change: func(w *World) { w.Want.Views = nil },
			expect: inapplicable("DB-VIEW-SHARED", "DB-VIEW-TABLE"),
			alone:  true,
		},
		{
			name: "no view is required, and one that is shared is deactivated",
			change: func(w *World) {
				w.Want.Views = nil
				w.accounts(func(v *simulator.PersonalView) { v.Inactive = true })
			},
			expect: lines(inapplicable("DB-VIEW-SHARED", "DB-VIEW-TABLE"), inactiveView("account", accounts)),
			alone:  true,
		},
		{
			name: "a view is shared with more than Read",
			change: func(w *World) {
				w.user(func(*simulator.User) {
					w.accounts(share(integration, simulator.RightRead|simulator.RightWrite|simulator.RightShare))
				})
			},
			expect: surplusShare(accounts, []string{integration}, "share", "write"),
		},
		{
			name: "a view is shared with more than Read through a team",
			change: func(w *World) {
				w.found("Writers")
				w.accounts(func(v *simulator.PersonalView) {
					v.Shares = append(v.Shares, simulator.Share{Principal: "Writers", Access: simulator.RightRead | simulator.RightDelete})
				})
			},
			expect: surplusShare(accounts, []string{"Writers"}, "delete"),
		},
		{
			name: "a view that is not required is shared with more than Read",
			change: func(w *World) {
				w.user(func(*simulator.User) {
					w.view("lead", "My hot leads", func(v *simulator.PersonalView) {
						v.Shares = append(v.Shares, simulator.Share{Principal: integration, Access: simulator.RightRead | simulator.RightAssign})
					})
				})
			},
			expect: surplusShare("My hot leads", []string{integration}, "assign"),
		},
		{
			name:   "the auditor may not act for others",
			change: func(w *World) { w.auditor(func(g simulator.Grants) { delete(g, "prvActOnBehalfOfAnotherUser") }) },
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name:   "the auditor reads no personal views",
			change: func(w *World) { w.auditor(func(g simulator.Grants) { delete(g, "prvReadUserQuery") }) },
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name: "the auditor reads no system views, and one is required",
			change: func(w *World) {
				w.auditor(func(g simulator.Grants) { delete(g, "prvReadQuery") })
				require(w, "account", "Active Accounts", "")
			},
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name: "nobody can look for a view that has a system view's name",
			change: func(w *World) {
				w.auditor(func(g simulator.Grants) { delete(g, "prvActOnBehalfOfAnotherUser") })
				w.Want.Views = nil
				require(w, "account", "Active Accounts", "")
				w.SystemView("account", "Active Accounts").Inactive = true
			},
			// A system view of the name lets the user read one; which one is active is not known.
			expect: unknown("DB-VIEW-ACTIVE"),
			alone:  true,
		},
		{
			name:   "the owner of a view has left",
			change: func(w *World) { w.User("jane@contoso.com").Disabled = true },
		},
	}
}

// TestOneFault makes each fault by itself in the compliant environment: exactly
// the expected findings come of it, and no other control changes.
func TestOneFault(t *testing.T) {
	t.Parallel()
	labs := laboratories(t)
	p := labs.profile
	t.Run("none", func(t *testing.T) { labs.expect(t, fault{change: func(*World) {}}) })
	faults := slices.Concat(privilegeFaults(p), controlFaults(p))
	if n := len(p.Minimum()); n != 44 {
		t.Errorf("the profile asks for %d privileges, want 44", n)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			labs.expect(t, f)
		})
	}
}

// pool are the labs that tests take turns at: a lab holds one world at a time.
type pool struct {
	free    chan *Lab
	profile profile.Profile
}

func laboratories(t *testing.T) *pool {
	t.Helper()
	const count = 4
	p := &pool{free: make(chan *Lab, count)}
	var labs sync.WaitGroup
	for range count {
		labs.Go(func() { p.free <- New(t) })
	}
	labs.Wait()
	l := <-p.free
	p.profile = l.Profile
	p.free <- l
	return p
}

// expect makes faults in the compliant world and holds dbaudit to what must come
// of them. It reports whether that is what comes of each of them by itself.
func (p *pool) expect(t *testing.T, faults ...fault) (independent bool) {
	t.Helper()
	l := <-p.free
	defer func() { p.free <- l }()
	w := l.Pristine.Clone()
	var want []string
	known := true
	for _, f := range faults {
		f.change(&w)
		want = append(want, f.expect...)
		known = known && !f.alone
	}
	slices.Sort(want)
	want = slices.Compact(want)
	l.Serve(t, &w)
	if told := expected(w, l.Profile); known && !slices.Equal(told, want) {
		if len(faults) == 1 {
			t.Errorf("the oracle errs:\n%s", difference(told, want))
		}
		want = told
	} else {
		independent = true
	}
	result, _ := l.Look(t, w.Want)
	if got := deviations(result); !slices.Equal(got, want) {
		t.Errorf("dbaudit says otherwise:\n%s", difference(got, want))
	}
	return independent
}

func difference(got, want []string) string {
	var b strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "  too much: %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "  missing:  %s\n", line)
		}
	}
	if b.Len() == 0 {
		b.WriteString("  a line stands more than once")
	}
	return b.String()
}

// TestTwoFaults draws pairs of faults from a fixed seed. Where two faults have
// nothing to do with each other, the findings are those of both; where they have,
// the oracle says what the contract makes of them.
func TestTwoFaults(t *testing.T) {
	t.Parallel()
	pairs := max(60, *schedules) // make pairs draws 500, make soak more
	if hurried() {
		pairs = 50
	}
	labs := laboratories(t)
	faults := slices.Concat(privilegeFaults(labs.profile), controlFaults(labs.profile), controlFaults(labs.profile), controlFaults(labs.profile))
	faults = slices.DeleteFunc(faults, func(f fault) bool { return f.alone })
	random := rand.New(rand.NewPCG(20260301, 2))
	var independent atomic.Int32
	t.Run("all", func(t *testing.T) {
		for drawn := 0; drawn < pairs; {
			a, b := faults[random.IntN(len(faults))], faults[random.IntN(len(faults))]
			if a.name == b.name {
				continue
			}
			drawn++
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				if labs.expect(t, a, b) {
					independent.Add(1)
				}
			})
		}
	})
	t.Logf("%d of %d pairs have nothing to do with each other", independent.Load(), pairs)
}

package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

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
			name:   "the user is in a disabled business unit",
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
				w.Want.Depth = map[string]audit.Depth{"prvReadAccount": audit.DepthLocal}
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
			name:   "the user is in another business unit",
			change: func(w *World) { w.user(func(u *simulator.User) { u.BusinessUnit = "Europe" }) },
			expect: one("DB-USER-BUSINESS-UNIT", "user", integration, "move-user", map[string]any{"required": "Contoso", "actual": "Europe"}),
		},
		{
			name:   "the business unit that is named does not exist",
			change: func(w *World) { w.Want.BusinessUnit = "Mars" },
			expect: one("DB-USER-BUSINESS-UNIT", "user", integration, "correct-configuration", map[string]any{"required": "Mars", "actual": "Contoso"}),
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

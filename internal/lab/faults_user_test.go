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
	addDuplicate := func(sc *Scenario, name string, deleted bool) {
		sc.ApplicationUsers = append(sc.ApplicationUsers, simulator.User{Name: name, ApplicationID: appID, SoftDeleted: deleted})
	}
	assign := func(sc *Scenario, role string) {
		sc.changeUser(func(u *simulator.User) {
			u.Roles = append(withoutRole(u.Roles, role), simulator.RoleAssignment{Role: role})
		})
	}
	assignThroughTeam := func(sc *Scenario, role string) {
		sc.addTeam(role+" team", simulator.RoleAssignment{Role: role})
	}
	usePerson := func(sc *Scenario) {
		sc.Users = append(sc.Users, simulator.User{
			Name: "Pat Doe", UPN: "pat@contoso.com", Licensed: true, Roles: []simulator.RoleAssignment{{Role: integrationName}},
		})
		for i := range sc.PersonalViews {
			v := &sc.PersonalViews[i]
			if strings.HasPrefix(v.Name, "Demandbase") {
				v.Shares = append(v.Shares, simulator.Share{Principal: "pat@contoso.com", Access: simulator.RightRead})
			}
		}
		sc.Requirement.ApplicationID, sc.Requirement.User = "", "pat@contoso.com"
	}
	return []fault{
		{
			name: "there is no user",
			change: func(sc *Scenario) {
				removePrincipal(sc, integrationName)
				sc.ApplicationUsers = slices.DeleteFunc(sc.ApplicationUsers, func(u simulator.User) bool { return u.Name == integrationName })
			},
			expect: slices.Concat(missingUser("create-application-user"), userNotApplicable()),
		},
		{
			name:   "the user is soft-deleted",
			change: func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.SoftDeleted = true }) },
			expect: slices.Concat(missingUser("remove-duplicate-user", integrationName), userNotApplicable()),
		},
		{
			name:   "two users have the application id",
			change: func(sc *Scenario) { addDuplicate(sc, "Demandbase Integration (other)", false) },
			expect: slices.Concat(oneFinding("DB-USER-EXISTS", "user", appID, "remove-duplicate-user", map[string]any{"found": 2, "users": "2"}), userNotApplicable()),
		},
		{
			name:   "a soft-deleted user in addition to the live one is not a fault",
			change: func(sc *Scenario) { addDuplicate(sc, "Demandbase Integration (old)", true) },
		},
		{
			name:   "the user is disabled",
			change: func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.Disabled = true }) },
			// The owners' lists and the share table still show the views.
			expect: oneFinding("DB-USER-ENABLED", "user", integrationName, "enable-user", map[string]any{"disabled": true}),
		},
		{
			name: "the user is disabled, and no owner is configured",
			change: func(sc *Scenario) {
				sc.changeUser(func(u *simulator.User) { u.Disabled = true })
				sc.removeOwners()
			},
			expect: slices.Concat(oneFinding("DB-USER-ENABLED", "user", integrationName, "enable-user", map[string]any{"disabled": true}),
				unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name:   "the user is in a unit below a disabled business unit",
			change: func(sc *Scenario) { disableUnit(sc, "Germany", "Europe") },
			expect: oneFinding("DB-USER-ENABLED", "user", integrationName, "enable-business-unit",
				map[string]any{"disabled": false, "disabled_business_unit": "Europe"}),
		},
		{
			name:   "the user is in a disabled business unit",
			change: func(sc *Scenario) { disableUnit(sc, "Germany", "Germany") },
			expect: oneFinding("DB-USER-ENABLED", "user", integrationName, "enable-business-unit",
				map[string]any{"disabled": false, "disabled_business_unit": "Germany"}),
		},
		{
			name:   "another business unit is disabled",
			change: func(sc *Scenario) { sc.BusinessUnit("Europe").Disabled = true },
		},
		{
			name: "the role is assigned through a team of a disabled business unit",
			change: func(sc *Scenario) {
				sc.changeUser(func(u *simulator.User) { u.Roles = withoutRole(u.Roles, integrationName) })
				sc.changeRole(func(*simulator.Role) {
					sc.addTeam("Closed", simulator.RoleAssignment{Role: integrationName})
					sc.Team("Closed").BusinessUnit = "Fabrikam (closed)"
				})
			},
			expect: roleNotAssigned(integrationName),
		},
		{
			name: "the user is a System Administrator through a team of a disabled business unit",
			change: func(sc *Scenario) {
				sc.addTeam("Closed administrators", simulator.RoleAssignment{Role: "System Administrator"})
				sc.Team("Closed administrators").BusinessUnit = "Fabrikam (closed)"
			},
		},
		{
			name: "the role is another business unit's copy, left over",
			change: func(sc *Scenario) {
				sc.changeRole(func(*simulator.Role) {
					sc.changeUser(func(u *simulator.User) {
						u.Roles = []simulator.RoleAssignment{{Role: integrationName, BusinessUnit: "Europe"}}
					})
				})
			},
			expect: roleNotAssigned(integrationName),
		},
		{
			name: "a depth is measured from another business unit",
			change: func(sc *Scenario) {
				sc.Organization.RecordOwnershipAcrossBusinessUnits = simulator.On
				sc.Requirement.Depth = map[string]audit.Depth{"prvReadAccount": audit.DepthLocal}
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadAccount"] = simulator.DepthLocal })
				sc.changeUser(func(u *simulator.User) {
					u.Roles = []simulator.RoleAssignment{{Role: integrationName, BusinessUnit: "Europe"}}
				})
			},
			expect: oneFinding("DB-PRIV-ACCOUNT", "role", integrationName, "assign-role", map[string]any{
				"privilege": "prvReadAccount", "required_depth": "local", "actual_depth": "basic", "state": "shallow",
			}),
			unpaired: true,
		},
		{
			name:   "the user's access mode is Administrative",
			change: setAccessMode(simulator.AccessAdministrative),
			expect: userCannotWork("set-access-mode", "access_mode", "administrative"),
		},
		{
			name:   "the user's access mode is Read",
			change: setAccessMode(simulator.AccessRead),
			expect: userCannotWork("set-access-mode", "access_mode", "read"),
		},
		{
			name:   "the user's access mode is Support User",
			change: setAccessMode(simulator.AccessSupport),
			expect: userCannotWork("set-access-mode", "access_mode", "support"),
		},
		{
			name:   "the user's access mode is Delegated Admin",
			change: setAccessMode(simulator.AccessDelegatedAdmin),
			expect: userCannotWork("set-access-mode", "access_mode", "delegated-admin"),
		},
		{
			name:   "the user's access mode is Read-Write",
			change: setAccessMode(simulator.AccessReadWrite),
		},
		{
			name:   "the user's access mode is not documented",
			change: setAccessMode("7"),
			expect: unknown("DB-USER-ENABLED"),
		},
		{
			name:   "the user is deleted in Entra",
			change: func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.EntraState = simulator.EntraDeleted }) },
			expect: userCannotWork("restore-identity", "entra_state", "deleted"),
		},
		{
			name: "the user is deleted in Entra, and can be restored",
			change: func(sc *Scenario) {
				sc.changeUser(func(u *simulator.User) { u.EntraState = simulator.EntraSoftDeleted })
			},
			expect: userCannotWork("restore-identity", "entra_state", "soft-deleted"),
		},
		{
			name:     "the user is a person",
			change:   usePerson,
			expect:   oneFinding("DB-USER-DEDICATED", "user", "Pat Doe", "replace-user", map[string]any{"application_user": false, "licensed": true}),
			unpaired: true,
		},
		{
			name: "the person does not exist",
			change: func(sc *Scenario) {
				sc.Requirement.ApplicationID, sc.Requirement.User = "", "nobody@contoso.com"
			},
			expect: slices.Concat(oneFinding("DB-USER-EXISTS", "user", "nobody@contoso.com", "correct-configuration",
				map[string]any{"found": 0, "soft_deleted": []string{}}), userNotApplicable()),
			unpaired: true,
		},
		{
			name:   "the user has no role",
			change: func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.Roles = nil }) },
			// The privileges of the integration role are judged without the user.
			expect: roleNotAssigned(integrationName),
		},
		{
			name: "the user has no role, and no owner is configured",
			change: func(sc *Scenario) {
				sc.changeUser(func(u *simulator.User) { u.Roles = nil })
				sc.removeOwners()
			},
			expect: slices.Concat(roleNotAssigned(integrationName), unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name: "the user reads no personal views, and no owner is configured",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadUserQuery") })
				sc.removeOwners()
			},
			expect: slices.Concat(oneFinding("DB-PRIV-SAVED-VIEW", "role", integrationName, "add-privilege", map[string]any{
				"privilege": "prvReadUserQuery", "required_depth": "basic", "actual_depth": "none", "state": "missing",
			}), unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")),
		},
		{
			name: "the user has a copy of the role with another name",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) {
					sc.Roles = append(sc.Roles, simulator.Role{Name: "Sync", Privileges: maps.Clone(r.Privileges)})
				})
				sc.changeUser(func(u *simulator.User) {
					u.Roles = append(withoutRole(u.Roles, integrationName), simulator.RoleAssignment{Role: "Sync"})
				})
			},
			expect: roleNotAssigned(integrationName, "Sync"),
		},
		{
			name:   "the user is in another business unit",
			change: func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.BusinessUnit = "Europe" }) },
			expect: oneFinding("DB-USER-BUSINESS-UNIT", "user", integrationName, "move-user", map[string]any{"required": "Contoso", "actual": "Europe"}),
		},
		{
			name:   "the required business unit does not exist",
			change: func(sc *Scenario) { sc.Requirement.BusinessUnit = "Mars" },
			expect: oneFinding("DB-USER-BUSINESS-UNIT", "user", integrationName, "correct-configuration", map[string]any{"required": "Mars", "actual": "Contoso"}),
		},
		{
			name:   "no business unit is required",
			change: func(sc *Scenario) { sc.Requirement.BusinessUnit = "" },
			expect: notApplicable("DB-USER-BUSINESS-UNIT"),
		},
		{
			name:   "the user is a System Administrator",
			change: func(sc *Scenario) { assign(sc, "System Administrator") },
			expect: administratorRole("System Administrator", "unassign-role", "assigned to the user"),
		},
		{
			name:   "the user is a System Customizer",
			change: func(sc *Scenario) { assign(sc, "System Customizer") },
			expect: administratorRole("System Customizer", "unassign-role", "assigned to the user"),
		},
		{
			name:   "the user is a System Administrator through a team",
			change: func(sc *Scenario) { assignThroughTeam(sc, "System Administrator") },
			expect: administratorRole("System Administrator", "remove-from-team", `through the team "System Administrator team"`),
		},
		{
			name:   "the user is a System Customizer through a team",
			change: func(sc *Scenario) { assignThroughTeam(sc, "System Customizer") },
			expect: administratorRole("System Customizer", "remove-from-team", `through the team "System Customizer team"`),
		},
		{
			name: "the user is a System Administrator in two ways",
			change: func(sc *Scenario) {
				assign(sc, "System Administrator")
				assignThroughTeam(sc, "System Administrator")
			},
			expect: administratorRole("System Administrator", "unassign-role", "assigned to the user", `through the team "System Administrator team"`),
		},
	}
}

// setAccessMode returns a change of the user's access mode.
func setAccessMode(m simulator.AccessMode) func(*Scenario) {
	return func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.AccessMode = m }) }
}

// userCannotWork returns the finding about a user who is enabled and cannot work for another reason.
func userCannotWork(fix, key, value string) []string {
	return oneFinding("DB-USER-ENABLED", "user", integrationName, fix, map[string]any{"disabled": false, key: value})
}

// disableUnit moves the user to a business unit, requires that unit, and disables another one or the same.
func disableUnit(sc *Scenario, unit, disabled string) {
	sc.changeUser(func(u *simulator.User) { u.BusinessUnit = unit })
	sc.Requirement.BusinessUnit = unit
	sc.BusinessUnit(disabled).Disabled = true
}

// removePrincipal removes a principal from all shares and teams, and gives its views to another owner.
func removePrincipal(sc *Scenario, name string) {
	for i := range sc.PersonalViews {
		v := &sc.PersonalViews[i]
		v.Shares = withoutShares(v.Shares, name)
		if v.Owner == name {
			v.Owner = "jane@contoso.com"
		}
	}
	for i := range sc.Teams {
		sc.Teams[i].Members = slices.DeleteFunc(sc.Teams[i].Members, func(m string) bool { return m == name })
	}
}

func withoutShares(shares []simulator.Share, name string) []simulator.Share {
	return slices.DeleteFunc(shares, func(s simulator.Share) bool { return s.Principal == name })
}

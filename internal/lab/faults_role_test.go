package lab

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func roleFaults(p profile.Profile) []fault {
	incomplete := func(privilege, actual, state, fix, filledBy string) []string {
		return oneFinding("DB-ROLE-COMPLETE", "role", integrationName, fix, map[string]any{
			"privilege": privilege, "required_depth": "global", "actual_depth": actual, "state": state, "filled_by": []string{filledBy},
		})
	}
	addRole := func(sc *Scenario, name string, grants simulator.Grants) {
		sc.Roles = append(sc.Roles, simulator.Role{Name: name, Privileges: grants})
		sc.changeUser(func(u *simulator.User) { u.Roles = append(u.Roles, simulator.RoleAssignment{Role: name}) })
	}
	return []fault{
		{
			name: "the role has another name",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Name = "Salesforce Sync" })
				sc.changeUser(func(u *simulator.User) {
					for i := range u.Roles {
						if u.Roles[i].Role == integrationName {
							u.Roles[i].Role = "Salesforce Sync"
						}
					}
				})
			},
			// dbaudit still judges the user's roles.
			expect: slices.Concat(missingRole(integrationName), roleNotApplicable()),
		},
		{
			name: "the role is deleted",
			change: func(sc *Scenario) {
				sc.Roles = slices.DeleteFunc(sc.Roles, func(r simulator.Role) bool { return r.Name == integrationName })
				sc.changeUser(func(u *simulator.User) { u.Roles = withoutRole(u.Roles, integrationName) })
			},
			expect: slices.Concat(missingRole(integrationName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
		},
		{
			name:     "the role is not published",
			change:   func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.State = simulator.Unpublished }) },
			expect:   slices.Concat(missingRole(integrationName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
			unpaired: true, // the oracle does not know what an unpublished role gives to its users
		},
		{
			name: "no role is configured, and none can be deduced",
			change: func(sc *Scenario) {
				sc.Requirement.Role = ""
				sc.Roles = slices.DeleteFunc(sc.Roles, func(r simulator.Role) bool { return r.Name == integrationName })
				sc.changeUser(func(u *simulator.User) { u.Roles = nil })
			},
			expect:   slices.Concat(missingRole(p.RoleName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
			unpaired: true,
		},
		{
			name:   "the role cannot be edited",
			change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.NotCustomizable = true }) },
			expect: roleNotCustom(false, false),
		},
		{
			name:   "the role has a template",
			change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.Template = "Basic User" }) },
			expect: roleNotCustom(true, true),
		},
		{
			name: "a built-in role is configured",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) {
					*r = simulator.Role{Name: "Sync User", Template: "Basic User", Managed: true, NotCustomizable: true, Privileges: r.Privileges}
				})
				sc.Requirement.Role = "Sync User"
				sc.changeUser(func(u *simulator.User) { u.Roles = []simulator.RoleAssignment{{Role: "Sync User"}} })
			},
			expect:   oneFinding("DB-ROLE-CUSTOM", "role", "Sync User", "replace-role", map[string]any{"built_in": true, "customizable": false}),
			unpaired: true,
		},
		{
			name: "the role grants a dangerous privilege",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvDeleteAccount"] = simulator.DepthBasic })
			},
			expect: surplusPrivileges(1, "prvDeleteAccount"),
		},
		{
			name: "the role grants more than the minimum",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) {
					r.Privileges["prvReadProduct"] = simulator.DepthGlobal
					r.Privileges["prvAssignLead"] = simulator.DepthLocal
					r.Privileges["prvActOnBehalfOfAnotherUser"] = simulator.DepthGlobal
				})
			},
			expect: surplusPrivileges(2, "prvActOnBehalfOfAnotherUser", "prvAssignLead", "prvReadProduct"),
		},
		{
			name: "another role grants a missing privilege",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadLead") })
				addRole(sc, "Lead Reader", simulator.Grants{"prvReadLead": simulator.DepthGlobal})
			},
			expect: incomplete("prvReadLead", "none", "missing", "add-privilege", "Lead Reader"),
		},
		{
			name: "another role grants a privilege more deeply",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadContact"] = simulator.DepthDeep })
				addRole(sc, "Contact Reader", simulator.Grants{"prvReadContact": simulator.DepthGlobal})
			},
			expect: incomplete("prvReadContact", "deep", "shallow", "raise-depth", "Contact Reader"),
		},
		{
			name: "a team's role grants a missing privilege",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadAccount") })
				sc.joinTeam("Marketing Operations")
			},
			expect: slices.Concat(incomplete("prvReadAccount", "none", "missing", "add-privilege", "Marketing Manager"),
				surplusShare("Demandbase Contacts", []string{"Marketing Operations"}, "write")),
		},
	}
}

func withoutRole(assignments []simulator.RoleAssignment, role string) []simulator.RoleAssignment {
	return slices.DeleteFunc(assignments, func(a simulator.RoleAssignment) bool { return a.Role == role })
}

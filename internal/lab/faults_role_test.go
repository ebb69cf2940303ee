package lab

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

func roleFaults(p profile.Profile) []fault {
	filled := func(name, own string, fix string, fillers ...string) []string {
		return oneFinding("DB-ROLE-COMPLETE", "role", integrationName, fix, map[string]any{
			"privilege": name, "required_depth": "global", "actual_depth": own, "state": map[bool]string{true: "missing", false: "shallow"}[own == "none"],
			"filled_by": fillers,
		})
	}
	fill := func(sc *Scenario, name string, grants simulator.Grants) {
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
			// The user's roles are judged nevertheless.
			expect: concat(missingRole(integrationName), roleNotApplicable()),
		},
		{
			name: "the role is deleted",
			change: func(sc *Scenario) {
				sc.Roles = slices.DeleteFunc(sc.Roles, func(r simulator.Role) bool { return r.Name == integrationName })
				sc.changeUser(func(u *simulator.User) { u.Roles = withoutRole(u.Roles, integrationName) })
			},
			expect: concat(missingRole(integrationName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
		},
		{
			name:     "the role is not published",
			change:   func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.State = simulator.Unpublished }) },
			expect:   concat(missingRole(integrationName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
			unpaired: true, // what a role that is not in force gives its holders is not the oracle's to know
		},
		{
			name: "no role is named, and none is there to deduce",
			change: func(sc *Scenario) {
				sc.Requirement.Role = ""
				sc.Roles = slices.DeleteFunc(sc.Roles, func(r simulator.Role) bool { return r.Name == integrationName })
				sc.changeUser(func(u *simulator.User) { u.Roles = nil })
			},
			expect:   concat(missingRole(p.RoleName), roleNotApplicable(), notApplicable(privilegeControls(p)...)),
			unpaired: true,
		},
		{
			name:   "the role cannot be edited",
			change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.NotCustomizable = true }) },
			expect: roleNotCustom(false, false),
		},
		{
			name:   "the role is made from a template",
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
			name: "the role grants what can do harm",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvDeleteAccount"] = simulator.DepthBasic })
			},
			expect: surplusPrivileges(1, "prvDeleteAccount"),
		},
		{
			name: "the role grants more than is asked for",
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
			name: "another role fills a gap",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadLead") })
				fill(sc, "Reader of leads", simulator.Grants{"prvReadLead": simulator.DepthGlobal})
			},
			expect: filled("prvReadLead", "none", "add-privilege", "Reader of leads"),
		},
		{
			name: "another role fills up a depth",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadContact"] = simulator.DepthDeep })
				fill(sc, "Reader of contacts", simulator.Grants{"prvReadContact": simulator.DepthGlobal})
			},
			expect: filled("prvReadContact", "deep", "raise-depth", "Reader of contacts"),
		},
		{
			name: "a team's role fills a gap",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadAccount") })
				sc.joinTeam("Marketing Operations")
			},
			expect: concat(filled("prvReadAccount", "none", "add-privilege", "Marketing Manager"),
				surplusShare("Demandbase Contacts", []string{"Marketing Operations"}, "write")),
		},
	}
}

func withoutRole(assignments []simulator.RoleAssignment, role string) []simulator.RoleAssignment {
	return slices.DeleteFunc(assignments, func(a simulator.RoleAssignment) bool { return a.Role == role })
}

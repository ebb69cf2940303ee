package lab

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

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

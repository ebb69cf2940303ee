package lab

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func viewFaults() []fault {
	unshare := func(v *simulator.PersonalView) { v.Shares = withoutShares(v.Shares, integrationName) }
	share := func(principal string, access simulator.Rights) func(*simulator.PersonalView) {
		return func(v *simulator.PersonalView) {
			v.Shares = append(withoutShares(v.Shares, integrationName), simulator.Share{Principal: principal, Access: access})
		}
	}
	require := func(sc *Scenario, table, name, owner string) {
		if v := (snapshot.RequiredView{Table: table, Name: name, Owner: owner}); !slices.Contains(sc.Requirement.Views, v) {
			sc.Requirement.Views = append(sc.Requirement.Views, v)
		}
	}
	const accounts = "Demandbase Accounts"
	return []fault{
		{
			name:   "a view is not shared, and its owner is configured",
			change: func(sc *Scenario) { sc.changeAccountsView(unshare) },
			expect: viewNotShared("account", accounts),
		},
		{
			name: "a view is not shared, and its owner is not configured",
			change: func(sc *Scenario) {
				sc.changeAccountsView(unshare)
				sc.removeOwners()
			},
			expect: viewNotVisible("account", accounts),
		},
		{
			name:   "all views are shared, and no owner is configured",
			change: func(sc *Scenario) { sc.removeOwners() },
		},
		{
			name: "a view does not exist",
			change: func(sc *Scenario) {
				sc.changeAccountsView(func(v *simulator.PersonalView) { v.Name = "Accounts of last year" })
			},
			expect: viewNotVisible("account", accounts),
		},
		{
			name: "no view exists",
			change: func(sc *Scenario) {
				sc.PersonalViews = slices.DeleteFunc(sc.PersonalViews, func(v simulator.PersonalView) bool {
					return strings.HasPrefix(v.Name, "Demandbase")
				})
			},
			expect: slices.Concat(viewNotVisible("account", accounts), viewNotVisible("contact", "Demandbase Contacts"), viewNotVisible("lead", "Demandbase Leads"),
				notApplicable("DB-VIEW-ACTIVE")),
		},
		{
			name: "a view is not shared, but a view of another table with the same name is",
			change: func(sc *Scenario) {
				sc.changeAccountsView(unshare)
				twin := simulator.PersonalView{Name: accounts, Table: "contact", Owner: "jane@contoso.com"}
				sc.changeUser(func(*simulator.User) { share(integrationName, simulator.RightRead)(&twin) })
				sc.PersonalViews = append(sc.PersonalViews, twin)
			},
			expect: viewNotShared("account", accounts),
		},
		{
			name: "a view is shared without Read",
			change: func(sc *Scenario) {
				sc.changeUser(func(*simulator.User) { sc.changeAccountsView(share(integrationName, simulator.RightWrite)) })
			},
			expect: slices.Concat(viewNotShared("account", accounts), surplusShare(accounts, []string{integrationName}, "write")),
		},
		{
			name: "a view is shared through a team",
			change: func(sc *Scenario) {
				sc.addTeam("Readers")
				sc.changeAccountsView(share("Readers", simulator.RightRead))
			},
		},
		{
			name: "the user owns a view",
			change: func(sc *Scenario) {
				sc.changeUser(func(*simulator.User) {
					sc.changeAccountsView(func(v *simulator.PersonalView) { unshare(v); v.Owner = integrationName })
				})
			},
		},
		{
			name:   "a required view is a system view",
			change: func(sc *Scenario) { require(sc, "account", "Active Accounts", "") },
		},
		{
			name: "a required view is a deactivated system view",
			change: func(sc *Scenario) {
				require(sc, "account", "Active Accounts", "")
				sc.SystemView("account", "Active Accounts").Inactive = true
			},
			expect: inactiveView("account", "Active Accounts"),
		},
		{
			name:     "a required view is a quick find view",
			change:   func(sc *Scenario) { require(sc, "account", "Quick Find Active Accounts", "") },
			expect:   viewNotVisible("account", "Quick Find Active Accounts"),
			unpaired: true,
		},
		{
			name: "a required view is of another table",
			change: func(sc *Scenario) {
				deals := simulator.PersonalView{Name: "Demandbase Deals", Table: "opportunity", Owner: "jane@contoso.com"}
				sc.changeUser(func(*simulator.User) { share(integrationName, simulator.RightRead)(&deals) })
				sc.PersonalViews = append(sc.PersonalViews, deals)
				require(sc, "opportunity", "Demandbase Deals", "jane@contoso.com")
			},
			expect: oneFinding("DB-VIEW-TABLE", "required-view", "Demandbase Deals", "correct-configuration",
				map[string]any{"table": "opportunity", "allowed": []string{"account", "contact", "lead"}}),
		},
		{
			name:   "a view is deactivated",
			change: func(sc *Scenario) { sc.changeAccountsView(func(v *simulator.PersonalView) { v.Inactive = true }) },
			expect: inactiveView("account", accounts),
		},
		{
			name:     "no view is required",
			change:   func(sc *Scenario) { sc.Requirement.Views = nil },
			expect:   notApplicable("DB-VIEW-SHARED", "DB-VIEW-TABLE"),
			unpaired: true,
		},
		{
			name: "no view is required, and a shared view is deactivated",
			change: func(sc *Scenario) {
				sc.Requirement.Views = nil
				sc.changeAccountsView(func(v *simulator.PersonalView) { v.Inactive = true })
			},
			expect:   slices.Concat(notApplicable("DB-VIEW-SHARED", "DB-VIEW-TABLE"), inactiveView("account", accounts)),
			unpaired: true,
		},
		{
			name: "a view is shared with more than Read",
			change: func(sc *Scenario) {
				sc.changeUser(func(*simulator.User) {
					sc.changeAccountsView(share(integrationName, simulator.RightRead|simulator.RightWrite|simulator.RightShare))
				})
			},
			expect: surplusShare(accounts, []string{integrationName}, "share", "write"),
		},
		{
			name: "a view is shared with more than Read through a team",
			change: func(sc *Scenario) {
				sc.addTeam("Writers")
				sc.changeAccountsView(func(v *simulator.PersonalView) {
					v.Shares = append(v.Shares, simulator.Share{Principal: "Writers", Access: simulator.RightRead | simulator.RightDelete})
				})
			},
			expect: surplusShare(accounts, []string{"Writers"}, "delete"),
		},
		{
			name: "a view that is not required is shared with more than Read",
			change: func(sc *Scenario) {
				sc.changeUser(func(*simulator.User) {
					sc.changeView("lead", "My hot leads", func(v *simulator.PersonalView) {
						v.Shares = append(v.Shares, simulator.Share{Principal: integrationName, Access: simulator.RightRead | simulator.RightAssign})
					})
				})
			},
			expect: surplusShare("My hot leads", []string{integrationName}, "assign"),
		},
		{
			name: "the auditor cannot impersonate users",
			change: func(sc *Scenario) {
				sc.removeAuditorPrivilege("prvActOnBehalfOfAnotherUser")
			},
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name:   "the auditor reads no personal views",
			change: func(sc *Scenario) { sc.removeAuditorPrivilege("prvReadUserQuery") },
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name: "the auditor reads no system views, and one is required",
			change: func(sc *Scenario) {
				sc.removeAuditorPrivilege("prvReadQuery")
				require(sc, "account", "Active Accounts", "")
			},
			expect: unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE"),
		},
		{
			name: "the auditor cannot look for a personal view with the name of a system view",
			change: func(sc *Scenario) {
				sc.removeAuditorPrivilege("prvActOnBehalfOfAnotherUser")
				sc.Requirement.Views = nil
				require(sc, "account", "Active Accounts", "")
				sc.SystemView("account", "Active Accounts").Inactive = true
			},
			// The user can read the system view, but may use a personal view that is active.
			expect:   unknown("DB-VIEW-ACTIVE"),
			unpaired: true,
		},
		{
			name:   "the owner of a view is disabled",
			change: func(sc *Scenario) { sc.User("jane@contoso.com").Disabled = true },
		},
	}
}

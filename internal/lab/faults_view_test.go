package lab

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

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

package lab

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

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

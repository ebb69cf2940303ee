package lab

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestRoleCopies checks the ways of assigning roles to the user: as copies of business units, through teams, and
// several roles at once.
func TestRoleCopies(t *testing.T) {
	t.Parallel()
	l := New(t)
	assigned := func(unit string) func(*simulator.User) {
		return func(u *simulator.User) {
			u.Roles = []simulator.RoleAssignment{{Role: integrationName, BusinessUnit: unit}}
		}
	}
	lead := func(actual, fix string) []string {
		return oneFinding("DB-PRIV-LEAD", "role", integrationName, fix, map[string]any{
			"privilege": "prvReadLead", "required_depth": "global", "actual_depth": actual, "state": "shallow",
		})
	}
	addSecondRole := func(sc *Scenario, depth simulator.Depth) {
		sc.Roles = append(sc.Roles, simulator.Role{Name: "Second", Privileges: simulator.Grants{"prvReadLead": depth}})
		sc.changeUser(func(u *simulator.User) { u.Roles = append(u.Roles, simulator.RoleAssignment{Role: "Second"}) })
	}
	assignThroughTeam := func(sc *Scenario, teamOnly bool) {
		sc.changeRole(func(r *simulator.Role) { r.TeamPrivilegesOnly = teamOnly })
		sc.changeUser(func(u *simulator.User) { u.Roles = nil })
		sc.addTeam("Operations", simulator.RoleAssignment{Role: integrationName})
	}
	for _, tc := range []struct {
		name   string
		change func(*Scenario)
		expect []string
		check  func(*testing.T, *snapshot.Snapshot)
	}{
		{
			name: "in a child business unit the user has that unit's copy",
			change: func(sc *Scenario) {
				sc.Requirement.BusinessUnit = "Germany"
				sc.changeUser(func(u *simulator.User) { u.BusinessUnit = "Germany"; assigned("")(u) })
			},
			check: func(t *testing.T, s *snapshot.Snapshot) {
				t.Helper()
				if got := s.Organization.OwnershipAcrossBusinessUnits; got != snapshot.SettingOff {
					t.Errorf("record ownership across business units is %v, want off", got)
				}
				copyID := assignedCopy(t, s)
				if s.Roles[copyID].RootID == copyID || s.Roles[copyID].BusinessUnitID != integrationUserOf(t, s).BusinessUnitID {
					t.Errorf("the user has %+v, want the copy in its own business unit", s.Roles[copyID])
				}
				if grants := s.RolePrivileges[s.Roles[copyID].RootID]; len(grants) < 44 {
					t.Errorf("the copy's root grants %d privileges", len(grants))
				}
				if _, ok := s.RolePrivileges[copyID]; ok {
					t.Error("privileges are kept under the copy's id, not under the root's")
				}
			},
		},
		{
			name: "with ownership across business units the user may have the root's copy",
			change: func(sc *Scenario) {
				sc.Organization.RecordOwnershipAcrossBusinessUnits = simulator.On
				sc.Requirement.BusinessUnit = "Germany"
				sc.changeUser(func(u *simulator.User) { u.BusinessUnit = "Germany"; assigned("Contoso")(u) })
			},
			check: func(t *testing.T, s *snapshot.Snapshot) {
				t.Helper()
				if got := s.Organization.OwnershipAcrossBusinessUnits; got != snapshot.SettingOn {
					t.Errorf("record ownership across business units is %v, want on", got)
				}
				if copyID := assignedCopy(t, s); s.Roles[copyID].RootID != copyID {
					t.Errorf("the user has %+v, want the root", s.Roles[copyID])
				}
			},
		},
		{
			name: "an absent setting is off",
			change: func(sc *Scenario) {
				sc.Organization.RecordOwnershipAcrossBusinessUnits = simulator.Absent
			},
			check: func(t *testing.T, s *snapshot.Snapshot) {
				t.Helper()
				if got := s.Organization.OwnershipAcrossBusinessUnits; got != snapshot.SettingOff {
					t.Errorf("record ownership across business units is %v, want off", got)
				}
			},
		},
		{
			name: "each copy of a role lacks the same privileges",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadLead"] = simulator.DepthLocal })
				sc.Requirement.BusinessUnit = "Germany"
				sc.changeUser(func(u *simulator.User) { u.BusinessUnit = "Germany" })
			},
			expect: lead("local", "raise-depth"),
		},
		{
			name:   "an inherited role of a team gives its members all privileges",
			change: func(sc *Scenario) { assignThroughTeam(sc, false) },
		},
		{
			name: "a role of a team that is not inherited gives Basic privileges to the team only",
			change: func(sc *Scenario) {
				assignThroughTeam(sc, true)
				sc.Requirement.Views = nil
			},
			expect: slices.Concat(oneFinding("DB-PRIV-SAVED-VIEW", "role", integrationName, "assign-role", map[string]any{
				"privilege": "prvReadUserQuery", "required_depth": "basic", "actual_depth": "none", "state": "missing",
			}), notApplicable("DB-VIEW-SHARED", "DB-VIEW-TABLE"), unknown("DB-VIEW-ACTIVE")), // the user cannot use the share
		},
		{
			name: "a role that is not inherited gives all privileges if it is also assigned directly",
			change: func(sc *Scenario) {
				assignThroughTeam(sc, true)
				sc.changeUser(assigned(""))
			},
		},
		{
			name: "the deeper grant of two roles counts and is too shallow",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadLead"] = simulator.DepthLocal })
				addSecondRole(sc, simulator.DepthDeep)
			},
			expect: lead("deep", "raise-depth"),
		},
		{
			name: "the deeper grant of two roles counts and is deep enough",
			change: func(sc *Scenario) {
				addSecondRole(sc, simulator.DepthBasic)
			},
		},
		{
			name: "a second role with a shallower grant changes nothing",
			change: func(sc *Scenario) {
				sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadLead"] = simulator.DepthDeep })
				addSecondRole(sc, simulator.DepthBasic)
			},
			expect: lead("deep", "raise-depth"),
		},
		{
			name: "three users have the same application id, and one of them is soft-deleted",
			change: func(sc *Scenario) {
				for _, twin := range []simulator.User{{Name: "Twin"}, {Name: "Ghost", SoftDeleted: true}} {
					twin.ApplicationID = appID
					sc.ApplicationUsers = append(sc.ApplicationUsers, twin)
				}
			},
			expect: slices.Concat(oneFinding("DB-USER-EXISTS", "user", appID, "remove-duplicate-user", map[string]any{"found": 2, "users": "2"}), userNotApplicable()),
		},
		{
			name: "user and role are deduced",
			change: func(sc *Scenario) {
				sc.Requirement.ApplicationID, sc.Requirement.Role = "", ""
				sc.Roles = append(sc.Roles, simulator.Role{Name: "Demandbase (test)", Privileges: simulator.Grants{"prvReadLead": simulator.DepthBasic}})
			},
		},
		{
			name: "a role is deduced by its name if the user has none",
			change: func(sc *Scenario) {
				sc.Requirement.Role = ""
				sc.Roles = append(sc.Roles, simulator.Role{Name: "Demandbase (test)", Privileges: simulator.Grants{"prvReadLead": simulator.DepthBasic}})
				sc.changeUser(func(u *simulator.User) { u.Roles = nil })
			},
			expect: roleNotAssigned(integrationName),
		},
		{
			name: "a soft-deleted user with a matching name is not a candidate",
			change: func(sc *Scenario) {
				sc.Requirement.ApplicationID = ""
				sc.ApplicationUsers = append(sc.ApplicationUsers, simulator.User{
					Name: "Demandbase (old)", ApplicationID: "11111111-1111-4111-8111-111111111111", SoftDeleted: true,
				})
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sc := l.Compliant.Clone()
			tc.change(&sc)
			result, s := l.Judge(t, sc)
			want := slices.Clone(tc.expect)
			slices.Sort(want)
			if got := deviations(result); !slices.Equal(got, want) {
				t.Errorf("wrong deviations:\n%s", diffLines(got, want))
			}
			if tc.check != nil {
				tc.check(t, s)
			}
		})
	}
}

func integrationUserOf(t *testing.T, s *snapshot.Snapshot) snapshot.User {
	t.Helper()
	for _, u := range s.Users {
		if u.Name == integrationName {
			return u
		}
	}
	t.Fatal("the snapshot has no integration user")
	return snapshot.User{}
}

func assignedCopy(t *testing.T, s *snapshot.Snapshot) string {
	t.Helper()
	u := integrationUserOf(t, s)
	if len(u.Roles) != 1 {
		t.Fatalf("the user has %d roles, want one", len(u.Roles))
	}
	return u.Roles[0]
}

// TestAmbiguousUser checks the error for two application users with a matching name, if the requirement does not
// name one.
func TestAmbiguousUser(t *testing.T) {
	t.Parallel()
	l := New(t)
	sc := l.Compliant.Clone()
	sc.Requirement.ApplicationID = ""
	const other = "22222222-2222-4222-8222-222222222222"
	sc.ApplicationUsers = append(sc.ApplicationUsers, simulator.User{Name: "DEMANDBASE staging", ApplicationID: other})
	l.Serve(t, &sc)
	all, err := collector.CollectAll(t.Context(), l.Client, []collector.Options{{
		Scope: snapshot.ScopeIntegration, Requirement: sc.Requirement, Pattern: l.Profile.Pattern, Privileges: l.Profile.Minimum(), Now: Now,
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Engine.Evaluate(t.Context(), all[0], l.Profile, engine.Options{})
	var ambiguous *engine.AmbiguityError
	if !errors.As(err, &ambiguous) || len(ambiguous.Users) != 2 {
		t.Fatalf("got %v, want two users to choose from", err)
	}
	for _, part := range []string{"DEMANDBASE staging", other, integrationName, appID, "--integration-app-id"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
}

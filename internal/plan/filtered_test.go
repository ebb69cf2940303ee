package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// filterLeads lets the role grant prvReadLead for some records only.
func filterLeads(_ *audit.Result, s *snapshot.Snapshot) {
	s.FilteredPrivileges = map[string]map[string]string{id(role): {"prvReadLead": "Global"}}
}

// TestFilteredGrants: a filtered grant, which rollback cannot restore, is replaced only with the
// option, and the plan says so.
func TestFilteredGrants(t *testing.T) {
	p := build(t, options(), filterLeads)
	for _, a := range p.Actions {
		if a.After["prvReadLead"] != "" && a.Target.Kind == change.TargetGrants {
			t.Errorf("replaced without the option: %+v", a)
		}
	}
	steps := manualSteps(p, "DB-PRIV-LEAD")
	if len(steps) != 1 || !strings.Contains(steps[0].Summary, "record filter") || !strings.Contains(strings.Join(steps[0].How, " "), "--replace-filtered") {
		t.Errorf("manual steps: %+v", steps)
	}

	o := options()
	o.ReplaceFiltered = true
	p = build(t, o, filterLeads)
	a := findAction(&p, change.AddPrivilege)
	if a == nil {
		t.Fatal("not replaced with the option")
	}
	if !slices.Equal(a.Target.Filtered, []string{"prvReadLead"}) || !strings.Contains(a.Note, "Rollback cannot restore that filter") {
		t.Errorf("filtered %q, note %q", a.Target.Filtered, a.Note)
	}
	if text := p.Text(); !strings.Contains(text, "for some records only → Organization") {
		t.Errorf("the previous state is not shown:\n%s", text)
	}
	decode(t, p)
}

// TestFilteredSurplus: a surplus that the role grants only for some records is a manual step,
// because removing the privilege would not remove the filtered grant.
func TestFilteredSurplus(t *testing.T) {
	o := options()
	o.LeastPrivilege, o.ReplaceFiltered = true, true
	whole := build(t, o, nil)
	removal := findAction(&whole, change.RemovePrivilege)
	if removal == nil {
		t.Fatal("no surplus is removed")
	}
	p := build(t, o, func(_ *audit.Result, s *snapshot.Snapshot) {
		for name := range removal.After {
			delete(s.RolePrivileges[id(role)], name)
			s.FilteredPrivileges = map[string]map[string]string{id(role): {name: "Global"}}
		}
	})
	if a := findAction(&p, change.RemovePrivilege); a != nil {
		t.Errorf("the plan contains %q", a.Summary)
	}
	if a := findAction(&p, change.AssignRole); a != nil || findAction(&whole, change.AssignRole) == nil {
		t.Errorf("a role that grants more than required is assigned: %+v", a)
	}
	if steps := manualSteps(p, "DB-ROLE-LEAST-PRIVILEGE"); len(steps) != 1 || !strings.Contains(steps[0].Summary, "record filter") {
		t.Errorf("manual steps: %+v", steps)
	}
}

// TestInheritedRights: reducing inherited rights is a manual step, because the share does not grant
// them.
func TestInheritedRights(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		share := s.Shares[id(user)][id(leads)]
		share.Inherited = []snapshot.Right{snapshot.RightAppendTo}
		s.Shares[id(user)][id(leads)] = share
	})
	if a := findAction(&p, change.ReduceShare); a != nil {
		t.Errorf("the plan contains %q", a.Summary)
	}
	if steps := manualSteps(p, "DB-VIEW-LEAST-ACCESS"); len(steps) != 1 || !strings.Contains(steps[0].Summary, "inherited") {
		t.Errorf("manual steps: %+v", steps)
	}
}

// TestShareWithInheritedRights: the states of a share do not include inherited rights.
func TestShareWithInheritedRights(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		given := []snapshot.Right{snapshot.RightAppendTo}
		for principal := range s.Shares {
			delete(s.Shares[principal], id(accounts))
		}
		s.Shares[id(user)][id(accounts)] = snapshot.Share{Rights: given, Inherited: given}
	})
	if a := findAction(&p, change.ShareView); a == nil {
		t.Fatal("nothing is shared")
	} else if a.Before["access"] != change.None || a.After["access"] != "read" || a.Request.Path != "GrantAccess" {
		t.Errorf("from %v to %v by %s", a.Before, a.After, a.Request.Path)
	}
}

// TestGrantAndAssign: if the user has a role only through a team that does not pass on its Basic
// rights, one plan grants the missing privilege and assigns the role.
func TestGrantAndAssign(t *testing.T) {
	throughTeam := func(r *audit.Result, s *snapshot.Snapshot) {
		for i := range r.Controls {
			c := &r.Controls[i]
			switch c.ID {
			case "DB-PRIV-LEAD":
				c.Findings[0].Fix.User = &audit.Reference{Kind: "systemuser", ID: id(user), Name: "# Sync"}
			case "DB-USER-ROLE":
				c.Findings, c.Outcome = nil, audit.OutcomePass
			}
		}
		u := s.Users[id(user)]
		u.Roles = []string{}
		u.Teams = []string{id(30)}
		s.Users[id(user)] = u
		s.Teams = map[string]snapshot.Team{id(30): {BusinessUnitID: id(unit), Name: "Sales", Roles: []string{id(role + 20)}}}
	}
	p := build(t, options(), throughTeam)
	var kinds []audit.FixKind
	for _, a := range p.Actions {
		for _, why := range a.Why {
			if why.Control == "DB-PRIV-LEAD" {
				kinds = append(kinds, a.Kind)
				if !why.FixesFinding() {
					t.Errorf("%s does not fix the finding: %+v", a.Kind, why)
				}
			}
		}
	}
	if !slices.Equal(kinds, []audit.FixKind{change.AddPrivilege, change.AssignRole}) {
		t.Errorf("the actions are %v", kinds)
	}

	// If the role is not assigned, because it grants too much, the grant fixes only a part.
	o := options()
	o.LeastPrivilege = false
	for _, a := range build(t, o, throughTeam).Actions {
		for _, why := range a.Why {
			if why.Control == "DB-PRIV-LEAD" && why.FixesFinding() {
				t.Errorf("%s is said to fix the finding", a.Kind)
			}
		}
	}
}

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// limited has a record filter limit what the role grants of leads.
func limited(_ *audit.Result, s *snapshot.Snapshot) {
	s.FilteredPrivileges = map[string]map[string]string{id(role): {"prvReadLead": "Global"}}
}

// TestFilteredGrantsAreLeft: a filtered grant, which rollback cannot restore, is replaced only
// on request, and the plan says so.
func TestFilteredGrantsAreLeft(t *testing.T) {
	p := build(t, options(), limited)
	for _, a := range p.Actions {
		if a.After["prvReadLead"] != "" && a.Target.Kind == change.TargetGrants {
			t.Errorf("it is replaced without being asked for: %+v", a)
		}
	}
	people := left(p, "DB-PRIV-LEAD")
	if len(people) != 1 || !strings.Contains(people[0].Summary, "record filter") || !strings.Contains(strings.Join(people[0].How, " "), "--replace-filtered") {
		t.Errorf("left to people: %+v", people)
	}

	o := options()
	o.ReplaceFiltered = true
	p = build(t, o, limited)
	a := find(&p, change.AddPrivilege)
	if a == nil {
		t.Fatal("it is not replaced though it is asked for")
	}
	if !slices.Equal(a.Target.Filtered, []string{"prvReadLead"}) || !strings.Contains(a.Note, "Rollback cannot restore that filter") {
		t.Errorf("it is not said: %q, %q", a.Target.Filtered, a.Note)
	}
	if text := p.Text(); !strings.Contains(text, "for some records only → Organization") {
		t.Errorf("the previous state is not shown:\n%s", text)
	}
	decode(t, p)
}

// TestFilteredSurplusIsLeft: a surplus that the role grants only for some records has no full
// grant to remove, so that the finding would remain.
func TestFilteredSurplusIsLeft(t *testing.T) {
	o := options()
	o.LeastPrivilege, o.ReplaceFiltered = true, true
	whole := build(t, o, nil)
	removal := find(&whole, change.RemovePrivilege)
	if removal == nil {
		t.Fatal("no surplus is removed")
	}
	p := build(t, o, func(_ *audit.Result, s *snapshot.Snapshot) {
		for name := range removal.After {
			delete(s.RolePrivileges[id(role)], name)
			s.FilteredPrivileges = map[string]map[string]string{id(role): {name: "Global"}}
		}
	})
	if a := find(&p, change.RemovePrivilege); a != nil {
		t.Errorf("the plan contains %q", a.Summary)
	}
	if people := left(p, "DB-ROLE-LEAST-PRIVILEGE"); len(people) != 1 || !strings.Contains(people[0].Summary, "record filter") {
		t.Errorf("left to people: %+v", people)
	}
}

// TestInheritedRightsAreLeft: inherited rights are not reduced, because the share would not
// change.
func TestInheritedRightsAreLeft(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		share := s.Shares[id(user)][id(leads)]
		share.Inherited = []snapshot.Right{snapshot.RightAppendTo}
		s.Shares[id(user)][id(leads)] = share
	})
	if a := find(&p, change.ReduceShare); a != nil {
		t.Errorf("the plan contains %q", a.Summary)
	}
	if people := left(p, "DB-VIEW-LEAST-ACCESS"); len(people) != 1 || !strings.Contains(people[0].Summary, "inherited") {
		t.Errorf("left to people: %+v", people)
	}
}

// TestInheritedRightsAreNoPartOfAShare: a share changes from its own rights, which apply reads,
// and inherited rights do not widen it.
func TestInheritedRightsAreNoPartOfAShare(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		given := []snapshot.Right{snapshot.RightAppendTo}
		for principal := range s.Shares {
			delete(s.Shares[principal], id(accounts))
		}
		s.Shares[id(user)][id(accounts)] = snapshot.Share{Rights: given, Inherited: given}
	})
	if a := find(&p, change.ShareView); a == nil {
		t.Fatal("nothing is shared")
	} else if a.Before["access"] != change.None || a.After["access"] != "read" || a.Request.Path != "GrantAccess" {
		t.Errorf("from %v to %v by %s", a.Before, a.After, a.Request.Path)
	}
}

// TestGrantAndAssign: if the user has a role only through a team that keeps its Basic
// rights, one plan grants what is missing and assigns the role.
func TestGrantAndAssign(t *testing.T) {
	asks := func(r *audit.Result, s *snapshot.Snapshot) {
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
	p := build(t, options(), asks)
	var did []audit.FixKind
	for _, a := range p.Actions {
		for _, why := range a.Why {
			if why.Control == "DB-PRIV-LEAD" {
				did = append(did, a.Kind)
				if !why.FixesFinding() {
					t.Errorf("%s does not settle it: %+v", a.Kind, why)
				}
			}
		}
	}
	if !slices.Equal(did, []audit.FixKind{change.AddPrivilege, change.AssignRole}) {
		t.Errorf("the plan answers it by %v", did)
	}

	// Where the role is not assigned, because it grants too much, granting is a part.
	o := options()
	o.LeastPrivilege = false
	for _, a := range build(t, o, asks).Actions {
		for _, why := range a.Why {
			if why.Control == "DB-PRIV-LEAD" && why.FixesFinding() {
				t.Errorf("%s is said to settle it", a.Kind)
			}
		}
	}
}

package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func manualSteps(p plan.Plan, control audit.ControlID) []plan.Manual {
	return slices.DeleteFunc(slices.Clone(p.Manual), func(m plan.Manual) bool { return m.Control != control })
}

// TestRolesThatAreNotAssigned: no plan assigns a role that grants more than the profile requires.
func TestRolesThatAreNotAssigned(t *testing.T) {
	full := options()
	cautious := options()
	cautious.LeastPrivilege = false
	excluded := options()
	excluded.Except = []string{"DB-ROLE-LEAST-PRIVILEGE"}
	assigning := func(n int, name string) func(*audit.Result, *snapshot.Snapshot) {
		return func(r *audit.Result, _ *snapshot.Snapshot) {
			for i := range r.Controls {
				for j := range r.Controls[i].Findings {
					if fix := r.Controls[i].Findings[j].Fix; fix.Kind == change.AssignRole {
						fix.Role = &audit.Reference{ID: id(n), Name: name}
					}
				}
			}
		}
	}
	allowed := func(r *audit.Result, _ *snapshot.Snapshot) { r.Integration.Surplus = nil }
	unread := func(_ *audit.Result, s *snapshot.Snapshot) {
		delete(s.RolePrivileges, id(role))
		s.Coverage[snapshot.SectionRolePrivileges] = snapshot.Coverage{State: snapshot.StateForbidden}
	}
	template := func(_ *audit.Result, s *snapshot.Snapshot) {
		r := s.Roles[id(role+20)]
		r.TemplateID = id(77)
		s.Roles[id(role+20)] = r
	}
	locked := func(_ *audit.Result, s *snapshot.Snapshot) {
		r := s.Roles[id(role)]
		r.Customizable = false
		s.Roles[id(role)] = r
	}
	for name, tt := range map[string]struct {
		o       plan.Options
		change  func(*audit.Result, *snapshot.Snapshot)
		because string
	}{
		"the surplus is removed first":      {full, nil, ""},
		"the surplus stays":                 {cautious, nil, "1 privilege beyond the minimum: prvBulkDelete"},
		"the surplus is excluded":           {excluded, nil, "prvBulkDelete"},
		"the surplus is allowed":            {cautious, allowed, ""},
		"System Administrator":              {full, assigning(admin, "System Administrator"), "built in"},
		"a copy made from a template":       {full, template, "built in"},
		"what it grants was not read":       {full, unread, "was not read"},
		"a locked role with a surplus":      {full, locked, "prvBulkDelete"},
		"for a new user, built in":          {full, func(r *audit.Result, s *snapshot.Snapshot) { noUser(r, s); template(r, s) }, "built in"},
		"for a new user, with a surplus":    {cautious, noUser, "prvBulkDelete"},
		"for a new user, without a surplus": {full, noUser, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := build(t, tt.o, tt.change)
			assigned := findAction(&p, change.AssignRole)
			steps := manualSteps(p, "DB-USER-ROLE")
			if tt.because == "" {
				if assigned == nil || len(steps) > 0 || len(assigned.Target.Grants) == 0 {
					t.Fatalf("not assigned: %v", steps)
				}
				if strings.Index(actionKinds(p), "remove-privilege") > strings.Index(actionKinds(p), "assign-role") {
					t.Error("assigned before the surplus is removed")
				}
				return
			}
			if assigned != nil || len(steps) != 1 {
				t.Fatalf("planned %s, manual steps: %v", actionKinds(p), steps)
			}
			if text := steps[0].Summary + strings.Join(steps[0].How, " "); !strings.Contains(text, tt.because) {
				t.Error(text)
			}
			if strings.Contains(actionKinds(p), "unassign-role") {
				t.Error("the administrator role is removed, though the integration role is not assigned to the user")
			}
			if len(tt.o.Except) == 0 && strings.Contains(actionKinds(p), "create-application-user") == (len(manualSteps(p, "DB-USER-NO-ADMINISTRATOR")) > 0) {
				t.Errorf("manual steps: %v", p.Manual)
			}
			if _, err := plan.Decode(encode(t, p)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSurplusOrder: the surplus is listed in the order of the policy.
func TestSurplusOrder(t *testing.T) {
	o := options()
	o.LeastPrivilege = false
	p := build(t, o, func(r *audit.Result, s *snapshot.Snapshot) {
		s.RolePrivileges[id(role)]["prvAllowed"] = audit.DepthGlobal
		r.Integration.Surplus = []string{"prvBulkDelete", "prvAllowed"}
	})
	if text := manualSteps(p, "DB-USER-ROLE")[0].Summary; !strings.Contains(text, "2 privileges beyond the minimum: prvBulkDelete, prvAllowed") {
		t.Error(text)
	}
}

// TestLimitsOfEditedPlans: a plan that another program wrote is refused if it exceeds the limits.
func TestLimitsOfEditedPlans(t *testing.T) {
	enough := plan.Limits{Minimum: options().Minimum}
	whole := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		s.Requirement.Depth = map[string]audit.Depth{"prvReadContact": audit.DepthLocal}
	})
	if err := whole.CheckLimits(enough); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		limits  plan.Limits
		edit    func(*plan.Plan)
		because string
	}{
		"an assigned role that grants more": {enough, func(p *plan.Plan) {
			findAction(p, change.AssignRole).Target.Grants["prvDeleteAccount"] = audit.DepthGlobal
		}, "prvDeleteAccount"},
		"deeper than the configuration asks": {enough, func(p *plan.Plan) {
			p.Requirement.Depth = map[string]audit.Depth{"prvReadLead": audit.DepthLocal}
		}, "Business Unit is required"},
		"deeper than the profile asks": {
			plan.Limits{Minimum: enough.Minimum, Depths: map[string]audit.Depth{"prvReadLead": audit.DepthDeep}}, func(*plan.Plan) {}, "Parent: Child Business Units is required",
		},
		"deeper, with levels that allow less": {enough, func(p *plan.Plan) {
			p.Requirement.Depth = map[string]audit.Depth{"prvReadLead": audit.DepthLocal}
			findAction(p, change.AddPrivilege).Target.Levels = map[string][]audit.Depth{"prvReadLead": audit.Depths()}
		}, "Business Unit is required"},
		"deeper, with levels that allow no less": {enough, func(p *plan.Plan) {
			p.Requirement.Depth = map[string]audit.Depth{"prvReadLead": audit.DepthLocal}
			findAction(p, change.AddPrivilege).Target.Levels = map[string][]audit.Depth{"prvReadLead": {audit.DepthGlobal}}
		}, ""},
	} {
		p := decode(t, whole)
		tt.edit(&p)
		switch err := p.CheckLimits(tt.limits); {
		case tt.because == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.because != "" && (err == nil || !strings.Contains(err.Error(), tt.because)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDepthThatIsNotAllowed: if a privilege does not allow the required depth, the plan grants the
// closest depth, and says so.
func TestDepthThatIsNotAllowed(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		s.Requirement.Depth = map[string]audit.Depth{"prvReadLead": audit.DepthLocal}
		s.Privileges["prvReadLead"] = snapshot.Privilege{ID: id(101), Depths: []audit.Depth{audit.DepthGlobal}}
	})
	if note := p.Actions[0].Note; !strings.Contains(note, "prvReadLead can be granted at Organization level only.") {
		t.Error(note)
	}
	if err := p.CheckLimits(plan.Limits{Minimum: options().Minimum}); err != nil {
		t.Error(err)
	}
	decode(t, p)
}

func TestValidity(t *testing.T) {
	r, s := sample(t)
	for _, long := range []time.Duration{-time.Hour, plan.MaxValidity + time.Second} {
		o := options()
		o.Validity = long
		if _, err := plan.Build(r, s, o); err == nil {
			t.Errorf("a plan that is valid for %s", long)
		}
	}
	if p := build(t, options(), nil); !p.Expired(taken().Add(-24 * time.Hour)) {
		t.Error("a plan from the future is valid")
	}
}

// TestAdministratorThroughTeam: if a team has the administrator role too, removing it from the
// user fixes the finding only in part.
func TestAdministratorThroughTeam(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		s.Teams[id(30)] = snapshot.Team{Name: "Sales", BusinessUnitID: id(unit), Roles: []string{id(admin)}}
		u := s.Users[id(user)]
		u.Teams = []string{id(30)}
		s.Users[id(user)] = u
	})
	last := p.Actions[len(p.Actions)-1]
	if last.Kind != change.UnassignRole || last.Why[0].FixesFinding() || !last.Why[0].Partly {
		t.Errorf("%s: %+v", last.Kind, last.Why)
	}
	steps := manualSteps(p, "DB-USER-NO-ADMINISTRATOR")
	if len(steps) != 1 || steps[0].Kind != change.RemoveFromTeam || steps[0].Fingerprint != last.Why[0].Fingerprint {
		t.Errorf("manual steps: %v", steps)
	}
	if p := build(t, options(), nil); !p.Actions[len(p.Actions)-1].Why[0].FixesFinding() {
		t.Error("the finding remains without a team")
	}
}

// TestRoleWithoutCopy: the administrator role stays if the integration role cannot replace it.
func TestRoleWithoutCopy(t *testing.T) {
	p := build(t, options(), func(_ *audit.Result, s *snapshot.Snapshot) {
		s.BusinessUnits[id(31)] = snapshot.BusinessUnit{Name: "Asia", ParentID: id(root)}
		r := s.Roles[id(role)]
		r.BusinessUnitID = id(31)
		s.Roles[id(role)] = r
		delete(s.Roles, id(role+20))
	})
	if why := p.Actions[0].Why[0]; !why.Partly || why.FixesFinding() {
		t.Errorf("granting is said to fix the finding: %+v", why)
	}
	if strings.Contains(actionKinds(p), "assign-role") || len(manualSteps(p, "DB-USER-ROLE")) != 1 || len(manualSteps(p, "DB-USER-NO-ADMINISTRATOR")) != 1 {
		t.Errorf("planned %s, manual steps: %v", actionKinds(p), p.Manual)
	}
}

// TestUnreadOwners: shares of owners who were not read come last, because the environment may
// refuse to impersonate them.
func TestUnreadOwners(t *testing.T) {
	p := build(t, options(), func(r *audit.Result, s *snapshot.Snapshot) {
		v := s.Views[id(leads)]
		v.OwnerID = id(40)
		s.Views[id(leads)] = v
		for i := range r.Controls {
			if c := &r.Controls[i]; c.Rule == "view/least-access" {
				c.Findings[0].Fix.Owner = &audit.Reference{ID: id(40)}
			}
		}
	})
	last := p.Actions[len(p.Actions)-1]
	if last.Kind != change.ReduceShare || !strings.Contains(last.Note, "may be refused") || !strings.Contains(last.Note, "--except DB-VIEW-LEAST-ACCESS") {
		t.Errorf("the last action is %s: %s", last.Kind, last.Note)
	}
	decode(t, p)
}

// TestDisabledOwners: no manual step asks a disabled owner to do something.
func TestDisabledOwners(t *testing.T) {
	disable := func(s *snapshot.Snapshot) {
		u := s.Users[id(jane)]
		u.Disabled, u.Name = true, "Jane Doe"
		s.Users[id(jane)] = u
	}
	for name, change := range map[string]func(*audit.Result, *snapshot.Snapshot){
		"visible view": func(_ *audit.Result, s *snapshot.Snapshot) { disable(s) },
		"invisible view": func(r *audit.Result, s *snapshot.Snapshot) {
			disable(s)
			for i := range r.Controls {
				if c := &r.Controls[i]; c.Rule == "view/shared" {
					c.Findings[0].Fix = &audit.Fix{
						Kind: change.FindView, Table: "account", View: &audit.Reference{Name: "Accounts"}, Owner: &audit.Reference{Name: "Jane@contoso.com"},
					}
				}
			}
		},
	} {
		steps := manualSteps(build(t, options(), change), "DB-VIEW-SHARED")
		if len(steps) != 1 || steps[0].Who != "a System Administrator of the environment" {
			t.Fatalf("%s: %v", name, steps)
		}
		text := steps[0].Summary + strings.Join(steps[0].How, " ")
		if !strings.Contains(text, "Jane Doe, is disabled") || strings.Contains(text, "Fix by") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestMoveToMissingUnit: if the required business unit does not exist or is disabled, the steps are
// to correct that first.
func TestMoveToMissingUnit(t *testing.T) {
	for unitName, missing := range map[string]bool{"Contoso": false, "contoso": false, "Mars": true, "Closed": true} {
		p := build(t, options(), func(r *audit.Result, s *snapshot.Snapshot) {
			s.BusinessUnits[id(30)] = snapshot.BusinessUnit{Name: "Closed", ParentID: id(root), Disabled: true}
			r.Controls = append(r.Controls, audit.Control{ID: "DB-USER-BUSINESS-UNIT", Rule: "user/business-unit", Outcome: audit.OutcomeFail, Findings: []audit.Finding{{
				Fingerprint: "f", Message: "m", Fix: &audit.Fix{Kind: change.MoveUser, BusinessUnit: &audit.Reference{Name: unitName}},
			}}})
		})
		steps := manualSteps(p, "DB-USER-BUSINESS-UNIT")
		if len(steps) != 1 {
			t.Fatalf("%s: %+v", unitName, steps)
		}
		how := strings.Join(steps[0].How, " ")
		if strings.Contains(how, "correct business_unit") != missing || strings.Contains(how, "Choose Change business unit") == missing {
			t.Errorf("%s: %s: %s", unitName, steps[0].Summary, how)
		}
	}
}

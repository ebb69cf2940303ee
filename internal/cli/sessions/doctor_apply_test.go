package sessions_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/policy"
)

// missingPrivileges returns the privileges that doctor reports as missing, sorted.
func (e examination) missingPrivileges(tb testing.TB) []string {
	tb.Helper()
	names := map[string]bool{}
	for _, c := range e.Checks {
		if c.Outcome != "fail" {
			continue
		}
		if c.Privilege == nil || c.Title != c.Privilege.Name || c.Privilege.Depth == "" || c.Advice == "" {
			tb.Errorf("%+v", c)
			continue
		}
		names[c.Privilege.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// newApplierProcess returns a process in which the identity that applies plans has the privileges
// of one role, "Applier".
func newApplierProcess(t *testing.T, env *simulator.Environment, grants simulator.Grants) *process {
	t.Helper()
	const app = "77777777-7777-4777-8777-777777777777"
	env.Clients = append(env.Clients, simulator.Client{Name: "applier", ApplicationID: app, Secret: "applier-secret"})
	env.Roles = append(env.Roles, simulator.Role{Name: "Applier", Privileges: grants})
	env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{Name: "applier", ApplicationID: app, Roles: []simulator.RoleAssignment{{Role: "Applier"}}})
	p := newParallelProcess(t, serve(t, env, simulator.Options{}))
	p.applyAs(app, "applier-secret")
	return p
}

func profileMinimum(t *testing.T) []string {
	t.Helper()
	data, err := policy.Files.ReadFile("profiles/demandbase.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse("demandbase.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return p.Minimum()
}

func TestDoctorApply(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	server := serve(t, env, simulator.Options{})
	asAdministrator := func(p *process) *process {
		p.applyAs(env.Suggest.Administrator, env.Client(env.Suggest.Administrator).Secret)
		return p
	}
	whole := newParallelProcess(t, server)
	start := whole.state()

	t.Run("administrator", func(t *testing.T) {
		e := runDoctor(asAdministrator(newParallelProcess(t, server)), 0, "--apply")
		if e.Outcome == "fail" || !slices.Contains(e.checksWith("pass"), "apply-needs privileges to carry it out") ||
			!slices.Contains(e.checksWith("pass"), "apply-grants privileges to grant") {
			t.Errorf("%+v", e)
		}
	})

	t.Run("named in the configuration", func(t *testing.T) {
		p := newParallelProcess(t, server)
		p.write("dbaudit.yaml", "apply: {client_id: "+env.Suggest.Administrator+"}\n")
		p.vars["DBAUDIT_APPLY_CLIENT_SECRET"] = env.Client(env.Suggest.Administrator).Secret
		if lacked := runDoctor(p, 0, "--apply").missingPrivileges(t); len(lacked) > 0 {
			t.Errorf("lacks %v", lacked)
		}
	})

	t.Run("auditor", func(t *testing.T) {
		e := runDoctor(newParallelProcess(t, server), 3, "--apply")
		lacked := e.missingPrivileges(t)
		held := env.Role("dbaudit Auditor").Privileges
		for _, p := range doctor.ApplyPrivileges() {
			if _, has := held[p.Name]; has == slices.Contains(lacked, p.Name) {
				t.Errorf("%s: held is %t, and so is lacking", p.Name, has)
			}
		}
		for _, name := range profileMinimum(t) {
			if _, has := held[name]; !has && !slices.Contains(lacked, name) {
				t.Errorf("%s is missing, but doctor does not say so", name)
			}
		}
		p := newParallelProcess(t, server)
		p.wantContains(p.run("doctor", "--apply").must(t, 3).stdout, lacked...)
	})

	t.Run("no member", func(t *testing.T) {
		p := newParallelProcess(t, serve(t, withStranger(t), simulator.Options{}))
		p.applyAs(strangerApp, "stranger-secret")
		e := runDoctor(p, 3, "--apply")
		if got := e.checksWith("fail"); !slices.Equal(got, []string{"membership member of the organization"}) {
			t.Errorf("failed: %v", got)
		}
	})

	t.Run("usage", func(t *testing.T) {
		p := newParallelProcess(t, server)
		p.run("doctor", "plan.json").must(t, 2)
		p.run("doctor", "--apply", "--role-xml").must(t, 2)
		p.run("doctor", "--apply", p.file("missing.json")).must(t, 3)
	})

	if whole.state() != start {
		t.Error("doctor changed the environment")
	}
}

// TestDoctorApplyMissingPrivilege checks that doctor names the privilege that an identity lacks,
// and that an identity that lacks none can apply a plan.
func TestDoctorApplyMissingPrivilege(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	user := env.ApplicationUser(env.Suggest.ApplicationID)
	user.Disabled, user.Roles = true, nil
	env.PersonalViews[0].Shares = nil
	// The identity can only read its own user and roles.
	start := simulator.Grants{"prvReadUser": simulator.DepthGlobal, "prvReadRole": simulator.DepthGlobal}
	p := newApplierProcess(t, env, start)
	p.write("dbaudit.yaml", requirementYAML(env))
	// doctor names the required privileges and depths.
	whole := maps.Clone(start)
	for _, c := range runDoctor(p, 3, "--apply").Checks {
		if c.Privilege != nil {
			for _, depth := range []simulator.Depth{simulator.DepthBasic, simulator.DepthLocal, simulator.DepthDeep, simulator.DepthGlobal} {
				if depth.String() == c.Privilege.Depth {
					whole[c.Privilege.Name] = max(whole[c.Privilege.Name], depth)
				}
			}
		}
	}
	for _, test := range []struct {
		name  string
		grant func(simulator.Grants)
		lacks []string
	}{
		{"nothing", func(simulator.Grants) {}, nil},
		{"one of the minimum", func(g simulator.Grants) { delete(g, "prvReadLead") }, []string{"prvReadLead"}},
		{"one of the minimum, too shallow", func(g simulator.Grants) { g["prvReadLead"] = simulator.DepthDeep }, []string{"prvReadLead"}},
		{"one to write", func(g simulator.Grants) { delete(g, "prvAssignRole") }, []string{"prvAssignRole"}},
	} {
		grants := maps.Clone(whole)
		test.grant(grants)
		p.mutate(func(e *simulator.Environment) { e.Role("Applier").Privileges = grants })
		code := 0
		if len(test.lacks) > 0 {
			code = 3
		}
		if got := runDoctor(p, code, "--apply").missingPrivileges(t); !slices.Equal(got, test.lacks) {
			t.Errorf("lacking %s: %v", test.name, got)
		}
	}
	// These privileges are enough to enable a user, assign a role and share a view.
	p.mutate(func(e *simulator.Environment) { e.Role("Applier").Privileges = whole })
	p.run("plan", "-f", "json", "-o", p.file("plan.json")).must(t, 0)
	p.run("apply", p.file("plan.json"), "--yes").must(t, 0)
}

// TestDoctorApplyPlan checks that with a plan, doctor requires exactly what the plan needs.
func TestDoctorApplyPlan(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	delete(env.Role("Demandbase Integration").Privileges, "prvReadLead")
	p := newApplierProcess(t, env, simulator.Grants{"prvReadUser": simulator.DepthGlobal, "prvReadRole": simulator.DepthGlobal})
	file := p.file("plan.json")
	p.run("plan", "--integration-role", "Demandbase Integration", "-f", "json", "-o", file).must(t, 0)
	needs := slices.Sorted(maps.Keys(p.plan("plan.json").Needs()))
	if !slices.Equal(needs, []string{"prvReadBusinessUnit", "prvReadLead", "prvReadRole", "prvReadTeam", "prvReadUser", "prvWriteRole"}) {
		t.Fatalf("the plan needs %v", needs)
	}
	if got := runDoctor(p, 3, "--apply", file).missingPrivileges(t); !slices.Equal(got, []string{"prvReadBusinessUnit", "prvReadLead", "prvReadTeam", "prvWriteRole"}) {
		t.Errorf("lacking %v, and the plan needs %v", got, needs)
	}
	p.mutate(func(e *simulator.Environment) {
		maps.Copy(e.Role("Applier").Privileges, simulator.Grants{
			"prvReadBusinessUnit": simulator.DepthGlobal, "prvReadLead": simulator.DepthGlobal, "prvReadTeam": simulator.DepthGlobal,
			"prvWriteRole": simulator.DepthLocal,
		})
	})
	e := runDoctor(p, 0, "--apply", file)
	if got := e.missingPrivileges(t); len(got) > 0 || len(e.checksWith("pass")) == 0 {
		t.Errorf("lacking %v", got)
	}
	// A plan for another environment is refused.
	p.vars["DBAUDIT_URL"] = "https://contoso.crm.dynamics.com"
	p.run("doctor", "--apply", file).must(t, 2)
}

// TestDoctorApplyImpersonates checks that with a plan, doctor impersonates the owners of the views
// that the plan shares.
func TestDoctorApplyImpersonates(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	env.PersonalViews[0].Shares = nil
	server := serve(t, env, simulator.Options{})
	p := newParallelProcess(t, server)
	p.vars["DBAUDIT_APPLY_CLIENT_ID"], p.vars["DBAUDIT_APPLY_CLIENT_SECRET"] = env.Suggest.Administrator, env.Client(env.Suggest.Administrator).Secret
	p.write("dbaudit.yaml", requirementYAML(env))
	file := p.file("plan.json")
	p.run("plan", "-f", "json", "-o", file).must(t, 0)
	for code, contradictions := range map[int][]simulator.Contradiction{0: nil, 3: {simulator.ActIgnored}} {
		if err := server.Mutate(func(e *simulator.Environment) { e.Contradictions = contradictions }); err != nil {
			t.Fatal(err)
		}
		want := map[int]string{0: "pass", 3: "fail"}[code]
		if e := runDoctor(p, code, "--apply", file); !slices.ContainsFunc(e.checksWith(want), func(c string) bool { return strings.HasPrefix(c, "impersonation ") }) {
			t.Errorf("%d: %+v", code, e)
		}
	}
	p.mutate(func(e *simulator.Environment) {
		e.Contradictions = nil
		for i := range e.Users {
			e.Users[i].Disabled = true
		}
	})
	if e := runDoctor(p, 3, "--apply", file); !slices.ContainsFunc(e.Checks, func(c doctorCheck) bool {
		return c.Outcome == "fail" && strings.Contains(c.Detail, "is disabled") && strings.Contains(c.Advice, "enable the user")
	}) {
		t.Errorf("a disabled owner: %+v", e)
	}
}

// TestDoctorApplyPrivilegesSuffice checks that the privileges that a plan needs are enough to apply
// it, and that together with those in doctor's warnings they are enough to roll it back.
func TestDoctorApplyPrivilegesSuffice(t *testing.T) {
	t.Parallel()
	role := func(e *simulator.Environment) *simulator.Role { return e.Role("Demandbase Integration") }
	user := func(e *simulator.Environment) *simulator.User { return e.ApplicationUser(e.Suggest.ApplicationID) }
	below := func(e *simulator.Environment) {
		user(e).BusinessUnit, user(e).Roles, e.Suggest.BusinessUnit = "Germany", nil, "Germany"
	}
	for name, change := range map[string]func(*simulator.Environment){
		"nothing exists": func(e *simulator.Environment) {
			id := user(e).Name
			for i := range e.PersonalViews {
				v := &e.PersonalViews[i]
				v.Shares = slices.DeleteFunc(v.Shares, func(s simulator.Share) bool { return s.Principal == id || s.Principal == e.Suggest.ApplicationID })
			}
			e.ApplicationUsers = slices.DeleteFunc(e.ApplicationUsers, func(u simulator.User) bool { return u.ApplicationID == e.Suggest.ApplicationID })
			e.Roles = slices.DeleteFunc(e.Roles, func(r simulator.Role) bool { return r.Name == "Demandbase Integration" })
		},
		"a user below the root": below,
		"a role with more than the minimum that is allowed": func(e *simulator.Environment) {
			below(e)
			role(e).Privileges["prvExportToExcel"] = simulator.DepthGlobal
		},
		"a surplus": func(e *simulator.Environment) {
			role(e).Privileges["prvDeleteAccount"] = simulator.DepthDeep
			delete(role(e).Privileges, "prvReadSharePointData")
			delete(role(e).Privileges, "prvReadLead")
		},
		"a user who is disabled": func(e *simulator.Environment) {
			below(e)
			user(e).Disabled = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := builtin(t, "compliant")
			change(env)
			start := simulator.Grants{"prvReadUser": simulator.DepthGlobal, "prvReadRole": simulator.DepthGlobal}
			p := newApplierProcess(t, env, start)
			p.write("dbaudit.yaml", requirementYAML(env)+"allow: [prvExportToExcel]\n")
			file := p.file("plan.json")
			p.run("plan", "--least-privilege", "-f", "json", "-o", file).must(t, 0)
			made := p.plan("plan.json")
			state := func(grants simulator.Grants) string {
				p.mutate(func(e *simulator.Environment) { e.Role("Applier").Privileges = grants })
				return p.state()
			}
			undo, _ := made.NeedsToUndo()
			state(grantsOf(made.Needs()))
			examined := runDoctor(p, 0, "--apply", file)
			if warned := slices.Collect(maps.Keys(undo)); len(warned) > 0 && examined.Outcome != "warning" {
				t.Errorf("%s, and to undo it would also need %v", examined.Outcome, warned)
			}
			all := grantsOf(made.Needs())
			maps.Copy(all, grantsOf(undo))
			before := state(all)
			state(grantsOf(made.Needs()))
			if code := p.run("apply", file, "--yes", "--fail-on", "none").code; code != 0 && code != 4 {
				t.Fatalf("apply ended in %d", code)
			}
			state(all)
			p.run("rollback", strings.TrimSuffix(file, ".json")+".journal.json", "--yes").must(t, 0)
			if state(all) != before {
				t.Error("the rollback did not restore everything")
			}
		})
	}
}

func grantsOf(needs change.Depths) simulator.Grants {
	grants := simulator.Grants{}
	for name, depth := range needs {
		for _, d := range []simulator.Depth{simulator.DepthBasic, simulator.DepthLocal, simulator.DepthDeep, simulator.DepthGlobal} {
			if d.String() == depth.String() {
				grants[name] = d
			}
		}
	}
	return grants
}

// TestDoctorApplyCoversPlans checks that what doctor requires without a plan covers every kind of
// action.
func TestDoctorApplyCoversPlans(t *testing.T) {
	t.Parallel()
	p := plan.Plan{RootUnit: "root"}
	for _, kind := range []change.TargetKind{change.TargetRole, change.TargetGrants, change.TargetUser, change.TargetAssignment, change.TargetShare} {
		unit := &change.Ref{ID: "below"}
		if kind == change.TargetRole { // which is always made in the root
			unit.ID = "root"
		}
		p.Actions = append(p.Actions, change.Action{Target: change.Target{Kind: kind, Role: &change.Ref{ID: "role"}, BusinessUnit: unit}})
	}
	p.Actions = append(p.Actions, change.Action{
		Target: change.Target{Kind: change.TargetUser, BusinessUnit: &change.Ref{ID: "below"}}, Before: change.State{"user": change.Absent},
	})
	held := change.Depths{}
	for _, w := range doctor.ApplyPrivileges() {
		held[strings.ToLower(w.Name)] = w.Depth
	}
	if lacking := p.MissingPrivileges(held); len(lacking) > 0 || len(p.Needs()) < 6 {
		t.Errorf("not covered: %v of %v", lacking, p.Needs())
	}
}

// TestDoctorApplyUndefined checks that doctor does not require privileges that the environment does
// not define.
func TestDoctorApplyUndefined(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	env.UndefinedPrivileges = []string{"prvAppendToUser", "prvDisableUser"}
	env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
	p := newParallelProcess(t, serve(t, env, simulator.Options{}))
	p.applyAs(env.Suggest.Administrator, env.Client(env.Suggest.Administrator).Secret)
	file := p.file("plan.json")
	p.run("plan", "-f", "json", "-o", file).must(t, 0)
	for _, args := range [][]string{{"--apply"}, {"--apply", file}} {
		if lacked := runDoctor(p, 0, args...).missingPrivileges(t); len(lacked) > 0 {
			t.Errorf("%v: lacks %v", args, lacked)
		}
	}
	p.run("apply", file, "--dry-run").must(t, 0)
}

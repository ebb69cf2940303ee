package webapi_test

import (
	"flag"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestRandomEnvironments: applying a plan leaves nothing that a plan can fix, and its rollback
// restores the environment.
func TestRandomEnvironments(t *testing.T) {
	t.Parallel()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("15"); err != nil { // unless the flag says otherwise
			t.Fatal(err)
		}
	}
	l := newLab(t, simulator.Options{})
	unit := l.requirement.BusinessUnit
	rapid.Check(t, func(r *rapid.T) {
		home := rapid.SampledFrom([]string{"Contoso", "Europe", "Germany"}).Draw(r, "unit")
		l.requirement.BusinessUnit = home
		defer func() { l.requirement.BusinessUnit = unit }()
		l.reset(t, func(env *simulator.Environment) { addRandomFaults(r, env, home) })
		start := l.state(t)
		p := l.plan(t)
		run, file := l.start(t, p)
		run.AllowSharedRole = true
		if err := run.Apply(t.Context()); err != nil {
			r.Fatalf("applying: %v\n%s", err, p.Text())
		}
		result, _ := l.scan(t)
		for _, c := range result.Controls {
			for _, f := range c.Findings {
				// The findings about a created user have no fingerprints in the plan.
				known := slices.ContainsFunc(p.Manual, func(m plan.Manual) bool {
					return m.Fingerprint == f.Fingerprint || m.Control == c.ID && slices.Contains(actionKinds(p), "create-application-user")
				})
				if f.Fix != nil && change.Automatic(f.Fix.Kind) && !known {
					r.Errorf("left: %s: %s\n%s", c.ID, f.Message, p.Text())
				}
			}
			// A user without a role cannot be impersonated.
			if c.Outcome == audit.OutcomeUnknown && !slices.ContainsFunc(p.Manual, func(m plan.Manual) bool { return m.Kind == change.AssignRole }) {
				r.Errorf("left unknown: %s: %s\n%s", c.ID, c.Reason, p.Text())
			}
		}
		if err := run.Journal.Close(); err != nil {
			r.Fatal(err)
		}
		if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
			r.Fatalf("rolling back: %v\n%s", err, p.Text())
		}
		if got := l.state(t); got != start {
			checkEqual(t, "after the rollback of\n"+p.Text(), got, start)
		}
	})
}

func addRandomFaults(r *rapid.T, env *simulator.Environment, home string) {
	sometimes := func(label string) bool { return rapid.IntRange(0, 3).Draw(r, label) == 0 }
	env.Organization.RecordOwnershipAcrossBusinessUnits = rapid.SampledFrom([]simulator.Tristate{simulator.Off, simulator.On}).Draw(r, "across")
	role, user := env.Role(roleName), env.ApplicationUser(app)
	user.BusinessUnit = home
	privileges := simulator.StandardPrivileges()
	names := make([]string, 0, len(role.Privileges))
	for name := range role.Privileges {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 8, rapid.ID[string]).Draw(r, "without") {
		delete(role.Privileges, name)
	}
	for _, p := range rapid.SliceOfN(rapid.SampledFrom(privileges), 0, 8).Draw(r, "otherwise") {
		role.Privileges[p.Name] = rapid.SampledFrom(p.Depths).Draw(r, "depth of "+p.Name)
	}
	role.Managed = sometimes("managed")
	role.NotCustomizable = sometimes("locked")
	role.TeamPrivilegesOnly = sometimes("team privileges only")
	if sometimes("through a team") {
		env.Teams = append(env.Teams, simulator.Team{
			Name: "Sync", BusinessUnit: home, Roles: []simulator.RoleAssignment{{Role: roleName}}, Members: []string{app},
		})
		user.Roles = nil
	}
	user.Disabled = sometimes("disabled")
	for _, other := range []string{"System Administrator", "Basic User", "Salesperson"} {
		if env.Role(other) != nil && sometimes(other) {
			user.Roles = append(user.Roles, simulator.RoleAssignment{Role: other})
		}
	}
	for i := range env.PersonalViews {
		v := env.PersonalViews[i]
		if sometimes("share of " + v.Name) {
			rights := simulator.Rights(rapid.SampledFrom([]int{0, 1, 2, 3, 16, 1 | 4, 262144 | 1, 2 | 65536}).Draw(r, "rights"))
			setShare(env, v.Table, v.Name, rights)
		}
	}
	switch rapid.IntRange(0, 6).Draw(r, "the current state") {
	case 0:
		removeUser(env)
	case 1:
		removeTeamRole(env)
		removeRole(env)
	case 2:
		removeTeamRole(env)
		removeRoleAndUser(env)
	}
}

func removeTeamRole(env *simulator.Environment) {
	for i := range env.Teams {
		env.Teams[i].Roles = slices.DeleteFunc(env.Teams[i].Roles, func(a simulator.RoleAssignment) bool { return a.Role == roleName })
	}
}

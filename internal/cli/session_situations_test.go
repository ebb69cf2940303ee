package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// situations are what real environments do, as changes of the compliant one: what a plan
// does about each, and of which controls people are left with something.
func situations() map[string]struct {
	change func(*simulator.Environment)
	does   []audit.FixKind
	people []audit.ControlID
	code   int // of apply
} {
	const role = "Demandbase Integration"
	type situation = struct {
		change func(*simulator.Environment)
		does   []audit.FixKind
		people []audit.ControlID
		code   int
	}
	user := func(env *simulator.Environment) *simulator.User {
		return env.ApplicationUser(env.Suggest.ApplicationID)
	}
	return map[string]situation{
		"Basic rights through a team that keeps them": {
			change: func(env *simulator.Environment) {
				r := env.Role(role)
				r.TeamPrivilegesOnly = true
				delete(r.Privileges, "prvReadUserQuery")
				u := user(env)
				env.Teams = append(env.Teams, simulator.Team{
					Name: "Integrations", Roles: []simulator.RoleAssignment{{Role: role}}, Members: []string{u.Name},
				})
				u.Roles = nil
			},
			does: []audit.FixKind{audit.FixAddPrivilege, audit.FixAssignRole},
		},
		"only a soft-deleted user": {
			change: func(env *simulator.Environment) { user(env).SoftDeleted = true },
			people: []audit.ControlID{"DB-USER-EXISTS"},
			code:   1,
		},
		"a disabled user of a disabled business unit": {
			change: func(env *simulator.Environment) {
				env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
				user(env).Disabled, user(env).BusinessUnit = true, "Closed"
			},
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
		"an access mode that reaches no data": {
			change: func(env *simulator.Environment) { user(env).AccessMode = simulator.AccessAdministrative },
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
		"a disabled business unit": {
			change: func(env *simulator.Environment) {
				env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
				user(env).BusinessUnit = "Closed"
			},
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
	}
}

// TestSituationsAreRepaired: in each situation plan, apply and scan leave nothing that a
// tool could fix, and what people are left with is said.
func TestSituationsAreRepaired(t *testing.T) {
	for name, s := range situations() {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, s.change)
			planned := func(file string) plan.Plan {
				b.run("plan", "-o", file).must(t, 0)
				p, err := plan.Decode([]byte(b.read(file)))
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			p := planned("plan.json")
			var does []audit.FixKind
			for _, a := range p.Actions {
				does = append(does, a.Kind)
			}
			if !slices.Equal(does, s.does) {
				t.Errorf("the plan does %v, want %v", does, s.does)
			}
			b.run("apply", "plan.json", "--yes").must(t, s.code)
			after := planned("after.json")
			if !after.Empty() {
				t.Errorf("a tool could fix more: %s", after.Text())
			}
			var people []string
			for _, m := range after.Manual {
				people = append(people, string(m.Control))
				if len(m.How) == 0 || strings.TrimSpace(m.Who) == "" {
					t.Errorf("%s: nobody knows what to do: %+v", m.Control, m)
				}
			}
			for _, id := range s.people {
				if !slices.Contains(people, string(id)) {
					t.Errorf("%s is left to nobody: %v", id, people)
				}
			}
			if len(s.people) == 0 && len(people) > 0 {
				t.Errorf("people are left with %v", people)
			}
		})
	}
}

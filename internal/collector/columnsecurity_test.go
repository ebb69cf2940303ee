package collector_test

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The wide scope notes the secured columns that the integration user cannot read, if the auditor
// can find out. The default scope does not ask.
func TestColumnSecurity(t *testing.T) {
	t.Parallel()
	const user = "Demandbase Integration"
	secured := func(members, teams []string) func(*simulator.Environment) {
		return func(env *simulator.Environment) {
			env.Teams = append(env.Teams, simulator.Team{Name: "Readers", Members: []string{user}})
			env.ColumnSecurityProfiles = []simulator.ColumnSecurityProfile{
				{Name: "All columns", Reads: []string{"account.creditlimit", "lead.budgetamount", "systemuser.mobilephone"}},
				{Name: "Finance", Members: members, Teams: teams, Reads: []string{"account.creditlimit"}, Hides: []string{"lead.budgetamount"}},
			}
		}
	}
	for name, test := range map[string]struct {
		change func(*simulator.Environment)
		scope  snapshot.Scope
		note   []string // nil for none
		silent string
	}{
		"nobody gives it":  {secured(nil, nil), snapshot.ScopeEnvironment, []string{"account.creditlimit, lead.budgetamount", user}, "mobilephone"},
		"a profile gives":  {secured([]string{user}, nil), snapshot.ScopeEnvironment, []string{"lead.budgetamount", user}, "creditlimit"},
		"a team's gives":   {secured(nil, []string{"Readers"}), snapshot.ScopeEnvironment, []string{"lead.budgetamount", user}, "creditlimit"},
		"no secured":       {nil, snapshot.ScopeEnvironment, nil, ""},
		"in default scope": {secured(nil, nil), snapshot.ScopeIntegration, nil, ""},
		"the auditor may not look": {func(env *simulator.Environment) {
			secured(nil, nil)(env)
			delete(env.Role("dbaudit Auditor").Privileges, "prvReadFieldSecurityProfile")
		}, snapshot.ScopeEnvironment, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtin(t, "compliant", test.change), labOptions{})
			l.options.Scope = test.scope
			c := l.must(nil).Coverage[snapshot.SectionUsers]
			if c.State != snapshot.StateCollected || (c.Detail == "") != (test.note == nil) {
				t.Fatalf("%s: %q", c.State, c.Detail)
			}
			for _, part := range test.note {
				if !strings.Contains(c.Detail, part) {
					t.Errorf("%q lacks %q", c.Detail, part)
				}
			}
			if test.silent != "" && strings.Contains(c.Detail, test.silent) {
				t.Errorf("%q names %s", c.Detail, test.silent)
			}
		})
	}
}

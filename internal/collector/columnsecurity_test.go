package collector_test

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The scope of the environment notes the secured columns that the integration user cannot read, if
// the auditor may read column security. The default scope does not read it.
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
		"no member":               {secured(nil, nil), snapshot.ScopeEnvironment, []string{"account.creditlimit, lead.budgetamount", user}, "mobilephone"},
		"a member":                {secured([]string{user}, nil), snapshot.ScopeEnvironment, []string{"lead.budgetamount", user}, "creditlimit"},
		"a member through a team": {secured(nil, []string{"Readers"}), snapshot.ScopeEnvironment, []string{"lead.budgetamount", user}, "creditlimit"},
		"no secured columns":      {nil, snapshot.ScopeEnvironment, nil, ""},
		"in default scope":        {secured(nil, nil), snapshot.ScopeIntegration, nil, ""},
		"the auditor may not read it": {func(env *simulator.Environment) {
			secured(nil, nil)(env)
			delete(env.Role("dbaudit Auditor").Privileges, "prvReadFieldSecurityProfile")
		}, snapshot.ScopeEnvironment, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", test.change), labOptions{})
			l.options.Scope = test.scope
			c := l.collect(nil).Coverage[snapshot.SectionUsers]
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

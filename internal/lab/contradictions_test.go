package lab

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestContradictions checks that a wrong assumption of dbaudit does not lead to a wrong verdict: each control
// has its true outcome or is unknown.
func TestContradictions(t *testing.T) {
	t.Parallel()
	l := New(t)
	scenarios := []struct {
		name   string
		change func(*Scenario)
	}{
		{"compliant", func(*Scenario) {}},
		{"a privilege is missing", func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvReadAccount") }) }},
		{"bulk edit is missing", func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, "prvBulkEdit") }) }},
		{"bulk edit is shallow", func(sc *Scenario) {
			sc.changeRole(func(r *simulator.Role) { r.Privileges["prvReadUserSettings"] = simulator.DepthLocal })
		}},
		{"a view is not shared", func(sc *Scenario) { sc.changeAccountsView(func(v *simulator.PersonalView) { v.Shares = nil }) }},
		{"a view is shared with the auditor alone", func(sc *Scenario) {
			sc.changeAccountsView(func(v *simulator.PersonalView) {
				v.Shares = []simulator.Share{{Principal: "dbaudit", Access: simulator.RightRead}}
			})
		}},
		{"all views are shared with the auditor instead", func(sc *Scenario) {
			for i := range sc.PersonalViews {
				sc.PersonalViews[i].Shares = []simulator.Share{{Principal: "dbaudit", Access: simulator.RightRead}}
			}
		}},
		{"a share gives too much", func(sc *Scenario) {
			sc.changeAccountsView(func(v *simulator.PersonalView) {
				for i := range v.Shares {
					v.Shares[i].Access |= simulator.RightWrite
				}
			})
		}},
		{"a view is inactive", func(sc *Scenario) { sc.changeAccountsView(func(v *simulator.PersonalView) { v.Inactive = true }) }},
		{"the user has no role", func(sc *Scenario) { sc.changeUser(func(u *simulator.User) { u.Roles = nil }) }},
	}
	for _, c := range append(judgedContradictions(), "undefined opportunity relationship") {
		for _, scenario := range scenarios {
			t.Run(string(c)+"/"+scenario.name, func(t *testing.T) {
				sc := l.Compliant.Clone()
				scenario.change(&sc)
				want := outcomesOf(expectedDeviations(sc, l.Profile))
				if c == "undefined opportunity relationship" {
					sc.UndefinedTables = append(sc.UndefinedTables, "customeropportunityrole")
					want["DB-PRIV-OPPORTUNITY-RELATIONSHIP"] = "fail"
				} else {
					sc.Contradictions = []simulator.Contradiction{c}
				}
				if c == simulator.RecordFilters {
					want["DB-ROLE-LEAST-PRIVILEGE"] = "fail" // a grant for some records is surplus
				}
				r, _ := l.Judge(t, sc)
				if r.Verdict == audit.VerdictCompliant && len(want) > 0 {
					t.Errorf("the verdict is compliant, want %v", want)
				}
				for _, control := range r.Controls {
					got, want := control.Outcome.String(), cmp.Or(want[string(control.ID)], "pass")
					if got != "unknown" && got != want {
						t.Errorf("%s: %s, want %s", control.ID, got, want)
					}
				}
			})
		}
	}
}

// outcomesOf returns the outcomes in the lines of deviations, by control.
func outcomesOf(lines []string) map[string]string {
	outcomes := map[string]string{}
	for _, line := range lines {
		id, rest, _ := strings.Cut(line, " ")
		outcome, _, _ := strings.Cut(rest, ":")
		outcomes[id] = outcome
	}
	return outcomes
}

// judgedContradictions returns the contradictions under which dbaudit judges.
func judgedContradictions() []simulator.Contradiction {
	return slices.DeleteFunc(simulator.Contradictions(), func(c simulator.Contradiction) bool {
		return c == simulator.OtherOrganization // dbaudit refuses to judge another organization
	})
}

// TestHarmlessContradictions checks that a compliant environment stays compliant under most contradictions.
func TestHarmlessContradictions(t *testing.T) {
	t.Parallel()
	l := New(t)
	harmful := []simulator.Contradiction{simulator.SharesClosed, simulator.ShareFilterRefused, simulator.RecordFilters, simulator.ActIgnored, simulator.SharesInPart, simulator.OtherOrganization, simulator.MembersTwice}
	for _, c := range simulator.Contradictions() {
		if slices.Contains(harmful, c) {
			continue
		}
		sc := l.Compliant.Clone()
		sc.Contradictions = []simulator.Contradiction{c}
		if r, _ := l.Judge(t, sc); r.Verdict != audit.VerdictCompliant {
			t.Errorf("%s: a compliant environment is %s: %v", c, r.Verdict, deviations(r))
		}
	}
}

// TestSpecialGrants checks that a grant with a record filter or an unknown depth affects only the control of
// its privilege.
func TestSpecialGrants(t *testing.T) {
	t.Parallel()
	l := New(t)
	for name, test := range map[string]struct {
		change func(*simulator.Role)
		want   []string
	}{
		"for some records only": {
			func(r *simulator.Role) { r.RecordFilters = []string{"prvReadAccount"} }, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"with the depth of a record filter": {
			func(r *simulator.Role) { r.DepthWords = map[string]string{"prvReadAccount": "RecordFilter"} }, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"at an unknown depth": {
			func(r *simulator.Role) { r.DepthWords = map[string]string{"prvReadAccount": "Galaxy"} }, []string{"DB-PRIV-ACCOUNT unknown"},
		},
		"two in one control": {
			func(r *simulator.Role) {
				r.DepthWords = map[string]string{"prvReadAccount": "Galaxy"}
				delete(r.Privileges, "prvWriteAccount")
			}, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"of a privilege that is not required": {
			func(r *simulator.Role) {
				r.Privileges["prvReadGoal"] = simulator.DepthGlobal
				r.DepthWords = map[string]string{"prvReadGoal": "Galaxy"}
			}, []string{"DB-ROLE-LEAST-PRIVILEGE fail"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sc := l.Compliant.Clone()
			sc.changeRole(test.change)
			r, _ := l.Judge(t, sc)
			var got []string
			for _, c := range r.Controls {
				if c.Outcome != audit.OutcomePass {
					got = append(got, string(c.ID)+" "+c.Outcome.String())
				}
				if name == "two in one control" && c.ID == "DB-PRIV-ACCOUNT" && (len(c.Unjudged) != 1 || !strings.Contains(c.Unjudged[0], `"Galaxy"`)) {
					t.Errorf("unjudged: %v", c.Unjudged)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

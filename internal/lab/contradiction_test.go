package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// No contradiction of what dbaudit assumes ends in a wrong verdict: a control passes
// only where it is truly met, and fails only where it is not; else it is unknown.
func TestContradictions(t *testing.T) {
	t.Parallel()
	l := New(t)
	worlds := []struct {
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
		for _, place := range worlds {
			t.Run(string(c)+"/"+place.name, func(t *testing.T) {
				sc := l.Compliant.Clone()
				place.change(&sc)
				truth := outcomesOf(expectedDeviations(sc, l.Profile))
				if c == "undefined opportunity relationship" {
					sc.UndefinedTables = append(sc.UndefinedTables, "customeropportunityrole")
					truth["DB-PRIV-OPPORTUNITY-RELATIONSHIP"] = "fail"
				} else {
					sc.Contradictions = []simulator.Contradiction{c}
				}
				if c == simulator.RecordFilters {
					truth["DB-ROLE-LEAST-PRIVILEGE"] = "fail" // a grant for some records is too much
				}
				r, _ := l.Judge(t, sc)
				if compliant := r.Verdict == audit.VerdictCompliant; compliant && len(truth) > 0 {
					t.Errorf("it is called compliant, and fails %v", truth)
				}
				for _, control := range r.Controls {
					want := truth[string(control.ID)]
					if want == "" {
						want = "pass"
					}
					got := control.Outcome.String()
					if got == "unknown" || got == want {
						continue
					}
					t.Errorf("%s: %s, and in truth %s", control.ID, got, want)
				}
			})
		}
	}
}

// outcomesOf gives the outcome of each control that the lines tell.
func outcomesOf(lines []string) map[string]string {
	outcomes := map[string]string{}
	for _, line := range lines {
		id, rest, _ := strings.Cut(line, " ")
		outcome, _, _ := strings.Cut(rest, ":")
		outcomes[id] = outcome
	}
	return outcomes
}

// judgedContradictions are the contradictions whose verdicts are held here.
func judgedContradictions() []simulator.Contradiction {
	return slices.DeleteFunc(simulator.Contradictions(), func(c simulator.Contradiction) bool {
		return c == simulator.OtherOrganization // then nothing is judged
	})
}

// Most contradictions cost no verdict at all.
func TestContradictionsThatCostNothing(t *testing.T) {
	t.Parallel()
	l := New(t)
	costly := []simulator.Contradiction{simulator.SharesClosed, simulator.ShareFilterRefused, simulator.RecordFilters, simulator.ActIgnored, simulator.SharesInPart, simulator.OtherOrganization, simulator.MembersTwice}
	for _, c := range simulator.Contradictions() {
		if slices.Contains(costly, c) {
			continue
		}
		sc := l.Compliant.Clone()
		sc.Contradictions = []simulator.Contradiction{c}
		if r, _ := l.Judge(t, sc); r.Verdict != audit.VerdictCompliant {
			t.Errorf("%s: a compliant environment is %s: %v", c, r.Verdict, deviations(r))
		}
	}
}

// A grant that does not count, or that nobody can read, is a matter of its own control.
func TestOddGrants(t *testing.T) {
	t.Parallel()
	l := New(t)
	for name, test := range map[string]struct {
		change func(*simulator.Role)
		want   []string
	}{
		"for some records only": {
			func(r *simulator.Role) { r.RecordFilters = []string{"prvReadAccount"} }, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"of the depth of a filter": {
			func(r *simulator.Role) { r.DepthWords = map[string]string{"prvReadAccount": "RecordFilter"} }, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"at a depth that nobody knows": {
			func(r *simulator.Role) { r.DepthWords = map[string]string{"prvReadAccount": "Galaxy"} }, []string{"DB-PRIV-ACCOUNT unknown"},
		},
		"two of one control": {
			func(r *simulator.Role) {
				r.DepthWords = map[string]string{"prvReadAccount": "Galaxy"}
				delete(r.Privileges, "prvWriteAccount")
			}, []string{"DB-PRIV-ACCOUNT fail"},
		},
		"of what nobody asks for": {
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
				if name == "two of one control" && c.ID == "DB-PRIV-ACCOUNT" && (len(c.Unjudged) != 1 || !strings.Contains(c.Unjudged[0], `"Galaxy"`)) {
					t.Errorf("unjudged: %v", c.Unjudged)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

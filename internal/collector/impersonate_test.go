package collector_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An environment that ignores the header returns the auditor's list of views. This list does not
// count as the user's or an owner's.
func TestIgnoredImpersonation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*simulator.Environment)
		want   gaps
	}{
		"of all users": {
			func(env *simulator.Environment) { env.Contradictions = []simulator.Contradiction{simulator.ActIgnored} },
			gaps{snapshot.SectionUserViews: "failed", snapshot.SectionViews: "failed"},
		},
		"of unknown Entra object ids": {
			func(env *simulator.Environment) {
				env.Contradictions = []simulator.Contradiction{simulator.ActAsUnknownIgnored}
			},
			gaps{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", test.change), labOptions{})
			s := l.collect(nil)
			wantGaps(t, s, test.want)
			for section := range test.want {
				if d := s.Coverage[section].Detail; !strings.Contains(d, "responded as the auditor") {
					t.Errorf("%s: %q", section, d)
				}
			}
			for id, v := range s.Views {
				if test.want[snapshot.SectionUserViews] != "" && strings.Contains(cmp.Diff(v.SeenBy, []snapshot.Viewer{snapshot.ViewerAuditor}), "-") {
					t.Errorf("the view %s has the viewers %v", id, v.SeenBy)
				}
			}
		})
	}
}

// Responses from two organizations are refused.
func TestTwoOrganizations(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		env.Contradictions = []simulator.Contradiction{simulator.OtherOrganization}
	}), labOptions{})
	if s, err := collect(t.Context(), l.client, l.options); err == nil || !strings.Contains(err.Error(), "two organizations") {
		t.Errorf("%v, %v", s, err)
	}
}

// A row with a duplicate column is not a valid response.
func TestDuplicateColumns(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		env.Contradictions = []simulator.Contradiction{simulator.MembersTwice}
	}), labOptions{})
	s := l.collect(nil)
	if c := s.Coverage[snapshot.SectionUsers]; c.State != snapshot.StateFailed || !strings.Contains(c.Detail, "twice") {
		t.Errorf("%s: %s", c.State, c.Detail)
	}
}

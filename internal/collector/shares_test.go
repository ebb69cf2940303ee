package collector_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/google/go-cmp/cmp"
)

// If the table of shares shows only some shares, the shares of the visible views complete it.
func TestPartialShareTable(t *testing.T) {
	t.Parallel()
	for name, withoutRole := range map[string]bool{"read as the user": false, "read as the owner": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := func(env *simulator.Environment) {
				if withoutRole {
					env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
				}
			}
			complete := newLab(t, builtinEnvironment(t, "compliant", change), labOptions{}).collect(nil)
			partial := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
				change(env)
				env.Contradictions = []simulator.Contradiction{simulator.SharesInPart}
			}), labOptions{}).collect(nil)
			if diff := cmp.Diff(complete.Shares, partial.Shares); diff != "" || len(complete.Shares) == 0 {
				t.Errorf("-complete +partial:\n%s", diff)
			}
			if d := partial.Coverage[snapshot.SectionShares].Detail; !strings.Contains(d, "only some shares") {
				t.Errorf("%q", d)
			}
		})
	}
}

// If the table of shares has no rows of the integration user, the shares of the views that the user
// sees are read one by one.
func TestEmptyShareTable(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "sample", nil), labOptions{})
	want := l.collect(nil)
	s := l.collect(func(r collector.Reader) collector.Reader {
		return interceptor{Reader: r, rows: func(r dataverse.Request, rows []json.RawMessage) []json.RawMessage {
			if entitySet(r) == "principalobjectaccessset" {
				return nil
			}
			return rows
		}}
	})
	if diff := cmp.Diff(want.Shares, s.Shares); diff != "" {
		t.Errorf("shares: -want +got:\n%s", diff)
	}
	if c := s.Coverage[snapshot.SectionShares]; c.State != snapshot.StateCollected || !strings.Contains(c.Detail, "only some shares") {
		t.Errorf("shares are %v, and nothing is said of the table: %q", c.State, c.Detail)
	}
}

// If neither the user's list of views nor the shares of a view can be read, an incomplete table does
// not prove that a view is not shared.
func TestPartialShareTableWithoutViews(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refused bool // the shares of a view cannot be read
		want    gaps
	}{
		"the shares of the view can be read": {false, gaps{snapshot.SectionUserViews: "skipped"}},
		"they cannot be read":                {true, gaps{snapshot.SectionUserViews: "skipped", snapshot.SectionShares: "forbidden"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
				env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
				env.Contradictions = []simulator.Contradiction{simulator.SharesInPart}
				for i := range env.PersonalViews {
					v := &env.PersonalViews[i]
					v.Shares = append(v.Shares, simulator.Share{Principal: "dbaudit", Access: simulator.RightRead})
				}
			}), labOptions{})
			for i := range l.options.Requirement.Views {
				l.options.Requirement.Views[i].Owner = "" // only the auditor sees them
			}
			s := l.collect(func(r collector.Reader) collector.Reader {
				return interceptor{Reader: r, before: func(r dataverse.Request) error {
					if test.refused && entitySet(r) == "RetrieveSharedPrincipalsAndAccess" {
						return &dataverse.Error{Kind: dataverse.Forbidden, Status: 403, Label: r.Label, Attempts: 1}
					}
					return nil
				}}
			})
			wantGaps(t, s, test.want)
			known := 0
			for _, shares := range s.Shares {
				known += len(shares)
			}
			if known > 0 == test.refused {
				t.Errorf("%d shares are known", known)
			}
		})
	}
}

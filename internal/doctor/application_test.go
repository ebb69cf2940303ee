package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
)

func TestApplyPrivileges(t *testing.T) {
	if !slices.IsSortedFunc(ApplyPrivileges(), func(a, b Privilege) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the privileges are not sorted by name")
	}
	for _, p := range ApplyPrivileges() {
		if p.Depth == audit.DepthNone || p.Where == "" {
			t.Errorf("%+v", p)
		}
	}
}

// A privilege that is not known to be granted counts as missing.
func TestCheckPrivileges(t *testing.T) {
	needed := []Privilege{{"prvWriteRole", audit.DepthLocal, ""}, {"prvReadRole", audit.DepthGlobal, "Security Role > Read"}}
	for _, test := range []struct {
		name   string
		x      examiner
		want   []Outcome
		detail string
	}{
		{"all", examiner{granted: map[string]audit.Depth{"prvwriterole": audit.DepthGlobal, "prvreadrole": audit.DepthGlobal}}, []Outcome{Passed}, "2"},
		{"none", examiner{granted: map[string]audit.Depth{}}, []Outcome{Failed, Failed}, "missing; "},
		{"too shallow", examiner{granted: map[string]audit.Depth{"prvwriterole": audit.DepthLocal, "prvreadrole": audit.DepthDeep}}, []Outcome{Failed}, "granted at Parent: Child Business Units level; Organization is required"},
		{"for some records", examiner{granted: map[string]audit.Depth{}, grants: []collector.Grant{
			{Name: "prvreadrole", Depth: audit.DepthGlobal, Filtered: true}, {Name: "prvWriteRole", Depth: audit.DepthLocal, Filtered: true},
		}}, []Outcome{Failed, Failed}, "granted for some records only; "},
		{"not read", examiner{grantedErr: &dataverse.Error{Kind: dataverse.Forbidden, Message: "no"}}, []Outcome{Failed}, "could not be read"},
		{"not understood", examiner{grantedErr: errors.New("no name")}, []Outcome{Failed}, "no name"},
		{"not signed in", examiner{unreachable: "sign-in failed"}, []Outcome{Skipped}, "sign-in failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.x.checkPrivileges("apply-needs", "privileges", needed, Failed)
			var got []Outcome
			for _, c := range test.x.checks {
				got = append(got, c.Outcome)
				if c.Outcome == Failed && c.Advice == "" || !strings.Contains(c.Detail, test.detail) {
					t.Errorf("%q, advice %q", c.Detail, c.Advice)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// If nothing responds, the checks of privileges and of the views' owners are skipped.
func TestApplicationUnreachable(t *testing.T) {
	share := &plan.Plan{Actions: []change.Action{{Target: change.Target{
		Kind: change.TargetShare, View: &change.Ref{ID: "view"}, Owner: &change.Ref{ID: "owner", Name: "Jane"},
	}}}}
	for _, test := range []struct {
		plan    *plan.Plan
		skipped []string
	}{
		{nil, []string{"apply-needs", "apply-grants"}},
		{share, []string{"apply-needs", "impersonation"}},
	} {
		checks, err := ExamineApplication(t.Context(), unreachableConfig(errors.New("connection refused")), test.plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range test.skipped {
			if c := findCheck(t, checks, id); c.Outcome != Skipped {
				t.Errorf("%s: %s", id, c.Outcome)
			}
		}
	}
}

package engine

import (
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

// TestUnjudged proves that a control lists in Unjudged what could not be judged if it has findings,
// and is unknown otherwise.
func TestUnjudged(t *testing.T) {
	reasons := []string{"shares may not be read", "the view's owner was not read"}
	r := report{Unknown: map[string][]string{"view/shared": reasons}}
	c := profile.Control{ID: "X-VIEW", Rule: "view/shared"}
	got := judgeControl(c, audit.Rule{}, r, []audit.Finding{{Message: "is not shared"}})
	if got.Outcome != audit.OutcomeFail || !slices.Equal(got.Unjudged, reasons) || len(got.Notes) > 0 {
		t.Errorf("with a finding: %+v", got)
	}
	got = judgeControl(c, audit.Rule{}, r, nil)
	if got.Outcome != audit.OutcomeUnknown || got.Unjudged != nil {
		t.Errorf("without a finding: %+v", got)
	}
}

// TestFixKindsAreNamed proves that each built-in rule names its kinds of fix, that a rule names each
// kind, and that a finding with another kind is an error.
func TestFixKindsAreNamed(t *testing.T) {
	t.Parallel()
	e, err := Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	named := map[audit.FixKind]bool{}
	for _, r := range e.Rules() {
		if r.Fixes == nil {
			t.Errorf("the METADATA of %s has no custom.fixes", r.ID)
		}
		for _, kind := range r.Fixes {
			named[kind] = true
		}
	}
	for _, kind := range change.Kinds() {
		if !named[kind] {
			t.Errorf("no rule names %s", kind)
		}
	}
	findings := []audit.Finding{{Fix: &audit.Fix{Kind: change.MoveUser}}, {}}
	for _, tc := range []struct {
		fixes []audit.FixKind
		ok    bool
	}{{nil, true}, {[]audit.FixKind{change.MoveUser}, true}, {[]audit.FixKind{}, false}, {[]audit.FixKind{change.AssignRole}, false}} {
		if err := checkFixes(audit.Rule{ID: "x/y", Fixes: tc.fixes}, findings); (err == nil) != tc.ok {
			t.Errorf("%v: %v", tc.fixes, err)
		}
	}
}

package engine

import (
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
)

// TestJudgedInPart: a control with findings says in a field what of it could not be
// judged, and one without findings is unknown.
func TestJudgedInPart(t *testing.T) {
	reasons := []string{"shares may not be read", "the view's owner was not read"}
	r := report{Unknown: map[string][]string{"view/shared": reasons}}
	c := profile.Control{ID: "X-VIEW", Rule: "view/shared"}
	got := judge(c, Rule{}, r, []audit.Finding{{Message: "is not shared"}})
	if got.Outcome != audit.OutcomeFail || !slices.Equal(got.Unjudged, reasons) || len(got.Notes) > 0 {
		t.Errorf("with a finding: %+v", got)
	}
	got = judge(c, Rule{}, r, nil)
	if got.Outcome != audit.OutcomeUnknown || got.Unjudged != nil {
		t.Errorf("without a finding: %+v", got)
	}
}

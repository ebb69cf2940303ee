package run

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestFirstDifference proves that waivers, locations and words are not part of a verdict, even if a
// waived control became unknown because not everything was read. All other fields are.
func TestFirstDifference(t *testing.T) {
	t.Parallel()
	failed := audit.OutcomeFail
	result := func(change func(*audit.Control)) audit.Result {
		c := audit.Control{ID: "DB-VIEW-SHARED", Severity: audit.SeverityHigh, Outcome: failed, Unjudged: []string{"shares were not read"}, Findings: []audit.Finding{{Message: "not shared", Subject: audit.Subject{Kind: audit.SubjectView}}}}
		change(&c)
		return audit.Result{Controls: []audit.Control{c}}
	}
	again := result(func(*audit.Control) {})
	waived := result(func(c *audit.Control) {
		c.Original, c.Outcome, c.Reason, c.Why = &failed, audit.OutcomeUnknown, c.Unjudged[0], "why"
		f := &c.Findings[0]
		f.Waiver, f.Location, f.Message = &audit.Waiver{Owner: "jane"}, &audit.Location{Line: 1}, "an older version's words"
	})
	if id, ok := firstDifference(waived, again); ok {
		t.Errorf("the verdict on %s differs", id)
	}
	if c := withAnnotations(again.Controls[0], waived.Controls[0]); c.Outcome != audit.OutcomeUnknown || c.Findings[0].Waiver == nil || c.Findings[0].Message != "not shared" {
		t.Errorf("the control with its waiver is %+v", c)
	}
	for _, edited := range []audit.Result{
		{}, result(func(c *audit.Control) { c.Outcome = audit.OutcomePass }), result(func(c *audit.Control) { c.Findings[0].Fingerprint = "other" }),
	} {
		if id, ok := firstDifference(edited, again); !ok || id != "DB-VIEW-SHARED" {
			t.Errorf("%+v does not differ", edited)
		}
	}
}

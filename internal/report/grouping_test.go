package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestControlsAreGroupedByReason checks that documents for people have one row for all controls
// that were not judged for the same reason, and that it names each of them.
func TestControlsAreGroupedByReason(t *testing.T) {
	t.Parallel()
	const reason = "teams could not be read: the auditor lacks prvReadTeam"
	r := compliant()
	var ids []string
	for i := range r.Controls {
		c := &r.Controls[i]
		if c.Rule == "role/privileges" {
			c.Outcome, c.Reason = audit.OutcomeUnknown, reason
			if i%2 == 1 {
				c.Reason += "; and so the roles are not known"
			}
			ids = append(ids, string(c.ID))
		}
	}
	r = judge(r)
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := mustRender(t, f, r, Options{Width: 120})
		if n := strings.Count(doc, "the auditor lacks prvReadTeam"); n != 1 {
			t.Errorf("%s says the reason %d times", f, n)
		}
		if !strings.Contains(doc, fmt.Sprintf("%d controls", len(ids))) {
			t.Errorf("%s does not count them", f)
		}
		for _, id := range ids {
			if !strings.Contains(doc, id) {
				t.Errorf("%s does not name %s", f, id)
			}
		}
	}
	if doc := mustRender(t, HTML, r, Options{}); strings.Count(doc, `data-outcome="unknown"`) != len(ids) {
		t.Error("the page's filter does not find each control")
	}
}

// TestAdviceIsNotCut checks that a long reason keeps its end, which is advice.
func TestAdviceIsNotCut(t *testing.T) {
	t.Parallel()
	r := compliant()
	reason := "the views were not read: forbidden (HTTP 403): " + strings.Repeat("the server's own words ", 40) + ": give prvReadUserQuery to the auditor"
	for _, id := range []string{"DB-VIEW-SHARED", "DB-VIEW-ACTIVE"} {
		control(&r, id).Outcome, control(&r, id).Reason = audit.OutcomeUnknown, reason
	}
	r = judge(r)
	for _, f := range []Format{Table, Markdown} {
		doc := strings.Join(strings.Fields(mustRender(t, f, r, Options{Width: 100})), " ")
		if strings.Count(doc, "the views were not read") != 1 || !strings.Contains(doc, "give prvReadUserQuery to the auditor") || strings.Count(doc, "own words") > reasonWidth/len("the server's own words ") {
			t.Errorf("%s:\n%s", f, doc)
		}
	}
	if doc := mustRender(t, Table, r, Options{Verbose: true}); !strings.Contains(doc, reason) {
		t.Error("--verbose cuts the reason")
	}
}

// TestNotApplicableIsBrief checks that the table has a line for each reason, and lists the controls
// only if it is verbose.
func TestNotApplicableIsBrief(t *testing.T) {
	t.Parallel()
	r := compliant()
	r.Environment.URL = ""
	for i := range r.Controls {
		c := &r.Controls[i]
		c.Outcome, c.Reason = audit.OutcomeNotApplicable, "a solution holds no users"
		if c.ID == "DB-ROLE-EXISTS" {
			c.Outcome, c.Reason = audit.OutcomeFail, ""
		}
	}
	short, long := mustRender(t, Table, judge(r), Options{Width: 100}), mustRender(t, Table, judge(r), Options{Width: 100, Verbose: true})
	if strings.Contains(short, "DB-PRIV-LEAD") || !strings.Contains(short, "35 controls: a solution holds no users") {
		t.Errorf("controls that do not apply are listed one by one:\n%s", short)
	}
	if !strings.Contains(long, "DB-PRIV-LEAD") {
		t.Error("--verbose does not list it")
	}
}

// TestMergeFindings checks that findings about several privileges on one line of a file are merged
// if nothing else differs.
func TestMergeFindings(t *testing.T) {
	t.Parallel()
	at := &audit.Location{Path: "Roles/r.xml", Line: 4, Column: 3}
	lacking := func(privilege string) audit.Finding {
		f := privilegeFinding(privilege, "missing", "none")
		f.Message, f.Location = privilege+" is missing", at
		return f
	}
	elsewhere := lacking("prvAppendToLead")
	elsewhere.Location = &audit.Location{Path: "Roles/r.xml", Line: 5, Column: 3}
	waived := lacking("prvCreateLead")
	waived.Waiver = &audit.Waiver{Kind: "accepted-risk", Owner: "jane", Reason: "known", Expires: "2027-01-01"}
	fs := []audit.Finding{lacking("prvReadLead"), lacking("prvWriteLead"), lacking("prvBulkEdit"), elsewhere, waived, privilegeFinding("prvAppendLead", "shallow", "basic")}
	got := mergeFindings(fs)
	if len(got) != 4 || got[0].Message != "Lead – Read, Write; Bulk Edit are not granted; Organization is required" || len(got[0].Fix.Privileges) != 3 {
		t.Errorf("%d findings; the first says %q", len(got), got[0].Message)
	}
	if len(fs[0].Fix.Privileges) != 1 || fs[0].Message != "prvReadLead is missing" {
		t.Error("mergeFindings changed its input")
	}
	r := compliant()
	fail(&r, "DB-PRIV-LEAD", fs...)
	r = judge(r)
	for _, f := range []Format{Table, GitHub, Unix} {
		if doc := mustRender(t, f, r, Options{Width: 200}); strings.Contains(doc, "prvReadLead is missing") || strings.Contains(doc, "prvWriteLead is missing") {
			t.Errorf("%s has a line for each privilege:\n%s", f, doc)
		}
	}
}

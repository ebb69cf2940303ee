package audit_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestSummarize(t *testing.T) {
	control := func(o audit.Outcome, findings int) audit.Control {
		return audit.Control{Outcome: o, Findings: make([]audit.Finding, findings)}
	}
	pass, fail := control(audit.OutcomePass, 0), control(audit.OutcomeFail, 2)
	unknown, none, waived := control(audit.OutcomeUnknown, 0), control(audit.OutcomeNotApplicable, 0), control(audit.OutcomeWaived, 1)
	for _, test := range []struct {
		name     string
		controls []audit.Control
		verdict  audit.Verdict
		coverage float64
		findings int
	}{
		{"no controls", nil, audit.VerdictIncomplete, 0, 0},
		{"passes", []audit.Control{pass, pass}, audit.VerdictCompliant, 1, 0},
		{"one fails", []audit.Control{pass, fail}, audit.VerdictNoncompliant, 1, 2},
		{"one is unknown", []audit.Control{pass, unknown}, audit.VerdictIncomplete, 0.5, 0},
		{"a failure takes precedence over unknown", []audit.Control{fail, unknown}, audit.VerdictNoncompliant, 0.5, 2},
		{"a control that does not apply does not count", []audit.Control{pass, none}, audit.VerdictCompliant, 1, 0},
		{"nothing applies", []audit.Control{none, none}, audit.VerdictIncomplete, 0, 0},
		{"a waived control counts as judged", []audit.Control{waived}, audit.VerdictCompliant, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := audit.Summarize(test.controls)
			if got := s.Verdict(); got != test.verdict {
				t.Errorf("verdict %s, want %s", got, test.verdict)
			}
			if s.Coverage != test.coverage || s.Findings != test.findings {
				t.Errorf("coverage %v, findings %d; want %v, %d", s.Coverage, s.Findings, test.coverage, test.findings)
			}
		})
	}
}

func TestWorstSeverity(t *testing.T) {
	r := audit.Result{Controls: []audit.Control{
		{Outcome: audit.OutcomePass, Severity: audit.SeverityCritical},
		{Outcome: audit.OutcomeFail, Severity: audit.SeverityLow},
		{Outcome: audit.OutcomeFail, Severity: audit.SeverityHigh},
		{Outcome: audit.OutcomeWaived, Severity: audit.SeverityCritical},
	}}
	if got := r.WorstSeverity(); got != audit.SeverityHigh {
		t.Errorf("got %s, want high", got)
	}
	if got := (audit.Result{}).WorstSeverity(); got != audit.SeverityInvalid {
		t.Errorf("nothing failed, but the worst severity is %s", got)
	}
}

// TestFingerprint checks that a fingerprint depends only on the control, the organization, the
// kind and id of the subject (table and name for a required view), and the privilege.
func TestFingerprint(t *testing.T) {
	role := audit.Subject{Kind: audit.SubjectRole, ID: "ID-1", Name: "Role"}
	view := audit.Subject{Kind: audit.SubjectRequiredView, Name: "Accounts", Table: "account"}
	base := audit.Fingerprint("DB-X", "ORG", role, "prvReadLead")
	renamed := role
	renamed.Name = "Other"
	if audit.Fingerprint("DB-X", "ORG", renamed, "prvReadLead") != base {
		t.Error("it depends on the role's name")
	}
	lower := role
	lower.ID = "id-1"
	if audit.Fingerprint("DB-X", "org", lower, "PRVREADLEAD") != base {
		t.Error("it depends on case")
	}
	seen := map[string]string{base: "base"}
	other := role
	other.ID = "id-2"
	otherView, otherTable := view, view
	otherView.Name, otherTable.Table = "Leads", "lead"
	for name, got := range map[string]string{
		"control":      audit.Fingerprint("DB-Y", "ORG", role, "prvReadLead"),
		"organization": audit.Fingerprint("DB-X", "ORG-2", role, "prvReadLead"),
		"privilege":    audit.Fingerprint("DB-X", "ORG", role, "prvWriteLead"),
		"id":           audit.Fingerprint("DB-X", "ORG", other, "prvReadLead"),
		"view":         audit.Fingerprint("DB-X", "ORG", view, ""),
		"view's name":  audit.Fingerprint("DB-X", "ORG", otherView, ""),
		"view's table": audit.Fingerprint("DB-X", "ORG", otherTable, ""),
	} {
		if was, ok := seen[got]; ok {
			t.Errorf("%s and %s have the same fingerprint", name, was)
		}
		seen[got] = name
	}
}

// TestEnumerations checks that each value of each enumeration is read as it was written, and that
// the error for an unknown word lists the valid ones.
func TestEnumerations(t *testing.T) {
	checkEnumeration(t, audit.Outcomes(), new(audit.Outcome))
	checkEnumeration(t, audit.Severities(), new(audit.Severity))
	checkEnumeration(t, []audit.Verdict{audit.VerdictCompliant, audit.VerdictNoncompliant, audit.VerdictIncomplete}, new(audit.Verdict))
	checkEnumeration(t, []audit.SubjectKind{audit.SubjectRole, audit.SubjectUser, audit.SubjectRequiredView, audit.SubjectView, audit.SubjectEnvironment}, new(audit.SubjectKind))
	if _, err := json.Marshal(audit.SeverityInvalid); err == nil {
		t.Error("an invalid severity was written")
	}
	var zero audit.Outcome
	if zero != audit.OutcomeUnknown {
		t.Error("the zero outcome is not unknown")
	}
}

type enum interface {
	comparable
	fmt.Stringer
}

func checkEnumeration[T enum](t *testing.T, values []T, into encoding.TextUnmarshaler) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
		}
		if seen[string(text)] {
			t.Errorf("%T: %s stands for two values", v, text)
		}
		seen[string(text)] = true
		if err := json.Unmarshal(text, into); err != nil || fmt.Sprint(into) != v.String() {
			t.Errorf("%T: %s is read as %v, %v", v, text, into, err)
		}
	}
	if err := into.UnmarshalText([]byte("nonsense")); err == nil || !strings.Contains(err.Error(), values[0].String()) {
		t.Errorf("%T: nonsense gives %v", values[0], err)
	}
}

package report

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
)

// A severityTerms is a severity in the words of other programs.
type severityTerms struct {
	level    string // SARIF's
	problem  string // GitHub's word for the level
	security string // in the middle of what GitHub takes for the severity: over 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, below that low
	command  string // GitHub's workflow command
	gitlab   string
	ocsf     int
	caption  string // OCSF's
	style    table.Style
}

func termsOf(s audit.Severity) severityTerms {
	switch s {
	case audit.SeverityCritical:
		return severityTerms{"error", "error", "9.5", "error", "blocker", 5, "Critical", table.BoldRed}
	case audit.SeverityHigh:
		return severityTerms{"error", "error", "8.0", "error", "critical", 4, "High", table.BoldRed}
	case audit.SeverityMedium:
		return severityTerms{"warning", "warning", "5.5", "warning", "major", 3, "Medium", table.BoldYellow}
	case audit.SeverityLow:
		return severityTerms{"note", "recommendation", "2.0", "notice", "minor", 2, "Low", table.Cyan}
	case audit.SeverityInfo:
		return severityTerms{"note", "recommendation", "0.5", "notice", "info", 1, "Informational", table.Cyan}
	case audit.SeverityInvalid:
	}
	return severityTerms{"note", "recommendation", "0.5", "notice", "info", 0, "Unknown", table.Cyan}
}

// A verdictTerms shows a verdict.
type verdictTerms struct {
	mark    string // for those who do not see colours
	emoji   string
	class   string // of the style sheet
	command string // GitHub's workflow command
	style   table.Style
	bar     int // the height of its bar in a strip
}

func verdictTermsOf(v audit.Verdict) verdictTerms {
	switch v {
	case audit.VerdictCompliant:
		return verdictTerms{"✓", "✅", "pass", "notice", table.BoldGreen, 16}
	case audit.VerdictNoncompliant:
		return verdictTerms{"✗", "❌", "fail", "error", table.BoldRed, 6}
	case audit.VerdictIncomplete:
	}
	return verdictTerms{"?", "⚠", "unknown", "warning", table.BoldYellow, 11}
}

func verdictText(r audit.Result) string {
	return joinNonBlank(", ", r.Verdict.String(), verdictNote(r))
}

// verdictNote says what a verdict leaves out.
func verdictNote(r audit.Result) string {
	if r.Verdict == audit.VerdictCompliant && r.SkipsViews() {
		return "views not checked"
	}
	return ""
}

func outcomeText(o audit.Outcome) string { return strings.ReplaceAll(o.String(), "_", " ") }

// outcomeWithOriginal is a control's outcome in words, with the original outcome of a waived control.
func outcomeWithOriginal(c audit.Control) string {
	if c.Original == nil {
		return outcomeText(c.Outcome)
	}
	return outcomeText(c.Outcome) + " (" + outcomeText(*c.Original) + ")"
}

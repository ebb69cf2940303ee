package report

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
)

// severityTerms are the words that formats use for a severity.
type severityTerms struct {
	level   string // of SARIF
	problem string // GitHub's problem.severity
	// GitHub's security-severity, in the middle of the range that GitHub shows as this severity: over
	// 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, lower values low.
	security string
	command  string // GitHub's workflow command
	gitlab   string
	ocsf     int
	caption  string // of OCSF
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

// severityOr returns the word for a severity, or none if it is invalid.
func severityOr(s audit.Severity, none string) string {
	if s == audit.SeverityInvalid {
		return none
	}
	return s.String()
}

func outcomeText(o audit.Outcome) string { return strings.ReplaceAll(o.String(), "_", " ") }

// outcomeWithOriginal returns the outcome of a control in words, and the original one if it was waived.
func outcomeWithOriginal(c audit.Control) string {
	if c.Original == nil {
		return outcomeText(c.Outcome)
	}
	return outcomeText(c.Outcome) + " (" + outcomeText(*c.Original) + ")"
}

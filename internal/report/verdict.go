package report

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// verdictTerms are the words and marks that formats use for a verdict.
type verdictTerms struct {
	mark    string // for people who do not see colors
	emoji   string
	class   string // in the style sheet
	command string // GitHub's workflow command
	style   table.Style
	bar     int // the height of its bar in a [StripChart]
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

// verdictNote says what a verdict does not cover.
func verdictNote(r audit.Result) string {
	if r.Verdict == audit.VerdictCompliant && r.SkipsViews() {
		return "views not checked"
	}
	return ""
}

// headline returns the verdict as a sentence.
func headline(r audit.Result) string {
	env := text.Line(r.Environment.Name)
	if u := r.Unread; u != nil {
		line := ""
		if u.Location != nil && u.Line > 0 {
			line = fmt.Sprintf(" (line %d)", u.Line)
		}
		return fmt.Sprintf("%s could not be read%s: %s", env, line, text.Line(u.Message))
	}
	s := r.Summary
	all := text.Count(s.Pass+s.Fail+s.Unknown+s.NotApplicable+s.Waived, "control")
	unchecked := ""
	if r.SkipsViews() {
		unchecked = "; " + audit.ViewsUnchecked
	}
	switch {
	case s.Fail > 0:
		failed := fmt.Sprintf("%s fails %d of %s (%s)", env, s.Fail, all, severityCounts(tallyOf(r).failed))
		if s.Unknown > 0 {
			failed += fmt.Sprintf(", and %d could not be evaluated", s.Unknown)
		}
		return failed
	case s.Unknown > 0:
		return fmt.Sprintf("%s: nothing failed, but %d of %s could not be evaluated", env, s.Unknown, all)
	case s.Pass+s.Waived == 0:
		return env + ": nothing could be judged"
	case s.Waived > 0:
		return fmt.Sprintf("%s meets %s; %d waived%s", env, text.Count(s.Pass, "control"), s.Waived, unchecked)
	}
	return fmt.Sprintf("%s meets all %s%s", env, applicableControls(s.Pass), unchecked)
}

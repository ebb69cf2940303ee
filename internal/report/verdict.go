package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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

// verdictNote says what a verdict does not cover.
func verdictNote(r audit.Result) string {
	if r.Verdict == audit.VerdictCompliant && r.SkipsViews() {
		return "views not checked"
	}
	return ""
}

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
	if s.Pass == 1 {
		return env + " meets the 1 control that applies" + unchecked
	}
	return fmt.Sprintf("%s meets all %s%s", env, applicableControls(s.Pass), unchecked)
}

// worstFirst sorts results for people: noncompliant ones by severity, then results that could not be
// read, incomplete ones, and compliant ones.
func worstFirst(rs []audit.Result) []audit.Result {
	rank := func(r audit.Result) int {
		if r.Unread != nil {
			return 1
		}
		return map[audit.Verdict]int{audit.VerdictNoncompliant: 0, audit.VerdictIncomplete: 2, audit.VerdictCompliant: 3}[r.Verdict]
	}
	return slices.SortedStableFunc(slices.Values(rs), func(a, b audit.Result) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(b.WorstSeverity(), a.WorstSeverity()), b.Summary.Fail-a.Summary.Fail, b.Summary.Unknown-a.Summary.Unknown,
			strings.Compare(a.Environment.Name, b.Environment.Name))
	})
}

// totals counts results by verdict: "3 environments: 1 noncompliant, 2 compliant".
func totals(rs []audit.Result) string {
	return text.Count(len(rs), rowNoun(rs)) + ": " + verdictCounts(rs)
}

func verdictCounts(rs []audit.Result) string {
	n := map[audit.Verdict]int{}
	unread := 0
	for _, r := range rs {
		if r.Unread != nil {
			unread++
		} else {
			n[r.Verdict]++
		}
	}
	counts := fmt.Sprintf("%d noncompliant, %d compliant", n[audit.VerdictNoncompliant], n[audit.VerdictCompliant])
	if incomplete := n[audit.VerdictIncomplete]; incomplete > 0 {
		counts += fmt.Sprintf(", %d incomplete", incomplete)
	}
	if unread > 0 {
		counts += fmt.Sprintf(", %d not read", unread)
	}
	return counts
}

// rowNoun returns the noun for the rows of an overview: environment, integration, role, file or, if
// they differ, result.
func rowNoun(rs []audit.Result) string {
	nouns, noun := map[string]bool{}, "environment"
	profiles := map[string]string{} // by the environment's URL
	sharedEnvironment := false      // two results are of one environment, by different profiles
	for _, r := range rs {
		other, known := profiles[r.Environment.URL]
		switch {
		case r.IsFile() && r.Unread != nil:
			noun = "file"
		case r.IsFile():
			noun = "role"
		default:
			noun = "environment"
			sharedEnvironment = sharedEnvironment || known && other != r.Profile.Name
			profiles[r.Environment.URL] = r.Profile.Name
		}
		nouns[noun] = true
	}
	switch {
	case len(nouns) > 1:
		return "result"
	case sharedEnvironment:
		return "integration"
	}
	return noun
}

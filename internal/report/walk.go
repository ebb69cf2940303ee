package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// An issue is a finding or an unknown control.
type issue struct {
	audit.Control

	Finding  *audit.Finding // nil for a control that is unknown
	Location *audit.Location
}

// issuesOf are the findings and the unknown controls of a result, in the profile's order. If joined
// is set, findings that an editor shows on one line are one issue.
func issuesOf(r audit.Result, joined bool) []issue {
	var list []issue
	for _, c := range r.Controls {
		findings := c.Findings
		if joined {
			findings = mergeFindings(findings)
		}
		for i := range findings {
			list = append(list, issue{c, &findings[i], cmp.Or(findings[i].Location, c.Location)})
		}
		if c.Outcome == audit.OutcomeUnknown {
			list = append(list, issue{c, nil, c.Location})
		}
	}
	return list
}

func (i issue) isWaived() bool { return i.Finding != nil && i.Finding.Waiver != nil }

// leadFinding is the index of the finding that a summary shows for a control: the first that no waiver
// covers, else the first.
func leadFinding(c audit.Control) int {
	return max(slices.IndexFunc(c.Findings, func(f audit.Finding) bool { return f.Waiver == nil }), 0)
}

func (i issue) message() string {
	if i.Finding != nil {
		return i.Finding.Message
	}
	return i.Title + " could not be evaluated: " + i.Reason
}

// A note is a remark on a result, or on the control that it names.
type note struct{ About, Text string }

func notesOf(r audit.Result) []note {
	var list []note
	for _, n := range r.Notes {
		list = append(list, note{"", n})
	}
	for _, c := range r.Controls {
		for _, n := range c.Remarks() {
			list = append(list, note{string(c.ID), n})
		}
	}
	return list
}

func (n note) String() string { return joinNonBlank(": ", n.About, n.Text) }

// controlsWith are the controls of one outcome, the most severe first.
func controlsWith(o audit.Outcome, r audit.Result) []audit.Control {
	return slices.DeleteFunc(mostSevereFirst(r.Controls), func(c audit.Control) bool { return c.Outcome != o })
}

// A tally counts what a result's summary does not.
type tally struct {
	outcomes      map[audit.Outcome]int
	failed        map[audit.Severity]int      // controls
	baseline      map[audit.BaselineState]int // findings, against a baseline
	open          int                         // findings that no waiver covers
	fixable       int                         // of these, those that a plan can fix
	fixableByFlag int                         // of the others, those that a plan can fix if a flag allows it
	fixableLines  int                         // of these, those that lint --fix can fix
}

func tallyOf(r audit.Result) tally {
	t := tally{outcomes: map[audit.Outcome]int{}, failed: map[audit.Severity]int{}, baseline: map[audit.BaselineState]int{}}
	for _, c := range r.Controls {
		t.outcomes[c.Outcome]++
		if c.Outcome == audit.OutcomeFail {
			t.failed[c.Severity]++
		}
		for _, f := range c.Findings {
			t.baseline[f.Baseline]++
			if f.Waiver != nil {
				continue
			}
			t.open++
			switch {
			case f.Fix == nil, !change.Automatic(f.Fix.Kind):
			case change.PlanFlag(*f.Fix) == "":
				t.fixable++
			default:
				t.fixableByFlag++
			}
			if f.Fix != nil && f.Fix.Kind == change.AddPrivilege && f.Evidence.Text("state") == "missing" && f.Location != nil && !strings.Contains(f.Location.Path, "!/") {
				t.fixableLines++
			}
		}
	}
	return t
}

// otherMeans is what is needed for the findings that a plan does not fix.
func (t tally) otherMeans() string {
	switch {
	case t.fixableByFlag == 0:
		return "manual steps"
	case t.fixable+t.fixableByFlag == t.open:
		return "a flag, which the plan names"
	}
	return "manual steps or a flag, which the plan names"
}

// severityCounts counts by severity, the most severe first: "8 high, 2 medium, 1 low". The invalid
// severity is for what is waived or met.
func severityCounts(n map[audit.Severity]int) string {
	var parts []string
	for _, severity := range slices.Backward(audit.Severities()) {
		if n[severity] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[severity], severity))
		}
	}
	if rest := n[audit.SeverityInvalid]; rest > 0 {
		parts = append(parts, fmt.Sprintf("%d waived or met", rest))
	}
	return strings.Join(parts, ", ")
}

// baselineText counts the findings against an earlier result, or empty.
func (t tally) baselineText() string {
	added, unchanged := t.baseline[audit.BaselineNew], t.baseline[audit.BaselineUnchanged]
	if added+unchanged == 0 {
		return ""
	}
	return fmt.Sprintf("%d new, %d unchanged", added, unchanged)
}

// worstFirst returns the results in the order for people: noncompliant ones by severity, then those
// that could not be read, incomplete ones, compliant ones.
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

func mostSevereFirst(cs []audit.Control) []audit.Control {
	return slices.SortedStableFunc(slices.Values(cs), func(a, b audit.Control) int {
		return cmp.Compare(b.Severity, a.Severity)
	})
}

// totals counts several results by verdict.
func totals(rs []audit.Result) string { return count(len(rs), rowNoun(rs)) + ": " + verdictCounts(rs) }

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
	said := fmt.Sprintf("%d noncompliant, %d compliant", n[audit.VerdictNoncompliant], n[audit.VerdictCompliant])
	if open := n[audit.VerdictIncomplete]; open > 0 {
		said += fmt.Sprintf(", %d incomplete", open)
	}
	if unread > 0 {
		said += fmt.Sprintf(", %d not read", unread)
	}
	return said
}

// rowNoun is the noun for a row in an overview of several results.
func rowNoun(rs []audit.Result) string {
	nouns, noun := map[string]bool{}, "environment"
	profiles, several := map[string]string{}, false // by the environment's address
	for _, r := range rs {
		other, known := profiles[r.Environment.URL]
		switch {
		case r.IsFile() && r.Unread != nil:
			noun = "file"
		case r.IsFile():
			noun = "role"
		default:
			noun = "environment"
			several = several || known && other != r.Profile.Name
			profiles[r.Environment.URL] = r.Profile.Name
		}
		nouns[noun] = true
	}
	switch {
	case len(nouns) > 1:
		return "result"
	case several:
		return "integration"
	}
	return noun
}

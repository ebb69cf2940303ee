package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// An issue is a finding, or a control that could not be evaluated.
type issue struct {
	audit.Control

	Finding  *audit.Finding  // nil for a control that could not be evaluated
	Location *audit.Location // of the finding, or else of the control
}

// issuesOf returns the issues of a result in the profile's order. If merge is set, findings that an
// editor shows on one line are one issue.
func issuesOf(r audit.Result, merge bool) []issue {
	var list []issue
	for _, c := range r.Controls {
		findings := c.Findings
		if merge {
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

func (i issue) message() string {
	if i.Finding != nil {
		return i.Finding.Message
	}
	return i.Title + " could not be evaluated: " + i.Reason
}

// mostSevereFinding returns the first finding of the most severe failed control that no waiver covers,
// or nil if every finding is waived.
func mostSevereFinding(r audit.Result) (audit.Control, *audit.Finding) {
	worst := r.WorstSeverity()
	for _, i := range issuesOf(r, false) {
		if i.Outcome == audit.OutcomeFail && i.Severity == worst && !i.isWaived() {
			return i.Control, i.Finding
		}
	}
	return audit.Control{}, nil
}

// leadFindingIndex returns the index of the finding that stands for a control in a summary: the first
// that no waiver covers, else the first.
func leadFindingIndex(c audit.Control) int {
	return max(slices.IndexFunc(c.Findings, func(f audit.Finding) bool { return f.Waiver == nil }), 0)
}

// controlsWith returns the controls with an outcome, in the profile's order.
func controlsWith(r audit.Result, o audit.Outcome) []audit.Control {
	return slices.DeleteFunc(slices.Clone(r.Controls), func(c audit.Control) bool { return c.Outcome != o })
}

func mostSevereFirst(cs []audit.Control) []audit.Control {
	return slices.SortedStableFunc(slices.Values(cs), func(a, b audit.Control) int {
		return cmp.Compare(b.Severity, a.Severity)
	})
}

// A note is a remark about a result, or about one of its controls.
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

// A tally has the counts of a result that its summary lacks.
type tally struct {
	outcomes      map[audit.Outcome]int
	failed        map[audit.Severity]int      // controls
	baseline      map[audit.BaselineState]int // findings, against a baseline
	open          int                         // findings that no waiver covers
	fixable       int                         // open findings that a plan can fix
	fixableByFlag int                         // open findings that a plan can fix if a flag allows it
	fixableLines  int                         // open findings that lint --fix can fix
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

// otherMeans says how to fix the open findings that a plan does not fix.
func (t tally) otherMeans() string {
	switch {
	case t.fixableByFlag == 0:
		return "manual steps"
	case t.fixable+t.fixableByFlag == t.open:
		return "a flag, which the plan names"
	}
	return "manual steps or a flag, which the plan names"
}

// severityCounts returns counts by severity, the most severe first: "8 high, 2 medium, 1 low". The
// invalid severity counts what was waived or passed.
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

// baselineText compares the findings with a baseline. It is empty without one.
func (t tally) baselineText() string {
	added, unchanged := t.baseline[audit.BaselineNew], t.baseline[audit.BaselineUnchanged]
	if added+unchanged == 0 {
		return ""
	}
	return fmt.Sprintf("%d new, %d unchanged", added, unchanged)
}

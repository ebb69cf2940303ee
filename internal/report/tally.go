package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

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

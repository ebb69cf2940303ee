package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// worstFirst is the results in the order in which people want them: what fails gravely,
// what could not be read, what is unknown, what is met. The results are not touched.
func worstFirst(rs []audit.Result) []audit.Result {
	rank := func(r audit.Result) int {
		switch {
		case r.Verdict == audit.VerdictNoncompliant:
			return 0
		case r.Unread != nil:
			return 1
		case r.Verdict == audit.VerdictCompliant:
			return 3
		}
		return 2
	}
	return slices.SortedStableFunc(slices.Values(rs), func(a, b audit.Result) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(b.Worst(), a.Worst()),
			cmp.Compare(b.Summary.Fail, a.Summary.Fail),
			cmp.Compare(b.Summary.Unknown, a.Summary.Unknown),
			cmp.Compare(a.Environment.Name, b.Environment.Name),
		)
	})
}

// gravestFirst is the controls by severity.
func gravestFirst(cs []audit.Control) []audit.Control {
	return slices.SortedStableFunc(slices.Values(cs), func(a, b audit.Control) int {
		return cmp.Compare(b.Severity, a.Severity)
	})
}

// totals counts several results, and says how many came to what.
func totals(rs []audit.Result) string { return count(len(rs), rowsOf(rs)) + ": " + verdicts(rs) }

// verdicts says how many of several results came to what.
func verdicts(rs []audit.Result) string {
	failed, met, open, unread := 0, 0, 0, 0
	for _, r := range rs {
		switch {
		case r.Unread != nil:
			unread++
		case r.Verdict == audit.VerdictNoncompliant:
			failed++
		case r.Verdict == audit.VerdictCompliant:
			met++
		default:
			open++
		}
	}
	text := fmt.Sprintf("%d noncompliant, %d compliant", failed, met)
	if open > 0 {
		text += fmt.Sprintf(", %d incomplete", open)
	}
	if unread > 0 {
		text += fmt.Sprintf(", %d not read", unread)
	}
	return text
}

package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// reasonWidth is the maximum width of a reason where space is limited.
const reasonWidth = 480

// A reasonGroup is a group of controls that were not judged for the same reason.
type reasonGroup struct {
	Reason   string
	Controls []audit.Control
}

func (g reasonGroup) Title() string {
	if len(g.Controls) == 1 {
		return string(g.Controls[0].ID)
	}
	return text.Count(len(g.Controls), "control")
}

func (g reasonGroup) Names() string {
	var names []string
	for _, c := range g.Controls {
		names = append(names, string(c.ID))
	}
	return strings.Join(names, ", ")
}

// ShortReason returns the reason. Unless the output is verbose, it cuts the middle, which quotes a
// server; the end is advice.
func (g reasonGroup) ShortReason(o Options) string {
	if o.Verbose {
		return g.Reason
	}
	return text.ShortenMiddle(g.Reason, reasonWidth)
}

// groupByReason groups controls by the first clause of their reason, which states the cause.
func groupByReason(cs []audit.Control) []reasonGroup {
	var groups []reasonGroup
	index := map[string]int{} // by clause
	for _, c := range cs {
		clause, _, _ := strings.Cut(c.Reason, "; ")
		i, ok := index[clause]
		if !ok {
			index[clause] = len(groups)
			groups = append(groups, reasonGroup{Reason: cmp.Or(c.Reason, "no reason given"), Controls: []audit.Control{c}})
			continue
		}
		g := &groups[i]
		if g.Controls[0].Reason != c.Reason {
			g.Reason = clause + "; -f json has the rest of each reason"
		}
		g.Controls = append(g.Controls, c)
	}
	return groups
}

// mergeFindings merges findings about several privileges at one location of a file, because editors
// and logs show a line once.
func mergeFindings(fs []audit.Finding) []audit.Finding {
	var merged []audit.Finding
	for _, f := range fs {
		i := slices.IndexFunc(merged, func(g audit.Finding) bool { return mergeable(f, g) })
		if i < 0 {
			merged = append(merged, f)
			continue
		}
		fix := *merged[i].Fix
		fix.Privileges = slices.Concat(fix.Privileges, f.Fix.Privileges)
		merged[i].Fix = &fix
		merged[i].Message = mergedMessage(fix.Privileges, f)
	}
	return merged
}

// mergeable reports whether two findings differ only in the privilege.
func mergeable(f, g audit.Finding) bool {
	if f.Location == nil || g.Location == nil || *f.Location != *g.Location || f.Subject != g.Subject || f.Baseline != g.Baseline ||
		f.Waiver != nil || g.Waiver != nil || f.Fix == nil || g.Fix == nil || f.Fix.Kind != g.Fix.Kind || len(f.Fix.Privileges) != 1 {
		return false
	}
	if state := f.Evidence.Text("state"); state != "missing" && state != "shallow" {
		return false
	}
	return !slices.ContainsFunc([]string{"state", "required_depth", "actual_depth"}, func(key string) bool {
		return f.Evidence.Text(key) != g.Evidence.Text(key)
	})
}

// mergedMessage returns the message of a finding about several privileges: "Lead – Read, Write; Bulk
// Edit are not granted; Organization is required".
func mergedMessage(gs []audit.Grant, f audit.Finding) string {
	var tables, names []string
	for _, g := range gs {
		right, table := audit.SplitPrivilege(g.Name)
		switch n := len(tables); {
		case right != "" && n > 0 && tables[n-1] == table:
			names[n-1] += ", " + right
		case right != "":
			tables, names = append(tables, table), append(names, audit.PrivilegeLabel(g.Name))
		default:
			tables, names = append(tables, ""), append(names, table)
		}
	}
	state := "are not granted"
	if f.Evidence.Text("state") == "shallow" {
		state = "are granted at " + audit.LevelOf(f.Evidence.Text("actual_depth")) + " level"
	}
	return strings.Join(names, "; ") + " " + state + "; " + audit.LevelOf(f.Evidence.Text("required_depth")) + " is required"
}

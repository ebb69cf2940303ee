package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// reasonWidth is how much of a reason is shown if space is limited: its beginning and its end.
const reasonWidth = 480

// A reasonGroup is controls that were not judged for one reason.
type reasonGroup struct {
	Reason   string
	Controls []audit.Control
}

func (g reasonGroup) Title() string {
	if len(g.Controls) == 1 {
		return string(g.Controls[0].ID)
	}
	return count(len(g.Controls), "control")
}

func (g reasonGroup) Names() string {
	var names []string
	for _, c := range g.Controls {
		names = append(names, string(c.ID))
	}
	return strings.Join(names, ", ")
}

// ShortReason is the reason without its middle, which is a server's own words.
func (g reasonGroup) ShortReason(o Options) string {
	if o.Verbose {
		return g.Reason
	}
	return text.ShortenMiddle(g.Reason, reasonWidth)
}

// groupByReason groups controls by the first clause of their reason, which is the cause of the rest.
func groupByReason(cs []audit.Control) []reasonGroup {
	var groups []reasonGroup
	place := map[string]int{}
	for _, c := range cs {
		clause, _, _ := strings.Cut(c.Reason, "; ")
		at, known := place[clause]
		if !known {
			place[clause] = len(groups)
			groups = append(groups, reasonGroup{Reason: cmp.Or(c.Reason, "no reason given"), Controls: []audit.Control{c}})
			continue
		}
		g := &groups[at]
		if g.Controls[0].Reason != c.Reason {
			g.Reason = clause + "; -f json has the rest of each reason"
		}
		g.Controls = append(g.Controls, c)
	}
	return groups
}

// mergeFindings joins findings that say the same of several privileges at one place in a file, because
// editors and logs show a line once.
func mergeFindings(fs []audit.Finding) []audit.Finding {
	var out []audit.Finding
	for _, f := range fs {
		i := slices.IndexFunc(out, func(g audit.Finding) bool { return mergeable(f, g) })
		if i < 0 {
			out = append(out, f)
			continue
		}
		fix := *out[i].Fix
		fix.Privileges = slices.Concat(fix.Privileges, f.Fix.Privileges)
		out[i].Fix = &fix
		out[i].Message = mergedMessage(fix.Privileges, f)
	}
	return out
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

// mergedMessage is the message of a finding for several privileges.
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
	is := "are not granted"
	if f.Evidence.Text("state") == "shallow" {
		is = "are granted at " + audit.LevelOf(f.Evidence.Text("actual_depth")) + " level"
	}
	return strings.Join(names, "; ") + " " + is + "; " + audit.LevelOf(f.Evidence.Text("required_depth")) + " is required"
}

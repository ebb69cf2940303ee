package report

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// maxFindingsWithSteps is the number of findings of a control for which the page lists the steps of the fix.
const maxFindingsWithSteps = 100

type groupData struct {
	State        string
	Title        string
	Folded       bool
	Count        int
	ReasonGroups []reasonGroup // controls that were not judged for one reason
	Controls     []controlData
}

type controlData struct {
	audit.Control

	Heading  string // the one finding's sentence, or else the title
	Single   bool   // whether the heading is a finding's
	Why      string
	Findings []findingData
	Leading  *findingData // nil without findings
	More     int          // other findings
}

type findingData struct {
	audit.Finding
	change.Remedy

	Anchor   string
	Advice   string
	Required string // where it is required, if the fault has no place
	Steps    [][]textPart
}

// newGroups groups the controls by outcome; what needs action comes first.
func (d *resultData) newGroups(r audit.Result, o Options) []groupData {
	var groups []groupData
	for _, g := range []struct {
		outcome audit.Outcome
		groupData
	}{
		{audit.OutcomeFail, groupData{State: "fail", Title: "Failed"}},
		{audit.OutcomeUnknown, groupData{State: "unknown", Title: "Could not be evaluated"}},
		{audit.OutcomeWaived, groupData{State: "waived", Title: "Waived"}},
		{audit.OutcomeNotApplicable, groupData{State: "none", Title: "Not applicable", Folded: true}},
		{audit.OutcomePass, groupData{State: "pass", Title: "Passed", Folded: !o.Verbose}},
	} {
		cs, group := controlsWith(g.outcome, r), g.groupData
		group.Count = len(cs)
		for _, shared := range groupByReason(cs) {
			if len(shared.Controls) > 1 && shared.Controls[0].Reason != "" {
				group.ReasonGroups = append(group.ReasonGroups, shared)
				continue
			}
			for _, c := range shared.Controls {
				group.Controls = append(group.Controls, newControlData(c, r, o, d.Anchor(c.ID)))
			}
		}
		if len(cs) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

func newControlData(c audit.Control, r audit.Result, o Options, anchor string) controlData {
	d := controlData{Control: c, Heading: c.Title, Why: visible(whyOf(c, o.Rules[c.Rule]))}
	for i, f := range c.Findings {
		d.Findings = append(d.Findings, newFindingData(f, c, r, o, i < maxFindingsWithSteps))
		d.Findings[i].Anchor = findingAnchor(anchor, i)
	}
	if n := len(c.Findings); n > 0 {
		d.Leading, d.More = &d.Findings[leadFinding(c)], n-1
	}
	if len(c.Findings) == 1 && c.Findings[0].Message != "" {
		d.Heading, d.Single = sentenceCase(c.Findings[0].Message), true
	}
	return d
}

// findingAnchor is the place of a control's n-th finding on the page.
func findingAnchor(control string, n int) string { return fmt.Sprintf("%s.%d", control, n+1) }

func newFindingData(f audit.Finding, c audit.Control, r audit.Result, o Options, steps bool) findingData {
	d := findingData{Finding: f}
	if f.Location == nil {
		d.Required = locationText(c.Location)
	}
	switch {
	case f.Fix == nil:
		d.Advice = advice(f, c, o)
	case steps:
		d.Remedy = change.RemedyFor(*f.Fix, o.place(r, c.ID))
		for _, s := range d.Portal {
			d.Steps = append(d.Steps, splitAtLinks(s, r.Environment))
		}
		d.Advice = visible(d.Summary)
	default:
		d.Advice = visible(change.Summary(*f.Fix))
	}
	return d
}

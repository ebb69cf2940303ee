package report

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// maxFindingsWithSteps is the maximum number of findings of a control that are shown with the steps of
// their fix.
const maxFindingsWithSteps = 100

// groupData is the controls of one outcome.
type groupData struct {
	State        string
	Title        string
	Folded       bool
	Count        int
	ReasonGroups []reasonGroup // several controls with one reason
	Controls     []controlData // the other controls
}

type controlData struct {
	audit.Control

	Heading  string // the message of a single finding, or else the title
	Single   bool   // whether the heading is the message of the finding
	Why      string
	Findings []findingData
	Leading  *findingData // see leadFindingIndex; nil without findings
	More     int          // the number of other findings
}

type findingData struct {
	audit.Finding
	change.Remedy

	Anchor   string
	Advice   string
	Required string // the location of the requirement, if the finding has no location
	Steps    [][]textPart
}

// groupControls groups the controls by outcome. Those that need action come first.
func (d *resultData) groupControls(r audit.Result, o Options) []groupData {
	var groups []groupData
	place := o.place(r)
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
		cs, group := mostSevereFirst(controlsWith(r, g.outcome)), g.groupData
		group.Count = len(cs)
		for _, reason := range groupByReason(cs) {
			if len(reason.Controls) > 1 && reason.Controls[0].Reason != "" {
				group.ReasonGroups = append(group.ReasonGroups, reason)
				continue
			}
			for _, c := range reason.Controls {
				group.Controls = append(group.Controls, newControlData(c, place, o, d.Anchor(c.ID)))
			}
		}
		if len(cs) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

func newControlData(c audit.Control, place change.Place, o Options, anchor string) controlData {
	place.Control = c.ID
	d := controlData{Control: c, Heading: c.Title, Why: text.Line(whyOf(c, o.Rules[c.Rule]))}
	for i, f := range c.Findings {
		d.Findings = append(d.Findings, newFindingData(f, c, place, o, i < maxFindingsWithSteps))
		d.Findings[i].Anchor = findingAnchor(anchor, i)
	}
	if n := len(c.Findings); n > 0 {
		d.Leading, d.More = &d.Findings[leadFindingIndex(c)], n-1
	}
	if len(c.Findings) == 1 && c.Findings[0].Message != "" {
		d.Heading, d.Single = sentenceCase(c.Findings[0].Message), true
	}
	return d
}

func findingAnchor(controlAnchor string, i int) string {
	return fmt.Sprintf("%s.%d", controlAnchor, i+1)
}

func newFindingData(f audit.Finding, c audit.Control, place change.Place, o Options, steps bool) findingData {
	d := findingData{Finding: f}
	if f.Location == nil {
		d.Required = locationText(c.Location)
	}
	switch {
	case f.Fix == nil:
		d.Advice = advice(f, c, o)
	case steps:
		d.Remedy = change.RemedyFor(*f.Fix, place)
		for _, s := range d.Portal {
			d.Steps = append(d.Steps, splitAtLinks(s, place.Environment))
		}
		d.Advice = text.Line(d.Summary)
	default:
		d.Advice = text.Line(change.Summary(*f.Fix))
	}
	return d
}

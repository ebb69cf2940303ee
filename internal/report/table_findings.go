package report

import (
	"cmp"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
)

// findings is the table of controls with their findings. The last column is what to do about each,
// or who accepted it.
func (t *terminal) findings(cs []audit.Control, last string) {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}}
	row := t.lines
	switch {
	case t.Width == 0:
		g.Weights = make([]int, len(g.Head))
	case t.Width < wideTable:
		g = table.Grid{Head: []string{"SEVERITY", "CONTROL AND FINDING", last}, Weights: []int{0, 5, 4}, Ruled: true}
		row = t.narrow
	default:
		g.Weights, g.AlignFrom = []int{0, 4, 5, 0, 0, 5}, 2
		row = t.wide
	}
	for _, c := range cs {
		g.Rows = append(g.Rows, row(c)...)
	}
	t.draw(g)
}

func (t *terminal) narrow(c audit.Control) [][]table.Cell {
	finding, todo := t.control(c), table.Cell{{}, {}}
	for _, f := range gathered(c.Findings) {
		fault := table.Paragraph{Text: "• " + located(f)}
		if s := gap(f); s != "" {
			fault.Note, fault.NoteStyle = "  "+s, stateStyle(f)
		}
		finding = append(finding, fault)
		todo = append(todo, table.Paragraph{Text: remark(f, c, t.options)})
	}
	return [][]table.Cell{{table.TextCell(c.Severity.String(), severityStyle(c)), finding, todo}}
}

func (t *terminal) wide(c audit.Control) [][]table.Cell {
	row := []table.Cell{table.TextCell(c.Severity.String(), severityStyle(c)), t.control(c), nil, nil, nil, nil}
	for _, f := range gathered(c.Findings) {
		for i, s := range []table.Paragraph{
			{Text: located(f)}, {Text: depthOf(f.Evidence, "required_depth")}, {Text: actual(f.Evidence), Style: stateStyle(f)}, {Text: remark(f, c, t.options)},
		} {
			row[2+i] = append(row[2+i], s)
		}
	}
	return [][]table.Cell{row}
}

// lines are a row for each finding, for tools that process lines.
func (t *terminal) lines(c audit.Control) [][]table.Cell {
	row := func(finding, required, actual, todo string) []table.Cell {
		return plain(c.Severity.String(), string(c.ID), cmp.Or(finding, "-"), cmp.Or(required, "-"), cmp.Or(actual, "-"), cmp.Or(todo, "-"))
	}
	if len(c.Findings) == 0 {
		return [][]table.Cell{row(shorten(c.Title, textColumns), "", "", "")}
	}
	var rows [][]table.Cell
	for _, f := range gathered(c.Findings) {
		rows = append(rows, row(located(f), depthOf(f.Evidence, "required_depth"), actual(f.Evidence), remark(f, c, t.options)))
	}
	return rows
}

// control is a control's id, and the line that it cites.
func (t *terminal) control(c audit.Control) table.Cell {
	return table.Cell{
		{Text: string(c.ID), Style: table.Bold},
		{Text: shorten(cmp.Or(citation(c.Citation), c.Title), textColumns), Style: table.Faint},
	}
}

// located is a finding's message and, if it has a column, its place, of which a terminal makes a link.
func located(f audit.Finding) string {
	message := shorten(f.Message, textColumns)
	if f.Location == nil || f.Location.Column == 0 {
		return message
	}
	return fmt.Sprintf("%s (%s:%d:%d)", message, shorten(visible(f.Location.Path), textColumns), f.Location.Line, f.Location.Column)
}

func actual(e audit.Evidence) string {
	if e.Text("state") == "undefined" {
		return "undefined"
	}
	return depthOf(e, "actual_depth")
}

// remark is what to do about a finding, or who accepted it.
func remark(f audit.Finding, c audit.Control, o Options) string {
	s := advice(f, c, o)
	if f.Waiver != nil {
		s = waiver(f.Waiver)
	}
	if f.Baseline == audit.BaselineNew {
		s = "[new] " + s
	}
	return shorten(s, textColumns)
}

func severityStyle(c audit.Control) table.Style {
	if c.Outcome == audit.OutcomeWaived {
		return table.Faint
	}
	return formOf(c.Severity).style
}

func stateStyle(f audit.Finding) table.Style {
	switch {
	case f.Waiver != nil:
		return table.Faint
	case f.Evidence.Text("state") == "shallow", f.Evidence.Text("state") == "filtered":
		return table.Yellow
	}
	return table.Red
}

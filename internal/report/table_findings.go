package report

import (
	"cmp"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// findingTable writes controls with their findings. The last column says what to do about each finding,
// or who accepted it.
func (t *tableWriter) findingTable(cs []audit.Control, last string) {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}}
	row := t.lineRows
	switch {
	case t.Width == 0:
		g.Weights = make([]int, len(g.Head))
	case t.Width < wideTableWidth:
		g = table.Grid{Head: []string{"SEVERITY", "CONTROL AND FINDING", last}, Weights: []int{0, 5, 4}, Ruled: true}
		row = t.narrowRow
	default:
		g.Weights, g.AlignFrom = []int{0, 4, 5, 0, 0, 5}, 2
		row = t.wideRow
	}
	for _, c := range cs {
		g.Rows = append(g.Rows, row(c)...)
	}
	t.draw(g)
}

func (t *tableWriter) narrowRow(c audit.Control) [][]table.Cell {
	findings, advice := t.controlCell(c), table.Cell{{}, {}}
	for _, f := range mergeFindings(c.Findings) {
		p := table.Paragraph{Text: "• " + messageWithLocation(f)}
		if gap := depthGap(f); gap != "" {
			p.Note, p.NoteStyle = "  "+gap, stateStyle(f)
		}
		findings = append(findings, p)
		advice = append(advice, table.Paragraph{Text: whatToDo(f, c, t.options)})
	}
	return [][]table.Cell{{table.TextCell(c.Severity.String(), severityStyle(c)), findings, advice}}
}

func (t *tableWriter) wideRow(c audit.Control) [][]table.Cell {
	row := []table.Cell{table.TextCell(c.Severity.String(), severityStyle(c)), t.controlCell(c), nil, nil, nil, nil}
	for _, f := range mergeFindings(c.Findings) {
		row[2] = append(row[2], table.Paragraph{Text: messageWithLocation(f)})
		row[3] = append(row[3], table.Paragraph{Text: levelText(f.Evidence, "required_depth")})
		row[4] = append(row[4], table.Paragraph{Text: actualLevel(f.Evidence), Style: stateStyle(f)})
		row[5] = append(row[5], table.Paragraph{Text: whatToDo(f, c, t.options)})
	}
	return [][]table.Cell{row}
}

// lineRows returns a row for each finding, for tools that process lines.
func (t *tableWriter) lineRows(c audit.Control) [][]table.Cell {
	row := func(finding, required, actual, advice string) []table.Cell {
		return plainRow(c.Severity.String(), string(c.ID), cmp.Or(finding, "-"), cmp.Or(required, "-"), cmp.Or(actual, "-"), cmp.Or(advice, "-"))
	}
	if len(c.Findings) == 0 {
		return [][]table.Cell{row(text.Shorten(c.Title, textWidth), "", "", "")}
	}
	var rows [][]table.Cell
	for _, f := range mergeFindings(c.Findings) {
		rows = append(rows, row(messageWithLocation(f), levelText(f.Evidence, "required_depth"), actualLevel(f.Evidence), whatToDo(f, c, t.options)))
	}
	return rows
}

// controlCell returns a cell with the id of a control and the line that it cites.
func (t *tableWriter) controlCell(c audit.Control) table.Cell {
	return table.Cell{
		{Text: string(c.ID), Style: table.Bold},
		{Text: text.Shorten(cmp.Or(citationText(c.Citation), c.Title), textWidth), Style: table.Faint},
	}
}

// messageWithLocation returns the message of a finding. A location with a column follows in the form
// that terminals turn into a link.
func messageWithLocation(f audit.Finding) string {
	message := text.Shorten(f.Message, textWidth)
	if f.Location == nil || f.Location.Column == 0 {
		return message
	}
	return fmt.Sprintf("%s (%s:%d:%d)", message, text.Shorten(text.Line(f.Location.Path), textWidth), f.Location.Line, f.Location.Column)
}

func actualLevel(e audit.Evidence) string {
	if e.Text("state") == "undefined" {
		return "undefined"
	}
	return levelText(e, "actual_depth")
}

// whatToDo says what to do about a finding, or who accepted it.
func whatToDo(f audit.Finding, c audit.Control, o Options) string {
	s := advice(f, c, o)
	if f.Waiver != nil {
		s = waiverText(f.Waiver)
	}
	if f.Baseline == audit.BaselineNew {
		s = "[new] " + s
	}
	return text.Shorten(s, textWidth)
}

func severityStyle(c audit.Control) table.Style {
	if c.Outcome == audit.OutcomeWaived {
		return table.Faint
	}
	return termsOf(c.Severity).style
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

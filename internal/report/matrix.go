package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// miscellaneous stands for the right of privileges to no table.
const miscellaneous = "Miscellaneous"

// A matrix shows what the vendor asks for and what of it is granted in the form
// that admins know from the security-role editor: tabs, records, rights.
type matrix struct {
	Columns []string
	Tabs    []matrixTab
}

type matrixTab struct {
	Name string
	Rows []matrixRow
}

type matrixRow struct {
	Record string
	Anchor string
	Cells  []matrixCell
}

// A matrixCell is a right that the vendor asks for; State is empty where it
// doesn't.
type matrixCell struct {
	State  string // granted, shallow, missing, undefined, unknown, inapplicable
	Mark   string
	Level  string // the letter of the access level that is granted; empty where none is known
	Title  string
	Anchor string // the finding, if there is one
	Waived bool
	Span   int // over how many columns it goes; 0 for its own
}

// matrixOf takes the required rights from the cited lines, because a result names
// privileges only if one is missing.
func matrixOf(r audit.Result, anchor func(audit.ControlID) string) *matrix {
	m := &matrix{Columns: audit.Rights()}
	levels := grantedLevels(r)
	for _, c := range r.Controls {
		if c.Rule != "role/privileges" || c.Citation == nil {
			continue
		}
		record, rights := citedRights(c.Citation.Line)
		row := matrixRow{Record: record, Anchor: anchor(c.ID), Cells: make([]matrixCell, len(m.Columns))}
		asked := false
		for i, column := range m.Columns {
			row.Cells[i] = cellOf(c, record, column, rights[column], anchor(c.ID), levels)
			asked = asked || row.Cells[i].State != ""
		}
		tab := c.Citation.Tab
		if n := len(m.Tabs); n == 0 || m.Tabs[n-1].Name != tab {
			m.Tabs = append(m.Tabs, matrixTab{Name: tab})
		}
		last := &m.Tabs[len(m.Tabs)-1]
		if asked {
			last.Rows = append(last.Rows, row)
		}
		// A privilege to no table has no right: it is a row of its own.
		if cell := cellOf(c, record, miscellaneous, rights[miscellaneous], anchor(c.ID), levels); cell.State != "" {
			last.Rows = append(last.Rows, matrixRow{Record: c.Citation.Line, Anchor: anchor(c.ID), Cells: []matrixCell{cell}})
		}
	}
	if m.Tabs == nil {
		return nil
	}
	m.narrow()
	return m
}

// narrow leaves out the rights that nobody asks for: a phone has no room for them.
func (m *matrix) narrow() {
	asked := make([]bool, len(m.Columns))
	for _, tab := range m.Tabs {
		for _, row := range tab.Rows {
			for i, c := range row.Cells {
				if row.wide() {
					break
				}
				asked[i] = asked[i] || c.State != ""
			}
		}
	}
	for i := len(asked) - 1; i >= 0; i-- {
		if asked[i] {
			continue
		}
		m.Columns = slices.Delete(m.Columns, i, i+1)
		for _, tab := range m.Tabs {
			for j, row := range tab.Rows {
				if row.wide() {
					continue
				}
				tab.Rows[j].Cells = slices.Delete(row.Cells, i, i+1)
			}
		}
	}
	for _, tab := range m.Tabs {
		for _, row := range tab.Rows {
			if row.wide() {
				row.Cells[0].Span = max(len(m.Columns), 1)
			}
		}
	}
}

// wide reports whether the row is that of a privilege to no table.
func (r matrixRow) wide() bool { return len(r.Cells) == 1 }

// levelLetter is an access level as the security-role editor's pie stands for it.
func levelLetter(depth string) string {
	switch depth {
	case "basic":
		return "U"
	case "local":
		return "B"
	case "deep":
		return "P"
	case "global":
		return "O"
	}
	return ""
}

// Width is the number of columns with the head of the rows.
func (m *matrix) Width() int { return len(m.Columns) + 1 }

// grantedLevels are the depths that are granted, by the right and the table as the editor
// names them: a control that passes names no privilege, only the line that it stands for.
func grantedLevels(r audit.Result) map[string]audit.Depth {
	levels := map[string]audit.Depth{}
	if r.Integration == nil {
		return levels
	}
	for privilege, depth := range r.Integration.Granted {
		right, table := audit.SplitPrivilege(privilege)
		levels[cellKey(cmp.Or(right, miscellaneous), table)] = depth
	}
	return levels
}

func cellKey(column, record string) string { return column + "\x00" + strings.ToLower(record) }

func cellOf(c audit.Control, record, column string, asked bool, anchor string, levels map[string]audit.Depth) matrixCell {
	for i, f := range c.Findings {
		right, _ := audit.SplitPrivilege(f.Evidence.Text("privilege"))
		if right == "" {
			right = miscellaneous
		}
		if right != column {
			continue
		}
		cell, words := matrixCell{State: "missing", Mark: "○", Waived: f.Waiver != nil, Anchor: findingAnchor(anchor, i), Level: levelLetter(f.Evidence.Text("actual_depth"))}, ""
		switch f.Evidence.Text("state") {
		case "shallow":
			cell.State, cell.Mark = "shallow", "◐"
		case "filtered":
			cell.State, cell.Mark = "shallow", "◐"
			words = "granted for some records only"
		case "undefined":
			cell.State, cell.Mark = "undefined", "∅"
		}
		cell.Title = record + ", " + column + ": " + cmp.Or(words, cell.State)
		if required := depthOf(f.Evidence, "required_depth"); required != "" && cell.State != "undefined" {
			cell.Title += fmt.Sprintf(", needs %s, has %s", required, depthOf(f.Evidence, "actual_depth"))
		}
		if cell.Waived {
			cell.Title += ", waived"
		}
		return cell
	}
	if !asked {
		return matrixCell{}
	}
	cell := matrixCell{State: "granted", Mark: "●"}
	switch {
	case c.Outcome == audit.OutcomeUnknown, len(c.Unjudged) > 0:
		cell = matrixCell{State: "unknown", Mark: "?"}
	case c.Outcome == audit.OutcomeNotApplicable:
		cell = matrixCell{State: "inapplicable", Mark: "–"}
	}
	cell.Title = record + ", " + column + ": " + cell.State
	switch cell.State {
	case "inapplicable":
		cell.Title = record + ", " + column + ": not applicable"
	case "granted":
		if depth := levels[cellKey(column, record)]; depth != audit.DepthNone {
			cell.Level = levelLetter(depth.String())
			cell.Title += " at " + depth.Level() + " level"
		}
	}
	return cell
}

// citedRights takes a line such as "Lead - Create, read, append to" or "User
// settings: Read" apart. Anything that is not a right on a table, such as "Enable", is a
// miscellaneous privilege.
func citedRights(line string) (record string, rights map[string]bool) {
	record, list, ok := strings.Cut(line, " - ")
	if !ok {
		record, list, _ = strings.Cut(line, ":")
	}
	rights = map[string]bool{}
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		column := miscellaneous
		for _, r := range audit.Rights() {
			if strings.EqualFold(r, word) {
				column = r
			}
		}
		rights[column] = true
	}
	return strings.TrimSpace(record), rights
}

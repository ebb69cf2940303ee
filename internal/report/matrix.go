package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// miscellaneous is the column of privileges that are not a right to a table.
const miscellaneous = "Miscellaneous"

// A matrix shows which required privileges are granted, as the security-role editor does: by tab,
// record and right.
type matrix struct {
	Columns []string // rights
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

// A matrixCell is a right to a record.
type matrixCell struct {
	State  string // granted, shallow, missing, undefined, unknown, inapplicable; empty if not required
	Mark   string
	Level  string // the letter of the granted access level, if known
	Title  string
	Anchor string // of the finding, if any
	Waived bool
	Span   int // the number of columns; 0 means one
}

// newMatrix returns the matrix of a result, or nil if no control requires privileges. The cited lines
// state the required rights, because a result names a privilege only if it is missing. A right that
// no line requires has no column. A miscellaneous privilege has its own row.
func newMatrix(r audit.Result, anchor func(audit.ControlID) string) *matrix {
	cs := slices.DeleteFunc(slices.Clone(r.Controls), func(c audit.Control) bool { return c.Rule != "role/privileges" || c.Citation == nil })
	if len(cs) == 0 {
		return nil
	}
	levels, columns := grantedLevels(r), audit.Rights()
	rows, cells := make([]matrixRow, len(cs)), make([]map[string]matrixCell, len(cs)) // of each control
	required := map[string]bool{}                                                     // columns
	for i, c := range cs {
		rows[i].Anchor = anchor(c.ID)
		rows[i].Record, cells[i] = cellsOf(c, rows[i].Anchor, levels, columns)
		for column := range cells[i] {
			required[column] = true
		}
	}
	m := &matrix{Columns: slices.DeleteFunc(columns, func(column string) bool { return !required[column] })}
	for i, c := range cs {
		if n := len(m.Tabs); n == 0 || m.Tabs[n-1].Name != c.Citation.Tab {
			m.Tabs = append(m.Tabs, matrixTab{Name: c.Citation.Tab})
		}
		tab, row := &m.Tabs[len(m.Tabs)-1], rows[i]
		for _, column := range m.Columns {
			row.Cells = append(row.Cells, cells[i][column])
		}
		if slices.ContainsFunc(row.Cells, func(c matrixCell) bool { return c.State != "" }) {
			tab.Rows = append(tab.Rows, row)
		}
		if other, ok := cells[i][miscellaneous]; ok {
			other.Span = max(len(m.Columns), 1)
			tab.Rows = append(tab.Rows, matrixRow{c.Citation.Line, row.Anchor, []matrixCell{other}})
		}
	}
	return m
}

// levelLetter returns the initial of an access level's name in the portal.
func levelLetter(depth string) string {
	return map[string]string{"basic": "U", "local": "B", "deep": "P", "global": "O"}[depth]
}

// Width returns the number of columns, including the one of the records.
func (m *matrix) Width() int { return len(m.Columns) + 1 }

// grantedLevels returns the granted depths by [cellKey]. Cited lines use the same words for rights and
// tables as the editor.
func grantedLevels(r audit.Result) map[string]audit.Depth {
	levels := map[string]audit.Depth{}
	if r.Integration != nil {
		for privilege, depth := range r.Integration.Granted {
			column, table := columnOf(privilege)
			levels[cellKey(column, table)] = depth
		}
	}
	return levels
}

// columnOf splits a privilege into its column, and the table in the editor's words.
func columnOf(privilege string) (column, table string) {
	right, table := audit.SplitPrivilege(privilege)
	return cmp.Or(right, miscellaneous), table
}

func cellKey(column, record string) string { return column + "\x00" + strings.ToLower(record) }

// cellsOf returns the record of a control, and the cells of the rights that it requires, by column.
func cellsOf(c audit.Control, anchor string, levels map[string]audit.Depth, columns []string) (record string, cells map[string]matrixCell) {
	record, rights := parseCitedLine(c.Citation.Line, columns)
	cells = map[string]matrixCell{}
	for _, column := range rights {
		cell := matrixCell{Title: record + ", " + column + ": "}
		switch depth := levels[cellKey(column, record)]; {
		case c.Outcome == audit.OutcomeUnknown, len(c.Unjudged) > 0:
			cell.State, cell.Mark = "unknown", "?"
			cell.Title += "unknown"
		case c.Outcome == audit.OutcomeNotApplicable:
			cell.State, cell.Mark = "inapplicable", "–"
			cell.Title += "not applicable"
		default:
			cell.State, cell.Mark = "granted", "●"
			cell.Title += "granted"
			if depth != audit.DepthNone {
				cell.Level = levelLetter(depth.String())
				cell.Title += " at " + depth.Level() + " level"
			}
		}
		cells[column] = cell
	}
	for i, f := range slices.Backward(c.Findings) { // the first finding about a right is the one that counts
		column, _ := columnOf(f.Evidence.Text("privilege"))
		cells[column] = failedCell(f, record+", "+column, findingAnchor(anchor, i))
	}
	return record, cells
}

func failedCell(f audit.Finding, title, anchor string) matrixCell {
	cell := matrixCell{State: "missing", Mark: "○", Waived: f.Waiver != nil, Anchor: anchor, Level: levelLetter(f.Evidence.Text("actual_depth"))}
	description := ""
	switch f.Evidence.Text("state") {
	case "shallow":
		cell.State, cell.Mark = "shallow", "◐"
	case "filtered":
		cell.State, cell.Mark, description = "shallow", "◐", stateText("filtered", true)
	case "undefined":
		cell.State, cell.Mark = "undefined", "∅"
	}
	cell.Title = title + ": " + cmp.Or(description, cell.State)
	if required := levelText(f.Evidence, "required_depth"); required != "" && cell.State != "undefined" {
		cell.Title += fmt.Sprintf(", needs %s, has %s", required, levelText(f.Evidence, "actual_depth"))
	}
	if cell.Waived {
		cell.Title += ", waived"
	}
	return cell
}

// parseCitedLine parses a line such as "Lead - Create, read, append to" or "User settings: Read" into the
// record and the columns of its rights. A word that is not a right to a table, such as "Enable", is a
// miscellaneous privilege.
func parseCitedLine(line string, columns []string) (record string, rights []string) {
	record, list, ok := strings.Cut(line, " - ")
	if !ok {
		record, list, _ = strings.Cut(line, ":")
	}
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		right := miscellaneous
		if i := slices.IndexFunc(columns, func(column string) bool { return strings.EqualFold(column, word) }); i >= 0 {
			right = columns[i]
		}
		rights = append(rights, right)
	}
	return strings.TrimSpace(record), rights
}

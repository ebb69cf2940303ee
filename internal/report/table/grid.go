// Package table draws all of dbaudit's tables in one style, for a terminal or without one.
package table

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A Style is an ANSI rendition; the zero value is none.
type Style string

// The styles.
const (
	Plain      Style = ""
	Bold       Style = "1"
	Faint      Style = "2"
	Red        Style = "31"
	Yellow     Style = "33"
	Cyan       Style = "36"
	BoldRed    Style = "1;31"
	BoldYellow Style = "1;33"
	BoldGreen  Style = "1;32"
)

// A Canvas is a terminal. A Width of 0 means no terminal: tables then have no borders, no colors
// and no broken lines.
type Canvas struct {
	Width int
	Color bool
}

// A Paragraph is a paragraph in one style, with a remark in another below it.
type Paragraph struct {
	Text      string
	Style     Style
	Note      string
	NoteStyle Style
}

// A Cell is one paragraph below another.
type Cell []Paragraph

// TextCell is a cell of one paragraph.
func TextCell(s string, st Style) Cell { return Cell{{Text: s, Style: st}} }

// A Grid is a table before it is laid out.
type Grid struct {
	Head    []string
	Rows    [][]Cell
	Weights []int // how columns that may break divide the room; 0 is never broken
	Ruled   bool  // whether there is a line between rows
	// AlignFrom is the first column in which the n-th paragraphs of a row's cells begin on the same
	// line.
	AlignFrom int
}

// Draw lays out the cells, because the library's wrapping supports neither colors nor hanging
// indents, and has the library draw them.
func (c Canvas) Draw(b *bytes.Buffer, g Grid) error {
	widths := make([]int, len(g.Head))
	if c.Width > 0 {
		widths = fitColumns(c.Width-frameWidth(g), g.naturalWidths(), g.Weights)
	}
	options := []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(c.rendition(g))),
		// Without this, widths would depend on the locale.
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithTrimLine(tw.Off),
	}
	if c.Width == 0 {
		options = append(options, tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}))
	}
	var out bytes.Buffer
	table := tablewriter.NewTable(&out, options...)
	head := make([]Cell, len(g.Head))
	for i, h := range g.Head {
		head[i] = TextCell(h, Faint)
	}
	table.Header(c.layOutRow(head, widths, 0))
	for _, row := range g.Rows {
		if err := table.Append(c.layOutRow(row, widths, g.AlignFrom)); err != nil {
			return fmt.Errorf("laying out a row: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("drawing the table: %w", err)
	}
	for line := range strings.Lines(out.String()) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
	return nil
}

func (c Canvas) rendition(g Grid) tw.Rendition {
	if c.Width == 0 {
		return tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}
	}
	between := tw.Off
	if g.Ruled {
		between = tw.On
	}
	return tw.Rendition{
		Symbols:  tw.NewSymbols(tw.StyleLight),
		Settings: tw.Settings{Separators: tw.Separators{BetweenRows: between}},
	}
}

// layOutRow wraps the cells of a row and aligns their paragraphs.
func (c Canvas) layOutRow(row []Cell, widths []int, aligned int) []string {
	paragraphs := 0
	for _, cell := range row {
		paragraphs = max(paragraphs, len(cell))
	}
	lines := make([][]string, len(row))
	for p := range paragraphs {
		depth := 0
		for i, cell := range row {
			if p >= len(cell) {
				continue
			}
			lines[i] = append(lines[i], c.wrapHanging(cell[p].Text, cell[p].Style, widths[i])...)
			if cell[p].Note != "" {
				lines[i] = append(lines[i], c.wrapHanging(cell[p].Note, cell[p].NoteStyle, widths[i])...)
			}
			if i >= aligned {
				depth = max(depth, len(lines[i]))
			}
		}
		for i := range row {
			for i >= aligned && p+1 < len(row[i]) && len(lines[i]) < depth {
				lines[i] = append(lines[i], "")
			}
		}
	}
	out := make([]string, len(row))
	for i, ls := range lines {
		out[i] = strings.Join(ls, "\n")
	}
	return out
}

// wrapHanging wraps and paints a text; its lines hang after a bullet or an indent.
func (c Canvas) wrapHanging(s string, style Style, width int) []string {
	content := strings.TrimLeft(s, " •")
	lead := s[:len(s)-len(content)]
	indent := text.Width(lead)
	if indent >= width {
		lead, content, indent = "", s, 0
	}
	lines := text.Wrap(content, width-indent)
	for i, line := range lines {
		lines[i] = c.Paint(lead+line, style)
		lead = strings.Repeat(" ", indent)
	}
	return lines
}

// AvailableWidth is the width that is left for a column if the other columns are not broken.
func (c Canvas) AvailableWidth(g Grid, column int) int {
	room := c.Width - frameWidth(g)
	for i, n := range g.naturalWidths() {
		if i != column {
			room -= n
		}
	}
	return max(room, 1)
}

// frameWidth is the width of borders and padding: two blanks and a border for each column, and a border.
func frameWidth(g Grid) int { return 3*len(g.Head) + 1 }

// naturalWidths is the width of each column if it is not broken.
func (g Grid) naturalWidths() []int {
	widths := make([]int, len(g.Head))
	for i, h := range g.Head {
		widths[i] = text.Width(h)
	}
	for _, row := range g.Rows {
		for i, cell := range row {
			for _, s := range cell {
				widths[i] = max(widths[i], text.Width(s.Text), text.Width(s.Note))
			}
		}
	}
	return widths
}

// Paint styles a text if the canvas has colors.
func (c Canvas) Paint(s string, st Style) string {
	if !c.Color || st == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// minColumn is the minimum width of a column that shares the room.
const minColumn = 8

// fitColumns chooses the widths of columns: what each needs if there is room for all, else a share of the
// room. A column with the share 0 is never broken.
func fitColumns(room int, need, share []int) []int {
	widths := slices.Clone(need)
	var open []int // columns without a decided width
	shares := 0
	for i, s := range share {
		if s == 0 {
			room -= widths[i]
			continue
		}
		open = append(open, i)
		shares += s
	}
	// Columns that need less than their share leave the rest to the others, and columns with a
	// share below the minimum take from the others.
	for changed := true; changed; {
		changed = false
		open = slices.DeleteFunc(open, func(i int) bool {
			s := share[i]
			switch {
			case widths[i]*shares <= room*s:
			case room*s < minColumn*shares:
				widths[i] = min(widths[i], minColumn)
			default:
				return false
			}
			room -= widths[i]
			shares -= s
			changed = true
			return true
		})
	}
	left := room
	for n, i := range open {
		widths[i] = max(room*share[i]/shares, minColumn)
		left -= widths[i]
		if n == len(open)-1 {
			widths[i] += max(left, 0)
		}
	}
	return widths
}

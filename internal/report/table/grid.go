// Package table draws every table of dbaudit in one style.
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

// A Style is the parameters of an ANSI SGR sequence. The zero value is plain text.
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

// A Canvas is what tables are drawn on. A Width of 0 means that it is not a terminal: tables then
// have no borders, no colors and no line breaks within a cell.
type Canvas struct {
	Width int // in columns
	Color bool
}

// A Paragraph is text of a cell that starts on its own line, with an optional note below it.
type Paragraph struct {
	Text      string
	Style     Style
	Note      string
	NoteStyle Style
}

// A Cell is a list of paragraphs, one below another.
type Cell []Paragraph

// TextCell returns a cell with one paragraph.
func TextCell(s string, style Style) Cell { return Cell{{Text: s, Style: style}} }

// A Grid is the content of a table.
type Grid struct {
	Head []string
	Rows [][]Cell
	// Weights divide the width that is left among the columns that may wrap. A column of weight 0
	// never wraps.
	Weights []int
	Ruled   bool // whether a line separates the rows
	// AlignFrom is the first of the columns in which the n-th paragraphs of a row start on the same
	// line.
	AlignFrom int
}

// Draw writes the table to b. It wraps the cells itself, because the library's wrapping supports
// neither colors nor hanging indents.
func (c Canvas) Draw(b *bytes.Buffer, g Grid) error {
	widths := make([]int, len(g.Head))
	if c.Width > 0 {
		widths = fitColumns(c.Width-g.frameWidth(), g.naturalWidths(), g.Weights)
	}
	options := []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(c.rendition(g))),
		tablewriter.WithEastAsian(tw.Off), // widths do not depend on the locale
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

// layOutRow wraps the cells of a row, and aligns the paragraphs of the columns from alignFrom on.
func (c Canvas) layOutRow(row []Cell, widths []int, alignFrom int) []string {
	paragraphs := 0
	for _, cell := range row {
		paragraphs = max(paragraphs, len(cell))
	}
	lines := make([][]string, len(row))
	for p := range paragraphs {
		height := 0
		for i, cell := range row {
			if p >= len(cell) {
				continue
			}
			lines[i] = append(lines[i], c.wrapHanging(cell[p].Text, cell[p].Style, widths[i])...)
			if cell[p].Note != "" {
				lines[i] = append(lines[i], c.wrapHanging(cell[p].Note, cell[p].NoteStyle, widths[i])...)
			}
			if i >= alignFrom {
				height = max(height, len(lines[i]))
			}
		}
		for i := range row {
			for i >= alignFrom && p+1 < len(row[i]) && len(lines[i]) < height {
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

// wrapHanging wraps and paints s. Continuation lines align with the text after a bullet or an indent.
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

// AvailableWidth returns the width that is left for a column if the others do not wrap.
func (c Canvas) AvailableWidth(g Grid, column int) int {
	width := c.Width - g.frameWidth()
	for i, n := range g.naturalWidths() {
		if i != column {
			width -= n
		}
	}
	return max(width, 1)
}

// frameWidth returns the width of the borders and the padding: two spaces and a border for each
// column, and one more border.
func (g Grid) frameWidth() int { return 3*len(g.Head) + 1 }

// naturalWidths returns the width of each column without wrapping.
func (g Grid) naturalWidths() []int {
	widths := make([]int, len(g.Head))
	for i, h := range g.Head {
		widths[i] = text.Width(h)
	}
	for _, row := range g.Rows {
		for i, cell := range row {
			for _, p := range cell {
				widths[i] = max(widths[i], text.Width(p.Text), text.Width(p.Note))
			}
		}
	}
	return widths
}

// Paint returns s in a style if the canvas has colors.
func (c Canvas) Paint(s string, style Style) string {
	if !c.Color || style == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

// minColumn is the minimum width of a column that wraps.
const minColumn = 8

// fitColumns chooses the widths of columns within a total width: the natural width of each if all
// fit, else a part of what is left by its weight. A column of weight 0 keeps its natural width.
func fitColumns(total int, natural, weights []int) []int {
	widths := slices.Clone(natural)
	var undecided []int // columns
	sum := 0            // of their weights
	for i, weight := range weights {
		if weight == 0 {
			total -= widths[i]
			continue
		}
		undecided = append(undecided, i)
		sum += weight
	}
	// Columns that need less than their part leave the rest to the others. Columns with a part below
	// the minimum take from the others.
	for changed := true; changed; {
		changed = false
		undecided = slices.DeleteFunc(undecided, func(i int) bool {
			weight := weights[i]
			switch {
			case widths[i]*sum <= total*weight:
			case total*weight < minColumn*sum:
				widths[i] = min(widths[i], minColumn)
			default:
				return false
			}
			total -= widths[i]
			sum -= weight
			changed = true
			return true
		})
	}
	rest := total
	for n, i := range undecided {
		widths[i] = max(total*weights[i]/sum, minColumn)
		rest -= widths[i]
		if n == len(undecided)-1 {
			widths[i] += max(rest, 0)
		}
	}
	return widths
}

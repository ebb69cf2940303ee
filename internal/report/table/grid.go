// Package table draws tables for a terminal of a width, or for none: the one style of all
// of dbaudit's tables.
package table

import (
	"bytes"
	"strings"

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

// A Canvas is where tables are drawn: as wide as the terminal at most, and without
// borders, colours or broken lines if Width is 0, which means no terminal.
type Canvas struct {
	Width int
	Color bool
}

// A Span is a paragraph in one style, with a remark in another below it.
type Span struct {
	Text  string
	Style Style
	Below string
	Under Style
}

// A Cell is one paragraph below another.
type Cell []Span

// Phrase is a cell of one paragraph.
func Phrase(s string, st Style) Cell { return Cell{{Text: s, Style: st}} }

// A Grid is a table before it is laid out.
type Grid struct {
	Head []string
	Rows [][]Cell
	// Share is how columns that may break divide the room; 0 is never broken.
	Share []int
	// Ruled asks for a line between rows.
	Ruled bool
	// Aligned is the column from which on the paragraphs of a row's cells begin on
	// the same line as one another; the first paragraphs of all do in any case.
	Aligned int
}

// Draw draws the table: a box on a terminal, and columns two blanks apart elsewhere.
func (c Canvas) Draw(b *bytes.Buffer, g Grid) {
	widths := c.fit(g)
	head := make([]Cell, len(g.Head))
	for i, h := range g.Head {
		head[i] = Phrase(h, Faint)
	}
	rows := [][][]line{c.layOut(head, widths, 0)}
	for _, row := range g.Rows {
		rows = append(rows, c.layOut(row, widths, g.Aligned))
	}
	room := make([]int, len(g.Head))
	for _, row := range rows {
		for i, lines := range row {
			for _, l := range lines {
				room[i] = max(room[i], text.Columns(l.text))
			}
		}
	}
	c.rule(b, room, "┌", "┬", "┐")
	for i, row := range rows {
		if i == 1 || i > 1 && g.Ruled {
			c.rule(b, room, "├", "┼", "┤")
		}
		c.write(b, row, room)
	}
	c.rule(b, room, "└", "┴", "┘")
}

// rule draws a line of a box, where there is one.
func (c Canvas) rule(b *bytes.Buffer, room []int, left, middle, right string) {
	if c.Width == 0 {
		return
	}
	dashes := make([]string, len(room))
	for i, width := range room {
		dashes[i] = strings.Repeat("─", width+2)
	}
	b.WriteString(left + strings.Join(dashes, middle) + right + "\n")
}

// write writes the lines of a row.
func (c Canvas) write(b *bytes.Buffer, row [][]line, room []int) {
	height := 1
	for _, lines := range row {
		height = max(height, len(lines))
	}
	left, right := "│ ", " "
	if c.Width == 0 {
		left, right = "", "  "
	}
	for n := range height {
		var out strings.Builder
		for i, width := range room {
			var l line
			if i < len(row) && n < len(row[i]) {
				l = row[i][n]
			}
			out.WriteString(left + c.Paint(l.text, l.style) + strings.Repeat(" ", width-text.Columns(l.text)) + right)
		}
		if c.Width > 0 {
			out.WriteString("│")
		}
		b.WriteString(strings.TrimRight(out.String(), " ") + "\n")
	}
}

// A line is one of a cell, in one style.
type line struct {
	text  string
	style Style
}

// layOut wraps the cells of a row and puts their paragraphs beside one another.
func (c Canvas) layOut(row []Cell, widths []int, aligned int) [][]line {
	paragraphs := 0
	for _, cell := range row {
		paragraphs = max(paragraphs, len(cell))
	}
	lines := make([][]line, len(row))
	for p := range paragraphs {
		depth := 0
		for i, cell := range row {
			if p >= len(cell) {
				continue
			}
			for _, part := range hang(cell[p].Text, widths[i]) {
				lines[i] = append(lines[i], line{part, cell[p].Style})
			}
			if cell[p].Below != "" {
				for _, part := range hang(cell[p].Below, widths[i]) {
					lines[i] = append(lines[i], line{part, cell[p].Under})
				}
			}
			if i >= aligned {
				depth = max(depth, len(lines[i]))
			}
		}
		for i := range row {
			for i >= aligned && p+1 < len(row[i]) && len(lines[i]) < depth {
				lines[i] = append(lines[i], line{})
			}
		}
	}
	return lines
}

// hang wraps s so that what follows a bullet or an indent stays behind it.
func hang(s string, width int) []string {
	if width == 0 {
		return []string{s}
	}
	indent := 0
	for _, r := range s {
		if r != ' ' && r != '•' {
			break
		}
		indent++
	}
	if indent == 0 || indent >= width {
		return text.Wrap(s, width)
	}
	lead := string([]rune(s)[:indent])
	lines := text.Wrap(s[len(lead):], width-indent)
	for i := range lines {
		if i == 0 {
			lines[i] = lead + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", indent) + lines[i]
		}
	}
	return lines
}

// Room is the width that the other columns leave for one, where none of them is broken.
func (c Canvas) Room(g Grid, column int) int {
	need := g.need()
	room := c.Width - frame(g)
	for i, n := range need {
		if i != column {
			room -= n
		}
	}
	return max(room, 1)
}

// frame is what the borders of a table and the blanks in it take: two blanks and a border
// for each column, and a border.
func frame(g Grid) int { return 3*len(g.Head) + 1 }

// need is how wide each column is where it is not broken.
func (g Grid) need() []int {
	widths := make([]int, len(g.Head))
	for i, h := range g.Head {
		widths[i] = text.Columns(h)
	}
	for _, row := range g.Rows {
		for i, cell := range row {
			for _, s := range cell {
				widths[i] = max(widths[i], text.Columns(s.Text), text.Columns(s.Below))
			}
		}
	}
	return widths
}

// fit chooses the width of each column: what it needs where there is room for all,
// else a share of what the unbreakable columns leave.
func (c Canvas) fit(g Grid) []int {
	if c.Width == 0 {
		return make([]int, len(g.Head))
	}
	return text.Fit(c.Width-frame(g), g.need(), g.Share)
}

// Paint puts a text into a style, where there are colours.
func (c Canvas) Paint(s string, st Style) string {
	if !c.Color || st == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

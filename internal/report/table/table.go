package table

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// List writes a table of plain text. A width of 0 means that w is not a terminal.
func List(w io.Writer, width int, header []string, rows [][]string) error {
	var b bytes.Buffer
	g := listGrid(header, rows)
	err := Canvas{Width: width}.Draw(&b, g)
	if first, _, _ := strings.Cut(b.String(), "\n"); width > 0 && text.Width(first) > width {
		// The table is too wide even with all long columns wrapped: let the short ones wrap as well.
		b.Reset()
		for i := range g.Weights {
			g.Weights[i] = cmp.Or(g.Weights[i], 4*shortColumn)
		}
		err = Canvas{Width: width}.Draw(&b, g)
	}
	if err != nil {
		return err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// The widths up to which a column of a list does not wrap: one of phrases, and one of words.
const shortColumn, nameColumn = 10, 22

// listGrid returns a grid of plain text. A column weighs as much as its widest cell.
func listGrid(head []string, rows [][]string) Grid {
	g := Grid{Head: make([]string, len(head)), Weights: make([]int, len(head))}
	weigh := func(i int, s string) {
		if n := text.Width(s); n > nameColumn || n > shortColumn && strings.Contains(s, " ") {
			g.Weights[i] = max(g.Weights[i], min(n, 10*shortColumn))
		}
	}
	for i, h := range head {
		g.Head[i] = strings.ToUpper(h)
		weigh(i, h)
	}
	for _, row := range rows {
		cells := make([]Cell, len(row))
		for i, s := range row {
			s = text.Line(s)
			cells[i] = TextCell(s, Plain)
			weigh(i, s)
		}
		g.Rows = append(g.Rows, cells)
	}
	return g
}

// Checks writes a table of checks. A row is what was checked, the outcome, and lines of findings.
func Checks(w io.Writer, head [3]string, rows [][3]string, width int) error {
	g := Grid{Head: head[:], Weights: []int{1, 0, 2}}
	for _, row := range rows {
		var findings Cell
		for line := range strings.SplitSeq(row[2], "\n") {
			findings = append(findings, Paragraph{Text: text.Message(line)})
		}
		g.Rows = append(g.Rows, []Cell{TextCell(text.Message(row[0]), Plain), TextCell(row[1], Plain), findings})
	}
	var b bytes.Buffer
	if err := (Canvas{Width: width}).Draw(&b, g); err != nil {
		return err
	}
	if _, err := io.WriteString(w, text.Sanitize(b.String())); err != nil {
		return fmt.Errorf("writing the checks: %w", err)
	}
	return nil
}

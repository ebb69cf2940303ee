package table

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// List prints a table of plain texts. A width of 0 means no limit.
func List(w io.Writer, width int, header []string, rows [][]string) error {
	var b bytes.Buffer
	g := listGrid(header, rows)
	err := Canvas{Width: width}.Draw(&b, g)
	if first, _, _ := strings.Cut(b.String(), "\n"); width > 0 && text.Width(first) > width {
		// The short columns do not fit either: all columns break.
		b.Reset()
		for i := range g.Weights {
			g.Weights[i] = cmp.Or(g.Weights[i], 4*shortColumn) // little of them breaks
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

// The widths up to which a column of a list is not broken, and one of names without blanks.
const shortColumn, nameColumn = 10, 22

// listGrid is a table of plain texts. Columns break by the width of their content.
func listGrid(head []string, rows [][]string) Grid {
	g := Grid{Head: make([]string, len(head)), Weights: make([]int, len(head))}
	share := func(i int, s string) {
		if n := text.Width(s); n > nameColumn || n > shortColumn && strings.Contains(s, " ") {
			g.Weights[i] = max(g.Weights[i], min(n, 10*shortColumn))
		}
	}
	for i, h := range head {
		g.Head[i] = strings.ToUpper(h)
		share(i, h)
	}
	for _, row := range rows {
		cells := make([]Cell, len(row))
		for i, s := range row {
			s = text.Line(s)
			cells[i] = TextCell(s, Plain)
			share(i, s)
		}
		g.Rows = append(g.Rows, cells)
	}
	return g
}

// Checks draws a row for each check: what was checked, the outcome, and lines with what was found.
func Checks(w io.Writer, head [3]string, rows [][3]string, width int) error {
	g := Grid{Head: head[:], Weights: []int{1, 0, 2}}
	for _, row := range rows {
		var found Cell
		for line := range strings.SplitSeq(row[2], "\n") {
			found = append(found, Paragraph{Text: text.Message(line)})
		}
		g.Rows = append(g.Rows, []Cell{TextCell(text.Message(row[0]), Plain), TextCell(row[1], Plain), found})
	}
	var drawn bytes.Buffer
	if err := (Canvas{Width: width}).Draw(&drawn, g); err != nil {
		return err
	}
	if _, err := io.WriteString(w, text.Sanitize(drawn.String())); err != nil {
		return fmt.Errorf("writing the checks: %w", err)
	}
	return nil
}

// Package table draws the tables of commands for a terminal. Names are made one line by
// package text.
package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// List prints a plain table without borders. It is as wide as the terminal at most, by
// the rule of every table: text.Fit. Columns break by the width of what stands in them.
// A width of 0 stands for as wide as it comes.
func List(w io.Writer, width int, header []string, rows [][]string) error {
	need := make([]int, len(header))
	for i, h := range header {
		need[i] = text.Columns(h)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = text.Line(row[i])
			need[i] = max(need[i], text.Columns(row[i]))
		}
	}
	widths := make([]int, len(header))
	if width > 0 {
		share := make([]int, len(header))
		for i, n := range need {
			if n > unbroken {
				share[i] = min(n, 10*unbroken)
			}
		}
		widths = text.Fit(width-2*len(header), need, share)
	}
	table := tablewriter.NewTable(w,
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off, ShowHeader: tw.On}},
		}),
	)
	table.Header(brokenRow(header, widths))
	for _, row := range rows {
		if err := table.Append(brokenRow(row, widths)); err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// unbroken is the width up to which a column of a list is never broken.
const unbroken = 10

// brokenRow is a row with each cell broken to its column's width.
func brokenRow(row []string, widths []int) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		out[i] = strings.Join(text.Wrap(cell, widths[i]), "\n")
	}
	return out
}

// Checks draws rows of what was checked, how it ended, and what was found: lines of
// text, the first of which is the finding.
func Checks(b *bytes.Buffer, head [3]string, rows [][3]string, width int) error {
	maxTitle := min(36, max(20, width/3))
	checkWidth, outcomeWidth := 0, 0
	for _, row := range rows {
		checkWidth = min(maxTitle, max(checkWidth, text.Columns(text.Message(row[0]))))
		outcomeWidth = max(outcomeWidth, len(row[1]), len(head[1]))
	}
	rendition := tw.Rendition{Symbols: tw.NewSymbols(tw.StyleLight), Settings: tw.Settings{Separators: tw.Separators{BetweenRows: tw.Off}}}
	options := []tablewriter.Option{
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft),
	}
	const frame = 10
	room := max(30, width-checkWidth-outcomeWidth-frame)
	if width == 0 {
		room = 0
		rendition = tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}
		options = append(options, tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}))
	}
	var drawn bytes.Buffer
	table := tablewriter.NewTable(&drawn, append(options, tablewriter.WithRenderer(renderer.NewBlueprint(rendition)))...)
	table.Header(head[0], head[1], head[2])
	for _, row := range rows {
		var lines []string
		for line := range strings.SplitSeq(row[2], "\n") {
			lines = append(lines, broken(text.Message(line), room))
		}
		title := text.Message(row[0])
		if width > 0 {
			title = broken(title, maxTitle)
		}
		if err := table.Append(title, row[1], strings.Join(lines, "\n")); err != nil {
			return fmt.Errorf("laying out the checks: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("drawing the checks: %w", err)
	}
	for line := range strings.Lines(text.Harmless(drawn.String())) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return nil
}

func broken(said string, width int) string { return strings.Join(text.Wrap(said, width), "\n") }

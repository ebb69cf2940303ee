package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// wideTableWidth is the width from which on each part of a finding has its own column.
const wideTableWidth = 120

// textWidth is the maximum width of a text in documents for people. JSON has the whole text.
const textWidth = 400

// headlineWidth is the maximum width of a headline. It is larger, because the headline of an environment
// that could not be read ends with advice.
const headlineWidth = 3 * textWidth

// A tableWriter writes a report for a terminal, or a file of the same form.
type tableWriter struct {
	table.Canvas

	b       bytes.Buffer
	err     error // the first error of draw
	options Options
}

func writeTable(w io.Writer, set *resultSet, o Options) error {
	t := &tableWriter{Canvas: table.Canvas{Width: max(o.Width, 0), Color: o.Color && o.Width > 0}, options: o}
	if t.Width > 0 {
		t.Width = max(t.Width, 60) // the headings alone take most of a narrower terminal
	}
	multiple := len(set.results) > 1
	if multiple {
		t.overview(&resultSet{results: worstFirst(set.results), convert: set.convert})
	}
	if multiple && o.Summary {
		t.b.WriteByte('\n')
		t.paragraph("", table.Plain, "Details: --summary=false, or a page for each with -f html -o DIR/", table.Faint)
		set.results = nil
	}
	for r := range set.all() {
		if multiple {
			t.b.WriteByte('\n')
		}
		t.result(r)
	}
	if t.err != nil {
		return t.err
	}
	// A [text.Stream] guards files too, because people may print them later.
	_, err := text.NewStream(w, t.Color).Write(t.b.Bytes())
	return err
}

// draw draws a table, and keeps the first error.
func (t *tableWriter) draw(g table.Grid) { t.err = cmp.Or(t.err, t.Draw(&t.b, g)) }

func plainRow(texts ...string) []table.Cell {
	row := make([]table.Cell, len(texts))
	for i, s := range texts {
		row[i] = table.TextCell(s, table.Plain)
	}
	return row
}

// narrowOverviewWidth is the width below which an overview omits columns.
const narrowOverviewWidth = 100

// overview writes a table with a row for each result. In a summary, each row is one line.
func (t *tableWriter) overview(set *resultSet) {
	g := table.Grid{Head: []string{strings.ToUpper(rowNoun(set.results)), "VERDICT", "FAIL", "UNKNOWN", "WORST"}, Weights: []int{1, 0, 0, 0, 0}}
	narrow := t.Width > 0 && t.Width < narrowOverviewWidth
	if !narrow {
		g.Head, g.Weights = append(g.Head, "WAIVED", "COVERAGE"), append(g.Weights, 0, 0)
	}
	unchecked := 0
	for r := range set.all() {
		verdict := r.Verdict.String()
		if verdictNote(r) != "" {
			verdict += "*"
			unchecked++
		}
		row := plainRow(t.options.shortenName(r.Environment.Name), verdict, strconv.Itoa(r.Summary.Fail), strconv.Itoa(r.Summary.Unknown), severityOr(r.WorstSeverity(), "-"))
		row[0][0].Style, row[1][0].Style = table.Bold, verdictTermsOf(r.Verdict).style
		if !narrow {
			row = append(row, plainRow(strconv.Itoa(r.Summary.Waived), percent(r.Summary))...)
		}
		g.Rows = append(g.Rows, row)
	}
	if t.options.Summary && t.Width > 0 {
		width := t.AvailableWidth(g, 0)
		for _, row := range g.Rows {
			row[0][0].Text = text.ShortenMiddle(row[0][0].Text, width)
		}
	}
	t.draw(g)
	t.paragraph("", table.Plain, totals(set.results), table.Bold)
	if unchecked > 0 {
		t.paragraph("* ", table.Plain, audit.ViewsUnchecked, table.Plain)
	}
}

func (t *tableWriter) result(r audit.Result) {
	t.banner(r)
	if r.Unread != nil {
		return
	}
	if t.options.Summary {
		t.facts(r)
		return
	}
	listed := r
	listed.Controls = slices.DeleteFunc(slices.Clone(r.Controls), func(c audit.Control) bool { return c.Severity < t.options.MinSeverity })
	if failed := mostSevereFirst(controlsWith(listed, audit.OutcomeFail)); len(failed) > 0 {
		n, waived := countFindings(failed)
		heading := fmt.Sprintf("FAILED  %s, %s", text.Count(len(failed), "control"), text.Count(n, "finding"))
		if waived > 0 {
			heading += fmt.Sprintf(", %d of them waived", waived)
		}
		t.section(table.BoldRed, heading)
		t.findingTable(failed, "WHAT TO DO")
	}
	if unknown := mostSevereFirst(controlsWith(listed, audit.OutcomeUnknown)); len(unknown) > 0 {
		t.section(table.BoldYellow, fmt.Sprintf("UNKNOWN  %s could not be evaluated", text.Count(len(unknown), "control")))
		t.reasonTable(unknown)
	}
	if waived := mostSevereFirst(controlsWith(listed, audit.OutcomeWaived)); len(waived) > 0 {
		_, accepted := countFindings(waived)
		t.section(table.Bold, fmt.Sprintf("WAIVED  %s that failed, %s accepted", text.Count(len(waived), "control"), text.Count(accepted, "finding")))
		t.findingTable(waived, "ACCEPTED")
	}
	t.notFailed(listed)
	if hidden := len(r.Controls) - len(listed.Controls); hidden > 0 {
		t.section(table.Bold, fmt.Sprintf("NOT LISTED  %s below %s (--severity)", text.Count(hidden, "control"), t.options.MinSeverity))
	}
	for i, n := range notesOf(r) {
		if i == 0 {
			t.section(table.Bold, "NOTES")
		}
		t.paragraph("• ", table.Plain, text.Shorten(n.String(), textWidth), table.Plain)
	}
	t.facts(r)
}

// notFailed lists the controls that need no action: those that do not apply, and those that passed.
func (t *tableWriter) notFailed(r audit.Result) {
	more := " (--verbose lists them)"
	if t.options.Verbose {
		more = ""
	}
	if inapplicable := controlsWith(r, audit.OutcomeNotApplicable); len(inapplicable) > 0 {
		t.section(table.Bold, "NOT APPLICABLE  "+text.Count(len(inapplicable), "control")+more)
		if t.options.Verbose {
			t.reasonTable(inapplicable)
		} else {
			for _, group := range groupByReason(inapplicable) {
				t.paragraph("  "+group.Title()+": ", table.Plain, group.ShortReason(t.options), table.Plain)
			}
		}
	}
	if passed := controlsWith(r, audit.OutcomePass); len(passed) > 0 {
		t.section(table.BoldGreen, "PASSED  "+text.Count(len(passed), "control")+more)
		if t.options.Verbose {
			t.passedTable(passed)
		}
	}
}

// countFindings counts the findings of controls, and the ones that a waiver covers.
func countFindings(cs []audit.Control) (all, waived int) {
	for _, c := range cs {
		for _, f := range c.Findings {
			all++
			if f.Waiver != nil {
				waived++
			}
		}
	}
	return all, waived
}

// banner writes the verdict and what to do next.
func (t *tableWriter) banner(r audit.Result) {
	terms := verdictTermsOf(r.Verdict)
	t.paragraph(terms.mark+" "+strings.ToUpper(r.Verdict.String())+"  ", terms.style, text.Shorten(headline(r), headlineWidth), table.Bold)
	label := "  Next:  "
	for _, step := range nextSteps(r, t.options) {
		t.paragraph(label, table.Faint, text.Shorten(step.Text, textWidth), table.Plain)
		label = "         "
		for _, command := range step.Commands {
			t.command("           ", text.Line(command))
		}
	}
}

// facts lists what was judged. A URL that does not fit is on its own line without breaks, so that it can
// be copied.
func (t *tableWriter) facts(r audit.Result) {
	const labelWidth = 13
	t.section(table.Bold, "JUDGED")
	for _, f := range resultFacts(r) {
		value, urlLine := f.Value, ""
		switch both := value + "  " + f.URL; {
		case f.Code && t.Width > 0:
			value = text.Shorten(value, t.Width-labelWidth)
		case f.URL == "" || f.URL == value:
		case t.Width == 0 || text.Width(both) <= t.Width-labelWidth:
			value = both
		default:
			urlLine = strings.Repeat(" ", labelWidth) + text.Shorten(f.URL, textWidth) + "\n"
		}
		t.paragraph(fmt.Sprintf("%-*s", labelWidth, f.Name), table.Faint, text.Shorten(value, textWidth), table.Plain)
		t.b.WriteString(urlLine)
	}
}

func (t *tableWriter) section(style table.Style, title string) {
	t.b.WriteByte('\n')
	t.paragraph("", table.Plain, title, style)
}

// reasonTable writes controls with their reasons. Controls with a common reason precede the table.
func (t *tableWriter) reasonTable(cs []audit.Control) {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "REASON"}, Weights: []int{0, 2, 5}}
	for _, group := range groupByReason(cs) {
		if len(group.Controls) > 1 {
			t.paragraph("  "+group.Title()+": ", table.Bold, group.ShortReason(t.options), table.Plain)
			t.paragraph("    ", table.Plain, group.Names(), table.Faint)
			continue
		}
		row := plainRow(group.Controls[0].Severity.String(), group.Title(), group.ShortReason(t.options))
		row[1][0].Style = table.Bold
		g.Rows = append(g.Rows, row)
	}
	if len(g.Rows) > 0 {
		t.draw(g)
	}
}

func (t *tableWriter) passedTable(cs []audit.Control) {
	g := table.Grid{Head: []string{"CONTROL", "TITLE"}, Weights: []int{2, 5}}
	for _, c := range cs {
		row := plainRow(string(c.ID), text.Shorten(c.Title, textWidth))
		row[0][0].Style = table.Bold
		g.Rows = append(g.Rows, row)
	}
	t.draw(g)
}

// command writes a command on its own line without breaks, so that it can be copied.
func (t *tableWriter) command(label, command string) {
	t.b.WriteString(label + t.Paint(command, table.Bold) + "\n")
}

// paragraph writes a label and, next to it, a text with a hanging indent.
func (t *tableWriter) paragraph(label string, labelStyle table.Style, s string, style table.Style) {
	width := 0
	if t.Width > 0 {
		width = max(t.Width-text.Width(label), 16)
	}
	trimmed := strings.TrimRight(label, " ")
	lead := t.Paint(trimmed, labelStyle) + label[len(trimmed):]
	for _, line := range text.Wrap(s, width) {
		if line == "" {
			lead = t.Paint(trimmed, labelStyle)
		}
		t.b.WriteString(lead + t.Paint(line, style) + "\n")
		lead = strings.Repeat(" ", text.Width(label))
	}
}

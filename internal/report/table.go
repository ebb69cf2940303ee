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

// wideTableWidth is the width from which each part of a finding has a separate column.
const wideTableWidth = 120

// textWidth is how much of one text a table shows. JSON has it all.
const textWidth = 400

// headlineWidth is how much of a verdict's sentence is shown. If an environment could not be
// read, the sentence ends with what to do.
const headlineWidth = 3 * textWidth

// tableWriter writes text for a terminal of a width, or for none.
type tableWriter struct {
	table.Canvas

	b       bytes.Buffer
	err     error // of a table that could not be drawn
	options Options
}

func writeTable(w io.Writer, from *resultSet, o Options) error {
	t := &tableWriter{Canvas: table.Canvas{Width: max(o.Width, 0), Color: o.Color && o.Width > 0}, options: o}
	if t.Width > 0 {
		t.Width = max(t.Width, 60) // below this the headings alone take most of the room
	}
	several := len(from.results) > 1
	if several {
		t.overview(&resultSet{results: worstFirst(from.results), convert: from.convert})
	}
	if several && o.Summary {
		t.b.WriteByte('\n')
		t.paragraph("", table.Plain, "Details: --summary=false, or a page for each with -f html -o DIR/", table.Faint)
		from.results = nil
	}
	for r := range from.all() {
		if several {
			t.b.WriteByte('\n')
		}
		t.result(r)
	}
	if t.err != nil {
		return t.err
	}
	// Files may be printed later, too.
	_, err := text.NewStream(w, t.Color).Write(t.b.Bytes())
	return err
}

// draw draws a table; the first error is that of the document.
func (t *tableWriter) draw(g table.Grid) { t.err = cmp.Or(t.err, t.Draw(&t.b, g)) }

// plainRow is a row of texts without a style.
func plainRow(texts ...string) []table.Cell {
	row := make([]table.Cell, len(texts))
	for i, s := range texts {
		row[i] = table.TextCell(s, table.Plain)
	}
	return row
}

// narrowOverviewWidth is the width below which an overview leaves columns out.
const narrowOverviewWidth = 100

// overview is a row for each of several results; in a summary, each row is one line.
func (t *tableWriter) overview(from *resultSet) {
	g := table.Grid{Head: []string{strings.ToUpper(rowNoun(from.results)), "VERDICT", "FAIL", "UNKNOWN", "WORST"}, Weights: []int{1, 0, 0, 0, 0}}
	narrow := t.Width > 0 && t.Width < narrowOverviewWidth
	if !narrow {
		g.Head, g.Weights = append(g.Head, "WAIVED", "COVERAGE"), append(g.Weights, 0, 0)
	}
	unchecked := 0
	for r := range from.all() {
		worst := "-"
		if w := r.WorstSeverity(); w != audit.SeverityInvalid {
			worst = w.String()
		}
		verdict := r.Verdict.String()
		if verdictNote(r) != "" {
			verdict += "*"
			unchecked++
		}
		row := plainRow(t.options.shortenName(r.Environment.Name), verdict, strconv.Itoa(r.Summary.Fail), strconv.Itoa(r.Summary.Unknown), worst)
		row[0][0].Style, row[1][0].Style = table.Bold, verdictTermsOf(r.Verdict).style
		if !narrow {
			row = append(row, plainRow(strconv.Itoa(r.Summary.Waived), percent(r.Summary))...)
		}
		g.Rows = append(g.Rows, row)
	}
	if t.options.Summary && t.Width > 0 {
		room := t.AvailableWidth(g, 0)
		for _, row := range g.Rows {
			row[0][0].Text = text.ShortenMiddle(row[0][0].Text, room)
		}
	}
	t.draw(g)
	t.paragraph("", table.Plain, totals(from.results), table.Bold)
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
	if failed := controlsWith(audit.OutcomeFail, listed); len(failed) > 0 {
		n, accepted := countFindings(failed)
		heading := fmt.Sprintf("FAILED  %s, %s", count(len(failed), "control"), count(n, "finding"))
		if accepted > 0 {
			heading += fmt.Sprintf(", %d of them waived", accepted)
		}
		t.section(table.BoldRed, heading)
		t.findingTable(failed, "WHAT TO DO")
	}
	if unknown := controlsWith(audit.OutcomeUnknown, listed); len(unknown) > 0 {
		t.section(table.BoldYellow, fmt.Sprintf("UNKNOWN  %s could not be evaluated", count(len(unknown), "control")))
		t.reasonTable(unknown)
	}
	if waived := controlsWith(audit.OutcomeWaived, listed); len(waived) > 0 {
		_, accepted := countFindings(waived)
		t.section(table.Bold, fmt.Sprintf("WAIVED  %s that failed, %s accepted", count(len(waived), "control"), count(accepted, "finding")))
		t.findingTable(waived, "ACCEPTED")
	}
	t.notFailed(listed)
	if hidden := len(r.Controls) - len(listed.Controls); hidden > 0 {
		t.section(table.Bold, fmt.Sprintf("NOT LISTED  %s below %s (--severity)", count(hidden, "control"), t.options.MinSeverity))
	}
	for i, n := range notesOf(r) {
		if i == 0 {
			t.section(table.Bold, "NOTES")
		}
		t.paragraph("• ", table.Plain, shorten(n.String(), textWidth), table.Plain)
	}
	t.facts(r)
}

// notFailed lists what needs no action: what does not apply, and what passed.
func (t *tableWriter) notFailed(r audit.Result) {
	of := func(o audit.Outcome) []audit.Control {
		return slices.DeleteFunc(slices.Clone(r.Controls), func(c audit.Control) bool { return c.Outcome != o })
	}
	more := " (--verbose lists them)"
	if t.options.Verbose {
		more = ""
	}
	if absent := of(audit.OutcomeNotApplicable); len(absent) > 0 {
		t.section(table.Bold, "NOT APPLICABLE  "+count(len(absent), "control")+more)
		if t.options.Verbose {
			t.reasonTable(absent)
		} else {
			for _, group := range groupByReason(absent) { // a line for each reason
				t.paragraph("  "+group.Title()+": ", table.Plain, group.ShortReason(t.options), table.Plain)
			}
		}
	}
	if passed := of(audit.OutcomePass); len(passed) > 0 {
		t.section(table.BoldGreen, "PASSED  "+count(len(passed), "control")+more)
		if t.options.Verbose {
			t.passedTable(passed)
		}
	}
}

// countFindings counts the findings of controls, and those of them that a waiver covers.
func countFindings(cs []audit.Control) (all, accepted int) {
	for _, c := range cs {
		for _, f := range c.Findings {
			all++
			if f.Waiver != nil {
				accepted++
			}
		}
	}
	return all, accepted
}

// banner is the verdict and what to do next.
func (t *tableWriter) banner(r audit.Result) {
	form := verdictTermsOf(r.Verdict)
	t.paragraph(form.mark+" "+strings.ToUpper(r.Verdict.String())+"  ", form.style, shorten(headline(r), headlineWidth), table.Bold)
	label := "  Next:  "
	for _, step := range nextSteps(r, t.options) {
		t.paragraph(label, table.Faint, shorten(step.Text, textWidth), table.Plain)
		label = "         "
		for _, command := range step.Commands {
			t.command("           ", visible(command))
		}
	}
}

// facts lists what was judged. The address of a page that does not fit is on a separate line, and
// is not broken, so that it can be copied.
func (t *tableWriter) facts(r audit.Result) {
	const label = 13
	t.section(table.Bold, "JUDGED")
	for _, f := range resultFacts(r) {
		value, address := f.Value, ""
		switch both := value + "  " + f.URL; {
		case f.Code && t.Width > 0:
			value = shorten(value, t.Width-label)
		case f.URL == "" || f.URL == value:
		case t.Width == 0 || columns(both) <= t.Width-label:
			value = both
		default:
			address = strings.Repeat(" ", label) + shorten(f.URL, textWidth) + "\n"
		}
		t.paragraph(fmt.Sprintf("%-*s", label, f.Name), table.Faint, shorten(value, textWidth), table.Plain)
		t.b.WriteString(address)
	}
}

func (t *tableWriter) section(s table.Style, title string) {
	t.b.WriteByte('\n')
	t.paragraph("", table.Plain, title, s)
}

// reasonTable lists controls with their reasons. A reason that several share is above the table, with
// their names.
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
		row := plainRow(string(c.ID), shorten(c.Title, textWidth))
		row[0][0].Style = table.Bold
		g.Rows = append(g.Rows, row)
	}
	t.draw(g)
}

// command writes a command on a separate line, of any length, so that it can be copied.
func (t *tableWriter) command(label, command string) {
	t.b.WriteString(label + t.Paint(command, table.Bold) + "\n")
}

// paragraph writes a label and next to it a text with a hanging indent.
func (t *tableWriter) paragraph(label string, ls table.Style, s string, ts table.Style) {
	room := 0
	if t.Width > 0 {
		room = max(t.Width-columns(label), 16)
	}
	word := strings.TrimRight(label, " ")
	lead := t.Paint(word, ls) + label[len(word):]
	for _, line := range text.Wrap(s, room) {
		if line == "" {
			lead = t.Paint(word, ls)
		}
		t.b.WriteString(lead + t.Paint(line, ts) + "\n")
		lead = strings.Repeat(" ", columns(label))
	}
}

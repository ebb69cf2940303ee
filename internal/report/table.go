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

// wideTable is the width from which each part of a finding has a separate column.
const wideTable = 120

// textColumns is how much of one text a table shows. JSON has it all.
const textColumns = 400

// headlineColumns is how much of a verdict's sentence is shown. If an environment could not be
// read, the sentence ends with what to do.
const headlineColumns = 3 * textColumns

// terminal writes text for a terminal of a width, or for none.
type terminal struct {
	table.Canvas

	b       bytes.Buffer
	err     error // of a table that could not be drawn
	options Options
}

func writeTable(w io.Writer, from *source, o Options) error {
	t := &terminal{Canvas: table.Canvas{Width: max(o.Width, 0), Color: o.Color && o.Width > 0}, options: o}
	if t.Width > 0 {
		t.Width = max(t.Width, 60) // below this the headings alone take most of the room
	}
	several := len(from.rs) > 1
	if several {
		t.overview(&source{rs: worstFirst(from.rs), convert: from.convert})
	}
	if several && o.Summary {
		t.b.WriteByte('\n')
		t.paragraph("", table.Plain, "Details: --summary=false, or a page for each with -f html -o DIR/", table.Faint)
		from.rs = nil
	}
	for r := range from.each() {
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
func (t *terminal) draw(g table.Grid) { t.err = cmp.Or(t.err, t.Draw(&t.b, g)) }

// plain is a row of texts without a style.
func plain(texts ...string) []table.Cell {
	row := make([]table.Cell, len(texts))
	for i, s := range texts {
		row[i] = table.TextCell(s, table.Plain)
	}
	return row
}

// narrowOverview is the width below which an overview leaves columns out.
const narrowOverview = 100

// overview is a row for each of several results; in a summary, each row is one line.
func (t *terminal) overview(from *source) {
	g := table.Grid{Head: []string{strings.ToUpper(rowsOf(from.rs)), "VERDICT", "FAIL", "UNKNOWN", "WORST"}, Weights: []int{1, 0, 0, 0, 0}}
	narrow := t.Width > 0 && t.Width < narrowOverview
	if !narrow {
		g.Head, g.Weights = append(g.Head, "WAIVED", "COVERAGE"), append(g.Weights, 0, 0)
	}
	unchecked := 0
	for r := range from.each() {
		worst := "-"
		if w := r.Worst(); w != audit.SeverityInvalid {
			worst = w.String()
		}
		verdict := r.Verdict.String()
		if verdictNote(r) != "" {
			verdict += "*"
			unchecked++
		}
		row := plain(t.options.name(r.Environment.Name), verdict, strconv.Itoa(r.Summary.Fail), strconv.Itoa(r.Summary.Unknown), worst)
		row[0][0].Style, row[1][0].Style = table.Bold, verdictFormOf(r.Verdict).style
		if !narrow {
			row = append(row, plain(strconv.Itoa(r.Summary.Waived), percent(r.Summary))...)
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
	t.paragraph("", table.Plain, totals(from.rs), table.Bold)
	if unchecked > 0 {
		t.paragraph("* ", table.Plain, audit.ViewsUnchecked, table.Plain)
	}
}

func (t *terminal) result(r audit.Result) {
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
	if failed := controlsOf(audit.OutcomeFail, listed); len(failed) > 0 {
		n, accepted := findings(failed)
		heading := fmt.Sprintf("FAILED  %s, %s", count(len(failed), "control"), count(n, "finding"))
		if accepted > 0 {
			heading += fmt.Sprintf(", %d of them waived", accepted)
		}
		t.section(table.BoldRed, heading)
		t.findings(failed, "WHAT TO DO")
	}
	if unknown := controlsOf(audit.OutcomeUnknown, listed); len(unknown) > 0 {
		t.section(table.BoldYellow, fmt.Sprintf("UNKNOWN  %s could not be evaluated", count(len(unknown), "control")))
		t.reasons(unknown)
	}
	if waived := controlsOf(audit.OutcomeWaived, listed); len(waived) > 0 {
		_, accepted := findings(waived)
		t.section(table.Bold, fmt.Sprintf("WAIVED  %s that failed, %s accepted", count(len(waived), "control"), count(accepted, "finding")))
		t.findings(waived, "ACCEPTED")
	}
	t.quiet(listed)
	if hidden := len(r.Controls) - len(listed.Controls); hidden > 0 {
		t.section(table.Bold, fmt.Sprintf("NOT LISTED  %s below %s (--severity)", count(hidden, "control"), t.options.MinSeverity))
	}
	for i, n := range notes(r) {
		if i == 0 {
			t.section(table.Bold, "NOTES")
		}
		t.paragraph("• ", table.Plain, shorten(n.String(), textColumns), table.Plain)
	}
	t.facts(r)
}

// quiet lists what needs no action: what does not apply, and what passed.
func (t *terminal) quiet(r audit.Result) {
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
			t.reasons(absent)
		} else {
			for _, group := range byReason(absent) { // a line for each reason
				t.paragraph("  "+group.Title()+": ", table.Plain, group.Short(t.options), table.Plain)
			}
		}
	}
	if passed := of(audit.OutcomePass); len(passed) > 0 {
		t.section(table.BoldGreen, "PASSED  "+count(len(passed), "control")+more)
		if t.options.Verbose {
			t.passes(passed)
		}
	}
}

// findings counts the findings of controls, and those of them that a waiver covers.
func findings(cs []audit.Control) (all, accepted int) {
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
func (t *terminal) banner(r audit.Result) {
	form := verdictFormOf(r.Verdict)
	t.paragraph(form.mark+" "+strings.ToUpper(r.Verdict.String())+"  ", form.style, shorten(headline(r), headlineColumns), table.Bold)
	label := "  Next:  "
	for _, step := range nextSteps(r, t.options) {
		t.paragraph(label, table.Faint, shorten(step.Text, textColumns), table.Plain)
		label = "         "
		for _, command := range step.Commands {
			t.command("           ", visible(command))
		}
	}
}

// facts lists what was judged. The address of a page that does not fit is on a separate line, and
// is not broken, so that it can be copied.
func (t *terminal) facts(r audit.Result) {
	const label = 13
	t.section(table.Bold, "JUDGED")
	for _, f := range factsOf(r) {
		value, address := f.Value, ""
		switch both := value + "  " + f.URL; {
		case f.Code && t.Width > 0:
			value = shorten(value, t.Width-label)
		case f.URL == "" || f.URL == value:
		case t.Width == 0 || columns(both) <= t.Width-label:
			value = both
		default:
			address = strings.Repeat(" ", label) + shorten(f.URL, textColumns) + "\n"
		}
		t.paragraph(fmt.Sprintf("%-*s", label, f.Name), table.Faint, shorten(value, textColumns), table.Plain)
		t.b.WriteString(address)
	}
}

func (t *terminal) section(s table.Style, title string) {
	t.b.WriteByte('\n')
	t.paragraph("", table.Plain, title, s)
}

// reasons lists controls with their reasons. A reason that several share is above the table, with
// their names.
func (t *terminal) reasons(cs []audit.Control) {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "REASON"}, Weights: []int{0, 2, 5}}
	for _, group := range byReason(cs) {
		if len(group.Controls) > 1 {
			t.paragraph("  "+group.Title()+": ", table.Bold, group.Short(t.options), table.Plain)
			t.paragraph("    ", table.Plain, group.Names(), table.Faint)
			continue
		}
		row := plain(group.Controls[0].Severity.String(), group.Title(), group.Short(t.options))
		row[1][0].Style = table.Bold
		g.Rows = append(g.Rows, row)
	}
	if len(g.Rows) > 0 {
		t.draw(g)
	}
}

func (t *terminal) passes(cs []audit.Control) {
	g := table.Grid{Head: []string{"CONTROL", "TITLE"}, Weights: []int{2, 5}}
	for _, c := range cs {
		row := plain(string(c.ID), shorten(c.Title, textColumns))
		row[0][0].Style = table.Bold
		g.Rows = append(g.Rows, row)
	}
	t.draw(g)
}

// command writes a command on a separate line, of any length, so that it can be copied.
func (t *terminal) command(label, command string) {
	t.b.WriteString(label + t.Paint(command, table.Bold) + "\n")
}

// paragraph writes a label and next to it a text with a hanging indent.
func (t *terminal) paragraph(label string, ls table.Style, s string, ts table.Style) {
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

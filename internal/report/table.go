package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// wideTable is the width from which on a finding's columns stand side by side;
// below it they share one.
const wideTable = 120

// textColumns is how much of one text a table shows, at any width. JSON has it all.
const textColumns = 400

// terminal writes text for a terminal of a width, or for none.
type terminal struct {
	table.Canvas

	b       bytes.Buffer
	options Options
}

func writeTable(w io.Writer, rs []audit.Result, o Options) error {
	t := &terminal{Canvas: table.Canvas{Width: o.Width, Color: o.Color && o.Width > 0}, options: o}
	if t.Width < 0 {
		t.Width = 0
	}
	// Below this the headings alone take most of the room.
	if t.Width > 0 && t.Width < 60 {
		t.Width = 60
	}
	if len(rs) > 1 {
		if err := t.overview(worstFirst(rs)); err != nil {
			return err
		}
	}
	if o.Summary && len(rs) > 1 {
		t.b.WriteByte('\n')
		t.paragraph("", table.Plain, "Details: --summary=false, or a page for each by -f html -o DIR/", table.Faint)
		rs = nil
	}
	for i, r := range rs {
		if i > 0 || len(rs) > 1 {
			t.b.WriteByte('\n')
		}
		if err := t.result(r, o.Verbose); err != nil {
			return err
		}
	}
	// Files may be printed later, too.
	_, err := text.NewStream(w, t.Color).Write(t.b.Bytes())
	return err
}

// narrowOverview is the width below which an overview leaves columns out.
const narrowOverview = 100

// overview is a row for each of several results; where nothing comes below, a line.
func (t *terminal) overview(rs []audit.Result) error {
	g := table.Grid{Head: []string{strings.ToUpper(rowsOf(rs)), "VERDICT", "FAIL", "UNKNOWN", "WORST"}, Share: []int{1, 0, 0, 0, 0}}
	narrow := t.Width > 0 && t.Width < narrowOverview
	if !narrow {
		g.Head, g.Share = append(g.Head, "WAIVED", "COVERAGE"), append(g.Share, 0, 0)
	}
	unchecked := 0
	for _, r := range rs {
		worst := "-"
		if w := r.Worst(); w != audit.SeverityInvalid {
			worst = w.String()
		}
		verdict := r.Verdict.String()
		if verdictWords(r) != verdict {
			verdict += "*"
			unchecked++
		}
		row := []table.Cell{
			table.Phrase(t.options.name(visible(r.Environment.Name)), table.Bold),
			table.Phrase(verdict, verdictStyle(r.Verdict)),
			table.Phrase(fmt.Sprint(r.Summary.Fail), table.Plain),
			table.Phrase(fmt.Sprint(r.Summary.Unknown), table.Plain),
			table.Phrase(worst, table.Plain),
		}
		if !narrow {
			row = append(row, table.Phrase(fmt.Sprint(r.Summary.Waived), table.Plain), table.Phrase(percent(r.Summary), table.Plain))
		}
		g.Rows = append(g.Rows, row)
	}
	if t.options.Summary && t.Width > 0 {
		room := t.Room(g, 0)
		for _, row := range g.Rows {
			row[0][0].Text = text.Name(row[0][0].Text, room)
		}
	}
	if err := t.Draw(&t.b, g); err != nil {
		return err
	}
	t.paragraph("", table.Plain, totals(rs), table.Bold)
	if unchecked > 0 {
		t.paragraph("* ", table.Plain, audit.ViewsUnchecked, table.Plain)
	}
	return nil
}

func (t *terminal) result(r audit.Result, verbose bool) error {
	t.banner(r)
	if r.Unread != nil {
		return nil
	}
	if t.options.Summary {
		t.facts(r)
		return nil
	}

	hidden := 0
	var failed, waived, unknown, absent, passed []audit.Control
	for _, c := range r.Controls {
		if c.Severity < t.options.Least {
			hidden++
			continue
		}
		switch c.Outcome {
		case audit.OutcomeFail:
			failed = append(failed, c)
		case audit.OutcomeWaived:
			waived = append(waived, c)
		case audit.OutcomeUnknown:
			unknown = append(unknown, c)
		case audit.OutcomeNotApplicable:
			absent = append(absent, c)
		case audit.OutcomePass:
			passed = append(passed, c)
		}
	}
	failed, waived, unknown = gravestFirst(failed), gravestFirst(waived), gravestFirst(unknown)
	if len(failed) > 0 {
		t.section(table.BoldRed, fmt.Sprintf("FAILED  %s, %s", count(len(failed), "control"), count(findings(failed), "finding")))
		if err := t.findings(failed, "WHAT TO DO"); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		t.section(table.BoldYellow, fmt.Sprintf("UNKNOWN  %s could not be evaluated", count(len(unknown), "control")))
		if err := t.reasons(unknown); err != nil {
			return err
		}
	}
	if len(waived) > 0 {
		t.section(table.Bold, fmt.Sprintf("WAIVED  %s that failed, %s accepted", count(len(waived), "control"), count(findings(waived), "finding")))
		if err := t.findings(waived, "ACCEPTED"); err != nil {
			return err
		}
	}
	switch {
	case len(absent) == 0:
	case verbose:
		t.section(table.Bold, "NOT APPLICABLE  "+count(len(absent), "control"))
		if err := t.reasons(absent); err != nil {
			return err
		}
	default:
		t.section(table.Bold, fmt.Sprintf("NOT APPLICABLE  %s (--verbose lists them)", count(len(absent), "control")))
		t.inapplicable(absent)
	}
	if len(passed) > 0 {
		if verbose {
			t.section(table.BoldGreen, fmt.Sprintf("PASSED  %s", count(len(passed), "control")))
			if err := t.passes(passed); err != nil {
				return err
			}
		} else {
			t.section(table.BoldGreen, fmt.Sprintf("PASSED  %s (--verbose lists them)", count(len(passed), "control")))
		}
	}
	if hidden > 0 {
		t.section(table.Bold, fmt.Sprintf("NOT LISTED  %s below %s (--severity)", count(hidden, "control"), t.options.Least))
	}
	t.notes(r)
	t.facts(r)
	return nil
}

func findings(cs []audit.Control) int {
	n := 0
	for _, c := range cs {
		n += len(c.Findings)
	}
	return n
}

// banner is the verdict and what to do next: what a person sees first.
func (t *terminal) banner(r audit.Result) {
	word := strings.ToUpper(r.Verdict.String())
	mark := "?"
	switch r.Verdict {
	case audit.VerdictCompliant:
		mark = "✓"
	case audit.VerdictNoncompliant:
		mark = "✗"
	case audit.VerdictIncomplete:
	}
	t.paragraph(mark+" "+word+"  ", verdictStyle(r.Verdict), shorten(headline(r), textColumns), table.Bold)
	for i, step := range nextSteps(r, t.options) {
		label := "  Next:  "
		if i > 0 {
			label = "         "
		}
		t.paragraph(label, table.Faint, shorten(step.Text, textColumns), table.Plain)
		for _, command := range step.Commands {
			t.paragraph("           ", table.Plain, shorten(visible(command), textColumns), table.Bold)
		}
	}
}

func verdictStyle(v audit.Verdict) table.Style {
	switch v {
	case audit.VerdictCompliant:
		return table.BoldGreen
	case audit.VerdictNoncompliant:
		return table.BoldRed
	case audit.VerdictIncomplete:
	}
	return table.BoldYellow
}

// facts is what was judged, against what and when: whoever wants to know that has read
// what was found.
func (t *terminal) facts(r audit.Result) {
	t.section(table.Bold, "JUDGED")
	line := func(label, value string) {
		if value != "" {
			t.paragraph(fmt.Sprintf("%-13s", label), table.Faint, shorten(value, textColumns), table.Plain)
		}
	}
	s := r.Summary
	line(capital(kindOf(r)), join("  ", visible(r.Environment.Name), visible(r.Environment.URL)))
	line("Profile", join(": ", visible(r.Profile.Name), visible(r.Profile.Title)))
	line("Version", visible(version(r.Profile)))
	line("Source", join("  ", visible(r.Profile.Source.Title), visible(r.Profile.Source.URL)))
	line("Snapshot", taken(r.Snapshot))
	digest := visible(r.Snapshot.Digest)
	if t.Width > 0 {
		digest = shorten(digest, t.Width-13)
	}
	line("Digest", digest)
	line("Evaluated", join("  ", moment(r.EvaluatedAt), "by "+visible(r.Tool.Name+" "+r.Tool.Version)))
	line("Controls", fmt.Sprintf("%d pass, %d fail, %d unknown, %d not applicable, %d waived", s.Pass, s.Fail, s.Unknown, s.NotApplicable, s.Waived))
	line("Coverage", judged(s))
	if n, u := baseline(r); n+u > 0 {
		line("Baseline", fmt.Sprintf("%d new, %d unchanged", n, u))
	}
}

// baseline counts the findings by their state against an earlier result.
func baseline(r audit.Result) (added, unchanged int) {
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			switch f.Baseline {
			case audit.BaselineNew:
				added++
			case audit.BaselineUnchanged:
				unchanged++
			case audit.BaselineNone:
			}
		}
	}
	return added, unchanged
}

func join(sep string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if strings.TrimSpace(p) != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, sep)
}

func (t *terminal) section(s table.Style, title string) {
	t.b.WriteByte('\n')
	t.paragraph("", table.Plain, title, s)
}

// findings is the table of controls with their findings and, under the last
// heading, what to do about each or who accepted it.
func (t *terminal) findings(cs []audit.Control, last string) error {
	switch {
	case t.Width == 0:
		return t.findingLines(cs, last)
	case t.Width < wideTable:
		return t.findingsNarrow(cs, last)
	}
	return t.findingsWide(cs, last)
}

func (t *terminal) findingsNarrow(cs []audit.Control, last string) error {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL AND FINDING", last}, Share: []int{0, 5, 4}, Ruled: true}
	for _, c := range cs {
		severity := table.Phrase(c.Severity.String(), severityStyle(c))
		finding := table.Phrase(visible(string(c.ID)), table.Bold)
		todo := table.Phrase("", table.Plain)
		about := citation(c.Citation)
		if about == "" {
			about = visible(c.Title)
		}
		finding = append(finding, table.Span{Text: shorten(about, textColumns), Style: table.Faint})
		todo = append(todo, table.Span{})
		for _, f := range gathered(c.Findings) {
			fault := table.Span{Text: "• " + told(f)}
			if s := gap(f); s != "" {
				fault.Below, fault.Under = "  "+s, stateStyle(f)
			}
			finding = append(finding, fault)
			todo = append(todo, table.Span{Text: remark(f, c, t.options)})
		}
		g.Rows = append(g.Rows, []table.Cell{severity, finding, todo})
	}
	return t.Draw(&t.b, g)
}

func (t *terminal) findingsWide(cs []audit.Control, last string) error {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}, Share: []int{0, 4, 5, 0, 0, 5}}
	for _, c := range cs {
		about := citation(c.Citation)
		if about == "" {
			about = visible(c.Title)
		}
		row := []table.Cell{
			table.Phrase(c.Severity.String(), severityStyle(c)),
			{{Text: visible(string(c.ID)), Style: table.Bold}, {Text: shorten(about, textColumns), Style: table.Faint}},
			nil, nil, nil, nil,
		}
		for _, f := range gathered(c.Findings) {
			row[2] = append(row[2], table.Span{Text: told(f)})
			row[3] = append(row[3], table.Span{Text: depthOf(f.Evidence, "required_depth")})
			row[4] = append(row[4], table.Span{Text: actual(f.Evidence), Style: stateStyle(f)})
			row[5] = append(row[5], table.Span{Text: remark(f, c, t.options)})
		}
		g.Rows = append(g.Rows, row)
	}
	g.Aligned = 2
	return t.Draw(&t.b, g)
}

// findingLines is a line for each finding that other line tools can work on.
func (t *terminal) findingLines(cs []audit.Control, last string) error {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}, Share: []int{0, 0, 0, 0, 0, 0}}
	for _, c := range cs {
		if len(c.Findings) == 0 {
			g.Rows = append(g.Rows, []table.Cell{
				table.Phrase(c.Severity.String(), table.Plain), table.Phrase(visible(string(c.ID)), table.Plain), table.Phrase(shorten(visible(c.Title), textColumns), table.Plain),
				table.Phrase("-", table.Plain), table.Phrase("-", table.Plain), table.Phrase("-", table.Plain),
			})
		}
		for _, f := range gathered(c.Findings) {
			g.Rows = append(g.Rows, []table.Cell{
				table.Phrase(c.Severity.String(), table.Plain),
				table.Phrase(visible(string(c.ID)), table.Plain),
				table.Phrase(told(f), table.Plain),
				table.Phrase(dash(depthOf(f.Evidence, "required_depth")), table.Plain),
				table.Phrase(dash(actual(f.Evidence)), table.Plain),
				table.Phrase(remark(f, c, t.options), table.Plain),
			})
		}
	}
	return t.Draw(&t.b, g)
}

// told is a finding's message and, where it has a place of its own within a line,
// that place: it was found in a file, and a terminal makes a link of it.
func told(f audit.Finding) string {
	message := shorten(visible(f.Message), textColumns)
	if f.Location == nil || f.Location.Column == 0 {
		return message
	}
	return fmt.Sprintf("%s (%s:%d:%d)", message, shorten(visible(f.Location.Path), textColumns), f.Location.Line, f.Location.Column)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func actual(e audit.Evidence) string {
	if e.Text("state") == "undefined" {
		return "undefined"
	}
	return depthOf(e, "actual_depth")
}

// remark is what to do about a finding, or why nothing is to be done.
func remark(f audit.Finding, c audit.Control, o Options) string {
	s := advice(f, c, o)
	if f.Waiver != nil {
		s = waiver(f.Waiver)
	}
	if f.Baseline == audit.BaselineNew {
		s = "[new] " + s
	}
	return shorten(s, textColumns)
}

func severityStyle(c audit.Control) table.Style {
	if c.Outcome == audit.OutcomeWaived {
		return table.Faint
	}
	switch c.Severity {
	case audit.SeverityCritical, audit.SeverityHigh:
		return table.BoldRed
	case audit.SeverityMedium:
		return table.BoldYellow
	case audit.SeverityLow, audit.SeverityInfo, audit.SeverityInvalid:
	}
	return table.Cyan
}

func stateStyle(f audit.Finding) table.Style {
	switch {
	case f.Waiver != nil:
		return table.Faint
	case f.Evidence.Text("state") == "shallow", f.Evidence.Text("state") == "filtered":
		return table.Yellow
	}
	return table.Red
}

// reasons lists controls with the reason of each; a reason that many share is shown once,
// above, with their names.
func (t *terminal) reasons(cs []audit.Control) error {
	g := table.Grid{Head: []string{"SEVERITY", "CONTROL", "REASON"}, Share: []int{0, 2, 5}}
	for _, group := range byReason(cs) {
		if len(group.Controls) > 1 {
			t.paragraph("  "+group.Title()+": ", table.Bold, shorten(group.Reason, textColumns), table.Plain)
			t.paragraph("    ", table.Plain, group.Names(), table.Faint)
			continue
		}
		c := group.Controls[0]
		g.Rows = append(g.Rows, []table.Cell{table.Phrase(c.Severity.String(), table.Plain), table.Phrase(visible(string(c.ID)), table.Bold), table.Phrase(shorten(group.Reason, textColumns), table.Plain)})
	}
	if len(g.Rows) == 0 {
		return nil
	}
	return t.Draw(&t.b, g)
}

// inapplicable says why controls do not apply, in a line for each reason.
func (t *terminal) inapplicable(cs []audit.Control) {
	for _, group := range byReason(cs) {
		t.paragraph("  "+group.Title()+": ", table.Plain, shorten(group.Reason, textColumns), table.Plain)
	}
}

func (t *terminal) passes(cs []audit.Control) error {
	g := table.Grid{Head: []string{"CONTROL", "TITLE"}, Share: []int{2, 5}}
	for _, c := range cs {
		g.Rows = append(g.Rows, []table.Cell{table.Phrase(visible(string(c.ID)), table.Bold), table.Phrase(shorten(visible(c.Title), textColumns), table.Plain)})
	}
	return t.Draw(&t.b, g)
}

func (t *terminal) notes(r audit.Result) {
	type note struct{ about, text string }
	var notes []note
	for _, n := range r.Notes {
		notes = append(notes, note{"", n})
	}
	for _, c := range r.Controls {
		for _, n := range c.Remarks() {
			notes = append(notes, note{visible(string(c.ID)) + ": ", n})
		}
	}
	if len(notes) == 0 {
		return
	}
	t.section(table.Bold, "NOTES")
	for _, n := range notes {
		t.paragraph("• ", table.Plain, shorten(n.about+visible(n.text), textColumns), table.Plain)
	}
}

// paragraph writes a label and a text that hangs beside it.
func (t *terminal) paragraph(label string, ls table.Style, s string, ts table.Style) {
	room := 0
	if t.Width > 0 {
		room = max(t.Width-columns(label), 16)
	}
	for i, line := range wrap(s, room) {
		if i > 0 {
			t.b.WriteString(strings.Repeat(" ", columns(label)))
		} else {
			t.b.WriteString(t.Paint(strings.TrimRight(label, " "), ls))
			if line != "" {
				t.b.WriteString(label[len(strings.TrimRight(label, " ")):])
			}
		}
		t.b.WriteString(t.Paint(line, ts))
		t.b.WriteByte('\n')
	}
}

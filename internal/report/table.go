package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// wideTable is the width from which on a finding's columns stand side by side;
// below it they share one.
const wideTable = 120

// textColumns is how much of one text a table shows, at any width. JSON has it all.
const textColumns = 400

// A style is an ANSI rendition; the zero value is none.
type style string

const (
	plain   style = ""
	bold    style = "1"
	faint   style = "2"
	red     style = "31"
	yellow  style = "33"
	green   style = "32"
	cyan    style = "36"
	boldRed style = "1;31"
	boldYel style = "1;33"
	boldGrn style = "1;32"
)

// terminal writes text for a terminal of a width, or for none.
type terminal struct {
	b     bytes.Buffer
	width int
	color bool

	options Options
}

func writeTable(w io.Writer, rs []audit.Result, o Options) error {
	t := &terminal{width: o.Width, color: o.Color && o.Width > 0, options: o}
	if t.width < 0 {
		t.width = 0
	}
	// Below this the headings alone take most of the room.
	if t.width > 0 && t.width < 60 {
		t.width = 60
	}
	if len(rs) > 1 {
		if err := t.overview(worstFirst(rs)); err != nil {
			return err
		}
	}
	if o.Summary && len(rs) > 1 {
		t.b.WriteByte('\n')
		t.paragraph("", plain, "Details: --summary=false, or a page for each by -f html -o DIR/", faint)
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
	// Files are printed too, by whoever has them.
	_, err := text.NewStream(w, t.color).Write(t.b.Bytes())
	return err
}

// overview is a row for each of several results.
func (t *terminal) overview(rs []audit.Result) error {
	g := grid{head: []string{strings.ToUpper(rowsOf(rs)), "VERDICT", "FAIL", "UNKNOWN", "WAIVED", "COVERAGE", "WORST"}, share: []int{1, 0, 0, 0, 0, 0, 0}}
	for _, r := range rs {
		worst := "-"
		if w := r.Worst(); w != audit.SeverityInvalid {
			worst = w.String()
		}
		g.rows = append(g.rows, []cell{
			phrase(t.options.name(visible(r.Environment.Name)), bold),
			phrase(verdictWords(r), verdictStyle(r.Verdict)),
			phrase(fmt.Sprint(r.Summary.Fail), plain),
			phrase(fmt.Sprint(r.Summary.Unknown), plain),
			phrase(fmt.Sprint(r.Summary.Waived), plain),
			phrase(percent(r.Summary), plain),
			phrase(worst, plain),
		})
	}
	if err := t.grid(g); err != nil {
		return err
	}
	t.paragraph("", plain, totals(rs), bold)
	return nil
}

func (t *terminal) result(r audit.Result, verbose bool) error {
	t.banner(r)
	if r.Unread != nil {
		return nil
	}
	t.b.WriteByte('\n')
	t.facts(r)
	if t.options.Summary {
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
		t.section(boldRed, fmt.Sprintf("FAILED  %s, %s", count(len(failed), "control"), count(findings(failed), "finding")))
		if err := t.findings(failed, "WHAT TO DO"); err != nil {
			return err
		}
	}
	if len(unknown) > 0 {
		t.section(boldYel, fmt.Sprintf("UNKNOWN  %s could not be evaluated", count(len(unknown), "control")))
		if err := t.reasons(unknown); err != nil {
			return err
		}
	}
	if len(waived) > 0 {
		t.section(bold, fmt.Sprintf("WAIVED  %s that failed, %s accepted", count(len(waived), "control"), count(findings(waived), "finding")))
		if err := t.findings(waived, "ACCEPTED"); err != nil {
			return err
		}
	}
	if len(absent) > 0 {
		t.section(bold, fmt.Sprintf("NOT APPLICABLE  %s", count(len(absent), "control")))
		if err := t.reasons(absent); err != nil {
			return err
		}
	}
	if len(passed) > 0 {
		if verbose {
			t.section(boldGrn, fmt.Sprintf("PASSED  %s", count(len(passed), "control")))
			if err := t.passes(passed); err != nil {
				return err
			}
		} else {
			t.section(boldGrn, fmt.Sprintf("PASSED  %s (--verbose lists them)", count(len(passed), "control")))
		}
	}
	if hidden > 0 {
		t.section(bold, fmt.Sprintf("NOT LISTED  %s below %s (--severity)", count(hidden, "control"), t.options.Least))
	}
	t.notes(r)
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
	t.paragraph(mark+" "+word+"  ", verdictStyle(r.Verdict), shorten(headline(r), textColumns), bold)
	for i, step := range nextSteps(r, t.options) {
		label := "  Next:  "
		if i > 0 {
			label = "         "
		}
		t.paragraph(label, faint, shorten(step.Text, textColumns), plain)
		for _, command := range step.Commands {
			t.paragraph("           ", plain, shorten(visible(command), textColumns), bold)
		}
	}
}

func verdictStyle(v audit.Verdict) style {
	switch v {
	case audit.VerdictCompliant:
		return boldGrn
	case audit.VerdictNoncompliant:
		return boldRed
	case audit.VerdictIncomplete:
	}
	return boldYel
}

// facts is what was judged, against what and when.
func (t *terminal) facts(r audit.Result) {
	line := func(label, value string) {
		if value != "" {
			t.paragraph(fmt.Sprintf("%-13s", label), faint, shorten(value, textColumns), plain)
		}
	}
	s := r.Summary
	line("Environment", join("  ", visible(r.Environment.Name), visible(r.Environment.URL)))
	line("Profile", join("  ", visible(r.Profile.Name), visible(r.Profile.Title)))
	line("Version", visible(r.Profile.Edition()))
	line("Source", join("  ", visible(r.Profile.Source.Title), visible(r.Profile.Source.URL)))
	line("Snapshot", taken(r.Snapshot))
	digest := visible(r.Snapshot.Digest)
	if t.width > 0 {
		digest = shorten(digest, t.width-13)
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

func (t *terminal) section(s style, title string) {
	t.b.WriteByte('\n')
	t.paragraph("", plain, title, s)
}

// findings is the table of controls with their findings and, under the last
// heading, what to do about each or who accepted it.
func (t *terminal) findings(cs []audit.Control, last string) error {
	switch {
	case t.width == 0:
		return t.findingLines(cs, last)
	case t.width < wideTable:
		return t.findingsNarrow(cs, last)
	}
	return t.findingsWide(cs, last)
}

func (t *terminal) findingsNarrow(cs []audit.Control, last string) error {
	g := grid{head: []string{"SEVERITY", "CONTROL AND FINDING", last}, share: []int{0, 5, 4}, ruled: true}
	for _, c := range cs {
		severity := phrase(c.Severity.String(), severityStyle(c))
		finding := phrase(visible(string(c.ID)), bold)
		todo := phrase("", plain)
		about := citation(c.Citation)
		if about == "" {
			about = visible(c.Title)
		}
		finding = append(finding, span{text: shorten(about, textColumns), style: faint})
		todo = append(todo, span{})
		for _, f := range c.Findings {
			fault := span{text: "• " + told(f)}
			if s := gap(f); s != "" {
				fault.below, fault.under = "  "+s, stateStyle(f)
			}
			finding = append(finding, fault)
			todo = append(todo, span{text: remark(f, c, t.options)})
		}
		g.rows = append(g.rows, []cell{severity, finding, todo})
	}
	return t.grid(g)
}

func (t *terminal) findingsWide(cs []audit.Control, last string) error {
	g := grid{head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}, share: []int{0, 3, 5, 0, 0, 5}, ruled: true}
	for _, c := range cs {
		about := citation(c.Citation)
		if about == "" {
			about = visible(c.Title)
		}
		row := []cell{
			phrase(c.Severity.String(), severityStyle(c)),
			{{text: visible(string(c.ID)), style: bold}, {text: shorten(about, textColumns), style: faint}},
			nil, nil, nil, nil,
		}
		for _, f := range c.Findings {
			row[2] = append(row[2], span{text: told(f)})
			row[3] = append(row[3], span{text: depthOf(f.Evidence, "required_depth")})
			row[4] = append(row[4], span{text: actual(f.Evidence), style: stateStyle(f)})
			row[5] = append(row[5], span{text: remark(f, c, t.options)})
		}
		g.rows = append(g.rows, row)
	}
	g.aligned = 2
	return t.grid(g)
}

// findingLines is a line for each finding that other line tools can work on.
func (t *terminal) findingLines(cs []audit.Control, last string) error {
	g := grid{head: []string{"SEVERITY", "CONTROL", "FINDING", "REQUIRED", "ACTUAL", last}, share: []int{0, 0, 0, 0, 0, 0}}
	for _, c := range cs {
		if len(c.Findings) == 0 {
			g.rows = append(g.rows, []cell{
				phrase(c.Severity.String(), plain), phrase(visible(string(c.ID)), plain), phrase(shorten(visible(c.Title), textColumns), plain),
				phrase("-", plain), phrase("-", plain), phrase("-", plain),
			})
		}
		for _, f := range c.Findings {
			g.rows = append(g.rows, []cell{
				phrase(c.Severity.String(), plain),
				phrase(visible(string(c.ID)), plain),
				phrase(told(f), plain),
				phrase(dash(depthOf(f.Evidence, "required_depth")), plain),
				phrase(dash(actual(f.Evidence)), plain),
				phrase(remark(f, c, t.options), plain),
			})
		}
	}
	return t.grid(g)
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

func severityStyle(c audit.Control) style {
	if c.Outcome == audit.OutcomeWaived {
		return faint
	}
	switch c.Severity {
	case audit.SeverityCritical, audit.SeverityHigh:
		return boldRed
	case audit.SeverityMedium:
		return boldYel
	case audit.SeverityLow, audit.SeverityInfo, audit.SeverityInvalid:
	}
	return cyan
}

func stateStyle(f audit.Finding) style {
	switch {
	case f.Waiver != nil:
		return faint
	case f.Evidence.Text("state") == "shallow", f.Evidence.Text("state") == "filtered":
		return yellow
	}
	return red
}

// manyOfOneReason is from how many controls on a reason that they share is told once.
const manyOfOneReason = 3

// reasons lists controls with the reason of each. A reason that many share, or begin
// with, is told once, above, with their names: what was read first is what the rest
// follows from.
func (t *terminal) reasons(cs []audit.Control) error {
	first := func(c audit.Control) string {
		clause, _, _ := strings.Cut(c.Reason, "; ")
		return clause
	}
	sharing, whole := map[string][]string{}, map[string]map[string]bool{}
	for _, c := range cs {
		clause := first(c)
		sharing[clause] = append(sharing[clause], visible(string(c.ID)))
		if whole[clause] == nil {
			whole[clause] = map[string]bool{}
		}
		whole[clause][c.Reason] = true
	}
	g := grid{head: []string{"SEVERITY", "CONTROL", "REASON"}, share: []int{0, 2, 5}}
	for _, c := range cs {
		reason := visible(c.Reason)
		if reason == "" {
			reason = "no reason given"
		}
		clause := first(c)
		names := sharing[clause]
		switch {
		case len(names) < manyOfOneReason:
			g.rows = append(g.rows, []cell{phrase(c.Severity.String(), plain), phrase(visible(string(c.ID)), bold), phrase(shorten(reason, textColumns), plain)})
		case names[0] == visible(string(c.ID)):
			if len(whole[clause]) > 1 {
				reason = visible(clause) + "; what follows from it is in -f json"
			}
			t.paragraph(fmt.Sprintf("  %s: ", count(len(names), "control")), bold, shorten(reason, textColumns), plain)
			t.paragraph("    ", plain, strings.Join(names, ", "), faint)
		}
	}
	if len(g.rows) == 0 {
		return nil
	}
	return t.grid(g)
}

func (t *terminal) passes(cs []audit.Control) error {
	g := grid{head: []string{"CONTROL", "TITLE"}, share: []int{2, 5}}
	for _, c := range cs {
		g.rows = append(g.rows, []cell{phrase(visible(string(c.ID)), bold), phrase(shorten(visible(c.Title), textColumns), plain)})
	}
	return t.grid(g)
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
	t.section(bold, "NOTES")
	for _, n := range notes {
		t.paragraph("• ", plain, shorten(n.about+visible(n.text), textColumns), plain)
	}
}

// paragraph writes a label and a text that hangs beside it.
func (t *terminal) paragraph(label string, ls style, s string, ts style) {
	room := 0
	if t.width > 0 {
		room = max(t.width-columns(label), 16)
	}
	for i, line := range wrap(s, room) {
		if i > 0 {
			t.b.WriteString(strings.Repeat(" ", columns(label)))
		} else {
			t.b.WriteString(t.paint(strings.TrimRight(label, " "), ls))
			if line != "" {
				t.b.WriteString(label[len(strings.TrimRight(label, " ")):])
			}
		}
		t.b.WriteString(t.paint(line, ts))
		t.b.WriteByte('\n')
	}
}

func (t *terminal) paint(s string, st style) string {
	if !t.color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// A span is a paragraph in one style, with a remark in another below it.
type span struct {
	text  string
	style style
	below string
	under style
}

// A cell is one paragraph below another.
type cell []span

func phrase(s string, st style) cell { return cell{{text: s, style: st}} }

// A grid is a table before it is laid out.
type grid struct {
	head []string
	rows [][]cell
	// share is how columns that may break divide the room; 0 is never broken.
	share []int
	// ruled asks for a line between rows.
	ruled bool
	// aligned is the column from which on the paragraphs of a row's cells begin on
	// the same line as one another; the first paragraphs of all do in any case.
	aligned int
}

// grid lays the cells out itself and leaves to the library what it does well,
// drawing: its own wrapping knows neither colours nor hanging indents.
func (t *terminal) grid(g grid) error {
	widths := t.fit(g)
	options := []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(t.rendition(g))),
		// Without this the library looks for a locale to choose widths by.
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithTrimLine(tw.Off),
	}
	if t.width == 0 {
		options = append(options, tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}))
	}
	var out bytes.Buffer
	table := tablewriter.NewTable(&out, options...)
	head := make([]any, len(g.head))
	for i, h := range g.head {
		head[i] = t.paint(h, faint)
	}
	table.Header(head...)
	for _, row := range g.rows {
		if err := table.Append(t.layOut(row, widths, g.aligned)); err != nil {
			return fmt.Errorf("laying out a row: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("drawing the table: %w", err)
	}
	for line := range strings.Lines(out.String()) {
		t.b.WriteString(strings.TrimRight(line, " \n"))
		t.b.WriteByte('\n')
	}
	return nil
}

func (t *terminal) rendition(g grid) tw.Rendition {
	if t.width == 0 {
		return tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.LinesNone,
			},
		}
	}
	between := tw.Off
	if g.ruled {
		between = tw.On
	}
	return tw.Rendition{
		Symbols:  tw.NewSymbols(tw.StyleLight),
		Settings: tw.Settings{Separators: tw.Separators{BetweenRows: between}},
	}
}

// layOut wraps the cells of a row and puts their paragraphs beside one another.
func (t *terminal) layOut(row []cell, widths []int, aligned int) []string {
	paragraphs := 0
	for _, c := range row {
		paragraphs = max(paragraphs, len(c))
	}
	lines := make([][]string, len(row))
	for p := range paragraphs {
		depth := 0
		for i, c := range row {
			if p >= len(c) {
				continue
			}
			for _, line := range hang(c[p].text, widths[i]) {
				lines[i] = append(lines[i], t.paint(line, c[p].style))
			}
			if c[p].below != "" {
				for _, line := range hang(c[p].below, widths[i]) {
					lines[i] = append(lines[i], t.paint(line, c[p].under))
				}
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
		return wrap(s, width)
	}
	lead := string([]rune(s)[:indent])
	lines := wrap(s[len(lead):], width-indent)
	for i := range lines {
		if i == 0 {
			lines[i] = lead + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", indent) + lines[i]
		}
	}
	return lines
}

// fit chooses the width of each column: what it needs where there is room for all,
// else a share of what the unbreakable columns leave.
func (t *terminal) fit(g grid) []int {
	widths := make([]int, len(g.head))
	for i, h := range g.head {
		widths[i] = columns(h)
	}
	for _, row := range g.rows {
		for i, c := range row {
			for _, s := range c {
				widths[i] = max(widths[i], columns(s.text), columns(s.below))
			}
		}
	}
	if t.width == 0 {
		return make([]int, len(g.head))
	}
	// A column costs its two blanks and a border; the table one border more.
	return text.Fit(t.width-3*len(g.head)-1, widths, g.share)
}

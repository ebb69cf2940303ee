package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// GitHub's limits, in bytes to be safe: a comment has at most 65,536 characters, and a step adds
// at most 1 MiB to a job's summary.
const (
	CommentLimit    = 65_536
	JobSummaryLimit = 1 << 20
)

// closing ends a folded part.
const closing = "\n</details>\n\n"

// markdownReserve is the space for the note that says what was cut.
const markdownReserve = 600

// page is a Markdown document with a limit. After the first piece that does not fit, nothing more
// is added.
type page struct {
	b        strings.Builder
	limit    int
	cut      bool
	shown    int
	findings int
}

// put appends a piece if it fits together with what has to close it.
func (p *page) put(piece, closing string) bool {
	if p.cut || p.b.Len()+len(piece)+len(closing) > p.limit-markdownReserve {
		p.cut = true
		return false
	}
	p.b.WriteString(piece)
	return true
}

// writeMarkdown writes what matters most first, because not everything may fit: an overview, what
// failed in each result, and then the details.
func writeMarkdown(w io.Writer, from *source, o Options) error {
	p := &page{limit: cmp.Or(o.MarkdownLimit, CommentLimit)}
	for _, r := range from.rs {
		p.findings += r.Summary.Findings
	}
	from.rs = worstFirst(from.rs)
	several := len(from.rs) > 1
	if several {
		p.overview(from)
	}
	for r := range from.each() {
		p.result(r, o)
		p.table("Failed", r, audit.OutcomeFail)
	}
	for r := range from.each() {
		if r.Unread != nil {
			continue
		}
		if several {
			p.put("## Details of "+md(o.name(r.Environment.Name))+"\n\n", "")
		}
		p.rest(r, o)
		if p.cut {
			break
		}
	}
	if p.cut {
		if o.Warn != nil {
			o.Warn(fmt.Sprintf("the details of %d of %s fit into %d bytes; -f html shows all", p.shown, count(p.findings, "finding"), p.limit))
		}
		fmt.Fprintf(&p.b, "\n> **Cut to fit GitHub's limit of %d bytes:** the details of %d of %s are shown here, and what comes after them is left out. "+
			"Everything is in the saved result; `dbaudit report RESULT.json -f html -o report.html` shows it.\n", p.limit, p.shown, count(p.findings, "finding"))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// overview is a row for each result that names all failed controls, because their details may not
// fit.
func (p *page) overview(from *source) {
	noun := rowsOf(from.rs)
	p.put("## dbaudit: "+totals(from.rs)+"\n\n| "+capital(noun)+" | Verdict | Failed | Unknown | Waived | Coverage | Failed controls |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n", "")
	for r := range from.each() {
		var failed []string
		for _, c := range controlsOf(audit.OutcomeFail, r) {
			failed = append(failed, md(name(string(c.ID))))
		}
		p.put(fmt.Sprintf("| %s | %s %s | %d | %d | %d | %s | %s |\n", md(text.ShortenMiddle(r.Environment.Name, textColumns)), verdictFormOf(r.Verdict).emoji, verdictWords(r),
			r.Summary.Fail, r.Summary.Unknown, r.Summary.Waived, percent(r.Summary), strings.Join(failed, ", ")), "")
	}
	p.put("\n", "")
}

func (p *page) result(r audit.Result, o Options) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s dbaudit: %s\n\n", verdictFormOf(r.Verdict).emoji, r.Verdict)
	fmt.Fprintf(&b, "**%s.**\n\n", md(shorten(headline(r), headlineColumns)))
	for i, step := range nextSteps(r, o) {
		if i == 0 {
			b.WriteString("Next:\n\n")
		}
		fmt.Fprintf(&b, "%d. %s\n", i+1, md(shorten(step.Text, textColumns)))
		for j, command := range step.Commands {
			if j == 0 {
				b.WriteByte('\n')
			}
			// A block by its indent: nothing in it can close it.
			fmt.Fprintf(&b, "       %s\n", shorten(visible(command), textColumns))
		}
	}
	p.put(b.String()+"\n", "")
}

func (p *page) facts(r audit.Result) {
	var rows []string
	for _, f := range factsOf(r) {
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", f.Name, link(f.Value, f.URL)))
	}
	p.list("### Judged\n\n| | |\n| --- | --- |\n", rows)
}

func (p *page) rest(r audit.Result, o Options) {
	p.reasons("Could not be evaluated", r, audit.OutcomeUnknown, o)
	p.table("Failed, and waived", r, audit.OutcomeWaived)
	p.reasons("Not applicable", r, audit.OutcomeNotApplicable, o)
	p.passed(r)
	p.notes(r)
	p.facts(r)
	p.details(r, o)
}

func (p *page) list(heading string, rows []string) {
	if len(rows) == 0 {
		return
	}
	for _, piece := range slices.Concat([]string{heading}, rows, []string{"\n"}) {
		p.put(piece, "")
	}
}

func (p *page) table(title string, r audit.Result, outcome audit.Outcome) {
	var rows []string
	for _, c := range controlsOf(outcome, r) {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", c.Severity, controlMarkdown(c), md(beginning(shorten(messages(c), textColumns)))))
	}
	p.list("### "+title+"\n\n| Severity | Control | Findings |\n| --- | --- | --- |\n", rows)
}

// controlMarkdown is a link to the control's page, and the line that the control cites.
func controlMarkdown(c audit.Control) string {
	about := cmp.Or(citation(c.Citation), c.Title)
	return fmt.Sprintf("[%s](<%s>)<br>%s", md(name(string(c.ID))), pageURL(c), md(shorten(about, textColumns)))
}

// reasons lists what was not judged; a reason that many share is shown once.
func (p *page) reasons(title string, r audit.Result, outcome audit.Outcome, o Options) {
	var rows []string
	for _, group := range byReason(controlsOf(outcome, r)) {
		worst, controls := group.Controls[0].Severity, controlMarkdown(group.Controls[0])
		if len(group.Controls) > 1 {
			controls = group.Title() + ":<br>" + md(group.Names())
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", worst, controls, md(group.Short(o))))
	}
	p.list("### "+title+"\n\n| Severity | Control | Reason |\n| --- | --- | --- |\n", rows)
}

func (p *page) passed(r audit.Result) {
	if r.Summary.Pass == 0 || !p.put(fmt.Sprintf("<details><summary>%s passed</summary>\n\n", count(r.Summary.Pass, "control")), closing) {
		return
	}
	for _, c := range r.Controls {
		if c.Outcome == audit.OutcomePass {
			p.put(fmt.Sprintf("- %s: %s\n", md(name(string(c.ID))), md(shorten(c.Title, textColumns))), closing)
		}
	}
	p.b.WriteString(closing)
}

func (p *page) notes(r audit.Result) {
	var rows []string
	for _, n := range notes(r) {
		rows = append(rows, "- "+md(shorten(n.String(), textColumns))+"\n")
	}
	p.list("### Notes\n\n", rows)
}

// details has a folded part for the findings of each control.
func (p *page) details(r audit.Result, o Options) {
	heading := "### Details\n\n"
	for _, c := range gravestFirst(r.Controls) {
		if len(c.Findings) == 0 {
			continue
		}
		p.put(heading, "")
		heading = ""
		var b strings.Builder
		fmt.Fprintf(&b, "<details><summary>%s (%s): %s</summary>\n\n", text.HTML(name(string(c.ID))), c.Severity, count(len(c.Findings), "finding"))
		if s := citation(c.Citation); s != "" {
			fmt.Fprintf(&b, "Requirement: %s\n\n", md(shorten(s, textColumns)))
		}
		if why := whyOf(c, o.Rules[c.Rule]); why != "" {
			fmt.Fprintf(&b, "Why it matters: %s\n\n", md(shorten(why, textColumns)))
		}
		if !p.put(b.String(), closing) {
			return
		}
		for _, f := range c.Findings {
			if p.put(findingMarkdown(f, c, r, o), closing) {
				p.shown++
			}
		}
		p.b.WriteString(closing)
	}
}

func findingMarkdown(f audit.Finding, c audit.Control, r audit.Result, o Options) string {
	var b strings.Builder
	tag := ""
	if f.Baseline == audit.BaselineNew {
		tag = " (new)"
	}
	fmt.Fprintf(&b, "**%s**%s\n\n", md(beginning(shorten(f.Message, 2*textColumns))), tag)
	item := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- %s: %s\n", name, md(shorten(value, textColumns)))
		}
	}
	item("On", subject(f.Subject))
	for _, d := range facts(f.Evidence) {
		item(md(name(d.Name)), d.Value)
	}
	item("Waiver", waiver(f.Waiver))
	if f.Fix == nil {
		item("What to do", advice(f, c, o))
	} else {
		fix := change.For(shortNames(*f.Fix, o), o.place(r, c.ID))
		item("What to do", visible(fix.Summary))
		item("Who can do it", visible(fix.Who))
		for i, step := range fix.Portal {
			fmt.Fprintf(&b, "  %d. ", i+1)
			for _, p := range pieces(shorten(step, textColumns), r.Environment) {
				if p.URL != "" {
					b.WriteString(link(p.Text, p.URL))
				} else {
					b.WriteString(spaced(p.Text))
				}
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n")
	return b.String()
}

func spaced(s string) string {
	inner := strings.TrimSpace(s)
	if inner == "" {
		return s
	}
	before, after, _ := strings.Cut(s, inner)
	return before + md(inner) + after
}

// link is a link if the target is a web page, else plain text.
func link(name, target string) string {
	name = md(shorten(name, textColumns))
	if !text.IsWebURL(target) || len(target) > 2*textColumns {
		return name
	}
	return "[" + name + "](<" + target + ">)"
}

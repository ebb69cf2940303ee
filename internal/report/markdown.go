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

// detailsEnd ends a folded part.
const detailsEnd = "\n</details>\n\n"

// markdownReserve is the space for the note that says what was cut.
const markdownReserve = 600

// markdownPage is a Markdown document with a limit. After the first piece that does not fit, nothing more
// is added.
type markdownPage struct {
	b        strings.Builder
	limit    int
	cut      bool
	shown    int
	findings int
}

// write appends a piece if it fits together with what has to close it.
func (p *markdownPage) write(piece, closing string) bool {
	if p.cut || p.b.Len()+len(piece)+len(closing) > p.limit-markdownReserve {
		p.cut = true
		return false
	}
	p.b.WriteString(piece)
	return true
}

// writeMarkdown writes what matters most first, because not everything may fit: an overview, what
// failed in each result, and then the details.
func writeMarkdown(w io.Writer, from *resultSet, o Options) error {
	p := &markdownPage{limit: cmp.Or(o.MarkdownLimit, CommentLimit)}
	for _, r := range from.results {
		p.findings += r.Summary.Findings
	}
	from.results = worstFirst(from.results)
	several := len(from.results) > 1
	if several {
		p.overview(from)
	}
	for r := range from.all() {
		p.result(r, o)
		p.controlTable("Failed", r, audit.OutcomeFail)
	}
	for r := range from.all() {
		if r.Unread != nil {
			continue
		}
		if several {
			p.write("## Details of "+md(o.shortenName(r.Environment.Name))+"\n\n", "")
		}
		p.afterFailures(r, o)
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
func (p *markdownPage) overview(from *resultSet) {
	noun := rowNoun(from.results)
	p.write("## dbaudit: "+totals(from.results)+"\n\n| "+capitalize(noun)+" | Verdict | Failed | Unknown | Waived | Coverage | Failed controls |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n", "")
	for r := range from.all() {
		var failed []string
		for _, c := range controlsWith(audit.OutcomeFail, r) {
			failed = append(failed, md(shortName(string(c.ID))))
		}
		p.write(fmt.Sprintf("| %s | %s %s | %d | %d | %d | %s | %s |\n", md(text.ShortenMiddle(r.Environment.Name, textWidth)), verdictTermsOf(r.Verdict).emoji, verdictText(r),
			r.Summary.Fail, r.Summary.Unknown, r.Summary.Waived, percent(r.Summary), strings.Join(failed, ", ")), "")
	}
	p.write("\n", "")
}

func (p *markdownPage) result(r audit.Result, o Options) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s dbaudit: %s\n\n", verdictTermsOf(r.Verdict).emoji, r.Verdict)
	fmt.Fprintf(&b, "**%s.**\n\n", md(shorten(headline(r), headlineWidth)))
	for i, step := range nextSteps(r, o) {
		if i == 0 {
			b.WriteString("Next:\n\n")
		}
		fmt.Fprintf(&b, "%d. %s\n", i+1, md(shorten(step.Text, textWidth)))
		for j, command := range step.Commands {
			if j == 0 {
				b.WriteByte('\n')
			}
			// A block by its indent: nothing in it can close it.
			fmt.Fprintf(&b, "       %s\n", shorten(visible(command), textWidth))
		}
	}
	p.write(b.String()+"\n", "")
}

func (p *markdownPage) facts(r audit.Result) {
	var rows []string
	for _, f := range resultFacts(r) {
		rows = append(rows, fmt.Sprintf("| %s | %s |\n", f.Name, markdownLink(f.Value, f.URL)))
	}
	p.writeList("### Judged\n\n| | |\n| --- | --- |\n", rows)
}

func (p *markdownPage) afterFailures(r audit.Result, o Options) {
	p.reasonTable("Could not be evaluated", r, audit.OutcomeUnknown, o)
	p.controlTable("Failed, and waived", r, audit.OutcomeWaived)
	p.reasonTable("Not applicable", r, audit.OutcomeNotApplicable, o)
	p.passed(r)
	p.notes(r)
	p.facts(r)
	p.findingDetails(r, o)
}

func (p *markdownPage) writeList(heading string, rows []string) {
	if len(rows) == 0 {
		return
	}
	for _, piece := range slices.Concat([]string{heading}, rows, []string{"\n"}) {
		p.write(piece, "")
	}
}

func (p *markdownPage) controlTable(title string, r audit.Result, outcome audit.Outcome) {
	var rows []string
	for _, c := range controlsWith(outcome, r) {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", c.Severity, markdownControl(c), md(sentenceCase(shorten(summarizeFindings(c), textWidth)))))
	}
	p.writeList("### "+title+"\n\n| Severity | Control | Findings |\n| --- | --- | --- |\n", rows)
}

// markdownControl is a link to the control's page, and the line that the control cites.
func markdownControl(c audit.Control) string {
	about := cmp.Or(citationText(c.Citation), c.Title)
	return fmt.Sprintf("[%s](<%s>)<br>%s", md(shortName(string(c.ID))), pageURL(c), md(shorten(about, textWidth)))
}

// reasonTable lists what was not judged; a reason that many share is shown once.
func (p *markdownPage) reasonTable(title string, r audit.Result, outcome audit.Outcome, o Options) {
	var rows []string
	for _, group := range groupByReason(controlsWith(outcome, r)) {
		worst, controls := group.Controls[0].Severity, markdownControl(group.Controls[0])
		if len(group.Controls) > 1 {
			controls = group.Title() + ":<br>" + md(group.Names())
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", worst, controls, md(group.ShortReason(o))))
	}
	p.writeList("### "+title+"\n\n| Severity | Control | Reason |\n| --- | --- | --- |\n", rows)
}

func (p *markdownPage) passed(r audit.Result) {
	if r.Summary.Pass == 0 || !p.write(fmt.Sprintf("<details><summary>%s passed</summary>\n\n", count(r.Summary.Pass, "control")), detailsEnd) {
		return
	}
	for _, c := range r.Controls {
		if c.Outcome == audit.OutcomePass {
			p.write(fmt.Sprintf("- %s: %s\n", md(shortName(string(c.ID))), md(shorten(c.Title, textWidth))), detailsEnd)
		}
	}
	p.b.WriteString(detailsEnd)
}

func (p *markdownPage) notes(r audit.Result) {
	var rows []string
	for _, n := range notesOf(r) {
		rows = append(rows, "- "+md(shorten(n.String(), textWidth))+"\n")
	}
	p.writeList("### Notes\n\n", rows)
}

// findingDetails has a folded part for the findings of each control.
func (p *markdownPage) findingDetails(r audit.Result, o Options) {
	heading := "### Details\n\n"
	for _, c := range mostSevereFirst(r.Controls) {
		if len(c.Findings) == 0 {
			continue
		}
		p.write(heading, "")
		heading = ""
		var b strings.Builder
		fmt.Fprintf(&b, "<details><summary>%s (%s): %s</summary>\n\n", text.HTML(shortName(string(c.ID))), c.Severity, count(len(c.Findings), "finding"))
		if s := citationText(c.Citation); s != "" {
			fmt.Fprintf(&b, "Requirement: %s\n\n", md(shorten(s, textWidth)))
		}
		if why := whyOf(c, o.Rules[c.Rule]); why != "" {
			fmt.Fprintf(&b, "Why it matters: %s\n\n", md(shorten(why, textWidth)))
		}
		if !p.write(b.String(), detailsEnd) {
			return
		}
		for _, f := range c.Findings {
			if p.write(markdownFinding(f, c, r, o), detailsEnd) {
				p.shown++
			}
		}
		p.b.WriteString(detailsEnd)
	}
}

func markdownFinding(f audit.Finding, c audit.Control, r audit.Result, o Options) string {
	var b strings.Builder
	tag := ""
	if f.Baseline == audit.BaselineNew {
		tag = " (new)"
	}
	fmt.Fprintf(&b, "**%s**%s\n\n", md(sentenceCase(shorten(f.Message, 2*textWidth))), tag)
	item := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- %s: %s\n", name, md(shorten(value, textWidth)))
		}
	}
	item("On", subjectText(f.Subject))
	for _, d := range readableEvidence(f.Evidence) {
		item(md(shortName(d.Name)), d.Value)
	}
	item("Waiver", waiverText(f.Waiver))
	if f.Fix == nil {
		item("What to do", advice(f, c, o))
	} else {
		fix := change.RemedyFor(shortenNames(*f.Fix, o), o.place(r, c.ID))
		item("What to do", visible(fix.Summary))
		item("Who can do it", visible(fix.Who))
		for i, step := range fix.Portal {
			fmt.Fprintf(&b, "  %d. ", i+1)
			for _, p := range splitAtLinks(shorten(step, textWidth), r.Environment) {
				if p.URL != "" {
					b.WriteString(markdownLink(p.Text, p.URL))
				} else {
					b.WriteString(markdownKeepingSpaces(p.Text))
				}
			}
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n")
	return b.String()
}

func markdownKeepingSpaces(s string) string {
	inner := strings.TrimSpace(s)
	if inner == "" {
		return s
	}
	before, after, _ := strings.Cut(s, inner)
	return before + md(inner) + after
}

// markdownLink is a link if the target is a web page, else plain text.
func markdownLink(name, target string) string {
	name = md(shorten(name, textWidth))
	if !text.IsWebURL(target) || len(target) > 2*textWidth {
		return name
	}
	return "[" + name + "](<" + target + ">)"
}

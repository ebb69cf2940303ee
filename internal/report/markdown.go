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

// GitHub's limits: a comment has at most 65,536 characters, and a step adds at most 1 MiB to the
// summary of its job. Both are bytes here, to be safe.
const (
	CommentLimit    = 65_536
	JobSummaryLimit = 1 << 20
)

// detailsEnd ends a folded section.
const detailsEnd = "\n</details>\n\n"

// cutNoteSize is the space that is reserved for the note about what was cut, in bytes.
const cutNoteSize = 600

// A markdownPage is a Markdown document of limited size.
type markdownPage struct {
	b        strings.Builder
	limit    int // in bytes
	cut      bool
	shown    int // findings with details
	findings int // in all results
}

// write appends s and reports whether it did: s and end, which has to follow it, must fit. Once
// something did not fit, it appends nothing more.
func (p *markdownPage) write(s, end string) bool {
	if p.cut || p.b.Len()+len(s)+len(end) > p.limit-cutNoteSize {
		p.cut = true
		return false
	}
	p.b.WriteString(s)
	return true
}

// writeMarkdown writes an overview, the failed controls of each result, and then the details. The
// document may be cut at the end, so what matters most comes first.
func writeMarkdown(w io.Writer, set *resultSet, o Options) error {
	p := &markdownPage{limit: cmp.Or(o.MarkdownLimit, CommentLimit)}
	for _, r := range set.results {
		p.findings += r.Summary.Findings
	}
	set.results = worstFirst(set.results)
	multiple := len(set.results) > 1
	if multiple {
		p.overview(set)
	}
	for r := range set.all() {
		p.result(r, o)
		p.controlTable("Failed", r, audit.OutcomeFail)
		if p.cut {
			break
		}
	}
	for r := range set.all() {
		if r.Unread != nil {
			continue
		}
		if multiple {
			p.write("## Details of "+text.Markdown(o.shortenName(r.Environment.Name))+"\n\n", "")
		}
		p.afterFailures(r, o)
		if p.cut {
			break
		}
	}
	if p.cut {
		if o.Warn != nil {
			o.Warn(fmt.Sprintf("the details of %d of %s fit into %d bytes; -f html shows all", p.shown, text.Count(p.findings, "finding"), p.limit))
		}
		fmt.Fprintf(&p.b, "\n> **Cut to fit GitHub's limit of %d bytes:** the details of %d of %s are shown here, and what comes after them is left out. "+
			"Everything is in the saved result; `dbaudit report RESULT.json -f html -o report.html` shows it.\n", p.limit, p.shown, text.Count(p.findings, "finding"))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// overview writes a table with a row for each result. It names all failed controls, because their
// details may not fit.
func (p *markdownPage) overview(set *resultSet) {
	p.write("## dbaudit: "+totals(set.results)+"\n\n", "")
	p.write("| "+capitalize(rowNoun(set.results))+" | Verdict | Failed | Unknown | Waived | Coverage | Failed controls |\n", "")
	p.write("| --- | --- | ---: | ---: | ---: | ---: | --- |\n", "")
	for r := range set.all() {
		var failed []string
		for _, c := range mostSevereFirst(controlsWith(r, audit.OutcomeFail)) {
			failed = append(failed, text.Markdown(shortName(string(c.ID))))
		}
		name := text.Markdown(text.ShortenMiddle(r.Environment.Name, textWidth))
		verdict := verdictTermsOf(r.Verdict).emoji + " " + joinNonBlank(", ", r.Verdict.String(), verdictNote(r))
		if !p.write(fmt.Sprintf("| %s | %s | %d | %d | %d | %s | %s |\n", name, verdict,
			r.Summary.Fail, r.Summary.Unknown, r.Summary.Waived, percent(r.Summary), strings.Join(failed, ", ")), "") {
			break
		}
	}
	p.write("\n", "")
}

// result writes the verdict and the next steps.
func (p *markdownPage) result(r audit.Result, o Options) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s dbaudit: %s\n\n", verdictTermsOf(r.Verdict).emoji, r.Verdict)
	fmt.Fprintf(&b, "**%s.**\n\n", text.Markdown(text.Shorten(headline(r), headlineWidth)))
	for i, step := range nextSteps(r, o) {
		if i == 0 {
			b.WriteString("Next:\n\n")
		}
		fmt.Fprintf(&b, "%d. %s\n", i+1, shortMarkdown(step.Text))
		for j, command := range step.Commands {
			if j == 0 {
				b.WriteByte('\n')
			}
			// Nothing in the command can close an indented block.
			fmt.Fprintf(&b, "       %s\n", text.Shorten(text.Line(command), textWidth))
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

// afterFailures writes everything about a result that follows its failed controls.
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
	for _, s := range slices.Concat([]string{heading}, rows, []string{"\n"}) {
		p.write(s, "")
	}
}

func (p *markdownPage) controlTable(title string, r audit.Result, outcome audit.Outcome) {
	var rows []string
	for _, c := range mostSevereFirst(controlsWith(r, outcome)) {
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", c.Severity, markdownControl(c), text.Markdown(sentenceCase(text.Shorten(summarizeFindings(c), textWidth)))))
	}
	p.writeList("### "+title+"\n\n| Severity | Control | Findings |\n| --- | --- | --- |\n", rows)
}

// markdownControl returns a link to the page of a control, and the line that the control cites.
func markdownControl(c audit.Control) string {
	requirement := cmp.Or(citationText(c.Citation), c.Title)
	return fmt.Sprintf("[%s](<%s>)<br>%s", text.Markdown(shortName(string(c.ID))), pageURL(c), shortMarkdown(requirement))
}

// reasonTable writes the controls that were not judged, with a row for each reason.
func (p *markdownPage) reasonTable(title string, r audit.Result, outcome audit.Outcome, o Options) {
	var rows []string
	for _, group := range groupByReason(mostSevereFirst(controlsWith(r, outcome))) {
		worst, controls := group.Controls[0].Severity, markdownControl(group.Controls[0])
		if len(group.Controls) > 1 {
			controls = group.Title() + ":<br>" + text.Markdown(group.Names())
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s |\n", worst, controls, text.Markdown(group.ShortReason(o))))
	}
	p.writeList("### "+title+"\n\n| Severity | Control | Reason |\n| --- | --- | --- |\n", rows)
}

func (p *markdownPage) passed(r audit.Result) {
	if r.Summary.Pass == 0 || !p.write(fmt.Sprintf("<details><summary>%s passed</summary>\n\n", text.Count(r.Summary.Pass, "control")), detailsEnd) {
		return
	}
	for _, c := range controlsWith(r, audit.OutcomePass) {
		p.write(fmt.Sprintf("- %s: %s\n", text.Markdown(shortName(string(c.ID))), shortMarkdown(c.Title)), detailsEnd)
	}
	p.b.WriteString(detailsEnd)
}

func (p *markdownPage) notes(r audit.Result) {
	var rows []string
	for _, n := range notesOf(r) {
		rows = append(rows, "- "+shortMarkdown(n.String())+"\n")
	}
	p.writeList("### Notes\n\n", rows)
}

// findingDetails writes the findings of each control into a folded section.
func (p *markdownPage) findingDetails(r audit.Result, o Options) {
	heading, place := "### Details\n\n", o.place(r)
	for _, c := range mostSevereFirst(r.Controls) {
		if len(c.Findings) == 0 {
			continue
		}
		p.write(heading, "")
		heading = ""
		var b strings.Builder
		fmt.Fprintf(&b, "<details><summary>%s (%s): %s</summary>\n\n", text.HTML(shortName(string(c.ID))), c.Severity, text.Count(len(c.Findings), "finding"))
		if s := citationText(c.Citation); s != "" {
			fmt.Fprintf(&b, "Requirement: %s\n\n", shortMarkdown(s))
		}
		if why := whyOf(c, o.Rules[c.Rule]); why != "" {
			fmt.Fprintf(&b, "Why it matters: %s\n\n", shortMarkdown(why))
		}
		if !p.write(b.String(), detailsEnd) {
			return
		}
		for _, f := range c.Findings {
			if !p.write(markdownFinding(f, c, place, o), detailsEnd) {
				break
			}
			p.shown++
		}
		p.b.WriteString(detailsEnd)
	}
}

func markdownFinding(f audit.Finding, c audit.Control, place change.Place, o Options) string {
	var b strings.Builder
	tag := ""
	if f.Baseline == audit.BaselineNew {
		tag = " (new)"
	}
	fmt.Fprintf(&b, "**%s**%s\n\n", text.Markdown(sentenceCase(text.Shorten(f.Message, 2*textWidth))), tag)
	item := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- %s: %s\n", name, shortMarkdown(value))
		}
	}
	item("On", subjectText(f.Subject))
	for _, d := range readableEvidence(f.Evidence) {
		item(text.Markdown(shortName(d.Name)), d.Value)
	}
	item("Waiver", waiverText(f.Waiver))
	if f.Fix == nil {
		item("What to do", advice(f, c, o))
	} else {
		fix := change.RemedyFor(shortenNames(*f.Fix, o), place)
		item("What to do", text.Line(fix.Summary))
		item("Who can do it", text.Line(fix.Who))
		for i, step := range fix.Portal {
			fmt.Fprintf(&b, "  %d. ", i+1)
			for _, p := range splitAtLinks(text.Shorten(step, textWidth), place.Environment) {
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

// shortMarkdown returns [text.Markdown] of s, cut to the width of a text.
func shortMarkdown(s string) string { return text.Markdown(text.Shorten(s, textWidth)) }

// markdownKeepingSpaces returns [text.Markdown] of s with the spaces around it, which Markdown trims.
func markdownKeepingSpaces(s string) string {
	inner := strings.TrimSpace(s)
	if inner == "" {
		return s
	}
	before, after, _ := strings.Cut(s, inner)
	return before + text.Markdown(inner) + after
}

// markdownLink returns a link, or plain text if the target is not a web page.
func markdownLink(name, target string) string {
	name = shortMarkdown(name)
	if !text.IsWebURL(target) || len(target) > 2*textWidth {
		return name
	}
	return "[" + name + "](<" + target + ">)"
}

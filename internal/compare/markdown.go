package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// maxRows bounds each table of the Markdown form, so that it stays below GitHub's
// limit of a comment, 65,536 characters, with names of ordinary length.
const maxRows = 200

// Markdown returns the difference as Markdown for a pull request or the summary of a job.
func (d Diff) Markdown() string {
	var b strings.Builder
	if d.Same {
		fmt.Fprintf(&b, "## dbaudit: no difference between the %s\n", d.Of)
	} else {
		fmt.Fprintf(&b, "## dbaudit: what changed between the %s\n", d.Of)
	}
	for _, e := range d.Environments {
		fmt.Fprintf(&b, "\n### %s\n\n", text.MarkdownCell(e.Name))
		if e.Old != nil && e.New != nil {
			fmt.Fprintf(&b, "From %s to %s%s.\n", e.Old.TakenAt.UTC().Format("2006-01-02 15:04:05"), e.New.TakenAt.UTC().Format("2006-01-02 15:04:05 UTC"), e.verdictChange())
		}
		for _, t := range e.Tables(false) {
			t.writeMarkdown(&b)
		}
	}
	return b.String()
}

// verdictChange describes the change of the verdict; empty for snapshots.
func (e Environment) verdictChange() string {
	if e.Old.Verdict == nil || e.New.Verdict == nil {
		return ""
	}
	if *e.Old.Verdict == *e.New.Verdict {
		return ", " + e.New.Verdict.String() + " as before"
	}
	return fmt.Sprintf(", from %s to %s", e.Old.Verdict, e.New.Verdict)
}

// A Table is a part of a difference in the form for people.
type Table struct {
	Title  string
	Header []string
	Rows   [][]string
}

// Tables returns the parts of a difference that are not empty. Unchanged findings are only counted in
// a title, unless all is set.
func (e Environment) Tables(all bool) []Table {
	var changes, outcomes, findings, notes, incomparable [][]string
	for _, c := range e.Changes {
		changes = append(changes, []string{string(c.Verb), c.Object, c.Name, c.What, c.From, c.To})
	}
	for _, o := range e.Outcomes {
		outcomes = append(outcomes, []string{string(o.Control), words(o.From.String()), words(o.To.String()), o.Title})
	}
	counts := map[State]int{}
	for _, f := range e.Findings {
		counts[f.State]++
		if f.State == StateUnchanged && f.Was == "" && !all {
			continue
		}
		message := f.Message
		if f.Was != "" {
			message += "; it was: " + f.Was
		}
		if f.Why != "" {
			message += " (" + f.Why + ")"
		}
		findings = append(findings, []string{string(f.State), f.Severity.String(), string(f.Control), message})
	}
	for _, n := range e.Notes {
		notes = append(notes, []string{n})
	}
	for _, i := range e.Incomparable {
		incomparable = append(incomparable, []string{i.What, i.Why})
	}
	findingsTitle := fmt.Sprintf("findings: %d new, %d fixed, %d unchanged, %d incomparable",
		counts[StateNew], counts[StateFixed], counts[StateUnchanged], counts[StateIncomparable])
	tables := []Table{
		{text.Count(len(changes), "change"), []string{"change", "of", "name", "what", "from", "to"}, changes},
		{text.Count(len(outcomes), "control") + " with another outcome", []string{"control", "from", "to", "title"}, outcomes},
		{findingsTitle, []string{"state", "severity", "control", "finding"}, findings},
		{"notes", []string{"note"}, notes},
		{"not comparable", []string{"what", "why"}, incomparable},
	}
	return slices.DeleteFunc(tables, func(t Table) bool { return len(t.Rows) == 0 && (t.Title != findingsTitle || len(e.Findings) == 0) })
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func (t Table) writeMarkdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n**%s**\n", text.MarkdownCell(t.Title))
	if len(t.Rows) == 0 {
		return
	}
	shown := t.Rows[:min(len(t.Rows), maxRows)]
	fmt.Fprintf(b, "\n%s", text.MarkdownTable(t.Header, shown))
	if left := len(t.Rows) - len(shown); left > 0 {
		fmt.Fprintf(b, "\n%d more are left out here; the JSON form has them all.\n", left)
	}
}

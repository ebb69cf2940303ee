package compare

import (
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// maxRows bounds each table of the Markdown form, so that it stays below GitHub's
// limit of a comment, 65,536 characters, with names of ordinary length.
const maxRows = 200

// Markdown is the difference for a pull request or a job's summary.
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
			fmt.Fprintf(&b, "From %s to %s%s.\n", e.Old.TakenAt.UTC().Format("2006-01-02 15:04:05"), e.New.TakenAt.UTC().Format("2006-01-02 15:04:05 UTC"), e.verdicts())
		}
		for _, t := range e.Tables(false) {
			t.markdown(&b)
		}
	}
	return b.String()
}

// verdicts says how the verdict changed; empty for snapshots.
func (e Environment) verdicts() string {
	if e.Old.Verdict == nil || e.New.Verdict == nil {
		return ""
	}
	if *e.Old.Verdict == *e.New.Verdict {
		return ", " + e.New.Verdict.String() + " as before"
	}
	return fmt.Sprintf(", from %s to %s", e.Old.Verdict, e.New.Verdict)
}

// A Table is a part of a difference for people.
type Table struct {
	Title  string
	Header []string
	Rows   [][]string
}

// Tables are the parts of a difference that have something in them. Findings that
// are as they were are counted in a title, or listed if all are wanted.
func (e Environment) Tables(all bool) []Table {
	var tables []Table
	add := func(title string, header []string, rows [][]string) {
		if len(rows) > 0 {
			tables = append(tables, Table{title, header, rows})
		}
	}
	var rows [][]string
	for _, c := range e.Changes {
		rows = append(rows, []string{string(c.Verb), c.Object, c.Name, c.What, c.From, c.To})
	}
	add(fmt.Sprintf("%d changes", len(rows)), []string{"change", "of", "name", "what", "from", "to"}, rows)

	rows = nil
	for _, o := range e.Outcomes {
		rows = append(rows, []string{string(o.Control), words(o.From.String()), words(o.To.String()), o.Title})
	}
	add(fmt.Sprintf("%d controls with another outcome", len(rows)), []string{"control", "from", "to", "title"}, rows)

	rows = nil
	counts := map[State]int{}
	for _, f := range e.Findings {
		counts[f.State]++
		if f.State == StateUnchanged && f.Was == "" && !all {
			continue
		}
		said := f.Message
		if f.Was != "" {
			said += "; it was: " + f.Was
		}
		if f.Why != "" {
			said += " (" + f.Why + ")"
		}
		rows = append(rows, []string{string(f.State), f.Severity.String(), string(f.Control), said})
	}
	if len(e.Findings) > 0 {
		title := fmt.Sprintf("findings: %d new, %d fixed, %d unchanged, %d incomparable",
			counts[StateNew], counts[StateFixed], counts[StateUnchanged], counts[StateIncomparable])
		tables = append(tables, Table{title, []string{"state", "severity", "control", "finding"}, rows})
	}

	rows = nil
	for _, n := range e.Notes {
		rows = append(rows, []string{n})
	}
	add("notes", []string{"note"}, rows)

	rows = nil
	for _, i := range e.Incomparable {
		rows = append(rows, []string{i.What, i.Why})
	}
	add("not comparable", []string{"what", "why"}, rows)
	return tables
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func (t Table) markdown(b *strings.Builder) {
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

package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// day is a time as the tables show it.
func day(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func historyTables(w io.Writer, width int, h history.History, verbose bool) error {
	for i, e := range h.Environments {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\n\n", text.Line(sinceWhen(e)))
		for _, p := range e.Profiles {
			fmt.Fprintf(w, "judged by %s\n", text.Line(judgedBy(e.Profile, p)))
		}
		if len(e.Profiles) > 1 {
			fmt.Fprintln(w, "The requirements changed between these results, so an outcome may have changed because of that.")
			fmt.Fprintln(w)
		}
		rows, passing := historyRows(e, verbose)
		if len(rows) > 0 {
			if err := table.List(w, width, historyHeader(), rows); err != nil {
				return err
			}
		}
		if passing > 0 {
			fmt.Fprintf(w, "%d controls passed in every result (--verbose lists them)\n", passing)
		}
	}
	return nil
}

func historyHeader() []string {
	return []string{"control", "severity", "outcome", "since", "previous scan", "last passed", "history"}
}

// historyRows are a row for each control of an environment. What passed in every result is
// counted, unless all are wanted.
func historyRows(e history.Environment, all bool) (rows [][]string, passing int) {
	for _, c := range e.Controls {
		if c.Outcome == audit.OutcomePass && len(c.Spans) == 1 && !all {
			passing++
			continue
		}
		before := "none"
		if c.Before != nil {
			before = day(c.Before)
		}
		rows = append(rows, []string{
			string(c.ID), c.Severity.String(), strings.ReplaceAll(c.Outcome.String(), "_", " "), day(&c.Since), before, day(c.Passed), trail(c.Spans),
		})
	}
	return rows, passing
}

// sinceWhen answers the manager's question in a sentence.
func sinceWhen(e history.Environment) string {
	began := "the first scan, " + day(&e.Since)
	if e.Before != nil {
		began = fmt.Sprintf("between %s and %s", day(e.Before), day(&e.Since))
	}
	scans := fmt.Sprintf("%d scans", len(e.Results))
	if len(e.Results) == 1 {
		scans = "1 scan"
	}
	said := fmt.Sprintf("%s (%s) has been %s since %s (%s)", e.Name, e.Profile, e.Verdict, began, scans)
	if e.Verdict != audit.VerdictCompliant {
		said += "; last compliant: " + day(e.Compliant)
	}
	return said
}

func judgedBy(name string, p history.Judged) string {
	edition := audit.Profile{Version: p.Version, Origin: p.Origin, Digest: p.Digest}.Edition()
	return fmt.Sprintf("the profile %s (%s) from %s", name, edition, day(&p.From))
}

// trail shows a control's outcomes, oldest first, a letter and a count for each
// row of the same.
func trail(spans []history.Span) string {
	var b strings.Builder
	if len(spans) > 8 {
		spans = spans[len(spans)-8:]
		b.WriteString("… ")
	}
	for i, s := range spans {
		if i > 0 {
			b.WriteString(" > ")
		}
		fmt.Fprintf(&b, "%s×%d", strings.ReplaceAll(s.Outcome.String(), "_", " "), s.Results)
	}
	return b.String()
}

// historyCSV is a row for each control of each environment. An environment that was never
// read has a row without a control.
func historyCSV(h history.History) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	moment := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	rows := [][]string{{
		"environment", "url", "profile", "verdict", "verdict_since", "last_compliant",
		"control", "severity", "outcome", "since", "previous_scan", "last_passed", "findings",
	}}
	for _, e := range h.Environments {
		own := []string{e.Name, e.URL, e.Profile, e.Verdict.String(), moment(&e.Since), moment(e.Compliant)}
		if len(e.Controls) == 0 {
			rows = append(rows, append(own, "", "", "", "", "", "", ""))
		}
		for _, c := range e.Controls {
			rows = append(rows, append(own[:len(own):len(own)],
				string(c.ID), c.Severity.String(), c.Outcome.String(), moment(&c.Since), moment(c.Before), moment(c.Passed), fmt.Sprint(c.Findings)))
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] = report.Inert(text.Line(row[i]))
		}
		if err := w.Write(row); err != nil {
			return nil, fmt.Errorf("writing the history: %w", err)
		}
	}
	w.Flush()
	return b.Bytes(), nil
}

// historyMarkdown is what the tables show, for a wiki or a comment.
func historyMarkdown(h history.History, verbose bool) string {
	var b strings.Builder
	b.WriteString("## dbaudit: since when\n")
	for _, e := range h.Environments {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", text.Markdown(e.Name), text.Markdown(sinceWhen(e)))
		rows, passing := historyRows(e, verbose)
		if len(rows) > 0 {
			b.WriteString("\n" + text.MarkdownTable(historyHeader(), rows))
		}
		if passing > 0 {
			fmt.Fprintf(&b, "\n%s passed in every result.\n", text.Count(passing, "control"))
		}
	}
	return b.String()
}

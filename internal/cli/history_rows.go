package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

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

package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

type historyFlags struct {
	document    documentFlags
	failOnWorse bool
	store       string
}

func (f *historyFlags) define(_ *app, cmd *cobra.Command) {
	f.document.add(cmd.Flags(), "table", "json", "html", "markdown", "csv")
	storeFlag(cmd.Flags(), &f.store, "instead of folders")
	cmd.Flags().BoolVar(&f.failOnWorse, "fail-on-worse", false, "exit 1 if the last result of an environment is worse than the one before")
}

func (f historyFlags) run(ctx context.Context, a *app, dirs []string) error {
	h, err := readHistory(ctx, a, f.store, dirs)
	if err != nil {
		return err
	}
	switch file := f.document.file; f.document.format {
	case "markdown":
		err = a.WriteOutput(file, []byte(historyMarkdown(h, a.Verbose)))
	case "csv":
		err = a.WriteOutput(file, historyCSV(h))
	case "html":
		err = writeHistoryHTML(ctx, a, file, h)
	default:
		err = f.document.write(a, h, func(w io.Writer, width int) error { return writeHistoryTables(w, width, h, a.Verbose) })
	}
	return exitWith(codeIf(f.failOnWorse && slices.ContainsFunc(h.Environments, history.Environment.HasWorsened), exitFindings), err)
}

// readHistory reads the history of saved results in folders, or of results in a store.
func readHistory(ctx context.Context, a *app, flag string, names []string) (history.History, error) {
	if flag == "" && len(names) > 0 {
		results, err := readSavedResults(names)
		if err != nil {
			return history.History{}, err
		}
		if len(results) == 0 {
			return history.History{}, fmt.Errorf("there are no results in %s: check the path; dbaudit scan -f json -o FILE saves one", strings.Join(names, ", "))
		}
		return history.FromResults(results), nil
	}
	name, err := storeURL(a, flag)
	if err != nil {
		return history.History{}, err
	}
	if name == "" {
		return history.History{}, usagef("history needs the folders of saved results, or --store")
	}
	h := history.FromResults(nil)
	err = withStore(ctx, a, flag, store.Options{MustExist: true}, func(s *store.Store) error {
		// In a store, a name identifies an environment. So each name has a separate history, even if
		// two names are of one organization, and the results of only one are in memory at a time.
		if len(names) == 0 {
			list, err := s.Environments(ctx)
			if err != nil {
				return err
			}
			for _, e := range list {
				names = append(names, e.Name)
			}
		}
		for _, name := range names {
			var results []audit.Result
			add := func(r audit.Result) error {
				results = append(results, r)
				return nil
			}
			if err := s.Results(ctx, name, add); err != nil {
				return err
			}
			h.Environments = append(h.Environments, history.FromResults(results).Environments...)
		}
		return nil
	})
	if err == nil && len(h.Environments) == 0 {
		err = errors.New("the store has no such result: dbaudit fleet status shows what it has")
	}
	return h, err
}

// writeHistoryHTML writes the report on the last result of each environment, with a chart of all its
// results.
func writeHistoryHTML(ctx context.Context, a *app, file string, h history.History) error {
	e, err := a.LoadEngine(ctx)
	if err != nil {
		return err
	}
	o := reportOptions(a, e)
	o.Trends = h.Environments
	var last []audit.Result
	for _, env := range h.Environments {
		last = append(last, env.Last)
	}
	if console.IsFolder(file) {
		return writePages(file, last, o)
	}
	var b bytes.Buffer
	if err := report.Render(&b, report.HTML, last, o); err != nil {
		return err
	}
	return a.WriteOutput(file, b.Bytes())
}

// formatTime returns a time as tables show it: date, hours and minutes in UTC.
func formatTime(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func writeHistoryTables(w io.Writer, width int, h history.History, verbose bool) error {
	for i, e := range h.Environments {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s\n\n", text.Line(verdictSentence(e)))
		for _, line := range profileEditions(e) {
			fmt.Fprintln(w, line)
		}
		if e.RequirementsChanged {
			fmt.Fprintln(w)
		}
		rows, passing := historyRows(e, verbose)
		if len(rows) > 0 {
			if err := table.List(w, width, historyHeader(), rows); err != nil {
				return err
			}
		}
		if passing > 0 {
			fmt.Fprintf(w, "%s passed in every result (--verbose lists them)\n", text.Count(passing, "control"))
		}
	}
	return nil
}

func profileEditions(e history.Environment) (lines []string) {
	for _, p := range e.Profiles {
		edition := audit.Profile{Version: p.Version, Origin: p.Origin, Digest: p.Digest}.Edition()
		lines = append(lines, "judged by "+text.Linef("the profile %s (%s) from %s", e.Profile, edition, formatTime(&p.From)))
	}
	if e.RequirementsChanged {
		lines = append(lines, "The requirements changed between these results, so an outcome may have changed because of that.")
	}
	return lines
}

func historyHeader() []string {
	return []string{"control", "severity", "outcome", "since", "previous scan", "last passed", "history"}
}

// historyRows returns a row for each control. Unless all is set, it only counts the controls that
// passed in every result.
func historyRows(e history.Environment, all bool) (rows [][]string, passing int) {
	for _, c := range e.Controls {
		if c.Outcome == audit.OutcomePass && len(c.Spans) == 1 && !all {
			passing++
			continue
		}
		previous := "none"
		if c.Before != nil {
			previous = formatTime(c.Before)
		}
		rows = append(rows, []string{
			string(c.ID), c.Severity.String(), strings.ReplaceAll(c.Outcome.String(), "_", " "), formatTime(&c.Since), previous, formatTime(c.LastPassed), outcomeTrail(c.Spans),
		})
	}
	return rows, passing
}

// verdictSentence says in a sentence since when an environment has had its verdict.
func verdictSentence(e history.Environment) string {
	since := "the first scan, " + formatTime(&e.Since)
	if e.Before != nil {
		since = fmt.Sprintf("between %s and %s", formatTime(e.Before), formatTime(&e.Since))
	}
	sentence := fmt.Sprintf("%s (%s) has been %s since %s (%s)", e.Name, e.Profile, e.Verdict, since, text.Count(len(e.Results), "scan"))
	if e.Verdict != audit.VerdictCompliant {
		sentence += "; last compliant: " + formatTime(e.LastCompliant)
	} else if e.Last.SkipsViews() {
		sentence += "; " + audit.ViewsUnchecked
	}
	return sentence
}

// outcomeTrail returns a control's outcomes, oldest first, each with the number of consecutive
// results: "pass×3 > fail×1". It shows the last eight.
func outcomeTrail(spans []history.Span) string {
	prefix := ""
	if len(spans) > 8 {
		spans, prefix = spans[len(spans)-8:], "… "
	}
	steps := make([]string, len(spans))
	for i, s := range spans {
		steps[i] = fmt.Sprintf("%s×%d", strings.ReplaceAll(s.Outcome.String(), "_", " "), s.Results)
	}
	return prefix + strings.Join(steps, " > ")
}

// historyCSV returns a row for each control, or one row for an environment that was never read.
func historyCSV(h history.History) []byte {
	var b bytes.Buffer
	timestamp := func(t *time.Time) string {
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
		common := []string{e.Name, e.URL, e.Profile, e.Verdict.String(), timestamp(&e.Since), timestamp(e.LastCompliant)}
		if len(e.Controls) == 0 {
			rows = append(rows, append(common, "", "", "", "", "", "", ""))
		}
		for _, c := range e.Controls {
			rows = append(rows, append(slices.Clip(common),
				string(c.ID), c.Severity.String(), c.Outcome.String(), timestamp(&c.Since), timestamp(c.Before), timestamp(c.LastPassed), fmt.Sprint(c.Findings)))
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] = report.EscapeFormula(text.Line(row[i]))
		}
	}
	_ = csv.NewWriter(&b).WriteAll(rows) // writing to a buffer does not fail
	return b.Bytes()
}

func historyMarkdown(h history.History, verbose bool) string {
	var b strings.Builder
	b.WriteString("## dbaudit: trend\n")
	for _, e := range h.Environments {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", text.Markdown(e.Name), text.Markdown(verdictSentence(e)))
		for i, line := range profileEditions(e) {
			if i == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "- %s\n", text.Markdown(line))
		}
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

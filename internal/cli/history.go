package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/store"
)

type historyFlags struct {
	document    documentFlags
	failOnWorse bool
	store       string
}

func newHistoryCommand(a *app) *cobra.Command {
	var f historyFlags
	cmd := &cobra.Command{
		Use:   "history [DIR...]",
		Short: "show how long each environment and control has been compliant",
		Long: `Reads the results (-f json) in folders and below, ordered by when the
environment was read, and shows the state of each environment and control and
how long it has lasted. The exact time of a change is unknown: it happened between two scans. Other files are ignored; a result that cannot be read is an error. HTML is the report on the last result of each environment, with a chart of all of them. With --store, the results come from a store, and arguments name environments in it.`,
		Example: `  dbaudit scan --all-envs -f json -o "results/$(date +%F).json"
  dbaudit history results
  dbaudit history results -f json
  dbaudit history results -f html -o trend.html
  dbaudit history --store fleet.db production`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), a, args) },
	}
	f.document.add(cmd.Flags(), "table", "json", "html", "markdown", "csv")
	storeFlag(cmd.Flags(), &f.store, "instead of folders")
	cmd.Flags().BoolVar(&f.failOnWorse, "fail-on-worse", false, "exit 1 if the last result of an environment is worse than the one before")
	return cmd
}

func (f historyFlags) run(ctx context.Context, a *app, dirs []string) error {
	h, err := kept(ctx, a, f.store, dirs)
	if err != nil {
		return err
	}
	switch file := f.document.file; f.document.format {
	case "markdown":
		err = a.Put(file, []byte(historyMarkdown(h, a.Verbose)))
	case "csv":
		var data []byte
		if data, err = historyCSV(h); err == nil {
			err = a.Put(file, data)
		}
	case "html":
		err = putTrends(ctx, a, file, h)
	default:
		err = f.document.put(a, h, func(w io.Writer, width int) error { return historyTables(w, width, h, a.Verbose) })
	}
	if err == nil && f.failOnWorse && slices.ContainsFunc(h.Environments, history.Environment.Worse) {
		return asError(exitFindings)
	}
	return err
}

// kept is the history of the results in a store, or in folders.
func kept(ctx context.Context, a *app, flag string, names []string) (history.History, error) {
	if flag == "" && len(names) > 0 {
		results, err := savedResults(names)
		if err != nil {
			return history.History{}, err
		}
		if len(results) == 0 {
			return history.History{}, fmt.Errorf("there is no saved result in %s: write some with dbaudit scan -f json -o FILE", strings.Join(names, ", "))
		}
		return history.Of(results), nil
	}
	name, err := storeName(a, flag)
	if err != nil {
		return history.History{}, err
	}
	if name == "" {
		return history.History{}, usagef("history needs the folders of saved results, or --store")
	}
	h := history.Of(nil)
	err = withStore(ctx, a, flag, func(s *store.Store) error {
		// A store knows an environment by its name. So each is a history of its own, also if two
		// names lead to one organization; and no more than its results are held at a time.
		if len(names) == 0 {
			list, err := s.Environments(ctx)
			if err != nil {
				return err
			}
			for _, e := range list {
				names = append(names, e.Name)
			}
		}
		for _, environment := range names {
			var results []audit.Result
			if err := s.Results(ctx, environment, func(r audit.Result) error { results = append(results, r); return nil }); err != nil {
				return err
			}
			h.Environments = append(h.Environments, history.Of(results).Environments...)
		}
		return nil
	})
	if err == nil && len(h.Environments) == 0 {
		err = errors.New("the store has no such result: dbaudit fleet status shows what it has")
	}
	return h, err
}

// putTrends writes the page of the last result of each environment, with what came
// before it as a chart.
func putTrends(ctx context.Context, a *app, file string, h history.History) error {
	e, err := a.Engine(ctx)
	if err != nil {
		return err
	}
	o := reportOptions(a, e)
	var last []audit.Result
	for _, env := range h.Environments {
		last = append(last, env.Last)
		t := report.Trend{OrganizationID: env.OrganizationID, Environment: env.Name, Profile: env.Profile}
		for _, p := range env.Results {
			t.Points = append(t.Points, report.Point{At: p.TakenAt, Verdict: p.Verdict, Summary: p.Summary})
		}
		o.Trends = append(o.Trends, t)
	}
	if console.IsFolder(file) {
		return putPages(file, last, o)
	}
	var b bytes.Buffer
	if err := report.RenderAll(&b, report.HTML, last, o); err != nil {
		return err
	}
	return a.Put(file, b.Bytes())
}

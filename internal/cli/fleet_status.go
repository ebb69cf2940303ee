package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/spf13/cobra"
)

func defineFleetStatus(a *app, cmd *cobra.Command) {
	var document documentFlags
	document.add(cmd.Flags(), "table", "json")
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, names []string) error {
		list, err := statuses(ctx, s, names)
		if err != nil {
			return err
		}
		return document.write(a, fleet.NewDocument(list), func(w io.Writer, width int) error { return writeStatusTable(w, width, list, a.Now()) })
	})
}

func statuses(ctx context.Context, s *store.Store, names []string) ([]store.Status, error) {
	if len(names) == 0 {
		return s.Status(ctx, "")
	}
	var all []store.Status
	for _, name := range names {
		list, err := s.Status(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, explainNotFound(fmt.Errorf("the environment %s: %w", name, store.ErrNotFound))
		}
		all = append(all, list...)
	}
	return all, nil
}

func writeStatusTable(w io.Writer, width int, list []store.Status, now time.Time) error {
	rows := make([][]string, len(list))
	for i, s := range list {
		verdict := s.Verdict.String()
		if s.Stale {
			verdict += ", stale"
		}
		if s.LastResultRun != 0 && s.Reconfigured {
			verdict += " (by another configuration)"
		}
		complete := "never"
		if !s.LastCompleteAt.IsZero() {
			complete = max(now.Sub(s.LastCompleteAt), 0).Truncate(time.Second).String() + " ago"
		}
		if s.LastCompleteAt.Sub(now) > store.StaleMargin {
			complete = "in the future: a clock is wrong"
		}
		last := "none"
		if r := s.LastRun; r != nil {
			last = string(r.State)
			if r.Error != "" {
				last += ": " + r.Error
			}
		}
		rows[i] = []string{s.Environment.Name, cmp.Or(s.Integration, "–"), verdict, complete, findingsBySeverity(s.OpenBySeverity), last}
	}
	return table.List(w, width, []string{"environment", "integration", "verdict", "last complete scan", "open findings", "last run"}, rows)
}

func findingsBySeverity(open map[audit.Severity]int) string {
	var parts []string
	for _, severity := range slices.Backward(audit.Severities()) {
		if n := open[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func defineFleetExport(a *app, cmd *cobra.Command) {
	var file string
	outputFileFlag(cmd.Flags(), &file)
	all := cmd.Flags().Bool("all", false, "every result, not only the last")
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, names []string) error {
		document, err := storedResults(ctx, s, names, *all)
		if err != nil {
			return err
		}
		return a.WriteJSON(file, document)
	})
}

// storedResults returns the last result of each integration or, with all, every result.
func storedResults(ctx context.Context, s *store.Store, names []string, all bool) (audit.Results, error) {
	document := audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}}
	add := func(r audit.Result) error {
		document.Results = append(document.Results, r)
		return nil
	}
	list, err := statuses(ctx, s, names)
	if err != nil {
		return document, err
	}
	for i, st := range list {
		switch {
		case all && i > 0 && list[i-1].Environment.ID == st.Environment.ID:
			// the previous status wrote all its integrations
		case all:
			err = s.Results(ctx, st.Environment.Name, add)
		case st.LastResultRun != 0:
			var r audit.Result
			if r, err = s.Result(ctx, st.LastResultRun, st.Integration); err == nil {
				err = add(r)
			}
		}
		if err != nil {
			return document, err
		}
	}
	return document, nil
}

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
)

func (f *fleetCommands) status(ctx context.Context, s *store.Store, names []string) error {
	list, err := statuses(ctx, s, names)
	if err != nil {
		return err
	}
	return f.document.write(f.app, fleet.NewDocument(list), func(w io.Writer, width int) error { return writeStatusTable(w, width, list, f.Now()) })
}

func statuses(ctx context.Context, s *store.Store, names []string) ([]store.Status, error) {
	if len(names) == 0 {
		return s.FleetStatus(ctx)
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

func (f *fleetCommands) export(ctx context.Context, s *store.Store, names []string) error {
	document := audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}}
	keep := func(r audit.Result) error {
		document.Results = append(document.Results, r)
		return nil
	}
	list, err := statuses(ctx, s, names)
	if err != nil {
		return err
	}
	for i, st := range list {
		switch {
		case f.all && i > 0 && list[i-1].Environment.ID == st.Environment.ID:
			// all integrations of it were written
		case f.all:
			err = s.Results(ctx, st.Environment.Name, keep)
		case st.LastResultRun != 0:
			var r audit.Result
			if r, err = s.Result(ctx, st.LastResultRun, st.Integration); err == nil {
				err = keep(r)
			}
		}
		if err != nil {
			return err
		}
	}
	return f.WriteJSON(f.document.file, document)
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

func defineFleet(a *app, cmd *cobra.Command) {
	addCommands(a, cmd,
		declaration{"import FILE...", define[fleetImportFlags]},
		declaration{"list", defineFleetList},
		declaration{"pause NAME...", definePause(true)},
		declaration{"resume NAME...", definePause(false)},
		declaration{"run [NAME...]", defineFleetRun},
		declaration{"remove NAME...", defineFleetRemove},
		declaration{"cancel RUN...", defineFleetCancel},
		declaration{"status [NAME...]", defineFleetStatus},
		declaration{"export [NAME...]", defineFleetExport},
		declaration{"log", defineFleetLog},
	)
	for _, c := range cmd.Commands() {
		if strings.Contains(c.Use, "NAME...") {
			takesNames(c, a.completeStored)
		}
	}
}

type fleetImportFlags struct{ store string }

func (f *fleetImportFlags) define(_ *app, cmd *cobra.Command) {
	storeFlag(cmd.Flags(), &f.store, "default "+defaultStore)
}

func (f fleetImportFlags) run(ctx context.Context, a *app, names []string) error {
	var files []*config.File
	for _, name := range names {
		configurations, err := readConfigurations(name)
		if err != nil {
			return err
		}
		files = append(files, configurations...)
	}
	environments, err := fleet.Environments(a.Runner, files)
	if err != nil {
		return err
	}
	return withStore(ctx, a, f.store, store.Options{}, func(s *store.Store) error {
		change, err := s.Import(ctx, currentUser(), environments)
		if err == nil {
			a.Infof("environments: %d added, %d updated, %d unchanged", change.Added, change.Updated, change.Unchanged)
		}
		return err
	})
}

// readConfigurations reads a configuration, or one for each row of a CSV file.
func readConfigurations(name string) ([]*config.File, error) {
	data, err := bounds.ReadFile(bounds.Configuration, name)
	if err != nil {
		return nil, usagef("reading the configuration: %w", err)
	}
	slashed := filepath.ToSlash(name)
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return fleet.ParseCSV(slashed, data)
	}
	file, err := config.Parse(slashed, data)
	return []*config.File{file}, err
}

func defineFleetList(a *app, cmd *cobra.Command) {
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		list, err := s.Environments(ctx)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list))
		for i, e := range list {
			every, next := "not scheduled", "never"
			if e.Every > 0 {
				every, next = text.Duration(e.Every), formatTime(&e.NextDue)
			}
			if e.Paused {
				next = "paused"
			}
			rows[i] = []string{e.Name, e.URL, every, next, strings.Join(sortedLabels(e.Labels), " ")}
		}
		return table.List(a.Stdout, a.Width, []string{"environment", "address", "every", "next scan", "labels"}, rows)
	})
}

func definePause(paused bool) func(*app, *cobra.Command) {
	return func(a *app, cmd *cobra.Command) {
		runInStore(a, cmd, func(ctx context.Context, s *store.Store, names []string) error {
			return explainNotFound(s.Pause(ctx, currentUser(), names, paused))
		})
	}
}

func defineFleetRun(a *app, cmd *cobra.Command) {
	allEnvs := cmd.Flags().Bool("all-envs", false, "every environment that is not paused")
	cmd.PreRunE = func(_ *cobra.Command, names []string) error {
		if *allEnvs == (len(names) > 0) {
			return usagef("name the environments to scan, or pass --all-envs")
		}
		return nil
	}
	runInQueue(a, cmd, func(ctx context.Context, s *store.Store, queue *fleet.Fleet, names []string) error {
		if *allEnvs {
			list, err := s.Environments(ctx)
			if err != nil {
				return err
			}
			for _, e := range list {
				if !e.Paused && e.Config != "" {
					names = append(names, e.Name)
				}
			}
		}
		ids, err := queue.ScanNow(ctx, currentUser(), names...)
		if err != nil {
			return err
		}
		for _, id := range ids {
			fmt.Fprintln(a.Stdout, id)
		}
		return nil
	})
}

func defineFleetRemove(a *app, cmd *cobra.Command) {
	runInQueue(a, cmd, func(ctx context.Context, _ *store.Store, queue *fleet.Fleet, names []string) error {
		return queue.Remove(ctx, currentUser(), names...)
	})
}

func defineFleetCancel(a *app, cmd *cobra.Command) {
	var runs []int64
	cmd.PreRunE = func(_ *cobra.Command, args []string) error {
		for _, arg := range args {
			id, err := strconv.ParseInt(arg, 10, 64)
			if err != nil {
				return usagef("%q is not the id of a run: dbaudit fleet status -f json shows it", arg)
			}
			runs = append(runs, id)
		}
		return nil
	}
	runInQueue(a, cmd, func(ctx context.Context, _ *store.Store, queue *fleet.Fleet, _ []string) error {
		for _, id := range runs {
			if err := queue.Cancel(ctx, currentUser(), id); errors.Is(err, store.ErrEnded) {
				a.Infof("the run %d has already ended", id)
			} else if err != nil {
				return fmt.Errorf("the run %d: %w", id, err)
			}
		}
		return nil
	})
}

func defineFleetLog(a *app, cmd *cobra.Command) {
	var document documentFlags
	document.add(cmd.Flags(), "table", "json")
	limit := cmd.Flags().Int("limit", 100, "largest `number` of entries to show")
	cmd.PreRunE = func(*cobra.Command, []string) error { return requirePositive("limit", *limit) }
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		entries, err := s.AuditLog(ctx, *limit)
		if err != nil {
			return err
		}
		rows := make([][]string, len(entries))
		for i, e := range entries {
			rows[i] = []string{e.At.UTC().Format(time.RFC3339), e.Who, e.What}
		}
		return document.write(a, map[string]any{"entries": entries}, func(w io.Writer, width int) error {
			return table.List(w, width, []string{"when", "who", "what"}, rows)
		})
	})
}

// runInQueue makes a command run with the queue of an existing store; see [runInStore].
func runInQueue(a *app, cmd *cobra.Command, do func(context.Context, *store.Store, *fleet.Fleet, []string) error) {
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, args []string) error {
		queue, err := fleet.New(s, fleet.Options{})
		if err != nil {
			return err
		}
		return explainNotFound(do(ctx, s, queue, args))
	})
}

// completeStored returns the names of the environments in the command's store that are not arguments yet.
func (a *app) completeStored(cmd *cobra.Command, args []string) (names []string) {
	// The command itself reports an error of the store.
	_ = withStore(cmd.Context(), a, cmd.Flag("store").Value.String(), store.Options{MustExist: true}, func(s *store.Store) error {
		list, err := s.Environments(cmd.Context())
		for _, e := range list {
			if !slices.Contains(args, e.Name) {
				names = append(names, e.Name)
			}
		}
		return err
	})
	return names
}

// explainNotFound turns the error for an unknown name or run into a usage error with advice.
func explainNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return usagef("%w: dbaudit fleet list lists the environments, and dbaudit fleet status the runs", err)
	}
	return err
}

// currentUser returns the user name of this session, for the log of the fleet.
func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

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

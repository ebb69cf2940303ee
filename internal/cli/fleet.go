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
	"github.com/dbaudit/dbaudit/internal/store"
)

type fleetFlags struct {
	store    string
	allEnvs  bool
	document documentFlags
	all      bool
}

func newFleetCommand(a *app) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "manage the environments that dbaudit serve and dbaudit worker scan",
		Example: `  dbaudit fleet import dbaudit.yaml
  dbaudit fleet status`,
	}
	run := &cobra.Command{
		Use:     "run [NAME...]",
		Short:   "scan environments now",
		Long:    help(`Queues a scan of environments for the next free worker, outside the schedule, and prints the ids of the runs, in the order of the names. It does not wait. A requested scan that has not begun is reused. --all-envs leaves out paused environments.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet run production\n  dbaudit fleet run --all-envs",
		RunE:    func(cmd *cobra.Command, args []string) error { return fleetRun(cmd.Context(), a, f, args) },
	}
	run.Flags().BoolVar(&f.allEnvs, "all-envs", false, "every environment that is not paused")
	status := &cobra.Command{
		Use:   "status [NAME...]",
		Short: "show the state of each environment",
		Long: help(`Shows the verdict of each integration by its last result, the age of its last complete
scan, its open findings and the state of the last run. What had no complete scan for
longer than its interval and seven minutes is stale: whatever the verdict was, it is unknown now.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet status\n  dbaudit fleet status -f json",
		RunE:    func(cmd *cobra.Command, args []string) error { return fleetStatus(cmd.Context(), a, f, args) },
	}
	f.document.add(status.Flags(), "table", "json")
	export := &cobra.Command{
		Use:   "export [NAME...]",
		Short: "write stored results as one document",
		Long: help(`Writes the last result of each integration of each environment, or with --all every
result, as JSON (dbaudit.results/v1), which dbaudit report, diff and history read.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet export -o fleet.json\n  dbaudit report fleet.json -f html -o pages/",
		RunE:    func(cmd *cobra.Command, args []string) error { return fleetExport(cmd.Context(), a, f, args) },
	}
	export.Flags().BoolVar(&f.all, "all", false, "every result, not only the last")
	outputFileFlag(export.Flags(), &f.document.file)
	cmd.AddCommand(
		&cobra.Command{
			Use:   "import FILE...",
			Short: "add or update environments",
			Long: help(`Adds the environments of configurations (the same dbaudit.yaml that scan reads, whose
every: says how often) and of CSV (a file whose name ends in .csv; its first row names the
columns: name, url, tenant_id, client_id, auth, secret_env, secret_file, secret_ends, certificate,
profile, app_id, user, role, business_unit, every, labels). A known environment is updated and keeps its history. A new one is scanned at once. Secrets stay where the configuration says they are; workers must find them there.`, exitOK, exitUsage, exitFailure),
			Example: "  dbaudit fleet import dbaudit.yaml\n  dbaudit fleet import clients.csv --store postgres://dbaudit@db/fleet",
			RunE:    func(cmd *cobra.Command, args []string) error { return fleetImport(cmd.Context(), a, f, args) },
		},
		&cobra.Command{
			Use:     "list",
			Short:   "list the environments with their schedule",
			Example: "  dbaudit fleet list",
			RunE:    func(cmd *cobra.Command, _ []string) error { return fleetList(cmd.Context(), a, f) },
		},
		newPauseCommand(a, &f, "pause", "stop scanning environments automatically", true),
		newPauseCommand(a, &f, "resume", "scan paused environments again", false),
		run,
		&cobra.Command{
			Use:     "remove NAME...",
			Short:   "scan environments no longer, and show them no longer",
			Long:    help(`Ends the scans of environments and takes them off the page, the metrics and the alerts. Their results stay in the store for dbaudit history. dbaudit fleet import brings one back with its history.`, exitOK, exitUsage, exitFailure),
			Example: "  dbaudit fleet remove northwind",
			RunE:    func(cmd *cobra.Command, args []string) error { return fleetRemove(cmd.Context(), a, f, args) },
		},
		&cobra.Command{
			Use:     "cancel RUN...",
			Short:   "end waiting or running runs",
			Long:    help(`Ends runs by their ids. A later result of such a run is discarded; the last known state of the environment stays.`, exitOK, exitUsage, exitFailure),
			Example: "  dbaudit fleet cancel 4711",
			RunE:    func(cmd *cobra.Command, args []string) error { return fleetCancel(cmd.Context(), a, f, args) },
		},
		status,
		export,
		newFleetLogCommand(a, &f.store),
	)
	for _, c := range cmd.Commands() {
		storeFlag(c.Flags(), &f.store, "default "+defaultStore)
	}
	return cmd
}

func newPauseCommand(a *app, f *fleetFlags, name, short string, paused bool) *cobra.Command {
	return &cobra.Command{
		Use:     name + " NAME...",
		Short:   short,
		Example: "  dbaudit fleet " + name + " production",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), a, f.store, func(s *store.Store) error {
				return unknown(s.Pause(cmd.Context(), who(), args, paused))
			})
		},
	}
}

// unknown is a name that is not in the store as a fault of the command line.
func unknown(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return usagef("%w: dbaudit fleet list lists the environments, and dbaudit fleet status the runs", err)
	}
	return err
}

func fleetImport(ctx context.Context, a *app, f fleetFlags, names []string) error {
	var all fleet.Import
	for _, name := range names {
		files, err := configurations(name)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := all.Add(a.Runner, file); err != nil {
				return err
			}
		}
	}
	return withStoreAs(ctx, a, f.store, store.Options{}, func(s *store.Store) error {
		change, err := s.Import(ctx, who(), all.Environments, func(name string) []string { return all.Profiles[name] })
		if err != nil {
			return err
		}
		a.Sayf("environments: %d added, %d updated, %d unchanged", change.Added, change.Updated, change.Unchanged)
		return nil
	})
}

// configurations reads a configuration, or those of the rows of a CSV.
func configurations(name string) ([]*config.File, error) {
	data, err := bounds.ReadFile(bounds.Configuration, name)
	if err != nil {
		return nil, usagef("reading the configuration: %w", err)
	}
	shown := filepath.ToSlash(name)
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		return fleet.ParseCSV(shown, data)
	}
	file, err := config.Parse(shown, data)
	return []*config.File{file}, err
}

func fleetList(ctx context.Context, a *app, f fleetFlags) error {
	return withStore(ctx, a, f.store, func(s *store.Store) error {
		list, err := s.Environments(ctx)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list))
		for i, e := range list {
			every, next := "not scheduled", "never"
			if e.Every > 0 {
				every, next = e.Every.String(), day(&e.NextDue)
			}
			if e.Paused {
				next = "paused"
			}
			var labels []string
			for key, value := range e.Labels {
				labels = append(labels, key+"="+value)
			}
			slices.Sort(labels)
			rows[i] = []string{e.Name, e.URL, every, next, strings.Join(labels, " ")}
		}
		return table.List(a.Stdout, a.Width, []string{"environment", "address", "every", "next scan", "labels"}, rows)
	})
}

func fleetRun(ctx context.Context, a *app, f fleetFlags, names []string) error {
	if f.allEnvs == (len(names) > 0) {
		return usagef("name the environments to scan, or pass --all-envs")
	}
	return withStore(ctx, a, f.store, func(s *store.Store) error {
		if f.allEnvs {
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
		queue, err := fleet.New(s, fleet.Options{})
		if err != nil {
			return err
		}
		ids, err := queue.ScanNow(ctx, who(), names...)
		if err != nil {
			return unknown(err)
		}
		for _, id := range ids {
			fmt.Fprintln(a.Stdout, id)
		}
		return nil
	})
}

// who is the person of this session, for the record.
func who() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func fleetCancel(ctx context.Context, a *app, f fleetFlags, args []string) error {
	ids := make([]int64, len(args))
	for i, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return usagef("%q is not the id of a run: dbaudit fleet status -f json shows it", arg)
		}
		ids[i] = id
	}
	return withStore(ctx, a, f.store, func(s *store.Store) error {
		queue, err := fleet.New(s, fleet.Options{})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := queue.Cancel(ctx, who(), id); errors.Is(err, store.ErrEnded) {
				a.Sayf("the run %d has already ended", id)
			} else if err != nil {
				return unknown(fmt.Errorf("the run %d: %w", id, err))
			}
		}
		return nil
	})
}

func fleetRemove(ctx context.Context, a *app, f fleetFlags, names []string) error {
	return withStore(ctx, a, f.store, func(s *store.Store) error {
		queue, err := fleet.New(s, fleet.Options{})
		if err != nil {
			return err
		}
		return unknown(queue.Remove(ctx, who(), names...))
	})
}

func fleetStatus(ctx context.Context, a *app, f fleetFlags, names []string) error {
	return withStore(ctx, a, f.store, func(s *store.Store) error {
		list, err := statuses(ctx, s, names)
		if err != nil {
			return err
		}
		return f.document.put(a, fleet.DocumentOf(list), func(w io.Writer, width int) error { return statusTable(w, width, list, a.Now()) })
	})
}

// statuses are those of some environments, or of all.
func statuses(ctx context.Context, s *store.Store, names []string) ([]store.Status, error) {
	if len(names) == 0 {
		return s.Fleet(ctx)
	}
	var all []store.Status
	for _, name := range names {
		list, err := s.Status(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, unknown(fmt.Errorf("the environment %s: %w", name, store.ErrNotFound))
		}
		all = append(all, list...)
	}
	return all, nil
}

func statusTable(w io.Writer, width int, list []store.Status, now time.Time) error {
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
		if s.LastCompleteAt.Sub(now) > store.Patience {
			complete = "in the future: a clock is wrong"
		}
		last := "none"
		if r := s.LastRun; r != nil {
			last = string(r.State)
			if r.Error != "" {
				last += ": " + r.Error
			}
		}
		rows[i] = []string{s.Environment.Name, cmp.Or(s.Integration, "–"), verdict, complete, findingsBySeverity(s.Open), last}
	}
	return table.List(w, width, []string{"environment", "integration", "verdict", "last complete scan", "open findings", "last run"}, rows)
}

// findingsBySeverity counts findings, the most severe first.
func findingsBySeverity(open map[audit.Severity]int) string {
	var parts []string
	for _, severity := range slices.Backward(audit.Severities()) {
		if n := open[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func fleetExport(ctx context.Context, a *app, f fleetFlags, names []string) error {
	return withStore(ctx, a, f.store, func(s *store.Store) error {
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
		return a.PutJSON(f.document.file, document)
	})
}

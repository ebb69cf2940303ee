package cli

import (
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

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/store"
)

// fleetCommands are the subcommands of fleet, and the flags that several of them have.
type fleetCommands struct {
	*app

	store    string
	document documentFlags
}

func newFleetCommand(a *app) *cobra.Command {
	f := &fleetCommands{app: a}
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "manage the environments that dbaudit serve and dbaudit worker scan",
		Example: `  dbaudit fleet import dbaudit.yaml
  dbaudit fleet status`,
	}
	cmd.AddCommand(
		f.importCommand(),
		f.listCommand(),
		f.pauseCommand("pause", "stop scheduled scans of environments until resume", true),
		f.pauseCommand("resume", "scan paused environments again", false),
		f.runCommand(),
		f.removeCommand(),
		f.cancelCommand(),
		f.statusCommand(),
		f.exportCommand(),
		f.logCommand(),
	)
	for _, c := range cmd.Commands() {
		storeFlag(c.Flags(), &f.store, "default "+defaultStore)
	}
	return cmd
}

func (f *fleetCommands) importCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE...",
		Short: "add or update environments",
		Long: withExitCodes(`Adds the environments of configurations and of CSV files. A configuration is the
dbaudit.yaml that scan reads; its every: says how often to scan. A CSV file has a name that ends in .csv, and
a first row with the names of its columns (name, url, tenant_id, client_id, auth, secret_env, secret_file,
secret_ends, certificate, profile, app_id, user, role, business_unit, every, labels). A known environment is
updated and keeps its history. A new one is scanned at once, as is one with a change of what decides its
verdict, which is stale until then. Secrets stay where the configuration says they are; workers must find
them there.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet import dbaudit.yaml\n  dbaudit fleet import clients.csv --store postgres://dbaudit@db/fleet",
		RunE:    func(cmd *cobra.Command, args []string) error { return f.importEnvironments(cmd.Context(), args) },
	}
}

func (f *fleetCommands) importEnvironments(ctx context.Context, names []string) error {
	var files []*config.File
	for _, name := range names {
		configurations, err := readConfigurations(name)
		if err != nil {
			return err
		}
		files = append(files, configurations...)
	}
	environments, err := fleet.Environments(f.Runner, files)
	if err != nil {
		return err
	}
	return withStore(ctx, f.app, f.store, store.Options{}, func(s *store.Store) error {
		change, err := s.Import(ctx, currentUser(), environments)
		if err != nil {
			return err
		}
		f.Infof("environments: %d added, %d updated, %d unchanged", change.Added, change.Updated, change.Unchanged)
		return nil
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

func (f *fleetCommands) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "list the environments with their schedule",
		Example: "  dbaudit fleet list",
		RunE: runInStore(f.app, &f.store, func(ctx context.Context, s *store.Store, _ []string) error {
			list, err := s.Environments(ctx)
			if err != nil {
				return err
			}
			rows := make([][]string, len(list))
			for i, e := range list {
				every, next := "not scheduled", "never"
				if e.Every > 0 {
					every, next = e.Every.String(), formatTime(&e.NextDue)
				}
				if e.Paused {
					next = "paused"
				}
				rows[i] = []string{e.Name, e.URL, every, next, strings.Join(sortedLabels(e.Labels), " ")}
			}
			return table.List(f.Stdout, f.Width, []string{"environment", "address", "every", "next scan", "labels"}, rows)
		}),
	}
}

func (f *fleetCommands) pauseCommand(name, short string, paused bool) *cobra.Command {
	return &cobra.Command{
		Use:               name + " NAME...",
		ValidArgsFunction: f.completeNames,
		Short:             short,
		Example:           "  dbaudit fleet " + name + " production",
		RunE: runInStore(f.app, &f.store, func(ctx context.Context, s *store.Store, names []string) error {
			return explainNotFound(s.Pause(ctx, currentUser(), names, paused))
		}),
	}
}

func (f *fleetCommands) runCommand() *cobra.Command {
	var allEnvs bool
	cmd := &cobra.Command{
		Use:               "run [NAME...]",
		ValidArgsFunction: f.completeNames,
		Short:             "scan environments now",
		Long: withExitCodes(`Queues a scan of environments for the next free worker, outside the schedule,
and prints the ids of the runs, in the order of the names. It does not wait. A requested scan that has not
begun is reused. --all-envs leaves out paused environments.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet run production\n  dbaudit fleet run --all-envs",
		PreRunE: func(_ *cobra.Command, names []string) error {
			if allEnvs == (len(names) > 0) {
				return usagef("name the environments to scan, or pass --all-envs")
			}
			return nil
		},
		RunE: f.runInQueue(func(ctx context.Context, s *store.Store, queue *fleet.Fleet, names []string) error {
			return f.scanNow(ctx, s, queue, names, allEnvs)
		}),
	}
	cmd.Flags().BoolVar(&allEnvs, "all-envs", false, "every environment that is not paused")
	return cmd
}

func (f *fleetCommands) scanNow(ctx context.Context, s *store.Store, queue *fleet.Fleet, names []string, allEnvs bool) error {
	if allEnvs {
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
		fmt.Fprintln(f.Stdout, id)
	}
	return nil
}

func (f *fleetCommands) removeCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME...",
		ValidArgsFunction: f.completeNames,
		Short:             "stop scanning and showing environments",
		Long: withExitCodes(`Ends the scans of environments and takes them off the page, the metrics and the
alerts. Their results stay in the store for dbaudit history. dbaudit fleet import brings one back with its
history.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet remove northwind",
		RunE: f.runInQueue(func(ctx context.Context, _ *store.Store, queue *fleet.Fleet, names []string) error {
			return queue.Remove(ctx, currentUser(), names...)
		}),
	}
}

func (f *fleetCommands) cancelCommand() *cobra.Command {
	var runs []int64
	return &cobra.Command{
		Use:   "cancel RUN...",
		Short: "end waiting or running runs",
		Long: withExitCodes(`Ends runs by their ids. A later result of such a run is discarded; the last
known state of the environment stays.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet cancel 4711",
		PreRunE: func(_ *cobra.Command, args []string) error {
			for _, arg := range args {
				id, err := strconv.ParseInt(arg, 10, 64)
				if err != nil {
					return usagef("%q is not the id of a run: dbaudit fleet status -f json shows it", arg)
				}
				runs = append(runs, id)
			}
			return nil
		},
		RunE: f.runInQueue(func(ctx context.Context, _ *store.Store, queue *fleet.Fleet, _ []string) error {
			for _, id := range runs {
				if err := queue.Cancel(ctx, currentUser(), id); errors.Is(err, store.ErrEnded) {
					f.Infof("the run %d has already ended", id)
				} else if err != nil {
					return fmt.Errorf("the run %d: %w", id, err)
				}
			}
			return nil
		}),
	}
}

func (f *fleetCommands) logCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "log",
		Short: "show who changed or requested what",
		Long: withExitCodes(`Shows who added, updated, paused, resumed or removed an environment, asked for a
scan or cancelled a run, the newest first. A person is known by the sign-in to the page, else by the user name
of the session; "local" is the page without a sign-in.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet log\n  dbaudit fleet log --limit 1000 -f json",
		PreRunE: func(*cobra.Command, []string) error { return requirePositive("limit", limit) },
		RunE: runInStore(f.app, &f.store, func(ctx context.Context, s *store.Store, _ []string) error {
			entries, err := s.AuditLog(ctx, limit)
			if err != nil {
				return err
			}
			rows := make([][]string, len(entries))
			for i, e := range entries {
				rows[i] = []string{e.At.UTC().Format(time.RFC3339), e.Who, e.What}
			}
			return f.document.write(f.app, map[string]any{"entries": entries}, func(w io.Writer, width int) error {
				return table.List(w, width, []string{"when", "who", "what"}, rows)
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "largest `number` of entries to show")
	f.document.add(cmd.Flags(), "table", "json")
	return cmd
}

// runInQueue returns the run function of a command that uses the queue of an existing store.
func (f *fleetCommands) runInQueue(do func(context.Context, *store.Store, *fleet.Fleet, []string) error) func(*cobra.Command, []string) error {
	return runInStore(f.app, &f.store, func(ctx context.Context, s *store.Store, args []string) error {
		queue, err := fleet.New(s, fleet.Options{})
		if err != nil {
			return err
		}
		return explainNotFound(do(ctx, s, queue, args))
	})
}

func (f *fleetCommands) completeNames(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	// The command itself reports an error of the store.
	_ = withStore(cmd.Context(), f.app, f.store, store.Options{MustExist: true}, func(s *store.Store) error {
		list, err := s.Environments(cmd.Context())
		for _, e := range list {
			if !slices.Contains(args, e.Name) {
				names = append(names, e.Name)
			}
		}
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
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

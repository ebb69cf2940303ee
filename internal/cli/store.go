package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

const defaultStore = "fleet.db"

func storeFlag(flags *pflag.FlagSet, name *string, otherwise string) {
	flags.StringVar(name, "store", "", "`URL` of the store: a SQLite file, or postgres://USER@HOST/DATABASE ("+otherwise+"; DBAUDIT_STORE)")
}

// storeURL returns the URL of the chosen store; "" if none is named.
func storeURL(a *app, flag string) (string, error) {
	if store.HasPassword(flag) {
		return "", usagef("--store: do not put a password into an argument, which other users can see: set the URL in DBAUDIT_STORE, or the password in PGPASSWORD or PGPASSFILE")
	}
	return cmp.Or(flag, a.Getenv("DBAUDIT_STORE")), nil
}

func openStore(ctx context.Context, a *app, flag string, o store.Options) (*store.Store, error) {
	name, err := storeURL(a, flag)
	if err != nil {
		return nil, err
	}
	o.Now = a.Now
	s, err := store.Open(ctx, cmp.Or(name, defaultStore), o)
	if err == nil && s.Created() {
		place := "the database that DBAUDIT_STORE or --store names"
		if !s.Postgres() {
			place = cmp.Or(name, defaultStore)
		}
		a.Infof("made a new store, which is empty: %s", place)
	}
	return s, err
}

// runInStore returns the run function of a command that uses an existing store. A mistyped name is an
// error, and does not create an empty store.
func runInStore(a *app, flag *string, do func(context.Context, *store.Store, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return withStore(cmd.Context(), a, *flag, store.Options{MustExist: true}, func(s *store.Store) error { return do(cmd.Context(), s, args) })
	}
}

func withStore(ctx context.Context, a *app, flag string, o store.Options, do func(*store.Store) error) error {
	s, err := openStore(ctx, a, flag, o)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// workerName returns the name of this process among the workers of a store: HOST-PID.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

func newDBCommand(a *app) *cobra.Command {
	var name string
	var days int
	cmd := &cobra.Command{
		Use:   "db",
		Short: "migrate and back up the fleet's store",
		Example: `  dbaudit db backup before.db
  dbaudit db migrate`,
	}
	prune := &cobra.Command{
		Use:   "prune",
		Short: "remove old results",
		Long: withExitCodes(`Removes results that are older than --keep-days, except the first of each month.
The dates since when findings and outcomes exist are kept.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit db prune --keep-days 400",
		PreRunE: func(*cobra.Command, []string) error {
			if days < 1 || days > maxKeepDays {
				return usagef("--keep-days: want how many days of results are kept, 1 to %d", maxKeepDays)
			}
			return nil
		},
		RunE: runInStore(a, &name, func(ctx context.Context, s *store.Store, _ []string) error {
			removed, err := s.Prune(ctx, a.Now().AddDate(0, 0, -days))
			if err == nil {
				a.Infof("removed %s", text.Count(int(removed), "result"))
			}
			return err
		}),
	}
	prune.Flags().IntVar(&days, "keep-days", 0, "`number` of days for which all results are kept; required")
	cmd.AddCommand(prune, &cobra.Command{
		Use:   "migrate",
		Short: "update the store to this version of dbaudit",
		Long: withExitCodes(`Updates the store to this version of dbaudit; dbaudit serve does the same when
it starts. Migrations cannot be reversed: back up the store first, to be able to go back. A store that is up
to date does not change.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit db migrate --store fleet.db",
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, err := storeURL(a, name)
			if err != nil {
				return err
			}
			// An administrator of a PostgreSQL database can create the tables for users who cannot.
			o := store.Options{Migrate: true, MustExist: !store.IsPostgres(url)}
			return withStore(cmd.Context(), a, name, o, func(s *store.Store) error {
				version, err := s.Version(cmd.Context())
				if err == nil {
					a.Infof("the store has the schema %d, which is the newest that this dbaudit knows", version)
				}
				return err
			})
		},
	}, &cobra.Command{
		Use:   "backup FILE",
		Short: "make a consistent copy of the store",
		Long: withExitCodes(`Writes a consistent copy of a SQLite store to a new file. The store can be used
during the backup. To restore it, stop everything that uses the store, remove its files (fleet.db,
fleet.db-wal, fleet.db-shm) and put the copy in its place. Back up a store in PostgreSQL with pg_dump.`, exitOK, exitUsage, exitFailure),
		Example: `  dbaudit db backup "fleet-$(date +%F).db"`,
		RunE: runInStore(a, &name, func(ctx context.Context, s *store.Store, args []string) error {
			err := s.Backup(ctx, args[0])
			if err == nil {
				a.Infof("wrote %s", args[0])
			}
			return err
		}),
	})
	for _, c := range cmd.Commands() {
		storeFlag(c.Flags(), &name, "default "+defaultStore)
	}
	return cmd
}

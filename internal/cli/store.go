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

// runInStore makes a command run with the existing store that its flag --store names. A mistyped name
// is an error, and does not create an empty store.
func runInStore(a *app, cmd *cobra.Command, do func(context.Context, *store.Store, []string) error) {
	var name string
	storeFlag(cmd.Flags(), &name, "default "+defaultStore)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withStore(cmd.Context(), a, name, store.Options{MustExist: true}, func(s *store.Store) error { return do(cmd.Context(), s, args) })
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

func defineDB(a *app, cmd *cobra.Command) {
	addCommands(a, cmd,
		declaration{"prune", defineDBPrune},
		declaration{"migrate", define[dbMigrateFlags]},
		declaration{"backup FILE", defineDBBackup},
	)
}

func defineDBPrune(a *app, cmd *cobra.Command) {
	days := cmd.Flags().Int("keep-days", 0, "`number` of days for which all results are kept; required")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *days < 1 || *days > maxKeepDays {
			return usagef("--keep-days: want how many days of results are kept, 1 to %d", maxKeepDays)
		}
		return nil
	}
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		removed, err := s.Prune(ctx, a.Now().AddDate(0, 0, -*days))
		if err == nil {
			a.Infof("removed %s", text.Count(int(removed), "result"))
		}
		return err
	})
}

type dbMigrateFlags struct{ store string }

func (f *dbMigrateFlags) define(_ *app, cmd *cobra.Command) {
	storeFlag(cmd.Flags(), &f.store, "default "+defaultStore)
}

func (f dbMigrateFlags) run(ctx context.Context, a *app, _ []string) error {
	url, err := storeURL(a, f.store)
	if err != nil {
		return err
	}
	// An administrator of a PostgreSQL database can create the tables for users who cannot.
	o := store.Options{Migrate: true, MustExist: !store.IsPostgres(url)}
	return withStore(ctx, a, f.store, o, func(s *store.Store) error {
		version, err := s.Version(ctx)
		if err == nil {
			a.Infof("the store has the schema %d, which is the newest that this dbaudit knows", version)
		}
		return err
	})
}

func defineDBBackup(a *app, cmd *cobra.Command) {
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, args []string) error {
		err := s.Backup(ctx, args[0])
		if err == nil {
			a.Infof("wrote %s", args[0])
		}
		return err
	})
}

package cli

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type collectFlags struct {
	connection  run.Connection
	requirement run.Overrides
	scope       snapshot.Scope
	output      string
	record      string
	minimal     bool
	pseudonyms  bool
}

func (f *collectFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	requirementFlags(cmd.Flags(), &f.requirement)
	scopeFlag(cmd.Flags(), &f.scope)
	outputFileFlag(cmd.Flags(), &f.output)
	cmd.Flags().BoolVar(&f.minimal, "minimal", false, "keep only what the verdict needs, for a file that you hand over")
	cmd.Flags().BoolVar(&f.pseudonyms, "pseudonyms", false, "with --minimal: replace the names of people, teams, views and business units with pseudonyms")
	recordFlag(cmd.Flags(), &f.record)
}

func (f collectFlags) run(ctx context.Context, a *app, _ []string) error {
	switch {
	case f.minimal && f.scope == snapshot.ScopeEnvironment:
		return usagef("--minimal keeps only what the verdict needs, but --scope environment reads everything: leave out one of them")
	case f.pseudonyms && !f.minimal:
		return usagef("--pseudonyms replaces the names of a minimal snapshot: add --minimal")
	}
	t, err := a.SingleTarget(f.connection, f.requirement, "collect writes one snapshot")
	if err != nil {
		return err
	}
	targets := []run.Target{t}
	saveRecording, err := startRecording(a, f.record, "collect", targets, cmp.Or(f.output, "-"))
	if err != nil {
		return err
	}
	snapshots, err := a.Collect(ctx, targets, f.scope, nil)
	if err := errors.Join(err, saveRecording()); err != nil {
		return err
	}
	s := snapshots[0]
	if f.minimal {
		s = s.Slice(t.Profile.Pattern)
		if f.pseudonyms {
			if s, err = recording.Pseudonymize(s, t.Profile.Pattern); err != nil {
				return err
			}
		}
		if err := s.Seal(); err != nil { // as a separate snapshot
			return err
		}
	}
	return saveSnapshot(a, s, f.output)
}

func recordFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "record", "", "`file` to record each exchange with the environment, anonymized, for dbaudit simulate --replay")
}

// startRecording records the exchanges with a single target, if a file is named. The returned
// function saves the recording. The file must not be one of the command's other documents.
func startRecording(a *app, file, command string, targets []run.Target, documents ...string) (save func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	if err := requireDistinctFiles(append(documents, file)...); err != nil {
		return nil, err
	}
	if len(targets) != 1 {
		return nil, usagef("--record saves the exchanges with one environment, but %d were chosen: choose one with --env, and one of several integrations with --profile", len(targets))
	}
	recorder := a.Record(&targets[0], command)
	return func() error {
		data, err := recorder.Encode()
		if err != nil {
			return err
		}
		if err := a.WriteEncodedJSON(file, data); err != nil {
			return err
		}
		a.Infof("recorded in %s: ids and names are replaced, and no host, tenant or token is in it; look through it before you pass it on", file)
		return nil
	}, nil
}

// snapshotSaver returns a function that saves a snapshot in a file; nil if no file is named.
func snapshotSaver(a *app, file string) func(*snapshot.Snapshot) error {
	if file == "" {
		return nil
	}
	return func(s *snapshot.Snapshot) error { return saveSnapshot(a, s, file) }
}

func saveSnapshot(a *app, s *snapshot.Snapshot, file string) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	return a.WriteEncodedJSON(file, data)
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type collectFlags struct {
	connection  run.Connection
	requirement run.Wanted
	scope       string
	output      string
	record      string
	minimal     bool
	pseudonyms  bool
}

func newCollectCommand(a *app) *cobra.Command {
	var f collectFlags
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "write a snapshot of an environment",
		Long:  help(`Reads what a verdict needs from a Dataverse environment and saves it, so that dbaudit check can judge it offline. Writes nothing to the environment.`, exitOK, exitUsage, exitFailure, exitInterrupted),
		Example: `  dbaudit collect --env production -o snapshot.json
  dbaudit collect --scope environment -o everything.json
  dbaudit collect --minimal --pseudonyms -o snapshot.json   # see docs/vendor.md
  dbaudit collect --record recording.jsonl -o snapshot.json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			scope, err := snapshot.ParseScope(f.scope)
			if err != nil {
				return usagef("--scope: %w", err)
			}
			switch {
			case f.minimal && scope == snapshot.ScopeEnvironment:
				return usagef("--minimal keeps only what the verdict needs, but --scope environment reads everything: leave out one of them")
			case f.pseudonyms && !f.minimal:
				return usagef("--pseudonyms replaces the names of a minimal snapshot: add --minimal")
			}
			targets, err := a.Targets(f.connection, f.requirement)
			if err != nil {
				return err
			}
			if len(targets) != 1 {
				return usagef("collect writes one snapshot: choose one environment with --env, and one of several integrations with --profile")
			}
			write, err := record(a, f.record, "collect", targets)
			if err != nil {
				return err
			}
			read, err := a.CollectAll(cmd.Context(), targets, scope, nil)
			if failed := write(); err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			s := read[0]
			if f.minimal {
				if s, err = minimal(s, targets[0].Profile.Pattern, f.pseudonyms); err != nil {
					return err
				}
			}
			return keepSnapshot(a, s, f.output)
		},
	}
	connectionFlags(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	requirementFlags(cmd.Flags(), &f.requirement)
	cmd.Flags().StringVar(&f.scope, "scope", "integration", "`scope` to read: integration (what the verdict needs) or environment (all roles, application users and shares)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` of the snapshot (default standard output)")
	cmd.Flags().BoolVar(&f.minimal, "minimal", false, "keep only what the verdict needs, to hand it over")
	cmd.Flags().BoolVar(&f.pseudonyms, "pseudonyms", false, "with --minimal: replace the names of people, teams, views and business units by pseudonyms")
	addRecord(cmd.Flags(), &f.record)
	return cmd
}

// minimal is the part of a snapshot that is judged, sealed as a snapshot of its own.
func minimal(s *snapshot.Snapshot, pattern string, pseudonyms bool) (*snapshot.Snapshot, error) {
	part := s.Slice(pattern)
	if pseudonyms {
		var err error
		if part, err = recording.Pseudonyms(part, pattern); err != nil {
			return nil, err
		}
	}
	return part, part.Seal()
}

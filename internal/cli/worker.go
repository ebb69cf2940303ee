package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/store"
)

func defineWorker(a *app, cmd *cobra.Command) {
	var concurrency int
	concurrencyFlag(cmd, &concurrency)
	cmd.PreRunE = func(*cobra.Command, []string) error { return requirePositive("concurrency", concurrency) }
	runInStore(a, cmd, func(ctx context.Context, s *store.Store, _ []string) error {
		e, err := a.LoadEngine(ctx)
		if err != nil {
			return err
		}
		o := fleetOptions(a)
		o.Concurrency, o.Scanner = concurrency, newScanner(a, s, e)
		queue, err := fleet.New(s, o)
		if err != nil {
			return err
		}
		a.Infof("worker %s scans what is due", workerName())
		return queue.Run(ctx)
	})
}

func concurrencyFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "concurrency", fleet.DefaultConcurrency, "`number` of environments to scan at the same time")
}

// newScanner returns the scanner of the fleet, which scans like a command. It never asks questions,
// and logs little, because the store has the outcome.
func newScanner(a *app, s *store.Store, e *engine.Engine) *fleet.DataverseScanner {
	a.NoProgress = true
	host := a.Host
	host.Attended, host.OpenBrowser = false, nil
	return &fleet.DataverseScanner{Engine: e, Runner: &run.Runner{
		Host: host, Narrator: quietNarrator{a.Console}, Tool: a.Tool, PolicyFolders: a.PolicyFolders, SecretVariables: a.SecretVariables,
		OnCredentialExpiry: func(environment string, ends time.Time) {
			// An error is only a warning, because the scan does not need the date.
			if err := s.SetCredentialEnds(context.Background(), environment, ends); err != nil { //nolint:forbidigo // it does not end with the scan
				a.Warnf("%s: keeping when its credential ends: %v", environment, err)
			}
		},
	}}
}

func fleetOptions(a *app) fleet.Options {
	return fleet.Options{Worker: workerName(), Version: a.Tool.Version, Logger: logger(a, "queue")}
}

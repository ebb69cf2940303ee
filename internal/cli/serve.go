package cli

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/store"
)

func (a *app) workerCommand() *cobra.Command {
	var name string
	var concurrency int
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "scan the environments of a fleet as they are due",
		Long: help(`Scans the environments of a store as they are due, until it is ended. Any number of
workers may share a store in PostgreSQL; what one does not finish, another takes. A worker
only reads environments. The store must be of this version: dbaudit serve and dbaudit db
migrate bring it there.`, exitOK, exitUsage, exitFailure),
		Example: "  DBAUDIT_STORE=postgres://dbaudit@db/fleet dbaudit worker --concurrency 32",
		Args:    arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if concurrency < 1 {
				return usagef("--concurrency %d: want 1 or more", concurrency)
			}
			ctx := cmd.Context()
			return a.withStore(ctx, name, func(s *store.Store) error {
				queue, err := a.worker(ctx, s, concurrency)
				if err != nil {
					return err
				}
				a.Sayf("worker %s scans what is due", workerName())
				return queue.Run(ctx)
			})
		},
	}
	storeFlag(cmd.Flags(), &name, "default "+defaultStore)
	concurrencyFlag(cmd, &concurrency)
	return cmd
}

func concurrencyFlag(cmd *cobra.Command, n *int) {
	cmd.Flags().IntVar(n, "concurrency", fleet.DefaultConcurrency, "`number` of environments that are scanned at once")
}

// worker is a fleet that scans by the pipelines of the commands.
func (a *app) worker(ctx context.Context, s *store.Store, concurrency int) (*fleet.Fleet, error) {
	o := a.fleetOptions()
	o.Concurrency, o.Scanner = concurrency, fleet.NewInspector(ctx, a.unattended())
	return fleet.New(s, o)
}

func (a *app) fleetOptions() fleet.Options {
	return fleet.Options{Worker: workerName(), Version: a.Tool.Version, Logger: slog.New(&narration{console: a.Console})}
}

// unattended is a runner of pipelines that asks nobody and tells little: what becomes of a
// scan is in the store.
func (a *app) unattended() *run.Runner {
	a.NoProgress = true
	host := a.Host
	host.Attended, host.OpenBrowser = false, nil
	return &run.Runner{Host: host, Narrator: quietly{a.Console}, Tool: a.Tool, PolicyFolders: a.PolicyFolders}
}

// quietly narrates for a log that many scans share.
type quietly struct{ *console.Console }

// Log implements [run.Narrator].
func (q quietly) Log(level slog.Level, environment, message string, fields ...slog.Attr) {
	if level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	q.Console.Log(level, environment, message, fields...)
}

// A narration is the queue's log: its warnings and errors, among dbaudit's own.
type narration struct {
	console *console.Console
	attrs   []slog.Attr
}

// Enabled implements [slog.Handler].
func (n *narration) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || n.console.Verbose
}

// Handle implements [slog.Handler].
func (n *narration) Handle(_ context.Context, r slog.Record) error {
	attrs := n.attrs
	r.Attrs(func(attr slog.Attr) bool { attrs = append(attrs, attr); return true })
	message := r.Message
	for _, attr := range attrs {
		if attr.Key == "err" || attr.Key == "error" {
			message += ": " + attr.Value.String()
		}
	}
	level := r.Level
	if level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	n.console.Log(level, "", "queue: "+message, attrs...)
	return nil
}

// WithAttrs implements [slog.Handler].
func (n *narration) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &narration{console: n.console, attrs: append(n.attrs[:len(n.attrs):len(n.attrs)], attrs...)}
}

// WithGroup implements [slog.Handler].
func (n *narration) WithGroup(string) slog.Handler { return n }

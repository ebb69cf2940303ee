package run

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Collect reads an environment once and returns a snapshot for each of its targets. It trusts the
// given roots, or the system's if they are nil.
func (r *Runner) Collect(ctx context.Context, targets []Target, scope snapshot.Scope, roots *x509.CertPool) ([]*snapshot.Snapshot, error) {
	all, stats, err := r.collect(ctx, targets, collector.Options{Scope: scope}, roots)
	if err == nil {
		r.logRequests(targets[0].Name, stats)
	}
	return all, err
}

// collect connects to an environment and reads it. The target's timeout applies to each of the two
// and does not include an interactive sign-in.
func (r *Runner) collect(ctx context.Context, targets []Target, o collector.Options, roots *x509.CertPool) (all []*snapshot.Snapshot, stats dataverse.Stats, err error) {
	t := targets[0]
	progress := r.Progress(t.Name)
	defer progress.Stop()
	o.Environment = snapshot.Environment{Name: t.Name, URL: t.URL}
	o.Tool, o.Now, o.Progress = snapshot.Tool(r.Tool), r.Now, progress.Section
	options := make([]collector.Options, len(targets))
	for i, t := range targets {
		o.Requirement, o.Pattern, o.Privileges = t.Requirement, t.Profile.Pattern, t.Profile.Minimum()
		options[i] = o
	}
	var client Client
	if err := t.WithTimeout(ctx, func(timed context.Context) (err error) {
		client, err = r.Connect(timed, t, roots, progress.Exchange)
		return err
	}); err != nil {
		return nil, stats, err
	}
	defer client.CloseIdle()
	if ends := client.Session.CredentialExpiry; !ends.IsZero() && r.OnCredentialExpiry != nil {
		r.OnCredentialExpiry(t.Name, ends)
	}
	if isInteractive(client.Session) {
		if _, err := r.tokenSource(client.Session).Token(ctx, dataverse.TokenOptions{}); err != nil {
			return nil, stats, err
		}
	}
	err = t.WithTimeout(ctx, func(timed context.Context) (err error) {
		all, err = collector.CollectAll(timed, client.Client, options)
		if n := client.Stats().Throttled; err != nil && n > 0 && timed.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("the environment throttled %d requests: run fewer scans at the same time", n)
		}
		return err
	})
	return all, client.Stats(), err
}

func (r *Runner) logRequests(name string, stats dataverse.Stats) {
	message := "read in " + text.Count(stats.Requests, "request") + ", no retries"
	if stats.Retries > 0 {
		message = fmt.Sprintf("read in %s, %d of them retries", text.Count(stats.Requests, "request"), stats.Retries)
	}
	if stats.Throttled > 0 {
		message += ", throttled " + text.Count(stats.Throttled, "time")
	}
	r.Log(slog.LevelInfo, name, message,
		slog.Int("requests", stats.Requests), slog.Int("retries", stats.Retries), slog.Int("throttled", stats.Throttled))
}

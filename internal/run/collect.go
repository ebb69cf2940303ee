package run

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// CollectAll reads an environment for all of its targets, once. The given roots alone are
// trusted, or the system's where they are nil.
func (r *Runner) CollectAll(ctx context.Context, targets []Target, scope snapshot.Scope, roots *x509.CertPool) ([]*snapshot.Snapshot, error) {
	return r.reading(ctx, targets[0], roots, func(timed context.Context, client Client, progress Progress) ([]*snapshot.Snapshot, error) {
		options := make([]collector.Options, len(targets))
		for i, t := range targets {
			options[i] = r.collecting(t, scope, progress)
		}
		all, err := collector.CollectAll(timed, client.Client, options)
		if err == nil {
			r.tellRead(targets[0].Name, client.Stats())
		}
		return all, err
	})
}

// collectNow reads an environment as it is at this moment, past the caches of
// permissions.
func (r *Runner) collectNow(ctx context.Context, t Target) (*snapshot.Snapshot, error) {
	all, err := r.reading(ctx, t, nil, func(timed context.Context, client Client, progress Progress) ([]*snapshot.Snapshot, error) {
		o := r.collecting(t, snapshot.ScopeIntegration, progress)
		o.Strong = true
		return collector.CollectAll(timed, client.Client, []collector.Options{o})
	})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// reading connects to an environment and has it read, within the target's time. What a
// person takes to sign in does not count.
func (r *Runner) reading(ctx context.Context, t Target, roots *x509.CertPool, read func(context.Context, Client, Progress) ([]*snapshot.Snapshot, error)) ([]*snapshot.Snapshot, error) {
	progress := r.Progress(t.Name)
	defer progress.Stop()
	var client Client
	err := t.Within(ctx, func(timed context.Context) (err error) {
		client, err = r.Connect(timed, t, roots, progress.Exchange)
		return err
	})
	if err != nil {
		return nil, err
	}
	if ends, known := client.Session.CredentialExpiry(); known && r.CredentialEnds != nil {
		r.CredentialEnds(t.Name, ends)
	}
	if byPerson(client.Session) {
		if _, err := r.tokens(client.Session).Token(ctx, dataverse.TokenOptions{}); err != nil {
			return nil, err
		}
	}
	var all []*snapshot.Snapshot
	err = t.Within(ctx, func(timed context.Context) (err error) {
		all, err = read(timed, client, progress)
		return err
	})
	return all, err
}

// collecting is what is collected for a target.
func (r *Runner) collecting(t Target, scope snapshot.Scope, progress Progress) collector.Options {
	return collector.Options{
		Scope:       scope,
		Requirement: t.Requirement,
		Environment: snapshot.Environment{Name: t.Name, URL: t.URL},
		Pattern:     t.Profile.Pattern,
		Privileges:  t.Profile.Minimum(),
		Tool:        snapshot.Tool(r.Tool),
		Now:         r.Now,
		Progress:    progress.Section,
	}
}

func (r *Runner) tellRead(name string, stats dataverse.Stats) {
	text := fmt.Sprintf("read in %d requests, no retries", stats.Requests)
	if stats.Retries > 0 {
		text = fmt.Sprintf("read in %d requests, %d of them retries", stats.Requests, stats.Retries)
	}
	if stats.Throttled > 0 {
		text += fmt.Sprintf(", throttled %d times", stats.Throttled)
	}
	r.Log(slog.LevelInfo, name, text,
		slog.Int("requests", stats.Requests), slog.Int("retries", stats.Retries), slog.Int("throttled", stats.Throttled))
}

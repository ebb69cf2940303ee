package run

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// DefaultParallel is how many environments are scanned at the same time. Each has its own limit of
// requests, and a scan mostly waits for the server.
const DefaultParallel = 16

// ScanOptions are the options of [Runner.Scan].
type ScanOptions struct {
	Scope snapshot.Scope
	// AsOf is the time of evaluation of the results. Zero means the time when each is judged, so
	// that no result is older than its snapshot.
	AsOf time.Time
	// Parallel is how many environments are read at the same time; 0 means [DefaultParallel].
	Parallel int
	// Roots are the trusted certificates; nil means the system's.
	Roots *x509.CertPool
	// OnSnapshot is called with each snapshot before it is judged; it may be nil.
	OnSnapshot func(*snapshot.Snapshot) error
}

// A ScanResult is the result of a target. If the target could not be read, Err is the reason, and
// the result has no controls and the verdict incomplete.
type ScanResult struct {
	Target Target
	Result audit.Result
	Err    error
}

// Scan reads and judges all targets. It reads an environment once for its consecutive targets. An
// environment that cannot be read does not stop the others.
func (r *Runner) Scan(ctx context.Context, e *engine.Engine, targets []Target, o ScanOptions) []ScanResult {
	scanned := make([]ScanResult, len(targets))
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
	var group errgroup.Group
	group.SetLimit(o.Parallel)
	for done := 0; done < len(targets); {
		integrations := targets[done:]
		first := integrations[0]
		if other := slices.IndexFunc(integrations, func(t Target) bool { return t.Name != first.Name || t.URL != first.URL }); other > 0 {
			integrations = integrations[:other]
		}
		out := scanned[done : done+len(integrations)]
		done += len(integrations)
		group.Go(func() error {
			results, err := r.scanEnvironment(ctx, e, integrations, o)
			for i, t := range integrations {
				out[i] = ScanResult{Target: t, Err: err}
				if err != nil {
					out[i].Result = r.UnreadResult(audit.Environment{Name: t.Name, URL: t.URL}, t.Profile, o.AsOf, audit.Unread{Message: err.Error()})
				} else {
					out[i].Result = results[i]
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	return scanned
}

func (r *Runner) scanEnvironment(ctx context.Context, e *engine.Engine, targets []Target, o ScanOptions) ([]audit.Result, error) {
	snapshots, err := r.Collect(ctx, targets, o.Scope, o.Roots)
	if err != nil {
		return nil, err
	}
	results := make([]audit.Result, len(targets))
	for i, t := range targets {
		if o.OnSnapshot != nil {
			if err := o.OnSnapshot(snapshots[i]); err != nil {
				return nil, err
			}
		}
		if results[i], err = r.judge(ctx, e, snapshots[i], t, o.AsOf); err != nil {
			return nil, err
		}
	}
	for i := range results {
		results[i].Notes = append(results[i].Notes, sharedRoleNotes(targets, snapshots, results, i)...)
	}
	return results, nil
}

// ScanUncached reads an environment without Dataverse's caches of permissions, and judges it.
func (r *Runner) ScanUncached(ctx context.Context, e *engine.Engine, t Target, asOf time.Time) (audit.Result, *snapshot.Snapshot, error) {
	all, _, err := r.collect(ctx, []Target{t}, collector.Options{Scope: snapshot.ScopeIntegration, Strong: true}, nil)
	if err != nil {
		return audit.Result{}, nil, err
	}
	result, err := r.judge(ctx, e, all[0], t, asOf)
	return result, all[0], err
}

func (r *Runner) judge(ctx context.Context, e *engine.Engine, s *snapshot.Snapshot, t Target, asOf time.Time) (audit.Result, error) {
	result, err := r.Judge(ctx, e, s, t.Profile, asOf)
	if err == nil {
		LocateFindings(&result, t.File, t.Env)
	}
	return result, err
}

// Judge judges a snapshot. A zero asOf means now.
func (r *Runner) Judge(ctx context.Context, e *engine.Engine, s *snapshot.Snapshot, p profile.Profile, asOf time.Time) (audit.Result, error) {
	return e.Evaluate(ctx, s, p, engine.Options{Tool: r.Tool, AsOf: r.evaluationTime(asOf)})
}

// UnreadResult returns the result of an environment or a file that could not be read.
func (r *Runner) UnreadResult(env audit.Environment, p profile.Profile, asOf time.Time, reason audit.Unread) audit.Result {
	return audit.Result{
		Format: audit.ResultFormat, Tool: r.Tool, Environment: env, Profile: p.Identity(),
		EvaluatedAt: r.evaluationTime(asOf), Verdict: audit.VerdictIncomplete, Unread: &reason,
	}
}

// evaluationTime returns asOf, or the current second if asOf is zero.
func (r *Runner) evaluationTime(asOf time.Time) time.Time {
	if asOf.IsZero() {
		return r.Now().UTC().Truncate(time.Second)
	}
	return asOf
}

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
	if client.Session.Method.IsPersonal() {
		if _, err := r.tokenSource(client.Session).Token(ctx, dataverse.TokenOptions{}); err != nil {
			return nil, stats, err
		}
	}
	err = t.WithTimeout(ctx, func(timed context.Context) (err error) {
		all, err = collector.CollectAll(timed, client.Client, options)
		if n := client.Stats().Throttled; err != nil && n > 0 && timed.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("the environment throttled %s: run fewer scans at the same time", text.Count(n, "request"))
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

// sharedRoleNotes returns notes about the custom roles of an integration's user that are also
// assigned to users of other integrations, with the privileges that only those integrations
// require. They are surplus for this one.
func sharedRoleNotes(targets []Target, snapshots []*snapshot.Snapshot, results []audit.Result, index int) []string {
	user := integrationUserID(results[index])
	roles := snapshots[index].CustomRoles(user)
	var notes []string
	for _, root := range slices.Sorted(maps.Keys(roles)) {
		var profiles []string
		surplus := map[string]bool{}
		for i, t := range targets {
			other := integrationUserID(results[i])
			if _, assigned := snapshots[i].CustomRoles(other)[root]; !assigned || other == user {
				continue
			}
			profiles = append(profiles, t.Profile.Name)
			for _, name := range t.Profile.Minimum() {
				if snapshots[i].RolePrivileges[root][name] != audit.DepthNone && !requiresOrAllows(targets[index], name) {
					surplus[name] = true
				}
			}
		}
		if profiles == nil {
			continue
		}
		note := fmt.Sprintf("the role %q is assigned to the users of %s too", text.Line(roles[root]), strings.Join(profiles, ", "))
		if len(surplus) > 0 {
			note += ", which require privileges of it that are surplus here: " + text.JoinFirst(slices.Sorted(maps.Keys(surplus)), maxPrivilegesNamed)
		}
		notes = append(notes, note+"; give each integration a separate role")
	}
	return notes
}

// maxPrivilegesNamed is the maximum number of privileges that a note names.
const maxPrivilegesNamed = 5

func requiresOrAllows(t Target, privilege string) bool {
	same := func(name string) bool { return strings.EqualFold(name, privilege) }
	return slices.ContainsFunc(slices.Concat(t.Profile.Minimum(), t.Profile.Allow, t.Requirement.Allow), same)
}

// integrationUserID returns the id of the judged user; empty if the user does not exist or was not
// read.
func integrationUserID(r audit.Result) string {
	if r.Integration == nil || r.Integration.User == nil {
		return ""
	}
	return r.Integration.User.ID
}

// LocateFindings sets the location of each control and finding to the line of the configuration that
// states the requirement. Code scanning requires a file for each result.
func LocateFindings(r *audit.Result, file *config.File, env config.Environment) {
	path := config.DefaultName
	if filepath.IsLocal(file.Name()) {
		path = filepath.ToSlash(filepath.Clean(file.Name()))
	}
	at := func(keys ...string) *audit.Location {
		return &audit.Location{Path: path, Line: file.Line(env, keys...)}
	}
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(configurationKeys(control.Rule)...)
		for j := range control.Findings {
			finding := &control.Findings[j]
			if finding.Subject.Kind != audit.SubjectRequiredView {
				continue
			}
			key := audit.ViewKey(finding.Subject.Table, finding.Subject.Name)
			view := slices.IndexFunc(env.Views, func(v config.View) bool { return audit.ViewKey(v.Table, v.Name) == key })
			if view >= 0 {
				finding.Location = at(fmt.Sprintf("views.%d", view), "views")
			}
		}
	}
}

// configurationKeys returns the keys of the configuration that may state what a rule requires, the
// most specific first.
func configurationKeys(rule string) []string {
	category, _, _ := strings.Cut(rule, "/")
	switch {
	case rule == "user/business-unit":
		return []string{"business_unit", "integration"}
	case category == "user":
		return []string{"app_id", "user", "integration"}
	case category == "role":
		return []string{"role", "integration"}
	case category == "view":
		return []string{"views"}
	}
	return []string{"profile"}
}

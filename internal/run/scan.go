package run

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
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

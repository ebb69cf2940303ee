package run

import (
	"cmp"
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

// DefaultParallel is how many environments are scanned at the same time. Each has its own limit
// of requests, and mostly waits for its server.
const DefaultParallel = 16

// ScanOptions say how targets are read and judged.
type ScanOptions struct {
	Scope snapshot.Scope
	// AsOf is the time in the results; zero for when each is judged, so that no verdict is
	// older than its snapshot.
	AsOf time.Time
	// Parallel is how many environments are read at once; 0 means the default.
	Parallel int
	// Roots alone are trusted, or the system's if they are nil.
	Roots *x509.CertPool
	// OnSnapshot receives each snapshot before it is judged; nil for no receiver.
	OnSnapshot func(*snapshot.Snapshot) error
}

// An ScanResult is the result of a target. If the target could not be read, Err is the reason, and
// the result has no controls and the verdict incomplete.
type ScanResult struct {
	Target Target
	Result audit.Result
	Err    error
}

// Scan reads and judges every target. The targets of an environment follow one another, and it
// is read once for all of them. An environment that cannot be read does not stop the others.
func (r *Runner) Scan(ctx context.Context, e *engine.Engine, targets []Target, o ScanOptions) []ScanResult {
	outcomes := make([]ScanResult, len(targets))
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
	var group errgroup.Group
	group.SetLimit(o.Parallel)
	for done := 0; done < len(targets); {
		of := targets[done:]
		if other := slices.IndexFunc(of, func(t Target) bool { return t.Name != of[0].Name || t.URL != of[0].URL }); other > 0 {
			of = of[:other]
		}
		out := outcomes[done : done+len(of)]
		done += len(of)
		group.Go(func() error {
			results, err := r.scanEnvironment(ctx, e, of, o)
			for i, t := range of {
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
	return outcomes
}

// scanEnvironment reads an environment once and judges each of its integrations.
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

// ScanUncached reads an environment as it is now, past the caches of permissions, and judges it.
func (r *Runner) ScanUncached(ctx context.Context, e *engine.Engine, t Target, asOf time.Time) (audit.Result, *snapshot.Snapshot, error) {
	all, _, err := r.collect(ctx, []Target{t}, collector.Options{Scope: snapshot.ScopeIntegration, Strong: true}, nil)
	if err != nil {
		return audit.Result{}, nil, err
	}
	result, err := r.judge(ctx, e, all[0], t, asOf)
	return result, all[0], err
}

// judge judges a snapshot of a target, and places the findings in the configuration.
func (r *Runner) judge(ctx context.Context, e *engine.Engine, s *snapshot.Snapshot, t Target, asOf time.Time) (audit.Result, error) {
	result, err := r.Judge(ctx, e, s, t.Profile, asOf)
	if err == nil {
		LocateFindings(&result, t.File, t.Env)
	}
	return result, err
}

// Judge judges a snapshot as of a time, or now for the zero time.
func (r *Runner) Judge(ctx context.Context, e *engine.Engine, s *snapshot.Snapshot, p profile.Profile, asOf time.Time) (audit.Result, error) {
	return e.Evaluate(ctx, s, p, engine.Options{Tool: r.Tool, AsOf: r.evaluationTime(asOf)})
}

// UnreadResult is the result of an environment or a file that could not be read.
func (r *Runner) UnreadResult(env audit.Environment, p profile.Profile, asOf time.Time, why audit.Unread) audit.Result {
	return audit.Result{
		Format: audit.ResultFormat, Tool: r.Tool, Environment: env, Profile: p.Identity(),
		EvaluatedAt: r.evaluationTime(asOf), Verdict: audit.VerdictIncomplete, Unread: &why,
	}
}

// evaluationTime is a time, or now for the zero time.
func (r *Runner) evaluationTime(asOf time.Time) time.Time {
	if asOf.IsZero() {
		return r.Now().UTC().Truncate(time.Second)
	}
	return asOf
}

// CheckSnapshot judges a saved snapshot by what was required when it was taken, and by changes of that.
// The input is the part of the snapshot that the policies judge.
func (r *Runner) CheckSnapshot(ctx context.Context, e *engine.Engine, name string, c RequirementChanges, asOf time.Time) (_ audit.Result, input *snapshot.Snapshot, _ error) {
	t := Target{File: c.File}
	input, err := r.readSlice(name, func(s *snapshot.Snapshot) (required snapshot.Requirement, pattern string, err error) {
		if t.Profile, err = r.Profile(cmp.Or(c.Overrides.Profile, s.Requirement.Profile)); err != nil {
			return required, "", err
		}
		taken, err := r.Profile(s.Requirement.Profile)
		if err != nil {
			taken = profile.Profile{} // a custom file, which may be missing here
		}
		required, t.Env, err = c.requirement(s, t.Profile, taken)
		return required, t.Profile.Pattern, err
	})
	if err != nil {
		return audit.Result{}, nil, err
	}
	if err := e.CheckProfile(t.Profile); err != nil {
		return audit.Result{}, nil, &UsageError{err}
	}
	result, err := r.judge(ctx, e, input, t, asOf)
	return result, input, err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
)

// A verification is what judging and reporting a target after a change needs. It is prepared
// before the change, because what cannot be verified is not begun.
type verification struct {
	run.Target
	judgement
}

// prepareVerification prepares the verification of a plan, which must be within the limits.
func (f applyFlags) prepareVerification(ctx context.Context, a *app, p plan.Plan, journal string) (verification, error) {
	t, err := a.PlanTarget(p, f.connection, f.profile)
	if err != nil {
		return verification{}, err
	}
	if t.Profile.Name != p.Profile && f.profile == "" {
		if t.Profile, err = a.Profile(p.Profile); err != nil {
			return verification{}, err
		}
	}
	if t.Profile.Name != p.Profile {
		return verification{}, usagef("the plan was made with the profile %q, but %q was given", p.Profile, t.Profile.Name)
	}
	if p.ProfileDigest != "" && p.ProfileDigest != t.Profile.Digest {
		return verification{}, usagef("the profile %q changed since the plan was made: make a new plan", p.Profile)
	}
	within, err := run.PlanLimits(t.Profile, f.maxChanges)
	if err != nil {
		return verification{}, err
	}
	if err := p.CheckLimits(within); err != nil {
		return verification{}, err
	}
	return newVerification(ctx, a, t, f.judge, journal)
}

func newVerification(ctx context.Context, a *app, t run.Target, f judgeFlags, journal string) (verification, error) {
	v := verification{Target: t}
	var err error
	if v.judgement, err = f.prepare(a, journal); err != nil {
		return v, err
	}
	if err := v.load(ctx, a, t.File, t.Profile); err != nil {
		return v, err
	}
	return v, v.outputs.checkWritable(a)
}

// verify reads and judges the environment again, says which findings of the plan are fixed,
// and writes the documents. It returns the remaining faults, by fingerprint, and the exit code.
func verify(ctx context.Context, a *app, v verification, p plan.Plan) (map[string]plan.Finding, int, error) {
	r, _, err := v.inspect(ctx, a, v.Target)
	if err != nil {
		return nil, 0, err
	}
	if id := r.Environment.OrganizationID; !strings.EqualFold(id, p.Environment.OrganizationID) {
		return nil, 0, fmt.Errorf("this is another environment (organization %s) than the plan's (organization %s)", id, p.Environment.OrganizationID)
	}
	standing := openFindings(r)
	narrateComparison(a, p, standing)
	code, err := v.report(a, []audit.Result{r})
	return standing, code, err
}

// verifyApplied verifies a plan that was carried out: each change must persist, and the
// findings that it fixes must be gone. Each failure is now one after a change: code 5.
func verifyApplied(ctx context.Context, a *app, v verification, r *apply.Runner) error {
	p := r.Journal.Plan
	lost, lostErr := r.Verify(ctx)
	standing, code, err := verify(ctx, a, v, p)
	if err = errors.Join(lostErr, err); errors.Is(err, context.Canceled) {
		a.Warnf("the plan was applied, but its verification was interrupted: judge the environment with `%s`", scanCommand(a, p))
		return err
	}
	if err != nil {
		code = exitPartial
		a.ReportError(fmt.Errorf("the plan was applied, but could not be verified: %w", err))
	}
	named := map[string]bool{}
	for _, l := range lost {
		code = exitPartial
		a.ReportError(l)
		named[l.Action.ID] = true
	}
	for _, action := range p.Actions {
		i := slices.IndexFunc(action.Why, func(why change.Reason) bool {
			_, still := standing[why.Fingerprint]
			return still && why.FixesFinding()
		})
		if i >= 0 && !named[action.ID] {
			code = exitPartial
			a.ReportError(fmt.Errorf("action %s (%s) was carried out, but %s still fails", action.ID, action.Summary, action.Why[i].Control))
		}
	}
	return exitWith(code, nil)
}

// openFindings are a result's findings that are not accepted, by fingerprint.
func openFindings(r audit.Result) map[string]plan.Finding {
	list := map[string]plan.Finding{}
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Waiver == nil {
				list[f.Fingerprint] = plan.Finding{Control: c.ID, Fingerprint: f.Fingerprint, Message: f.Message}
			}
		}
	}
	return list
}

func narrateComparison(a *app, p plan.Plan, standing map[string]plan.Finding) {
	var gone, remain, fresh []string
	known := map[string]bool{}
	for _, f := range p.Findings {
		known[f.Fingerprint] = true
		line := fmt.Sprintf("%s: %s", f.Control, f.Message)
		if _, still := standing[f.Fingerprint]; still {
			remain = append(remain, line)
		} else {
			gone = append(gone, line)
		}
	}
	for fingerprint, f := range standing {
		if !known[fingerprint] {
			fresh = append(fresh, fmt.Sprintf("%s: %s", f.Control, f.Message))
		}
	}
	slices.Sort(fresh)
	if a.LogFormat == "json" {
		a.Log(slog.LevelInfo, p.Environment.Name, "compared with the findings of the plan",
			slog.Any("gone", gone), slog.Any("remain", remain), slog.Any("new", fresh))
		return
	}
	for _, part := range []struct {
		mark, title string
		lines       []string
	}{{"-", "fixed", gone}, {"=", "remaining", remain}, {"+", "new", fresh}} {
		if len(part.lines) == 0 {
			continue
		}
		a.Infof("%s (%d)", part.title, len(part.lines))
		for _, line := range part.lines {
			a.Infof("  %s %s", part.mark, line)
		}
	}
}

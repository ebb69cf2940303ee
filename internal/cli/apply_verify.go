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

// A verification judges and reports a target after a change. It is prepared before the change,
// because dbaudit does not begin a change that it cannot verify.
type verification struct {
	run.Target
	judgement
}

// prepareVerification prepares the verification of a plan. It returns an error if the plan exceeds
// the limits, or was made with another profile or another version of the profile.
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
	limits, err := run.PlanLimits(t.Profile, f.maxChanges)
	if err != nil {
		return verification{}, err
	}
	if err := p.CheckLimits(limits); err != nil {
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

// verify reads and judges the environment again, says which findings of the plan are fixed, and
// writes the documents. It returns the open findings by fingerprint, and the exit code.
func verify(ctx context.Context, a *app, v verification, p plan.Plan) (map[string]plan.Finding, int, error) {
	r, _, err := v.inspect(ctx, a, v.Target)
	if err != nil {
		return nil, 0, err
	}
	if id := r.Environment.OrganizationID; !strings.EqualFold(id, p.Environment.OrganizationID) {
		return nil, 0, fmt.Errorf("this is another environment (organization %s) than the plan's (organization %s)", id, p.Environment.OrganizationID)
	}
	open := openFindings(r)
	narrateComparison(a, p, open)
	code, err := v.report(a, []audit.Result{r})
	return open, code, err
}

// verifyApplied verifies a plan that was carried out: each change must persist, and the findings
// that it fixes must be gone. Because the environment was changed, the exit code of any failure
// is 5.
func verifyApplied(ctx context.Context, a *app, v verification, r *apply.Runner) error {
	p := r.Journal.Plan
	reverted, revertedErr := r.Verify(ctx)
	open, code, err := verify(ctx, a, v, p)
	if err = errors.Join(revertedErr, err); errors.Is(err, context.Canceled) {
		a.Warnf("the plan was applied, but its verification was interrupted: judge the environment with `%s`", scanCommand(a, p))
		return err
	}
	if err != nil {
		code = exitPartial
		a.ReportError(fmt.Errorf("the plan was applied, but could not be verified: %w", err))
	}
	reported := map[string]bool{}
	for _, r := range reverted {
		code = exitPartial
		a.ReportError(r)
		reported[r.Action.ID] = true
	}
	for _, action := range p.Actions {
		i := slices.IndexFunc(action.Why, func(why change.Reason) bool {
			_, fails := open[why.Fingerprint]
			return fails && why.FixesFinding()
		})
		if i >= 0 && !reported[action.ID] {
			code = exitPartial
			a.ReportError(fmt.Errorf("action %s (%s) was carried out, but %s still fails", action.ID, action.Summary, action.Why[i].Control))
		}
	}
	return exitWith(code, nil)
}

// openFindings returns a result's findings that are not waived, by fingerprint.
func openFindings(r audit.Result) map[string]plan.Finding {
	open := map[string]plan.Finding{}
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Waiver == nil {
				open[f.Fingerprint] = plan.Finding{Control: c.ID, Fingerprint: f.Fingerprint, Message: f.Message}
			}
		}
	}
	return open
}

// narrateComparison says which findings of a plan are fixed, which remain, and which are new.
func narrateComparison(a *app, p plan.Plan, open map[string]plan.Finding) {
	var fixed, remaining, added []string
	planned := map[string]bool{}
	for _, f := range p.Findings {
		planned[f.Fingerprint] = true
		line := fmt.Sprintf("%s: %s", f.Control, f.Message)
		if _, fails := open[f.Fingerprint]; fails {
			remaining = append(remaining, line)
		} else {
			fixed = append(fixed, line)
		}
	}
	for fingerprint, f := range open {
		if !planned[fingerprint] {
			added = append(added, fmt.Sprintf("%s: %s", f.Control, f.Message))
		}
	}
	slices.Sort(added)
	if a.LogFormat == "json" {
		a.Log(slog.LevelInfo, p.Environment.Name, "compared with the findings of the plan",
			slog.Any("gone", fixed), slog.Any("remain", remaining), slog.Any("new", added))
		return
	}
	for _, part := range []struct {
		mark, title string
		lines       []string
	}{{"-", "fixed", fixed}, {"=", "remaining", remaining}, {"+", "new", added}} {
		if len(part.lines) == 0 {
			continue
		}
		a.Infof("%s (%d)", part.title, len(part.lines))
		for _, line := range part.lines {
			a.Infof("  %s %s", part.mark, line)
		}
	}
}

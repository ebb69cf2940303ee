package run

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// PlanOptions are the options of [Runner.Plan], which sets the tool, the time and the profile's data.
type PlanOptions struct {
	plan.Options

	MaxChanges int
}

// VerifyResult judges a snapshot again and describes how a saved result differs; empty if it does
// not. Waivers, locations and words may differ. A plan must not rely on an edited result, because
// its findings decide what the plan changes. On success, the saved result receives the words, the
// user and the role of the new one.
func (r *Runner) VerifyResult(ctx context.Context, saved *audit.Result, s *snapshot.Snapshot, p profile.Profile) (difference string, err error) {
	if saved.Snapshot.Digest != s.Digest {
		return "", nil // plan.Build returns a better error
	}
	e, err := r.LoadEngine(ctx, p)
	if err != nil {
		return "", err
	}
	again, err := r.Judge(ctx, e, s, p, saved.EvaluatedAt)
	if err != nil {
		return "", err
	}
	env := again.Environment
	env.OrganizationName = saved.Environment.OrganizationName // older results do not have it
	if saved.Environment != env || saved.Profile.Name != again.Profile.Name {
		return "has a different environment or profile from its snapshot", nil
	}
	if len(saved.Controls) > len(again.Controls) {
		return "has controls that the profile " + p.Name + " does not have", nil
	}
	if c, ok := firstDifference(*saved, again); ok {
		return fmt.Sprintf("has a verdict on %s that its snapshot does not give: it was edited, or made by other rules", c), nil
	}
	saved.Integration = again.Integration
	for i, c := range again.Controls {
		saved.Controls[i] = withAnnotations(c, saved.Controls[i])
	}
	return "", nil
}

func withAnnotations(c, saved audit.Control) audit.Control {
	if saved.Original != nil {
		c.Outcome, c.Original, c.Reason = saved.Outcome, saved.Original, saved.Reason
	}
	c.Location = saved.Location
	c.Findings = slices.Clone(c.Findings)
	for i, f := range saved.Findings {
		c.Findings[i].Waiver, c.Findings[i].Location, c.Findings[i].Baseline = f.Waiver, f.Location, f.Baseline
	}
	return c
}

// firstDifference returns the first control with a different verdict, and whether one exists.
// Waivers, locations and words may differ.
func firstDifference(saved, again audit.Result) (audit.ControlID, bool) {
	saved = waiver.Strip(saved)
	for i, c := range again.Controls {
		if i >= len(saved.Controls) {
			return c.ID, true
		}
		older, err := comparableForm(saved.Controls[i])
		newer, newerErr := comparableForm(c)
		if older != newer || err != nil || newerErr != nil {
			return c.ID, true
		}
	}
	return "", false
}

// comparableForm returns a control as JSON without words, which may change with the version of
// dbaudit, and without locations, which may change with the folder.
func comparableForm(c audit.Control) (string, error) {
	c.Title, c.Reason, c.Why, c.Notes, c.Location = "", "", "", nil, nil
	c.Unjudged = make([]string, len(c.Unjudged))
	c.Findings = slices.Clone(c.Findings)
	for i := range c.Findings {
		f := &c.Findings[i]
		f.Message, f.Location, f.Baseline = "", nil, ""
	}
	text, err := json.Marshal(c)
	return string(text), err
}

// Plan builds a plan from a result and checks it against the limits.
func (r *Runner) Plan(result audit.Result, s *snapshot.Snapshot, p profile.Profile, c PlanOptions, asOf time.Time) (plan.Plan, error) {
	limits, err := PlanLimits(p, c.MaxChanges)
	if err != nil {
		return plan.Plan{}, err
	}
	if c.Validity <= 0 {
		return plan.Plan{}, Usagef("--valid-for %s: want a positive duration, %s at most", text.Duration(c.Validity), text.Duration(plan.MaxValidity))
	}
	c.Tool, c.MadeAt, c.Minimum, c.Depths = r.Tool, asOf, p.Minimum(), p.Depths
	built, err := plan.Build(result, s, c.Options)
	if err != nil {
		return plan.Plan{}, Usagef("%w", err)
	}
	if asOf.After(built.ExpiresAt) {
		r.Warnf("the snapshot is from %s: the plan has already expired, and can be read but not applied", s.TakenAt.Format(time.RFC3339))
	}
	return built, built.CheckLimits(limits)
}

// PlanLimits returns the limits of a plan: a maximum number of changes, and those of the profile.
func PlanLimits(p profile.Profile, changes int) (plan.Limits, error) {
	if changes < 1 {
		return plan.Limits{}, Usagef("--max-changes %d: want at least 1", changes)
	}
	return plan.Limits{Changes: changes, Minimum: p.Minimum(), Allow: p.Allow, Depths: p.Depths}, nil
}

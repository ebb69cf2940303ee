package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

// applyOptions are the flags for applying a plan that apply and scan --remediate share.
type applyOptions struct {
	yes             bool
	dryRun          bool
	allowSharedRole bool
	replaceFiltered bool
}

func (f applyOptions) newRunner(a *app, e *webapi.Environment, p plan.Plan) *apply.Runner {
	return &apply.Runner{
		Mutator: e, Sleep: a.Sleep, AllowSharedRole: f.allowSharedRole, ReplaceFiltered: f.replaceFiltered,
		Progress: narrateActions(a, p),
	}
}

// applyPlan checks a plan's targets, asks for confirmation and applies the plan. With --dry-run, it
// only checks.
func (f applyOptions) applyPlan(ctx context.Context, a *app, v verification, p plan.Plan, journal string) error {
	if err := apply.CheckVacant(journal); err != nil && !f.dryRun {
		return withJournalAdvice(a, err)
	}
	w, err := a.ConnectWriter(ctx, v.Target)
	if err != nil {
		return err
	}
	environment := webapi.New(w)
	runner := f.newRunner(a, environment, p)
	if _, err := environment.Identity(ctx); err != nil {
		return err // before it asks for confirmation
	}
	lacking, err := missingPrivileges(ctx, environment, p)
	if err != nil {
		a.Warnf("could not read the privileges of this identity: %v", err)
	}
	// All targets are read before the first change, so that a known obstacle stops the run before
	// it begins. Each is read again just before its own change.
	checker := *runner
	checker.Journal = &apply.Journal{Plan: p}
	narrate := func(change.Action, string) {}
	if f.dryRun {
		narrate = narrateDryRun(a, p)
	}
	if err := checker.CheckDrift(ctx, narrate); err != nil {
		return errors.Join(err, lacking)
	}
	if f.dryRun {
		if lacking != nil {
			return lacking
		}
		a.Infof("%s Nothing was changed: this was a dry run.", p.Summary())
		return nil
	}
	const purpose = "apply this plan"
	a.Present(v.Name, purpose, p.Text(), f.yes)
	if lacking != nil {
		// Only a warning, because the environment decides what it permits.
		a.Warnf("%v", lacking)
	}
	if err := a.Confirm(ctx, v.Name, purpose, f.yes); err != nil {
		return err
	}
	if p.Expired(a.Now()) {
		return fmt.Errorf("the plan expired on %s, before it was confirmed: make a new one; nothing was changed", p.ExpiresAt.Format(time.RFC3339))
	}
	if runner.Journal, err = apply.CreateJournal(journal, p, a.Tool, a.Now); err != nil {
		return withJournalAdvice(a, err)
	}
	err = f.applyAndVerify(ctx, a, v, runner, journal)
	_ = runner.Journal.Close() // every line is already on disk
	if err != nil && !runner.Changed() {
		// Nothing was changed, so there is nothing to continue or to undo.
		err = errors.Join(err, os.Remove(journal))
	}
	return err
}

// withJournalAdvice adds to an [apply.ExistsError] what to do about the journal, which depends
// on how far its run got. It returns other errors unchanged.
func withJournalAdvice(a *app, err error) error {
	var exists *apply.ExistsError
	if !errors.As(err, &exists) || exists.Journal == nil {
		return err
	}
	j, env := exists.Journal, exists.Journal.Plan.Environment
	resume, undo := applyCommand(a, "dbaudit apply --resume", exists.Name, env), rollbackCommand(a, exists.Name, env)
	advice := fmt.Sprintf("continue with `%s`, undo with `%s`, or name another with --journal", resume, undo)
	switch {
	case j.RollbackBegun() && !j.MayHaveChanges():
		advice = "its run was fully undone; to apply the plan again, name another with --journal"
	case j.RollbackBegun():
		advice = fmt.Sprintf("its run was partly undone; undo the rest with `%s`", undo)
	case len(j.Remaining()) == 0:
		advice = fmt.Sprintf("its plan was fully carried out; undo it with `%s`, or make a new plan", undo)
	}
	return fmt.Errorf("the journal %s already exists: %s", exists.Name, advice)
}

func (f applyOptions) applyAndVerify(ctx context.Context, a *app, v verification, r *apply.Runner, journal string) error {
	total := len(r.Journal.Plan.Actions)
	undo := rollbackCommand(a, journal, r.Journal.Plan.Environment)
	if err := r.Apply(ctx); err != nil {
		advice := fmt.Sprintf("actions done: %d of %d; continue with `%s`, or undo them with `%s`", r.Journal.DoneCount(), total,
			applyCommand(a, "dbaudit apply --resume", journal, r.Journal.Plan.Environment), undo)
		var changed *apply.DriftError
		var gone *apply.GoneError
		if errors.As(err, &changed) || errors.As(err, &gone) {
			advice = fmt.Sprintf("actions done: %d of %d; this plan cannot continue: make a new plan, or undo them with `%s`", r.Journal.DoneCount(), total, undo)
		}
		return partialFailure(a, err, r, advice)
	}
	a.Infof("%s: actions done: %d of %d; to undo them, run: %s", v.Name, r.Journal.DoneCount(), total, undo)
	return verifyApplied(ctx, a, v, r)
}

// partialFailure returns the error of a run that did not finish. If the run may have changed
// something, it reports err with the advice, and the exit code is 5.
func partialFailure(a *app, err error, r *apply.Runner, advice string) error {
	if !r.Journal.MayHaveChanges() && !r.Changed() {
		return err
	}
	if errors.Is(err, context.Canceled) {
		a.Warnf("%s", advice)
		return err
	}
	a.ReportError(err)
	a.Warnf("%s", advice)
	return exitCodeError(exitPartial)
}

// narrateActions returns a function that narrates the progress of applying or undoing a plan.
func narrateActions(a *app, p plan.Plan) apply.Progress {
	return func(action change.Action, e apply.Event) {
		verbs := map[apply.Event]string{
			apply.EventBegin: "doing", apply.EventDone: "done", apply.EventFailed: "failed",
			apply.EventUndo: "undoing", apply.EventUndone: "undone", apply.EventKept: "kept",
		}
		level := slog.LevelInfo
		if e == apply.EventBegin || e == apply.EventUndo {
			level = slog.LevelDebug
		}
		a.Log(level, p.Environment.Name, fmt.Sprintf("%s %s of %d: %s", verbs[e], action.ID, len(p.Actions), text.Line(action.Summary)))
	}
}

// narrateDryRun returns a function that says of each action whether it can be done.
func narrateDryRun(a *app, p plan.Plan) func(change.Action, string) {
	return func(action change.Action, waitsFor string) {
		state := "can be done"
		if waitsFor != "" {
			state = "not checked, as it depends on action " + waitsFor
		}
		a.Log(slog.LevelInfo, p.Environment.Name, fmt.Sprintf("%s of %d %s: %s", action.ID, len(p.Actions), state, text.Line(action.Summary)))
	}
}

// missingPrivileges returns, as lacking, an error that names the privileges that the applying identity
// lacks, because no user can grant what they do not have; nil if it lacks none.
func missingPrivileges(ctx context.Context, e *webapi.Environment, p plan.Plan) (lacking, err error) {
	needs := p.Needs()
	held, err := e.OwnPrivileges(ctx, needs.Names())
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(needs.Names(), func(name string) bool { return held[strings.ToLower(name)] != audit.DepthNone })
	undefined, err := e.UndefinedPrivileges(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, name := range undefined {
		held[strings.ToLower(name)] = needs[name] // the environment does not define it, so nothing requires it
	}
	names := p.MissingPrivileges(held)
	if names == nil {
		return nil, nil
	}
	return fmt.Errorf("the applying identity lacks %s: give it a role with these privileges, such as System Administrator, "+
		"or configure another identity under apply: in dbaudit.yaml", strings.Join(names, ", ")), nil
}

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
	j, err := f.prepare(a, journal)
	if err != nil {
		return verification{}, err
	}
	err = j.load(ctx, a, t.File, t.Profile)
	return verification{t, j}, err
}

// verify reads and judges the environment again, says which findings of the plan are fixed, and
// writes the documents. It returns the open findings by fingerprint, and the exit code.
func verify(ctx context.Context, a *app, v verification, p plan.Plan) (map[string]plan.Finding, int, error) {
	r, _, err := v.inspect(ctx, a, v.Target)
	if err != nil {
		return nil, 0, err
	}
	if id := r.Environment.OrganizationID; !strings.EqualFold(id, p.Environment.OrganizationID) {
		return nil, 0, fmt.Errorf("this is another environment (organization %s), not the plan's (organization %s)", id, p.Environment.OrganizationID)
	}
	open := openFindings(r)
	narrateComparison(a, p, r, open)
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

// narrateComparison says which findings of a plan are fixed, which remain, which cannot be judged in the new
// result, and which are new.
func narrateComparison(a *app, p plan.Plan, r audit.Result, open map[string]plan.Finding) {
	var fixed, remaining, unjudged, added []string
	judged := map[audit.ControlID]bool{}
	for _, c := range r.Controls {
		judged[c.ID] = c.Outcome != audit.OutcomeUnknown && c.Outcome != audit.OutcomeNotApplicable && len(c.Unjudged) == 0
	}
	planned := map[string]bool{}
	for _, f := range p.Findings {
		planned[f.Fingerprint] = true
		line := fmt.Sprintf("%s: %s", f.Control, f.Message)
		_, fails := open[f.Fingerprint]
		switch {
		case fails:
			remaining = append(remaining, line)
		case !judged[f.Control]:
			unjudged = append(unjudged, line)
		default:
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
			slog.Any("gone", fixed), slog.Any("remain", remaining), slog.Any("unjudged", unjudged), slog.Any("new", added))
		return
	}
	for _, part := range []struct {
		mark, title string
		lines       []string
	}{{"-", "fixed", fixed}, {"=", "remaining", remaining}, {"?", "not judged", unjudged}, {"+", "new", added}} {
		if len(part.lines) == 0 {
			continue
		}
		a.Infof("%s (%d)", part.title, len(part.lines))
		for _, line := range part.lines {
			a.Infof("  %s %s", part.mark, line)
		}
	}
}

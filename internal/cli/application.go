package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

// An applyOptions is how a plan is carried out, whichever command asks for it.
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

// applyPlan carries out a plan that was accepted.
func (f applyOptions) applyPlan(ctx context.Context, a *app, v verification, p plan.Plan, journal string) error {
	if err := apply.Vacant(journal); err != nil && !f.dryRun {
		return adviseOnExistingJournal(a, err)
	}
	w, err := a.Writer(ctx, v.Target)
	if err != nil {
		return err
	}
	environment := webapi.New(w)
	runner := f.newRunner(a, environment, p)
	if _, err := environment.Identity(ctx); err != nil {
		return err // before the question
	}
	lacking, err := missingPrivileges(ctx, environment, p)
	if err != nil {
		a.Warnf("could not read the privileges of this identity: %v", err)
	}
	// All targets are read before the first change, and each again just before its own, so
	// that a known obstacle stops the run before it begins.
	look := *runner
	look.Journal = &apply.Journal{Plan: p}
	tell := func(change.Action, string) {}
	if f.dryRun {
		tell = narrateDryRun(a, p)
	}
	if err := look.Check(ctx, tell); err != nil {
		return errors.Join(err, lacking)
	}
	if f.dryRun {
		if lacking != nil {
			return lacking
		}
		a.Sayf("%s Nothing was changed: this was a dry run.", p.Sentence())
		return nil
	}
	const what = "apply this plan"
	a.Present(v.Name, what, p.Text(), f.yes)
	if lacking != nil {
		// The environment decides: it may permit more than is known here.
		a.Warnf("%v", lacking)
	}
	if err := a.Confirm(ctx, v.Name, what, f.yes); err != nil {
		return err
	}
	if runner.Journal, err = apply.CreateJournal(journal, p, a.Tool, a.Now); err != nil {
		return adviseOnExistingJournal(a, err)
	}
	err = f.applyAndVerify(ctx, a, v, runner, journal)
	_ = runner.Journal.Close() // every line is on the disk already
	if err != nil && !runner.Changed() {
		// Nothing was changed: there is nothing to continue or to undo.
		err = errors.Join(err, os.Remove(journal))
	}
	return err
}

// adviseOnExistingJournal says what to do about a journal that already exists, by how far its run is. Other
// errors stay as they are.
func adviseOnExistingJournal(a *app, err error) error {
	var exists *apply.ExistsError
	if !errors.As(err, &exists) || exists.Journal == nil {
		return err
	}
	j, env := exists.Journal, exists.Journal.Plan.Environment
	resume, undo := applyCommand(a, "dbaudit apply --resume", exists.Name, env), rollbackCommand(a, exists.Name, env)
	advice := fmt.Sprintf("continue with `%s`, undo with `%s`, or name another with --journal", resume, undo)
	switch {
	case j.Undoing() && !j.Touched():
		advice = "its run was fully undone; to apply the plan again, name another with --journal"
	case j.Undoing():
		advice = fmt.Sprintf("its run was partly undone; undo the rest with `%s`", undo)
	case len(j.Left()) == 0:
		advice = fmt.Sprintf("its plan was fully carried out; undo it with `%s`, or make a new plan", undo)
	}
	return fmt.Errorf("the journal %s already exists: %s", exists.Name, advice)
}

func (f applyOptions) applyAndVerify(ctx context.Context, a *app, v verification, r *apply.Runner, journal string) error {
	all := len(r.Journal.Plan.Actions)
	undo := rollbackCommand(a, journal, r.Journal.Plan.Environment)
	if err := r.Apply(ctx); err != nil {
		advice := fmt.Sprintf("%d of %d actions are done; continue with `%s`, or undo them with `%s`", r.Journal.Applied(), all,
			applyCommand(a, "dbaudit apply --resume", journal, r.Journal.Plan.Environment), undo)
		var changed *apply.ChangedError
		var gone *apply.GoneError
		if errors.As(err, &changed) || errors.As(err, &gone) {
			advice = fmt.Sprintf("%d of %d actions are done, and this plan cannot continue: make a new plan, or undo them with `%s`", r.Journal.Applied(), all, undo)
		}
		return partialFailure(a, err, r, advice)
	}
	a.Sayf("%s: %d of %d actions are done; to undo them, run: %s", v.Name, r.Journal.Applied(), all, undo)
	return verifyApplied(ctx, a, v, r)
}

// partialFailure is the error of a run that did not finish: code 5 if it may have changed anything.
func partialFailure(a *app, err error, r *apply.Runner, advice string) error {
	if !r.Journal.Touched() && !r.Changed() {
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

// narrateActions narrates a plan's application.
func narrateActions(a *app, p plan.Plan) apply.Progress {
	return func(action change.Action, e apply.Event) {
		words := map[apply.Event]string{
			apply.EventBegin: "doing", apply.EventDone: "done", apply.EventFailed: "failed",
			apply.EventUndo: "undoing", apply.EventUndone: "undone", apply.EventKept: "kept",
		}
		level := slog.LevelInfo
		if e == apply.EventBegin || e == apply.EventUndo {
			level = slog.LevelDebug
		}
		a.Log(level, p.Environment.Name, fmt.Sprintf("%s %s of %d: %s", words[e], action.ID, len(p.Actions), text.Line(action.Summary)))
	}
}

// narrateDryRun narrates a dry run.
func narrateDryRun(a *app, p plan.Plan) func(change.Action, string) {
	return func(action change.Action, waitsFor string) {
		what := "can be done"
		if waitsFor != "" {
			what = "not checked, as it depends on action " + waitsFor
		}
		a.Log(slog.LevelInfo, p.Environment.Name, fmt.Sprintf("%s of %d %s: %s", action.ID, len(p.Actions), what, text.Line(action.Summary)))
	}
}

// missingPrivileges names the privileges that the applying identity lacks: no user can grant what they do not have.
func missingPrivileges(ctx context.Context, e *webapi.Environment, p plan.Plan) (lacking, err error) {
	needs := p.Needs()
	held, err := e.Held(ctx, needs.Names())
	if err != nil {
		return nil, err
	}
	unheld := slices.DeleteFunc(needs.Names(), func(name string) bool { return held[strings.ToLower(name)] != audit.DepthNone })
	undefined, err := e.Undefined(ctx, unheld)
	if err != nil {
		return nil, err
	}
	for _, name := range undefined {
		held[strings.ToLower(name)] = needs[name] // no user can have it, and nothing requires it
	}
	names := p.Lacking(held)
	if names == nil {
		return nil, nil
	}
	return fmt.Errorf("the applying identity lacks %s: give it a role with these privileges, such as System Administrator, "+
		"or configure another identity under apply: in dbaudit.yaml", strings.Join(names, ", ")), nil
}

// A verification is what judging and reporting a target after a change needs. It is prepared
// before the change, because what cannot be verified is not begun.
type verification struct {
	run.Target
	judgement
}

// prepareVerification prepares the verification of a plan, which must be within the limits.
func (f applyFlags) prepareVerification(ctx context.Context, a *app, p plan.Plan, journal string) (verification, error) {
	t, err := a.Planned(p, f.connection, f.profile)
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
	within, err := run.Limits(t.Profile, f.maxChanges)
	if err != nil {
		return verification{}, err
	}
	if err := p.Within(within); err != nil {
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
			return still && why.Settled()
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
		a.Sayf("%s (%d)", part.title, len(part.lines))
		for _, line := range part.lines {
			a.Sayf("  %s %s", part.mark, line)
		}
	}
}

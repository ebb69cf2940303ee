package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

type applyFlags struct {
	connection      run.Connection
	judge           judgeFlags
	profile         string
	yes             bool
	journal         string
	resume          string
	dryRun          bool
	allowSharedRole bool
	replaceFiltered bool
	maxChanges      int
	digest          string
}

func newApplyCommand(a *app) *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "apply a remediation plan, and verify it",
		Long: help(`Does what the plan says, in its order, and nothing else. Each target is read just
before its change and must be as the plan has it. A journal is kept beside the
plan: a run that ended anywhere goes on with --resume, and dbaudit rollback brings
back what was there before. Afterwards each target is read once more, and the
environment is read and judged afresh: that result is what -f writes. Which findings
are gone, which remain and which are new is told on standard error.

It signs in as apply: in the configuration says, where it says so, with its secret
from DBAUDIT_APPLY_CLIENT_SECRET; as the scan does otherwise.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitPartial, exitInterrupted),
		Example: `  dbaudit apply plan.json
  dbaudit apply plan.json --dry-run
  dbaudit apply plan.json --yes --env production --digest sha256:9f86d08...
  dbaudit apply --resume plan.journal.json`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.resume != "") {
				return usagef("give a plan, or --resume and the journal of a run that was cut off")
			}
			if f.resume != "" {
				return f.resuming(cmd.Context(), a)
			}
			return f.run(cmd.Context(), a, args[0])
		},
	}
	connectionFlags(cmd.Flags(), &f.connection)
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.profile, "profile", "", "`file` of the plan's profile, if it is not a built-in one")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&f.journal, "journal", "", "`file` of the journal (default PLAN.journal.json beside the plan)")
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with the run of this `journal`")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check everything, and change nothing")
	cmd.Flags().BoolVar(&f.allowSharedRole, "allow-shared-role", false, "permit changes of a role that others than the integration user hold")
	cmd.Flags().BoolVar(&f.replaceFiltered, "replace-filtered", false, "permit changes of privileges that are granted for some records only, which rollback cannot bring back")
	cmd.Flags().StringVar(&f.digest, "digest", "", "`digest` of the plan that was approved, sha256:...: any other plan is refused")
	cmd.Flags().IntVar(&f.maxChanges, "max-changes", plan.MaxChanges, "largest `number` of changes that a plan may make")
	return cmd
}

func (f applyFlags) run(ctx context.Context, a *app, name string) error {
	data, err := a.ReadFile(bounds.Plan, name)
	if err != nil {
		return err
	}
	p, err := plan.Decode(data)
	if err != nil {
		if _, _, no := apply.ParseJournal(data); no == nil {
			return fmt.Errorf("%s is a journal and no plan: go on with its run by `dbaudit apply --resume %[1]s`", name)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := approved(a, p, f.digest); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Expired(a.Now()) {
		return fmt.Errorf("%s: the plan was good until %s: make a new one", name, p.ExpiresAt.Format(time.RFC3339))
	}
	v, err := f.verification(ctx, a, p)
	if err != nil {
		return err
	}
	if !p.Empty() {
		return f.carryOut(ctx, a, v, p, journalName(f.journal, name))
	}
	a.Sayf("%s: %s", v.Name, p.Sentence())
	if f.dryRun {
		return nil
	}
	_, code, err := verify(ctx, a, v, p)
	if err != nil {
		return err
	}
	return asError(code)
}

// approved refuses a plan whose digest is not the one that was approved.
func approved(a *app, p plan.Plan, digest string) error {
	switch {
	case digest == "" || digest == p.Digest:
		return nil
	case !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(digest):
		return usagef("--digest %s: want sha256: and 64 hexadecimal digits, as dbaudit plan shows them", digest)
	}
	return fmt.Errorf("this is not the plan that was approved: its digest is %s, not %s; nothing was changed", p.Digest, digest)
}

func journalName(given, planFile string) string {
	if given != "" {
		return given
	}
	if planFile == "-" {
		return "plan.journal.json"
	}
	return strings.TrimSuffix(planFile, ".json") + ".journal.json"
}

// carryOut carries a plan out that was found good.
func (f applyFlags) carryOut(ctx context.Context, a *app, v verification, p plan.Plan, journal string) error {
	if err := apply.Vacant(journal); err != nil && !f.dryRun {
		return err
	}
	w, err := a.Writer(ctx, v.Target)
	if err != nil {
		return err
	}
	environment := webapi.New(w)
	runner := &apply.Runner{
		Mutator: environment, Sleep: a.Sleep, AllowSharedRole: f.allowSharedRole, ReplaceFiltered: f.replaceFiltered,
		Progress: follow(a, p),
	}
	if _, err := environment.Identity(ctx); err != nil {
		return err // before anybody is asked
	}
	lacking, err := lacks(ctx, environment, p)
	if err != nil {
		a.Warnf("what this identity may do could not be read: %v", err)
	}
	// All targets are looked at before the first is changed, and each again just
	// before its turn: what is known to be in the way stops a run before it begins.
	look := *runner
	look.Journal = &apply.Journal{Plan: p}
	tell := func(plan.Action, string) {}
	if f.dryRun {
		tell = checked(a, p)
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
		// The environment decides; it may let more through than is known here.
		a.Warnf("%v", lacking)
	}
	if err := a.Confirm(ctx, v.Name, what, f.yes); err != nil {
		return err
	}
	if runner.Journal, err = apply.CreateJournal(journal, p, a.Tool, a.Now); err != nil {
		return err
	}
	err = carryOut(ctx, a, v, runner, journal)
	_ = runner.Journal.Close() // every line is on the disk already
	if err != nil && !runner.Changed() {
		// Nothing came about, so that there is nothing to go on with or to undo.
		err = errors.Join(err, os.Remove(journal))
	}
	return err
}

// carryOut runs a journal's plan to its end and verifies it.
func carryOut(ctx context.Context, a *app, v verification, r *apply.Runner, journal string) error {
	all := len(r.Journal.Plan.Actions)
	if err := r.Apply(ctx); err != nil {
		advice := fmt.Sprintf("%d of %d actions are done; go on by `dbaudit apply --resume %s`, or undo them by `dbaudit rollback %[3]s`", r.Journal.Applied(), all, journal)
		var changed *apply.ChangedError
		var gone *apply.GoneError
		var inherited *apply.InheritedError
		if errors.As(err, &changed) || errors.As(err, &gone) || errors.As(err, &inherited) {
			advice = fmt.Sprintf("%d of %d actions are done, and this plan cannot go on: a new one takes up from there; `dbaudit rollback %s` undoes them", r.Journal.Applied(), all, journal)
		}
		return partial(a, err, r, advice)
	}
	a.Sayf("%s: %d of %d actions are done; to undo them, run: dbaudit rollback %s", v.Name, r.Journal.Applied(), all, journal)
	return verifyApplied(ctx, a, v, r)
}

// partial is the error of a run that did not reach its end: code 5 where anything
// may have been changed.
func partial(a *app, err error, r *apply.Runner, advice string) error {
	if !r.Journal.Touched() && !r.Changed() {
		return err
	}
	if errors.Is(err, context.Canceled) {
		a.Warnf("%s", advice)
		return err
	}
	a.Complain(err)
	a.Warnf("%s", advice)
	return verdictError(exitPartial)
}

// follow narrates a plan's application.
func follow(a *app, p plan.Plan) apply.Progress {
	return func(action plan.Action, e apply.Event) {
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

// checked narrates a dry run.
func checked(a *app, p plan.Plan) func(plan.Action, string) {
	return func(action plan.Action, waitsFor string) {
		what := "can be done"
		if waitsFor != "" {
			what = "not checked, as it depends on action " + waitsFor
		}
		a.Log(slog.LevelInfo, p.Environment.Name, fmt.Sprintf("%s of %d %s: %s", action.ID, len(p.Actions), what, text.Line(action.Summary)))
	}
}

// lacks says what whoever applies would have to hold, and does not: nobody can
// grant what they do not hold.
func lacks(ctx context.Context, e *webapi.Environment, p plan.Plan) (lacking, err error) {
	held, err := e.Held(ctx)
	if err != nil {
		return nil, err
	}
	if p.Lacking(held) == nil {
		return nil, nil
	}
	needs := p.Needs()
	unheld := slices.DeleteFunc(slices.Sorted(maps.Keys(needs)), func(name string) bool { return held[strings.ToLower(name)] != "" })
	undefined, err := e.Undefined(ctx, unheld)
	if err != nil {
		return nil, err
	}
	for _, name := range undefined {
		held[strings.ToLower(name)] = needs[name] // nobody can hold it, and nothing asks for it
	}
	names := p.Lacking(held)
	if names == nil {
		return nil, nil
	}
	return fmt.Errorf("the identity that applies lacks %s: give it a role with these, such as System Administrator, "+
		"or name another under apply: in the configuration", strings.Join(names, ", ")), nil
}

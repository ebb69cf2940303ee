package cli

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// judgeFlags are the flags for judging a snapshot and reporting the result.
type judgeFlags struct {
	outputs outputs
	accept  run.AcceptOptions
	failOn  audit.Severity // SeverityInvalid for none
	asOf    time.Time      // zero for the time of judging
}

func (f *judgeFlags) add(flags *pflag.FlagSet) {
	f.addDisplay(flags)
	flags.BoolVar(&f.accept.NewOnly, "fail-on-new", false, "exit 1 only for findings that are not in the baseline")
	failOnFlag(flags, &f.failOn, "lowest `severity` of a failed control for exit code 1")
}

// addDisplay adds the flags that change what is shown, but not the exit code.
func (f *judgeFlags) addDisplay(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	waiversFlag(flags, &f.accept)
	flags.StringVar(&f.accept.Baseline, "baseline", "", "earlier `result` (-f json) to compare findings with")
	asOfFlag(flags, &f.asOf, "record as evaluated_at")
}

// A judgement is judgeFlags with everything that judging and reporting need. It is prepared before
// the command reads or changes an environment.
type judgement struct {
	judgeFlags

	evaluatedAt time.Time // --as-of, or when the command began
	accepted    run.Acceptance
	engine      *engine.Engine
}

// prepare checks the outputs and the other files that the command writes.
func (f judgeFlags) prepare(a *app, otherFiles ...string) (judgement, error) {
	evaluatedAt := f.asOf
	if evaluatedAt.IsZero() {
		evaluatedAt = a.Now().UTC().Truncate(time.Second)
	}
	err := f.outputs.resolve(a, otherFiles...)
	return judgement{judgeFlags: f, evaluatedAt: evaluatedAt}, err
}

// load reads the waivers and the baseline, and compiles the policies for the profiles.
func (j *judgement) load(ctx context.Context, a *app, file *config.File, profiles ...profile.Profile) (err error) {
	if j.accepted, err = a.LoadAcceptance(j.accept, file, j.evaluatedAt); err != nil {
		return err
	}
	j.engine, err = a.LoadEngine(ctx, profiles...)
	return err
}

// inspect reads and judges an environment, and marks waived findings.
func (j *judgement) inspect(ctx context.Context, a *app, t run.Target) (audit.Result, *snapshot.Snapshot, error) {
	r, s, err := a.ScanUncached(ctx, j.engine, t, j.asOf)
	if err != nil {
		return audit.Result{}, nil, err
	}
	return a.Accept(j.accepted, []audit.Result{r})[0], s, nil
}

// report writes the documents of results with marked findings, and returns the exit code.
func (j *judgement) report(a *app, results []audit.Result) (int, error) {
	if err := j.outputs.render(a, results, reportOptions(a, j.engine)); err != nil {
		return 0, err
	}
	code := exitOK
	for _, r := range j.accepted.ForExitCode(results) {
		code = worse(code, resultCode(r, j.failOn))
	}
	return code, nil
}

// reportOptions returns the options that all reports of this run share.
func reportOptions(a *app, e *engine.Engine) report.Options {
	return report.Options{Rules: rulesOf(e), Verbose: a.Verbose, CheckoutPath: checkoutPath(a), TargetFlags: flagsForTarget(a), ApplyFlags: flagsForApply(a)}
}

func rulesOf(e *engine.Engine) map[string]audit.Rule {
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r
	}
	return rules
}

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
)

// judgeFlags say how to judge a snapshot and what to do with the result.
type judgeFlags struct {
	outputs outputs
	accept  run.Accept
	failOn  audit.Severity // SeverityInvalid for none
	asOf    time.Time      // zero for now
}

func (f *judgeFlags) add(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	acceptFlags(flags, &f.accept)
	newOnlyFlag(flags, &f.accept)
	failOnFlag(flags, &f.failOn, "lowest `severity` of a failed control for exit code 1")
	asOfFlag(flags, &f.asOf, "record as evaluated_at")
}

// addShown adds the flags that change what is shown, and not how the command ends.
func (f *judgeFlags) addShown(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	acceptFlags(flags, &f.accept)
	asOfFlag(flags, &f.asOf, "record as evaluated_at")
}

// A judgement is judgeFlags understood, with all else that it takes to judge and to
// report: made ready before anything is read or changed.
type judgement struct {
	documents documents
	failOn    audit.Severity // SeverityInvalid for none
	// asOf is when the command began, or what --as-of says. A result carries stated: the
	// zero time, for when it is judged, or what --as-of says.
	asOf, stated time.Time

	accepted run.Acceptance
	engine   *engine.Engine
}

func (f judgeFlags) understood(a *app) (judgement, error) {
	j := judgement{failOn: f.failOn, stated: f.asOf, asOf: f.asOf}
	if j.asOf.IsZero() {
		j.asOf = a.Now().UTC().Truncate(time.Second)
	}
	var err error
	j.documents, err = documentsFor(a, f.outputs)
	return j, err
}

// makeReady reads what is accepted and compiles the policies, to judge by some profiles.
func makeReady(ctx context.Context, a *app, j *judgement, given run.Accept, file *config.File, profiles ...profile.Profile) (err error) {
	if j.accepted, err = a.Acceptance(given, file, j.asOf); err != nil {
		return err
	}
	j.engine, err = a.Engine(ctx, profiles...)
	return err
}

// showResults writes the documents of results that are marked, and returns the exit code.
func showResults(a *app, j judgement, results []audit.Result) (int, error) {
	if err := render(a, j.documents, results, reportOptions(a, j.engine)); err != nil {
		return 0, err
	}
	return worstCode(j.accepted, results, j.failOn), nil
}

// reportOptions are what every report of this run has in common.
func reportOptions(a *app, e *engine.Engine) report.Options {
	return report.Options{Rules: rulesOf(e), Verbose: a.Verbose, InCheckout: inCheckout(a), Asked: asRun(a), Applying: toApply(a)}
}

// rulesOf are the rules of an engine, by id.
func rulesOf(e *engine.Engine) map[string]audit.Rule {
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r.Rule
	}
	return rules
}

package cli

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
)

// judgeFlags say how to judge a snapshot and what to do with the result.
type judgeFlags struct {
	outputs outputs
	accept  run.Accept
	failOn  string
	asOf    string
}

func (f *judgeFlags) add(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	acceptFlags(flags, &f.accept)
	newOnlyFlag(flags, &f.accept)
	flags.StringVar(&f.failOn, "fail-on", "low", "lowest `severity` of a failed control for exit code 1: info, low, medium, high, critical, or none")
	f.addTime(flags)
}

// addShown adds the flags that change what is shown, and not how the command ends.
func (f *judgeFlags) addShown(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	acceptFlags(flags, &f.accept)
	f.addTime(flags)
}

func (f *judgeFlags) addTime(flags *pflag.FlagSet) {
	flags.StringVar(&f.asOf, "as-of", "", "`time` to record as evaluated_at, RFC 3339 (default now)")
}

// A judgement is judgeFlags understood, with all else that it takes to judge and to
// report: made ready before anything is read or changed.
type judgement struct {
	documents []document
	failOn    audit.Severity // SeverityInvalid for none
	// asOf is when the command began, or what --as-of says. A result carries stated: the
	// zero time, for when it is judged, or what --as-of says.
	asOf, stated time.Time

	accepted run.Acceptance
	engine   *engine.Engine
}

func (f judgeFlags) understood(a *app) (judgement, error) {
	j := judgement{asOf: a.Now().UTC().Truncate(time.Second)}
	var err error
	if j.documents, err = documentsFor(a, f.outputs); err != nil {
		return j, err
	}
	if f.failOn != "none" {
		if j.failOn, err = audit.ParseSeverity(f.failOn); err != nil {
			return j, usagef("--fail-on %s: want info, low, medium, high, critical or none", f.failOn)
		}
	}
	if f.asOf != "" {
		if j.stated, err = time.Parse(time.RFC3339, f.asOf); err != nil {
			return j, usagef("--as-of %s: want a time such as 2026-01-31T12:00:00Z", f.asOf)
		}
		j.asOf = j.stated
	}
	return j, nil
}

// makeReady reads what is accepted and compiles the policies, to judge by some profiles.
func makeReady(ctx context.Context, a *app, j *judgement, given run.Accept, file *config.File, profiles ...profile.Profile) (err error) {
	if j.accepted, err = a.Acceptance(given, file, j.asOf); err != nil {
		return err
	}
	j.engine, err = a.Engine(ctx, profiles...)
	return err
}

// conclude marks what is accepted, writes the documents and returns the exit code.
func conclude(a *app, j judgement, results []audit.Result) (int, error) {
	return showResults(a, j, a.Accept(j.accepted, results))
}

// showResults writes the documents of results that are marked, and returns the exit code.
func showResults(a *app, j judgement, results []audit.Result) (int, error) {
	if err := render(a, j.documents, results, reportOptions(a, j.engine)); err != nil {
		return 0, err
	}
	return worstCode(j.accepted, results, j.failOn), nil
}

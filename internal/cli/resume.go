package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// resuming goes on with a run that was cut off. The plan must be one that apply would
// take; only its expiry does not stop what was begun.
func (f applyFlags) resuming(ctx context.Context, a *app) error {
	if f.dryRun {
		return usagef("--dry-run and --resume exclude each other")
	}
	j, err := apply.OpenJournal(f.resume, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	if err := j.Resumable(); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if err := approved(j.Plan, f.digest); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if j.Plan.Expired(a.Now()) {
		until := j.Plan.ExpiresAt.Format(time.RFC3339)
		if !j.Begun() {
			return fmt.Errorf("%s: nothing was begun, and the plan expired on %s: make a new one", f.resume, until)
		}
		a.Warnf("the plan expired on %s, but a run that has begun may continue", until)
	}
	v, err := f.verification(ctx, a, j.Plan)
	if err != nil {
		return err
	}
	w, err := a.Writer(ctx, v.Target)
	if err != nil {
		return err
	}
	const what = "continue this run"
	a.Present(v.Name, what, remaining(j), f.yes)
	if err := a.Confirm(ctx, v.Name, what, f.yes); err != nil {
		return err
	}
	runner := f.runner(a, webapi.New(w), j.Plan)
	runner.Journal = j
	return f.finish(ctx, a, v, runner, f.resume)
}

// remaining lists what a run that goes on is going to do.
func remaining(j *apply.Journal) string {
	var b strings.Builder
	left := j.Left()
	fmt.Fprintf(&b, "%d of %d actions were done", len(j.Plan.Actions)-len(left), len(j.Plan.Actions))
	if len(left) == 0 {
		return b.String() + "; only the verification is left\n"
	}
	b.WriteString("; left:\n")
	for _, action := range left {
		fmt.Fprintf(&b, "  %s. %s\n", action.ID, text.Line(action.Summary))
		for _, d := range action.Details() {
			fmt.Fprintf(&b, "        %s\n", text.Line(action.Said(d)))
		}
	}
	return b.String()
}

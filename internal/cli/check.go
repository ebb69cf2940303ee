package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/run"
)

type checkFlags struct {
	requirement run.Overrides
	judge       judgeFlags
	input       string
}

func (f *checkFlags) define(_ *app, cmd *cobra.Command) {
	requirementFlags(cmd.Flags(), &f.requirement)
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.input, "input", "", "`file` to write the input of the policies to: the part of the snapshot that is judged")
}

func (f checkFlags) run(ctx context.Context, a *app, files []string) error {
	j, err := f.judge.prepare(a, f.input)
	if err != nil {
		return err
	}
	if f.input != "" && len(files) > 1 {
		return usagef("--input writes the input of one snapshot, but %d were given: check one at a time", len(files))
	}
	file, err := a.Configuration()
	if err != nil {
		return err
	}
	if err := j.load(ctx, a, file); err != nil {
		return err
	}
	code := exitOK
	results := make([]audit.Result, len(files))
	for i, name := range files {
		var checkErr error
		if results[i], checkErr = checkFile(ctx, a, j, name, run.RequirementChanges{File: file, Overrides: f.requirement}, f.input); checkErr == nil {
			continue
		}
		if ctx.Err() != nil || len(files) == 1 && exitCode(checkErr) == exitUsage {
			return fmt.Errorf("%s: %w", name, checkErr)
		}
		// A file that cannot be read does not stop the others: its result says so.
		a.ReportError(fmt.Errorf("%s: %w", name, checkErr))
		code = worse(code, exitCode(checkErr))
		p, err := a.Profile(cmp.Or(f.requirement.Profile, run.DefaultProfile))
		if err != nil {
			return err
		}
		results[i] = a.UnreadResult(audit.Environment{Name: name}, p, j.asOf, audit.Unread{Message: checkErr.Error()})
	}
	worst, err := j.report(a, a.Accept(j.accepted, results))
	return exitWith(worse(code, worst), err)
}

// checkFile judges a saved snapshot. It saves the input of the policies in a file, if one is named.
func checkFile(ctx context.Context, a *app, j judgement, name string, c run.RequirementChanges, inputFile string) (audit.Result, error) {
	result, input, err := a.CheckSnapshot(ctx, j.engine, name, c, j.evaluatedAt)
	if err != nil || inputFile == "" {
		return result, err
	}
	if err := input.Seal(); err != nil {
		return audit.Result{}, err
	}
	return result, saveSnapshot(a, input, inputFile)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

type rollbackFlags struct {
	connection run.Connection
	yes        bool
}

func (f *rollbackFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
}

func (f rollbackFlags) run(ctx context.Context, a *app, args []string) error {
	file := args[0]
	j, err := apply.OpenJournal(file, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is already on disk
	t, err := a.PlanTarget(j.Plan, f.connection, "")
	if err != nil {
		return err
	}
	w, err := a.ConnectWriter(ctx, t)
	if err != nil {
		return err
	}
	touched := j.MayHaveChanges()
	if !touched {
		a.Infof("nothing is left to undo")
	} else {
		const purpose = "undo this"
		a.Present(t.Name, purpose, describeRollback(j), f.yes)
		if err := a.Confirm(ctx, t.Name, purpose, f.yes); err != nil {
			return err
		}
	}
	runner := &apply.Runner{Mutator: webapi.New(w), Journal: j, Sleep: a.Sleep, Progress: narrateActions(a, j.Plan)}
	err = runner.Rollback(ctx)
	if kept, ok := errors.AsType[*apply.KeptError](err); ok {
		for _, k := range kept.Kept {
			a.ReportError(&k)
		}
		if err = kept.Err; err == nil {
			if touched {
				a.Warnf("%s", retryAdvice(a, file, j.Plan.Environment))
			}
			return exitCodeError(exitPartial)
		}
	}
	if err != nil {
		return partialFailure(a, err, runner, retryAdvice(a, file, j.Plan.Environment))
	}
	a.Infof("%s: everything is as it was before; dbaudit plan makes a new plan", t.Name)
	return nil
}

func retryAdvice(a *app, journal string, env audit.Environment) string {
	return fmt.Sprintf("not everything is undone; `%s` tries what is left, and nothing else", rollbackCommand(a, journal, env))
}

func describeRollback(j *apply.Journal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "actions done: %d of %d; they will be undone, last first:\n", j.DoneCount(), len(j.Plan.Actions))
	for _, action := range j.Undoable() {
		if action.UndoneWith != "" {
			fmt.Fprintf(&b, "  %s. %s (goes with %s)\n", action.ID, action.Summary, action.UndoneWith)
			continue
		}
		fmt.Fprintf(&b, "  %s. %s\n", action.ID, action.Summary)
		for _, d := range action.Details() {
			fmt.Fprintf(&b, "        %s\n", text.Line(action.FormatUndo(d)))
		}
	}
	return b.String()
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type planFlags struct {
	connection  run.Connection
	requirement run.Overrides
	judge       judgeFlags
	content     run.PlanOptions
	result      string
	snapshot    string
	detailed    bool
}

func (f *planFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	requirementFlags(cmd.Flags(), &f.requirement)
	waiversFlag(cmd.Flags(), &f.judge.accept)
	contentFlags(cmd.Flags(), &f.content)
	f.judge.outputs.formats = []report.Format{report.Table, report.JSON, report.Markdown}
	cmd.Flags().VarP(&outputFlag{&f.judge.outputs, true}, "format", "f", "`format` of a document: table, json or markdown; repeatable")
	cmd.Flags().VarP(&outputFlag{&f.judge.outputs, false}, "output", "o", "output `file` for the preceding -f (default standard output)")
	cmd.Flags().Var(&outputFlag{&f.judge.outputs, false}, "out", "`file`, as --output")
	_ = cmd.Flags().MarkHidden("out") // the flag exists
	cmd.Flags().BoolVar(&f.detailed, detailedFlag, false, "exit code 0 for nothing to change, 2 for changes, 1 for an error")
	cmd.Flags().StringVar(&f.result, "result", "", "saved `result` (-f json) to plan from, with --snapshot, instead of a scan")
	cmd.Flags().StringVar(&f.snapshot, "snapshot", "", "the `snapshot` that the result was made from")
	markInput(cmd.Flags(), "result", "snapshot")
	asOfFlag(cmd.Flags(), &f.judge.asOf, "record as made_at")
}

func (f planFlags) run(ctx context.Context, a *app, _ []string) error {
	if f.result != "" || f.snapshot != "" {
		// The saved files state the environment and the requirements.
		scanHeadings := []string{"Environment", "Requirement", "Sign-in", "Exit code"}
		if err := refuseUnusedFlags(a, "this is only for a scan, not for --result and --snapshot", scanHeadings, "profile", "result", "snapshot", detailedFlag); err != nil {
			return err
		}
	}
	docs, err := f.documents()
	if err != nil {
		return err
	}
	if (f.result == "") != (f.snapshot == "") {
		return usagef("--result and --snapshot belong together: a result, and the snapshot that it was made from")
	}
	j, err := f.judge.prepare(a)
	if err != nil {
		return err
	}
	p, err := f.makePlan(ctx, a, j)
	if err != nil {
		return err
	}
	return exitWith(codeIf(f.detailed && !p.Empty(), exitChanges), writePlan(a, p, docs))
}

func (f planFlags) makePlan(ctx context.Context, a *app, j judgement) (plan.Plan, error) {
	if f.result != "" {
		r, s, err := f.readSaved(a)
		if err != nil {
			return plan.Plan{}, err
		}
		p, err := a.Profile(cmp.Or(f.requirement.Profile, s.Requirement.Profile))
		if err != nil {
			return plan.Plan{}, err
		}
		differs, err := a.VerifyResult(ctx, &r, s, p)
		if err != nil {
			return plan.Plan{}, err
		}
		if differs != "" {
			return plan.Plan{}, fmt.Errorf("%s %s; make it again with `%s`", f.result, differs, checkCommand(a, f.snapshot, f.result))
		}
		return a.Plan(r, s, p, f.content, j.evaluatedAt)
	}
	t, err := a.SingleTarget(f.connection, f.requirement, "a plan is for one environment")
	if err != nil {
		return plan.Plan{}, err
	}
	if err := j.load(ctx, a, t.File, t.Profile); err != nil {
		return plan.Plan{}, err
	}
	r, s, err := j.inspect(ctx, a, t)
	if err != nil {
		return plan.Plan{}, err
	}
	return a.Plan(r, s, t.Profile, f.content, r.EvaluatedAt)
}

// documents returns the documents of the plan. Without -f, the plan goes to standard output, and a
// file of -o is JSON.
func (f *planFlags) documents() ([]document, error) {
	given := f.judge.outputs.list
	docs, err := f.judge.outputs.documents()
	if err != nil {
		return nil, err
	}
	for i, d := range docs {
		if d.format == report.Table && given != nil && given[i].format == "" {
			docs[i].format = report.JSON
		}
	}
	if given != nil && !slices.ContainsFunc(given, func(d document) bool { return d.format != "" || console.IsStdout(d.file) }) {
		docs = append(docs, document{format: report.Table})
	}
	return docs, nil
}

func (f planFlags) readSaved(a *app) (audit.Result, *snapshot.Snapshot, error) {
	results, err := a.ReadResults(f.result)
	if err != nil {
		return audit.Result{}, nil, err
	}
	if len(results) != 1 {
		return audit.Result{}, nil, usagef("%s contains %d results, but a plan is for one environment", f.result, len(results))
	}
	s, err := a.ReadSnapshot(f.snapshot)
	return results[0], s, err
}

// writePlan writes a plan to its documents, and says how to apply a saved one.
func writePlan(a *app, p plan.Plan, docs []document) error {
	for _, d := range docs {
		var data []byte
		switch d.format {
		case report.JSON:
			var err error
			if data, err = p.Encode(); err != nil {
				return err
			}
		case report.Markdown:
			data = []byte(text.Sanitize(p.Markdown()))
		default:
			shown := text.Sanitize(p.Text())
			if a.StandardStream(d.file) != nil {
				shown = text.WrapLines(shown, a.Width)
			}
			data = []byte(shown)
		}
		if err := a.WriteOutput(d.file, data); err != nil {
			return err
		}
		if d.format == report.JSON && d.file != "" {
			next := "it changes nothing"
			if !p.Empty() {
				next = "to carry out exactly this plan, run: " + applyCommand(a, "dbaudit apply", d.file, p.Environment)
			}
			a.Infof("saved the plan to %s; %s", d.file, next)
		}
	}
	return nil
}

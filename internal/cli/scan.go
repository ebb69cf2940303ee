package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type scanFlags struct {
	connection  run.Connection
	requirement run.Overrides
	judge       judgeFlags
	remedy      remediateFlags
	scope       snapshot.Scope
	snapshot    string
	record      string
	parallel    int
	store       string
}

func (f *scanFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	allEnvsFlag(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	cmd.Flags().IntVar(&f.parallel, "parallel", run.DefaultParallel, "`number` of environments to read at the same time")
	requirementFlags(cmd.Flags(), &f.requirement)
	f.judge.add(cmd.Flags())
	scopeFlag(cmd.Flags(), &f.scope)
	snapshotFlag(cmd.Flags(), &f.snapshot)
	recordFlag(cmd.Flags(), &f.record)
	storeFlag(cmd.Flags(), &f.store, "stores the results in the fleet's history")
	f.remedy.add(cmd.Flags())
}

func (f scanFlags) run(ctx context.Context, a *app, _ []string) error {
	if f.remedy.remediate && f.record != "" {
		return usagef("--record saves what a scan reads: use it without --remediate")
	}
	if f.remedy.remediate {
		return f.runRemediation(ctx, a)
	}
	if err := refuseUnusedFlags(a, "this needs --remediate", []string{"Remediation"}, "remediate"); err != nil {
		return err
	}
	j, err := f.judge.prepare(a, f.snapshot, f.record)
	if err != nil {
		return err
	}
	if err := requirePositive("parallel", f.parallel); err != nil {
		return err
	}
	o := run.ScanOptions{Scope: f.scope, AsOf: j.asOf, Parallel: f.parallel, OnSnapshot: snapshotSaver(a, f.snapshot)}
	targets, err := a.Targets(f.connection, f.requirement)
	if err != nil {
		return err
	}
	if f.snapshot != "" && len(targets) > 1 {
		return usagef("--snapshot saves one snapshot, but %d environments or integrations were chosen: use `dbaudit collect` for each", len(targets))
	}
	profiles := make([]profile.Profile, len(targets))
	for i, t := range targets {
		profiles[i] = t.Profile
	}
	if err := j.load(ctx, a, targets[0].File, profiles...); err != nil {
		return err
	}
	saveRecording, err := startRecording(a, f.record, "scan", targets)
	if err != nil {
		return err
	}
	storeResults, err := openResultStore(ctx, a, f.store, targets, j.accepted.Waivers)
	if err != nil {
		return err
	}
	outcomes := a.Scan(ctx, j.engine, targets, o)
	if err := saveRecording(); err != nil {
		return err
	}
	code, err := reportUnread(ctx, a, outcomes)
	if err != nil {
		return err
	}
	results := make([]audit.Result, len(outcomes))
	for i, o := range outcomes {
		results[i] = o.Result
	}
	results = a.Accept(j.accepted, results)
	worst, err := j.report(a, results)
	if storeResults != nil {
		err = errors.Join(err, storeResults(results))
	}
	return exitWith(worse(code, worst), err)
}

// reportUnread reports each environment that could not be read, and returns the most severe exit
// code. It returns an error after an interruption, and for wrong usage with a single environment.
func reportUnread(ctx context.Context, a *app, outcomes []run.ScanResult) (int, error) {
	code := exitOK
	for i, o := range outcomes {
		switch {
		case o.Err == nil:
			continue
		case ctx.Err() != nil:
			return 0, fmt.Errorf("interrupted: %w", context.Canceled)
		case len(outcomes) == 1 && exitCode(o.Err) == exitUsage:
			return 0, o.Err
		case i == 0 || outcomes[i-1].Err == nil || outcomes[i-1].Target.Name != o.Target.Name:
			a.ReportError(fmt.Errorf("%s: %w", o.Target, o.Err)) // once for all its integrations
		}
		code = worse(code, exitCode(o.Err))
	}
	return code, nil
}

// remediateFlags are the flags for a scan that fixes what it finds.
type remediateFlags struct {
	remediate bool
	applyOptions
	content run.PlanOptions
	journal string
}

func (f *remediateFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.remediate, "remediate", false, "plan, show, confirm, apply and verify in one run; the other flags of this group need it")
	contentFlags(flags, &f.content)
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.StringVar(&f.journal, "journal", "", "`file` of the journal (default dbaudit-NAME-TIME.journal.json)")
	flags.BoolVar(&f.allowSharedRole, "allow-shared-role", false, "permit changes to a role that others besides the integration user have")
}

// runRemediation scans one environment, makes a plan and applies it, with the same code as the
// commands plan and apply. The documents show the state after the changes.
func (f scanFlags) runRemediation(ctx context.Context, a *app) error {
	if f.snapshot != "" || f.scope != snapshot.ScopeIntegration {
		return usagef("--remediate cannot be used with --snapshot or --scope: make the plan separately with dbaudit plan")
	}
	t, err := a.SingleTarget(f.connection, f.requirement, "--remediate fixes one environment")
	if err != nil {
		return err
	}
	v, err := newVerification(ctx, a, t, f.judge, f.remedy.journal)
	if err != nil {
		return err
	}
	r, s, err := v.inspect(ctx, a, t)
	if err != nil {
		return err
	}
	p, err := a.Plan(r, s, t.Profile, f.remedy.content, r.EvaluatedAt)
	if err != nil {
		return err
	}
	if p.Empty() {
		a.Infof("%s: %s", t.Name, p.Summary())
		code, err := v.report(a, []audit.Result{r})
		return exitWith(code, err)
	}
	journal := f.remedy.journal
	if journal == "" {
		name := strings.Map(func(c rune) rune {
			if strings.ContainsRune(`/\:[] `, c) {
				return '-'
			}
			return c
		}, t.Name)
		journal = "dbaudit-" + name + "-" + a.Now().UTC().Format("20060102T150405Z") + ".journal.json"
	}
	f.remedy.replaceFiltered = f.remedy.content.ReplaceFiltered
	return f.remedy.applyPlan(ctx, a, v, p, journal)
}

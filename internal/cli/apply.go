package cli

import (
	"context"
	"fmt"
	"regexp"
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
	connection run.Connection
	judge      judgeFlags
	applyOptions
	profile    string
	journal    string
	resume     string
	maxChanges int
	digest     string
}

func (f *applyFlags) define(*app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "apply a remediation plan, and verify it",
		Long: withExitCodes(`Carries out the actions of the plan in order, and makes no other changes. Before each
change, dbaudit reads the target, and stops if it differs from the plan. A journal next
to the plan records every change: --resume continues an interrupted run, and dbaudit
rollback restores the previous state. At the end, dbaudit reads each target once more,
and reads and judges the environment again: -f writes that result. Standard error lists
the findings that are fixed, remaining and new.

The sign-in is the one under apply: in the configuration, with the secret from
DBAUDIT_APPLY_CLIENT_SECRET; without it, that of a scan.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitPartial, exitInterrupted),
		Example: `  dbaudit apply plan.json
  dbaudit apply plan.json --dry-run
  dbaudit apply plan.json --yes --env production --digest sha256:9f86d08...
  dbaudit apply --resume plan.journal.json`,
		Args: rangeArgs(0, 1),
	}
	connectionFlags(cmd.Flags(), &f.connection)
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.profile, "profile", "", "`file` of the plan's profile, if it is not a built-in one")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&f.journal, "journal", "", "`file` of the journal (default PLAN.journal.json next to the plan)")
	cmd.Flags().StringVar(&f.resume, "resume", "", "continue the run of this `journal`")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check everything, and change nothing")
	cmd.Flags().BoolVar(&f.allowSharedRole, "allow-shared-role", false, "permit changes to a role that others besides the integration user have")
	cmd.Flags().BoolVar(&f.replaceFiltered, "replace-filtered", false, "permit changes to grants for some records only, which rollback cannot restore")
	cmd.Flags().StringVar(&f.digest, "digest", "", "`digest` of the approved plan, sha256:...; any other plan is refused")
	cmd.Flags().IntVar(&f.maxChanges, "max-changes", plan.MaxChanges, "maximum `number` of changes in a plan")
	return cmd
}

func (f applyFlags) run(ctx context.Context, a *app, args []string) error {
	if (len(args) == 1) == (f.resume != "") {
		return usagef("pass a plan, or --resume and the journal of an interrupted run")
	}
	if f.resume != "" {
		return f.resumeRun(ctx, a)
	}
	name := args[0]
	p, err := readPlan(a, name)
	if err != nil {
		return err
	}
	if err := checkDigest(p, f.digest); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Expired(a.Now()) {
		return fmt.Errorf("%s: the plan expired on %s: make a new one", name, p.ExpiresAt.Format(time.RFC3339))
	}
	journal := journalName(f.journal, name)
	v, err := f.prepareVerification(ctx, a, p, journal)
	if err != nil {
		return err
	}
	if !p.Empty() {
		return f.applyPlan(ctx, a, v, p, journal)
	}
	a.Infof("%s: %s", v.Name, p.Summary())
	if f.dryRun {
		return nil
	}
	_, code, err := verify(ctx, a, v, p)
	return exitWith(code, err)
}

func readPlan(a *app, name string) (plan.Plan, error) {
	data, err := a.ReadFile(bounds.Plan, name)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := plan.Decode(data)
	if err == nil {
		return p, nil
	}
	if j, _, no := apply.ParseJournal(data); no == nil {
		return p, fmt.Errorf("%s is a journal, not a plan: continue its run with `%s`", name, applyCommand(a, "dbaudit apply --resume", name, j.Plan.Environment))
	}
	return p, fmt.Errorf("%s: %w", name, err)
}

// checkDigest refuses a plan with another digest than the approved one.
func checkDigest(p plan.Plan, digest string) error {
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

// resumeRun continues an interrupted run. The plan must meet the same conditions as at the
// beginning, except that it may have expired.
func (f applyFlags) resumeRun(ctx context.Context, a *app) error {
	if f.dryRun {
		return usagef("--dry-run and --resume exclude each other")
	}
	j, err := apply.OpenJournal(f.resume, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	if err := j.CheckResumable(); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if err := checkDigest(j.Plan, f.digest); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if j.Plan.Expired(a.Now()) {
		until := j.Plan.ExpiresAt.Format(time.RFC3339)
		if !j.HasBegun() {
			return fmt.Errorf("%s: nothing was begun, and the plan expired on %s: make a new one", f.resume, until)
		}
		a.Warnf("the plan expired on %s, but a run that has begun may continue", until)
	}
	v, err := f.prepareVerification(ctx, a, j.Plan, f.resume)
	if err != nil {
		return err
	}
	w, err := a.ConnectWriter(ctx, v.Target)
	if err != nil {
		return err
	}
	const what = "continue this run"
	a.Present(v.Name, what, describeRemaining(j), f.yes)
	if err := a.Confirm(ctx, v.Name, what, f.yes); err != nil {
		return err
	}
	runner := f.newRunner(a, webapi.New(w), j.Plan)
	runner.Journal = j
	return f.applyAndVerify(ctx, a, v, runner, f.resume)
}

// describeRemaining lists the actions that a resumed run carries out.
func describeRemaining(j *apply.Journal) string {
	var b strings.Builder
	left := j.Remaining()
	fmt.Fprintf(&b, "%d of %d actions were done", len(j.Plan.Actions)-len(left), len(j.Plan.Actions))
	if len(left) == 0 {
		return b.String() + "; only the verification is left\n"
	}
	b.WriteString("; left:\n")
	for _, action := range left {
		fmt.Fprintf(&b, "  %s. %s\n", action.ID, text.Line(action.Summary))
		for _, d := range action.Details() {
			fmt.Fprintf(&b, "        %s\n", text.Line(action.FormatChange(d)))
		}
	}
	return b.String()
}

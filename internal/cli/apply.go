package cli

import (
	"cmp"
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

func (f *applyFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Args = rangeArgs(0, 1) // none with --resume
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
}

func (f applyFlags) run(ctx context.Context, a *app, args []string) error {
	if (len(args) == 1) == (f.resume != "") {
		return usagef("pass a plan, or --resume and the journal of an interrupted run")
	}
	if f.resume != "" {
		return f.resumeRun(ctx, a)
	}
	file := args[0]
	p, err := readPlan(a, file)
	if err != nil {
		return err
	}
	if err := checkDigest(p, f.digest); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if p.Expired(a.Now()) {
		return fmt.Errorf("%s: the plan expired on %s: make a new one", file, p.ExpiresAt.Format(time.RFC3339))
	}
	journal := journalName(f.journal, file)
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

func readPlan(a *app, file string) (plan.Plan, error) {
	data, err := a.ReadFile(bounds.Plan, file)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := plan.Decode(data)
	if err == nil {
		return p, nil
	}
	if j, _, journalErr := apply.ParseJournal(data); journalErr == nil {
		return p, fmt.Errorf("%s is a journal, not a plan: continue its run with `%s`", file, applyCommand(a, "dbaudit apply --resume", file, j.Plan.Environment))
	}
	return p, fmt.Errorf("%s: %w", file, err)
}

// checkDigest returns an error unless a plan has the approved digest. An empty digest approves
// every plan.
func checkDigest(p plan.Plan, approved string) error {
	switch {
	case approved == "" || approved == p.Digest:
		return nil
	case !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(approved):
		return usagef("--digest %s: want sha256: and 64 hexadecimal digits, as dbaudit plan shows them", approved)
	}
	return fmt.Errorf("this is not the plan that was approved: its digest is %s, not %s; nothing was changed", p.Digest, approved)
}

func journalName(flag, planFile string) string {
	if planFile == "-" {
		planFile = "plan"
	}
	return cmp.Or(flag, strings.TrimSuffix(planFile, ".json")+".journal.json")
}

// resumeRun continues an interrupted run. The plan must meet the same conditions as at the start
// of the run, except that it may have expired.
func (f applyFlags) resumeRun(ctx context.Context, a *app) error {
	if f.dryRun {
		return usagef("--dry-run and --resume cannot be used together")
	}
	j, err := apply.OpenJournal(f.resume, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is already on disk
	if err := j.CheckResumable(); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if err := checkDigest(j.Plan, f.digest); err != nil {
		return fmt.Errorf("%s: %w", f.resume, err)
	}
	if j.Plan.Expired(a.Now()) {
		expiry := j.Plan.ExpiresAt.Format(time.RFC3339)
		if !j.HasBegun() {
			return fmt.Errorf("%s: nothing was begun, and the plan expired on %s: make a new one", f.resume, expiry)
		}
		a.Warnf("the plan expired on %s, but a run that has begun may continue", expiry)
	}
	v, err := f.prepareVerification(ctx, a, j.Plan, f.resume)
	if err != nil {
		return err
	}
	w, err := a.ConnectWriter(ctx, v.Target)
	if err != nil {
		return err
	}
	const purpose = "continue this run"
	a.Present(v.Name, purpose, describeRemaining(j), f.yes)
	if err := a.Confirm(ctx, v.Name, purpose, f.yes); err != nil {
		return err
	}
	runner := f.newRunner(a, webapi.New(w), j.Plan)
	runner.Journal = j
	return f.applyAndVerify(ctx, a, v, runner, f.resume)
}

func describeRemaining(j *apply.Journal) string {
	var b strings.Builder
	remaining := j.Remaining()
	fmt.Fprintf(&b, "actions done: %d of %d", len(j.Plan.Actions)-len(remaining), len(j.Plan.Actions))
	if len(remaining) == 0 {
		return b.String() + "; only the verification is left\n"
	}
	b.WriteString("; left:\n")
	for _, action := range remaining {
		fmt.Fprintf(&b, "  %s. %s\n", action.ID, text.Line(action.Summary))
		for _, d := range action.Details() {
			fmt.Fprintf(&b, "        %s\n", text.Line(action.FormatChange(d)))
		}
	}
	return b.String()
}

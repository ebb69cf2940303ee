package cli

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// remediateFlags let a scan fix what it finds.
type remediateFlags struct {
	remediate bool
	application
	content run.Content
	journal string
}

func (f *remediateFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.remediate, "remediate", false, "plan, show, confirm, apply and verify in one run; the other flags of this group need it")
	contentFlags(flags, &f.content)
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.StringVar(&f.journal, "journal", "", "`file` of the journal (default dbaudit-NAME-TIME.journal.json)")
	flags.BoolVar(&f.allowSharedRole, "allow-shared-role", false, "permit changes to a role that others besides the integration user have")
}

// remediating scans one environment, plans, and applies the plan by the same code
// as the commands plan and apply. Documents are of the state afterwards.
func (f scanFlags) remediating(ctx context.Context, a *app) error {
	if f.snapshot != "" || f.scope != snapshot.ScopeIntegration {
		return usagef("--remediate excludes --snapshot and --scope: make the plan separately with dbaudit plan")
	}
	t, err := a.Single(f.connection, f.requirement, "--remediate fixes one environment")
	if err != nil {
		return err
	}
	v, err := verificationOf(ctx, a, t, f.judge)
	if err != nil {
		return err
	}
	r, s, err := inspectNow(ctx, a, t, v.judgement)
	if err != nil {
		return err
	}
	p, err := a.Plan(r, s, t.Profile, f.remedy.content, r.EvaluatedAt)
	if err != nil {
		return err
	}
	if p.Empty() {
		a.Sayf("%s: %s", t.Name, p.Sentence())
		code, err := showResults(a, v.judgement, []audit.Result{r})
		if err != nil {
			return err
		}
		return asError(code)
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
	return f.remedy.begin(ctx, a, v, p, journal)
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
)

type doctorFlags struct {
	connection           run.Connection
	requirement          run.Overrides
	answer               documentFlags
	roleXML              bool
	roleZip              string
	withoutImpersonation bool
	apply                bool
	plan                 string
	assumptions          bool
	record               string
}

func (f *doctorFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	allEnvsFlag(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	requirementFlags(cmd.Flags(), &f.requirement)
	f.answer.add(cmd.Flags(), "table", "json")
	recordFlag(cmd.Flags(), &f.record)
	cmd.Flags().BoolVar(&f.apply, "apply", false, "check the identity that applies a plan, and name what it lacks")
	cmd.Flags().BoolVar(&f.assumptions, "assumptions", false, "check dbaudit's assumptions in the environment")
	cmd.Flags().BoolVar(&f.roleXML, "role-xml", false, "print a minimal role for an auditor, as a solution component")
	cmd.Flags().StringVar(&f.roleZip, "role-zip", "", "write a minimal role for an auditor to a `file`, as a solution that can be imported")
	cmd.Flags().BoolVar(&f.withoutImpersonation, "without-impersonation", false, "leave out prvActOnBehalfOfAnotherUser from that role")
}

func (f doctorFlags) writeRole(a *app) error {
	p, err := a.Profile(cmp.Or(f.requirement.Profile, run.DefaultProfile))
	if err != nil {
		return err
	}
	if f.withoutImpersonation {
		var unknown []string
		for _, c := range p.Controls {
			if slices.Contains(doctor.RulesNeedingImpersonation(), c.Rule) {
				unknown = append(unknown, string(c.ID))
			}
		}
		a.Infof("without prvActOnBehalfOfAnotherUser, dbaudit cannot read which personal views the integration user sees: %s become unknown, and the exit code is 4 at best",
			strings.Join(unknown, ", "))
	} else {
		a.Infof("%s; --without-impersonation leaves it out", doctor.ImpersonationReason)
	}
	if f.roleXML {
		role, err := doctor.RoleXML(!f.withoutImpersonation)
		if err != nil {
			return err
		}
		return a.WriteOutput(f.answer.file, role)
	}
	data, err := doctor.RoleZip(!f.withoutImpersonation)
	if err != nil {
		return err
	}
	if err := console.WriteFile(f.roleZip, data); err != nil {
		return err
	}
	a.Infof("wrote %s; import it in make.powerapps.com > Solutions > Import solution, then give the role %q to the auditor's application user; or, to import it, run: pac solution import --path %s",
		f.roleZip, doctor.RoleName, change.QuoteShell(f.roleZip))
	return nil
}

func (f doctorFlags) run(ctx context.Context, a *app, args []string) error {
	if len(args) == 1 {
		f.plan = args[0]
	}
	switch {
	case f.plan != "" && !f.apply:
		return usagef("%s: a plan needs --apply", f.plan)
	case f.apply && (f.roleXML || f.roleZip != ""):
		return usagef("--apply cannot be used with --role-xml or --role-zip")
	case f.roleXML && f.roleZip != "":
		return usagef("--role-xml and --role-zip cannot be used together")
	case f.withoutImpersonation && !f.roleXML && f.roleZip == "":
		return usagef("--without-impersonation needs --role-zip or --role-xml")
	case f.assumptions && (f.apply || f.roleXML || f.roleZip != ""):
		return usagef("--assumptions cannot be used with --apply, --role-xml or --role-zip")
	case f.roleXML || f.roleZip != "":
		return f.writeRole(a)
	}
	targets, p, err := f.targets(a)
	if err != nil {
		return err
	}
	if f.assumptions && len(targets) != 1 {
		return usagef("--assumptions checks one environment: choose it with --env")
	}
	saveRecording, err := startRecording(a, f.record, "doctor", targets, cmp.Or(f.answer.file, "-"))
	if err != nil {
		return err
	}
	var d diagnosis
	if f.assumptions {
		d, err = examineAssumptions(ctx, a, targets[0])
	} else {
		d, err = f.examineAll(ctx, a, targets, p)
	}
	if err := errors.Join(err, saveRecording()); err != nil {
		return err
	}
	return exitWith(d.code, f.answer.write(a, d.document, d.draw))
}

// A diagnosis is the answer of doctor as a document and as a table, with the exit code.
type diagnosis struct {
	document any
	draw     func(w io.Writer, width int) error
	code     int
}

func (f doctorFlags) examineAll(ctx context.Context, a *app, targets []run.Target, p *plan.Plan) (diagnosis, error) {
	examined := make([]doctor.Examination, len(targets))
	code := exitOK
	for i, t := range targets {
		err := t.WithTimeout(ctx, func(ctx context.Context) (err error) {
			examined[i], err = f.examine(ctx, a, t, p)
			return err
		})
		if err != nil && (ctx.Err() != nil || len(targets) == 1 && exitCode(err) == exitUsage) {
			return diagnosis{}, err
		}
		if err != nil {
			code = worse(code, exitCode(err))
			examined[i].Outcome = doctor.Failed
			examined[i].Checks = append(examined[i].Checks, doctor.Check{ID: "remaining", Title: "remaining checks", Outcome: doctor.Failed, Detail: err.Error()})
		}
		if examined[i].Outcome == doctor.Failed {
			code = worse(code, exitFailure)
		}
	}
	return diagnosis{doctor.Document(examined), func(w io.Writer, width int) error { return doctor.WriteTables(w, width, examined) }, code}, nil
}

// targets returns the environments to examine, and the plan from the command line, if any.
func (f doctorFlags) targets(a *app) ([]run.Target, *plan.Plan, error) {
	if f.plan == "" {
		targets, err := a.Targets(f.connection, f.requirement)
		return targets, nil, err
	}
	p, err := readPlan(a, f.plan)
	if err != nil {
		return nil, nil, err
	}
	if p.Expired(a.Now()) {
		a.Warnf("%s: the plan expired on %s: apply will refuse it", f.plan, p.ExpiresAt.Format(time.RFC3339))
	}
	t, err := a.PlanTarget(p, f.connection, f.requirement.Profile)
	return []run.Target{t}, &p, err
}

// examine checks an environment and the identity that reads it or, with --apply, the identity that
// applies a plan: p or, if it is nil, any plan that the profile may require.
func (f doctorFlags) examine(ctx context.Context, a *app, t run.Target, p *plan.Plan) (doctor.Examination, error) {
	e := doctor.Examination{Format: doctor.Format, Tool: a.Tool, Environment: doctor.Environment{Name: t.Name, URL: t.URL}, Outcome: doctor.Passed}
	check := doctor.Examine
	if f.apply {
		t = a.ApplyTarget(t)
		check = func(ctx context.Context, c doctor.Config) ([]doctor.Check, error) {
			return doctor.ExamineApplication(ctx, c, p)
		}
	}
	c, stop, err := doctorConfig(a, t)
	if err != nil {
		return e, err
	}
	defer stop()
	e.Checks, err = check(ctx, c)
	for _, c := range e.Checks {
		a.Log(slog.LevelDebug, t.Name, c.Title+": "+string(c.Outcome), slog.String("check", c.ID), slog.String("outcome", string(c.Outcome)))
		if c.Outcome == doctor.Failed || c.Outcome == doctor.Warned && e.Outcome == doctor.Passed {
			e.Outcome = c.Outcome
		}
	}
	return e, err
}

// doctorConfig returns the configuration for examining a target. stop ends the progress display.
func doctorConfig(a *app, t run.Target) (c doctor.Config, stop func(), err error) {
	progress := a.Progress(t.Name)
	transport := a.Transport(nil)
	signIn, err := a.SignInConfig(t, transport)
	if err != nil {
		progress.Stop()
		return c, nil, err
	}
	return doctor.Config{
		SignIn:      signIn,
		Client:      a.ClientOptions(t, nil, transport, progress.Exchange),
		Requirement: t.Requirement,
		Profile:     t.Profile,
		LookupHost:  a.LookupHost,
		Proxied:     cmp.Or(a.Getenv("HTTPS_PROXY"), a.Getenv("https_proxy")) != "",
		Now:         a.Now,
		Progress:    progress.Task,
	}, progress.Stop, nil
}

func examineAssumptions(ctx context.Context, a *app, t run.Target) (diagnosis, error) {
	c, stop, err := doctorConfig(a, t)
	if err != nil {
		return diagnosis{}, err
	}
	defer stop()
	answers, err := doctor.ExamineAssumptions(ctx, c)
	if err == nil && answers.Refused != "" {
		err = fmt.Errorf("%s: nothing could be checked: %s", t, answers.Refused)
	}
	answers.Tool = a.Tool
	env := doctor.Environment{Name: t.Name, URL: t.URL}
	return diagnosis{answers, func(w io.Writer, width int) error { return answers.WriteTable(w, width, env) }, exitOK}, err
}

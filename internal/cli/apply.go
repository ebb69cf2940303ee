package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type applyFlags struct {
	connection      connectionFlags
	judge           judgeFlags
	profile         string
	yes             bool
	journal         string
	resume          string
	dryRun          bool
	allowSharedRole bool
	maxChanges      int
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "carry a remediation plan out, and verify it",
		Long: help(`Does what the plan says, in its order, and nothing else. Each target is read just
before its change and must be as the plan has it. A journal is kept beside the
plan: a run that ended anywhere goes on with --resume, and dbaudit rollback brings
back what was there before. Afterwards the environment is read and judged afresh.

It signs in as apply: in the configuration says, where it says so, with its secret
from DBAUDIT_APPLY_CLIENT_SECRET; as the scan does otherwise.`),
		Example: `  dbaudit apply plan.json
  dbaudit apply plan.json --dry-run
  dbaudit apply plan.json --yes --env production
  dbaudit apply --resume plan.journal.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.resume != "") {
				return usagef("give a plan, or --resume and the journal of a run that was cut off")
			}
			if f.resume != "" {
				return a.resume(cmd.Context(), f)
			}
			return a.apply(cmd.Context(), f, args[0])
		},
	}
	f.connection.add(cmd.Flags())
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.profile, "profile", "", "the plan's profile, where it is a file")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&f.journal, "journal", "", "`file` of the journal (default PLAN.journal.json beside the plan)")
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with the run of this `journal`")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "check everything, and change nothing")
	cmd.Flags().BoolVar(&f.allowSharedRole, "allow-shared-role", false, "permit changes of a role that others than the integration user hold")
	cmd.Flags().IntVar(&f.maxChanges, "max-changes", plan.MaxChanges, "most changes that a plan may make")
	return cmd
}

func (a *app) rollbackCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "rollback JOURNAL",
		Short: "undo what a journal says was done",
		Long: help(`Undoes, last first, what an application of a plan changed. What somebody else
changed since is left alone and named; the exit code is then 5.`),
		Example: "  dbaudit rollback plan.journal.json",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.rollback(cmd.Context(), f, args[0]) },
	}
	f.connection.add(cmd.Flags())
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (a *app) apply(ctx context.Context, f applyFlags, name string) error {
	data, err := a.readFile(name)
	if err != nil {
		return err
	}
	p, err := plan.Decode(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Expired(a.Now()) {
		return fmt.Errorf("%s: the plan was good until %s: make a new one", name, p.ExpiresAt.Format(time.RFC3339))
	}
	t, e, err := a.verifiable(ctx, p, f)
	if err != nil {
		return err
	}
	if err := p.Within(plan.Limits{Changes: f.maxChanges, Minimum: t.profile.Minimum()}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Empty() {
		a.say("%s", p.Sentence())
		return nil
	}
	return a.applyPlan(ctx, f, e, p, t, journalName(f.journal, name))
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

// applyPlan carries a plan out that was found good.
func (a *app) applyPlan(ctx context.Context, f applyFlags, e *engine.Engine, p plan.Plan, t target, journal string) error {
	w, err := a.writer(ctx, t)
	if err != nil {
		return err
	}
	environment := webapi.New(w)
	runner := &apply.Runner{
		Mutator: environment, Sleep: a.sleep, AllowSharedRole: f.allowSharedRole, Progress: a.follow(p),
	}
	lacking, err := lacks(ctx, environment, p)
	if err != nil {
		a.warn("what this identity may do could not be read: %v", err)
	}
	if f.dryRun {
		runner.Journal = &apply.Journal{Plan: p}
		if err := errors.Join(runner.Check(ctx), lacking); err != nil {
			return err
		}
		a.say("%s Nothing was changed: this was a dry run.", p.Sentence())
		return nil
	}
	if !a.global.quiet {
		a.screen.print(a.Stderr, printable(p.Text())+"\n")
	}
	if lacking != nil {
		// The environment decides; it may let more through than is known here.
		a.warn("%v", lacking)
	}
	if err := a.confirm(ctx, t.name, "apply this plan", f.yes); err != nil {
		return err
	}
	if runner.Journal, err = apply.CreateJournal(journal, p, a.tool(), a.Now); err != nil {
		return err
	}
	err = a.carryOut(ctx, f, e, runner, t, journal)
	closing := runner.Journal.Close()
	if !runner.Journal.Touched() && len(runner.Journal.Records) <= 1 {
		// Nothing was begun, so that there is nothing to go on with.
		closing = errors.Join(closing, os.Remove(journal))
	}
	return errors.Join(err, closing)
}

// lacks says what whoever applies would have to hold, and does not: nobody can
// grant what they do not hold.
func lacks(ctx context.Context, e *webapi.Environment, p plan.Plan) (lacking, err error) {
	held, err := e.Held(ctx)
	if err != nil {
		return nil, err
	}
	if p.Lacking(held) == nil {
		return nil, nil
	}
	needs := p.Needs()
	unheld := slices.DeleteFunc(slices.Sorted(maps.Keys(needs)), func(name string) bool { return held[strings.ToLower(name)] != "" })
	undefined, err := e.Undefined(ctx, unheld)
	if err != nil {
		return nil, err
	}
	for _, name := range undefined {
		held[strings.ToLower(name)] = needs[name] // nobody can hold it, and nothing asks for it
	}
	names := p.Lacking(held)
	if names == nil {
		return nil, nil
	}
	return fmt.Errorf("the identity that applies lacks %s: give it a role with these, such as System Administrator, "+
		"or name another under apply: in the configuration", strings.Join(names, ", ")), nil
}

func (a *app) resume(ctx context.Context, f applyFlags) error {
	j, err := apply.OpenJournal(f.resume, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	if f.dryRun {
		return usagef("--dry-run and --resume exclude each other")
	}
	t, e, err := a.verifiable(ctx, j.Plan, f)
	if err != nil {
		return err
	}
	w, err := a.writer(ctx, t)
	if err != nil {
		return err
	}
	a.say("%d of %d actions were done", j.Applied(), len(j.Plan.Actions))
	if err := a.confirm(ctx, t.name, "go on with this run", f.yes); err != nil {
		return err
	}
	runner := &apply.Runner{
		Mutator: webapi.New(w), Journal: j, Sleep: a.sleep, AllowSharedRole: f.allowSharedRole, Progress: a.follow(j.Plan),
	}
	return a.carryOut(ctx, f, e, runner, t, f.resume)
}

// carryOut runs a journal's plan to its end and verifies it.
func (a *app) carryOut(ctx context.Context, f applyFlags, e *engine.Engine, r *apply.Runner, t target, journal string) error {
	if err := r.Apply(ctx); err != nil {
		return a.partial(err, r.Journal, fmt.Sprintf("%d of %d actions are done; go on by `dbaudit apply --resume %s`, or undo them by `dbaudit rollback %s`",
			r.Journal.Applied(), len(r.Journal.Plan.Actions), journal, journal))
	}
	a.say("%s: all %d actions are done; the journal is %s", t.name, len(r.Journal.Plan.Actions), journal)
	return a.verify(ctx, f, e, r.Journal.Plan, t)
}

// partial is the error of a run that did not reach its end: code 5 where anything
// may have been changed.
func (a *app) partial(err error, j *apply.Journal, advice string) error {
	if !j.Touched() {
		return err
	}
	if errors.Is(err, context.Canceled) {
		a.warn("%s", advice)
		return err
	}
	a.complain(err)
	a.warn("%s", advice)
	return verdictError(exitPartial)
}

// verify reads and judges the environment afresh, and says what became of the
// findings that the plan was made from.
func (a *app) verify(ctx context.Context, f applyFlags, e *engine.Engine, p plan.Plan, t target) error {
	unverified := func(err error) error {
		a.complain(fmt.Errorf("the plan was applied, and could not be verified: %w", err))
		return verdictError(exitPartial)
	}
	j, err := a.judgement(f.judge)
	if err != nil {
		return err
	}
	accepted, err := a.acceptance(f.judge.accept, t.file, j)
	if err != nil {
		return unverified(err)
	}
	r, _, err := a.inspect(ctx, e, t, j, accepted)
	if err != nil {
		return unverified(err)
	}
	standing := findings(r)
	a.put("", []byte(printable(comparison(p, standing)))) //nolint:errcheck // the exit code says the same
	if len(f.judge.outputs.list) > 0 {
		if err := a.render(j.documents, []audit.Result{r}, a.reportOptions(e)); err != nil {
			return err
		}
	}
	for _, action := range p.Actions {
		for _, why := range action.Why {
			if _, still := standing[why.Fingerprint]; still && !why.Follows {
				a.complain(fmt.Errorf("action %s (%s) was carried out, and %s still fails", action.ID, action.Summary, why.Control))
				return verdictError(exitPartial)
			}
		}
	}
	return asError(accepted.code([]audit.Result{r}, j.failOn))
}

// findings are a result's faults that nobody accepted, by fingerprint.
func findings(r audit.Result) map[string]plan.Finding {
	list := map[string]plan.Finding{}
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Waiver == nil {
				list[f.Fingerprint] = plan.Finding{Control: c.ID, Fingerprint: f.Fingerprint, Message: f.Message}
			}
		}
	}
	return list
}

// comparison says which findings are gone, which remain and which are new.
func comparison(p plan.Plan, standing map[string]plan.Finding) string {
	var gone, remain, fresh []string
	known := map[string]bool{}
	for _, f := range p.Findings {
		known[f.Fingerprint] = true
		line := fmt.Sprintf("%s: %s", f.Control, f.Message)
		if _, still := standing[f.Fingerprint]; still {
			remain = append(remain, line)
		} else {
			gone = append(gone, line)
		}
	}
	for fingerprint, f := range standing {
		if !known[fingerprint] {
			fresh = append(fresh, fmt.Sprintf("%s: %s", f.Control, f.Message))
		}
	}
	slices.Sort(fresh)
	var b strings.Builder
	for _, part := range []struct {
		mark, title string
		lines       []string
	}{{"-", "gone", gone}, {"=", "remain", remain}, {"+", "new", fresh}} {
		if len(part.lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s (%d)\n", part.title, len(part.lines))
		for _, line := range part.lines {
			fmt.Fprintf(&b, "  %s %s\n", part.mark, line)
		}
	}
	return b.String()
}

func (a *app) rollback(ctx context.Context, f applyFlags, name string) error {
	j, err := apply.OpenJournal(name, a.Now)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // every line is on the disk already
	if !j.Touched() {
		a.say("nothing is left to undo")
		return nil
	}
	t, err := a.planned(j.Plan, f)
	if err != nil {
		return err
	}
	w, err := a.writer(ctx, t)
	if err != nil {
		return err
	}
	a.say("%d of %d actions were done", j.Applied(), len(j.Plan.Actions))
	if err := a.confirm(ctx, t.name, "undo them", f.yes); err != nil {
		return err
	}
	runner := &apply.Runner{Mutator: webapi.New(w), Journal: j, Sleep: a.sleep, Progress: a.follow(j.Plan)}
	if err := runner.Rollback(ctx); err != nil {
		return a.partial(err, j, fmt.Sprintf("not everything is undone; try again by `dbaudit rollback %s`", name))
	}
	a.say("%s: everything is as it was before", t.name)
	return nil
}

// planned is the target of a plan: the environment that flags, variables or the
// configuration name, which must be the plan's. A file alone must not say where a
// token is sent.
func (a *app) planned(p plan.Plan, f applyFlags) (target, error) {
	conn := f.connection
	if conn.allEnvs {
		return target{}, usagef("--all-envs: a plan is for one environment")
	}
	if conn.url == "" && a.Getenv("DBAUDIT_URL") == "" && len(conn.envs) == 0 {
		file, err := a.configuration()
		if err != nil {
			return target{}, err
		}
		if file != nil {
			for _, env := range file.All() {
				if env.Name != "" && strings.EqualFold(strings.TrimRight(env.URL, "/"), p.Environment.URL) {
					conn.envs = []string{env.Name}
				}
			}
		}
	}
	t, err := a.single(conn, requirementFlags{profile: f.profile}, "a plan is for one environment")
	if err != nil {
		return target{}, err
	}
	if !strings.EqualFold(t.url, p.Environment.URL) {
		return target{}, usagef("the plan is for %s, and --url, DBAUDIT_URL or the configuration names %s: they must be the same", p.Environment.URL, t.url)
	}
	t.requirement = p.Requirement
	return t, nil
}

// verifiable is the target of a plan with the plan's profile, and the policies that
// judge it: what cannot be verified afterwards is not begun.
func (a *app) verifiable(ctx context.Context, p plan.Plan, f applyFlags) (target, *engine.Engine, error) {
	t, err := a.planned(p, f)
	if err != nil {
		return target{}, nil, err
	}
	if t.profile.Name != p.Profile && f.profile == "" {
		if t.profile, err = a.profile(p.Profile); err != nil {
			return target{}, nil, err
		}
	}
	if t.profile.Name != p.Profile {
		return target{}, nil, usagef("the plan was made by the profile %q, and %q is given", p.Profile, t.profile.Name)
	}
	e, err := a.policies(ctx, t.profile)
	return t, e, err
}

// applier is the target as apply signs in to it: by apply: of the configuration
// or DBAUDIT_APPLY_CLIENT_ID, where either is given.
func (a *app) applier(t target) target {
	get := a.Getenv
	var auth config.Auth
	if t.env.Apply != nil {
		auth = *t.env.Apply
	}
	if t.file != nil && t.file.Apply != nil {
		auth = merge(auth, *t.file.Apply)
	}
	auth.ClientID = first(get("DBAUDIT_APPLY_CLIENT_ID"), auth.ClientID)
	auth.Certificate = first(get("DBAUDIT_APPLY_CLIENT_CERTIFICATE"), auth.Certificate)
	secret := get("DBAUDIT_APPLY_CLIENT_SECRET")
	if auth == (config.Auth{}) && secret == "" {
		return t
	}
	if auth.ClientID != "" && !strings.EqualFold(auth.ClientID, t.clientID) || auth.Method != "" || auth.Certificate != "" || secret != "" {
		// Another identity: nothing of the scan's own credentials is mixed in.
		t.clientSecret, t.certificate, t.method = dataverse.NewSecret(secret), auth.Certificate, auth.Method
	}
	t.clientID = first(auth.ClientID, t.clientID)
	t.tenantID = first(auth.TenantID, t.tenantID)
	t.authority = first(auth.Authority, t.authority)
	return t
}

// writer signs in as whoever applies.
func (a *app) writer(ctx context.Context, t target) (*dataverse.Writer, error) {
	transport := a.Transport(nil)
	c, err := a.signInConfig(a.applier(t), transport)
	if err != nil {
		return nil, err
	}
	a.applyPassword(&c)
	session, err := signin.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	a.log(slog.LevelInfo, t.name, "to apply, "+session.Describe())
	return dataverse.NewWriter(a.clientOptions(t, session, transport, nil))
}

// collectNow reads an environment as it is at this moment, past the caches of
// permissions.
func (a *app) collectNow(ctx context.Context, t target) (*snapshot.Snapshot, error) {
	progress := a.progress(t)
	defer progress.stop()
	conn, err := a.connect(ctx, t, nil, progress.exchange)
	if err != nil {
		return nil, err
	}
	return collector.Collect(ctx, conn.client, collector.Options{
		Scope: snapshot.ScopeIntegration, Requirement: t.requirement, Pattern: t.profile.Pattern,
		Environment: snapshot.Environment{Name: t.name, URL: t.url}, Privileges: t.profile.Minimum(),
		Tool: snapshot.Tool(a.tool()), Now: a.Now, Strong: true, Progress: progress.section,
	})
}

// confirm asks on a terminal for the environment's name; elsewhere --yes must
// have been given.
func (a *app) confirm(ctx context.Context, name, what string, yes bool) error {
	if yes {
		return nil
	}
	if !a.StdinIsTerminal || !a.StderrIsTerminal {
		return usagef("nobody can be asked here whether to %s: give --yes", what)
	}
	a.screen.print(a.Stderr, printable(fmt.Sprintf("To %s, type the environment's name, %s: ", what, name)))
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := bufio.NewReader(a.Stdin).ReadString('\n')
		answers <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("asking for confirmation: %w", ctx.Err())
	case got := <-answers:
		if got.text != name {
			return errors.New("not confirmed: nothing was changed")
		}
		return nil
	}
}

// follow narrates a plan's application.
func (a *app) follow(p plan.Plan) apply.Progress {
	return func(action plan.Action, e apply.Event) {
		words := map[apply.Event]string{
			apply.EventBegin: "doing", apply.EventDone: "done", apply.EventFailed: "failed",
			apply.EventUndo: "undoing", apply.EventUndone: "undone", apply.EventKept: "kept",
		}
		level := slog.LevelInfo
		if e == apply.EventBegin || e == apply.EventUndo {
			level = slog.LevelDebug
		}
		a.log(level, p.Environment.Name, fmt.Sprintf("%s %s of %d: %s", words[e], action.ID, len(p.Actions), action.Summary))
	}
}

func (a *app) sleep(ctx context.Context, d time.Duration) error {
	if a.Sleep != nil {
		return a.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// applyPassword sets the password of the certificate that apply signs in with, where
// it has one of its own.
func (a *app) applyPassword(c *signin.Config) {
	if password := a.Getenv("DBAUDIT_APPLY_CLIENT_CERTIFICATE_PASSWORD"); password != "" {
		c.CertificatePassword = dataverse.NewSecret(password)
	}
}

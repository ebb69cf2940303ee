package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// judgeFlags say how a snapshot is judged and what becomes of the result.
type judgeFlags struct {
	outputs outputs
	accept  acceptFlags
	failOn  string
	asOf    string
}

func (f *judgeFlags) add(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	f.accept.add(flags)
	flags.StringVar(&f.failOn, "fail-on", "low", "lowest `severity` whose failure gives exit code 1: info, low, medium, high, critical, or none")
	f.addTime(flags)
}

// addShown adds the flags that change what is shown, and not how the command ends.
func (f *judgeFlags) addShown(flags *pflag.FlagSet) {
	f.outputs.add(flags)
	f.accept.addKnown(flags)
	f.addTime(flags)
}

func (f *judgeFlags) addTime(flags *pflag.FlagSet) {
	flags.StringVar(&f.asOf, "as-of", "", "`time` to record as evaluated_at, RFC 3339 (default now)")
}

// A judgement is judgeFlags understood.
type judgement struct {
	documents []document
	failOn    audit.Severity // SeverityInvalid for none
	// asOf is when the command began, or what --as-of says: then it is dated.
	asOf  time.Time
	dated bool
}

// judgedNow is the time that a result carries whose environment was read just now: no
// verdict is older than what it judges.
func (a *app) judgedNow(j judgement) time.Time {
	if j.dated {
		return j.asOf
	}
	return a.Now().UTC().Truncate(time.Second)
}

func (a *app) judgement(f judgeFlags) (judgement, error) {
	j := judgement{asOf: a.Now().UTC().Truncate(time.Second), dated: f.asOf != ""}
	var err error
	if j.documents, err = a.documents(f.outputs); err != nil {
		return j, err
	}
	if f.failOn != "none" {
		if j.failOn, err = audit.ParseSeverity(f.failOn); err != nil {
			return j, usagef("--fail-on %s: want info, low, medium, high, critical or none", f.failOn)
		}
	}
	if f.asOf != "" {
		if j.asOf, err = time.Parse(time.RFC3339, f.asOf); err != nil {
			return j, usagef("--as-of %s: want a time such as 2026-01-31T12:00:00Z", f.asOf)
		}
	}
	return j, nil
}

type scanFlags struct {
	connection  connectionFlags
	requirement requirementFlags
	judge       judgeFlags
	remedy      remediateFlags
	scope       string
	snapshot    string
	record      string
	parallel    int
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "collect, evaluate and report against a live environment",
		Long: help(`Reads what the verdict needs from a Dataverse environment, judges it by the
profile, and reports. Nothing is written to the environment, unless you pass
--remediate: then the scan is followed by what dbaudit plan and dbaudit apply do.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitPartial, exitInterrupted),
		Example: `  dbaudit scan --url https://contoso.crm.dynamics.com   # signed in by az login
  dbaudit scan --env production -f sarif -o dbaudit.sarif -f json -o result.json
  dbaudit scan --all-envs --fail-on high
  dbaudit scan --env production --record recording.jsonl   # for a bug report`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.remedy.remediate {
				if f.record != "" {
					return usagef("--record keeps what a scan reads: give it to a scan without --remediate")
				}
				return a.remediate(cmd.Context(), f)
			}
			if err := onlyToRemediate(cmd.Flags()); err != nil {
				return err
			}
			return a.scan(cmd.Context(), f, nil)
		},
	}
	f.connection.add(cmd.Flags())
	f.connection.addAll(cmd.Flags())
	f.connection.addTimeout(cmd.Flags())
	cmd.Flags().IntVar(&f.parallel, "parallel", defaultParallel, "`number` of environments that are read at once")
	f.requirement.add(cmd.Flags())
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.scope, "scope", "integration", "`scope` to read: integration (what the verdict needs) or environment (all roles, application users and shares)")
	cmd.Flags().StringVar(&f.snapshot, "snapshot", "", "`file` to keep the snapshot in, beside the result")
	addRecord(cmd.Flags(), &f.record)
	f.remedy.add(cmd.Flags())
	return cmd
}

func (a *app) scan(ctx context.Context, f scanFlags, roots *x509.CertPool) error {
	j, err := a.judgement(f.judge)
	if err != nil {
		return err
	}
	if f.parallel < 1 {
		return usagef("--parallel %d: want 1 or more", f.parallel)
	}
	scope, err := snapshot.ParseScope(f.scope)
	if err != nil {
		return usagef("--scope: %w", err)
	}
	targets, err := a.targets(f.connection, f.requirement)
	if err != nil {
		return err
	}
	if f.snapshot != "" && len(targets) > 1 {
		return usagef("--snapshot keeps one snapshot, and %d environments or integrations are meant: use `dbaudit collect` for each", len(targets))
	}
	accepted, err := a.acceptance(f.judge.accept, targets[0].file, j)
	if err != nil {
		return err
	}
	profiles := make([]profile.Profile, len(targets))
	for i, t := range targets {
		profiles[i] = t.profile
	}
	e, err := a.policies(ctx, profiles...)
	if err != nil {
		return err
	}
	write, err := a.record(f.record, "scan", targets)
	if err != nil {
		return err
	}
	results, failures := a.scanAll(ctx, e, targets, scope, j, roots, f.snapshot, f.parallel)
	if err := write(); err != nil {
		return err
	}
	code, err := a.told(ctx, targets, failures)
	if err != nil {
		return err
	}
	results = accepted.apply(a, results)
	if err := a.render(j.documents, results, a.reportOptions(e)); err != nil {
		return err
	}
	return asError(worse(code, accepted.code(results, j.failOn)))
}

// defaultParallel is how many environments are scanned side by side; each has its own
// limit of requests, and mostly waits for its server.
const defaultParallel = 16

// scanAll scans every target. One that cannot be read does not stop the others: its
// result says so, in its place, and its failure stands at the same place.
func (a *app) scanAll(ctx context.Context, e *engine.Engine, targets []target, scope snapshot.Scope, j judgement, roots *x509.CertPool, keep string, parallel int) ([]audit.Result, []error) {
	results := make([]audit.Result, len(targets))
	failures := make([]error, len(targets))
	var group errgroup.Group
	group.SetLimit(parallel)
	for begin, end := range environments(targets) {
		group.Go(func() error {
			found, err := a.scanOne(ctx, e, targets[begin:end], scope, j, roots, keep)
			copy(results[begin:end], found)
			for i := begin; i < end && err != nil; i++ {
				t := targets[i]
				failures[i] = err
				results[i] = a.unread(audit.Environment{Name: t.name, URL: t.url}, t.profile, j, audit.Unread{Message: err.Error()})
			}
			return nil
		})
	}
	_ = group.Wait()
	return results, failures
}

// unread is the result of an environment or a file that could not be read.
func (a *app) unread(env audit.Environment, p profile.Profile, j judgement, why audit.Unread) audit.Result {
	return audit.Result{
		Format: audit.ResultFormat, Tool: a.tool(), Environment: env,
		Profile:     p.Identity(),
		EvaluatedAt: a.judgedNow(j), Verdict: audit.VerdictIncomplete, Unread: &why,
	}
}

// told complains about each environment that could not be read and returns the gravest
// exit code of them. An interruption, and wrong usage for the only environment, end the
// run instead: there is nothing to report.
func (a *app) told(ctx context.Context, targets []target, failures []error) (int, error) {
	if ctx.Err() != nil && errors.Join(failures...) != nil {
		return 0, fmt.Errorf("interrupted: %w", context.Canceled)
	}
	if len(failures) == 1 && exitCode(failures[0]) == exitUsage {
		return 0, failures[0]
	}
	code := exitOK
	for i, err := range failures {
		if err != nil {
			if i == 0 || failures[i-1] == nil || targets[i-1].name != targets[i].name {
				a.complain(fmt.Errorf("%s: %w", targets[i], err)) // once for all integrations of it
			}
			code = worse(code, exitCode(err))
		}
	}
	return code, nil
}

// scanOne reads an environment once and judges each of its integrations.
func (a *app) scanOne(ctx context.Context, e *engine.Engine, targets []target, scope snapshot.Scope, j judgement, roots *x509.CertPool, keep string) ([]audit.Result, error) {
	snapshots, err := a.collectAll(ctx, targets, scope, roots)
	if err != nil {
		return nil, err
	}
	results := make([]audit.Result, len(targets))
	for i, t := range targets {
		s := snapshots[i]
		if keep != "" {
			if err := a.keep(s, keep); err != nil {
				return nil, err
			}
		}
		if results[i], err = e.Evaluate(ctx, s, t.profile, engine.Options{Tool: a.tool(), AsOf: a.judgedNow(j)}); err != nil {
			return nil, err
		}
		results[i].Notes = append(results[i].Notes, shared(targets, snapshots, i)...)
		locate(&results[i], t.file, t.env)
	}
	return results, nil
}

// collect reads an environment's snapshot, within the target's time. What a person
// takes to sign in does not count.
func (a *app) collect(ctx context.Context, t target, scope snapshot.Scope, roots *x509.CertPool) (*snapshot.Snapshot, error) {
	all, err := a.collectAll(ctx, []target{t}, scope, roots)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// collectAll reads an environment for all of its targets, once.
func (a *app) collectAll(ctx context.Context, targets []target, scope snapshot.Scope, roots *x509.CertPool) ([]*snapshot.Snapshot, error) {
	return a.reading(ctx, targets[0], roots, func(timed context.Context, conn connection, progress *progress) ([]*snapshot.Snapshot, error) {
		options := make([]collector.Options, len(targets))
		for i, t := range targets {
			options[i] = a.collecting(t, scope, progress)
		}
		return a.read(timed, targets[0].name, conn, options)
	})
}

// reading connects to an environment and has it read, within the target's time.
func (a *app) reading(ctx context.Context, t target, roots *x509.CertPool, read func(context.Context, connection, *progress) ([]*snapshot.Snapshot, error)) ([]*snapshot.Snapshot, error) {
	progress := a.progress(t)
	defer progress.stop()
	var conn connection
	err := t.within(ctx, func(timed context.Context) (err error) {
		conn, err = a.connect(timed, t, roots, progress.exchange)
		return err
	})
	if err != nil {
		return nil, err
	}
	if byPerson(conn.session) {
		if _, err := a.tokens(conn.session).Token(ctx, dataverse.TokenOptions{}); err != nil {
			return nil, err
		}
	}
	var all []*snapshot.Snapshot
	err = t.within(ctx, func(timed context.Context) (err error) {
		all, err = read(timed, conn, progress)
		return err
	})
	return all, err
}

// collecting is what is collected for a target.
func (a *app) collecting(t target, scope snapshot.Scope, progress *progress) collector.Options {
	return collector.Options{
		Scope:       scope,
		Requirement: t.requirement,
		Environment: snapshot.Environment{Name: t.name, URL: t.url},
		Pattern:     t.profile.Pattern,
		Privileges:  t.profile.Minimum(),
		Tool:        snapshot.Tool(a.tool()),
		Now:         a.Now,
		Progress:    progress.section,
	}
}

func (a *app) read(ctx context.Context, name string, conn connection, options []collector.Options) ([]*snapshot.Snapshot, error) {
	all, err := collector.CollectAll(ctx, conn.client, options)
	if err != nil {
		return nil, err
	}
	stats := conn.client.Stats()
	text := fmt.Sprintf("read in %d requests, %d of them repeated", stats.Requests, stats.Retries)
	if stats.Throttled > 0 {
		text += fmt.Sprintf(", throttled %d times", stats.Throttled)
	}
	a.log(slog.LevelInfo, name, text,
		slog.Int("requests", stats.Requests), slog.Int("retries", stats.Retries), slog.Int("throttled", stats.Throttled))
	return all, nil
}

func (a *app) keep(s *snapshot.Snapshot, file string) error {
	data, err := s.Encode()
	if err != nil {
		return err
	}
	return a.putData(file, data)
}

func (a *app) tool() audit.Tool { return audit.Tool{Name: "dbaudit", Version: version().Version} }

type collectFlags struct {
	connection  connectionFlags
	requirement requirementFlags
	scope       string
	output      string
	record      string
	minimal     bool
	pseudonyms  bool
}

func (a *app) collectCommand() *cobra.Command {
	var f collectFlags
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "write a snapshot of an environment",
		Long: help(`Reads what a verdict needs from a Dataverse environment and writes it down, to be
judged offline by dbaudit check. Nothing is written to the environment.`, exitOK, exitUsage, exitFailure, exitInterrupted),
		Example: `  dbaudit collect --env production -o snapshot.json
  dbaudit collect --scope environment -o everything.json
  dbaudit collect --minimal --pseudonyms -o snapshot.json   # see docs/vendor.md
  dbaudit collect --record recording.jsonl -o snapshot.json`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			scope, err := snapshot.ParseScope(f.scope)
			if err != nil {
				return usagef("--scope: %w", err)
			}
			switch {
			case f.minimal && scope == snapshot.ScopeEnvironment:
				return usagef("--minimal keeps what the verdict needs, and --scope environment asks for everything: leave out one of them")
			case f.pseudonyms && !f.minimal:
				return usagef("--pseudonyms replaces the names of a minimal snapshot: add --minimal")
			}
			targets, err := a.targets(f.connection, f.requirement)
			if err != nil {
				return err
			}
			if len(targets) != 1 {
				return usagef("collect writes one snapshot: choose one environment by --env")
			}
			write, err := a.record(f.record, "collect", targets)
			if err != nil {
				return err
			}
			s, err := a.collect(cmd.Context(), targets[0], scope, nil)
			if failed := write(); err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			if f.minimal {
				if s, err = minimal(s, targets[0].profile.Pattern, f.pseudonyms); err != nil {
					return err
				}
			}
			return a.keep(s, f.output)
		},
	}
	f.connection.add(cmd.Flags())
	f.connection.addTimeout(cmd.Flags())
	f.requirement.add(cmd.Flags())
	cmd.Flags().StringVar(&f.scope, "scope", "integration", "`scope` to read: integration (what the verdict needs) or environment (all roles, application users and shares)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` of the snapshot (default standard output)")
	cmd.Flags().BoolVar(&f.minimal, "minimal", false, "keep only what the verdict needs, to hand it over")
	cmd.Flags().BoolVar(&f.pseudonyms, "pseudonyms", false, "with --minimal: replace the names of people, teams, views and business units, each by the same everywhere")
	addRecord(cmd.Flags(), &f.record)
	return cmd
}

// minimal is the part of a snapshot that is judged, sealed as a snapshot of its own.
func minimal(s *snapshot.Snapshot, pattern string, pseudonyms bool) (*snapshot.Snapshot, error) {
	part := s.Slice(pattern)
	if pseudonyms {
		var err error
		if part, err = recording.Pseudonyms(part, pattern); err != nil {
			return nil, err
		}
	}
	return part, part.Seal()
}

type checkFlags struct {
	requirement requirementFlags
	judge       judgeFlags
	input       string
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check SNAPSHOT...",
		Short: "evaluate saved snapshots, offline",
		Long: help(`Judges snapshots that dbaudit collect wrote. What was required when a snapshot was
taken is required again; flags and the configuration's depth: and allow: change
it where the snapshot holds what is needed to judge that.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitInterrupted),
		Example: `  dbaudit check snapshot.json
  dbaudit check monday.json tuesday.json -f json -o results.json
  dbaudit check everything.json --input input.json   # what opa eval -i is given`,
		Args: arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), f, args) },
	}
	f.requirement.add(cmd.Flags())
	f.judge.add(cmd.Flags())
	cmd.Flags().StringVar(&f.input, "input", "", "`file` to write the input of the policies to: the part of the snapshot that is judged")
	return cmd
}

func (a *app) check(ctx context.Context, f checkFlags, files []string) error {
	j, err := a.judgement(f.judge)
	if err != nil {
		return err
	}
	if f.input != "" && len(files) > 1 {
		return usagef("--input writes the input of one snapshot, and %d are given: check one at a time", len(files))
	}
	file, err := a.configuration()
	if err != nil {
		return err
	}
	accepted, err := a.acceptance(f.judge.accept, file, j)
	if err != nil {
		return err
	}
	e, err := a.policies(ctx)
	if err != nil {
		return err
	}
	code := exitOK
	results := make([]audit.Result, len(files))
	for i, name := range files {
		var failed error
		if results[i], failed = a.checkFile(ctx, e, name, j, changes{file, f.requirement}, f.input); failed == nil {
			continue
		}
		if ctx.Err() != nil || exitCode(failed) == exitUsage {
			return fmt.Errorf("%s: %w", name, failed)
		}
		// One that cannot be read does not stop the others: its result says so.
		a.complain(fmt.Errorf("%s: %w", name, failed))
		code = worse(code, exitCode(failed))
		p, err := a.profile(first(f.requirement.profile, defaultProfile))
		if err != nil {
			return err
		}
		results[i] = a.unread(audit.Environment{Name: name}, p, j, audit.Unread{Message: failed.Error()})
	}
	results = accepted.apply(a, results)
	if err := a.render(j.documents, results, a.reportOptions(e)); err != nil {
		return err
	}
	return asError(worse(code, accepted.code(results, j.failOn)))
}

func (a *app) checkFile(ctx context.Context, e *engine.Engine, name string, j judgement, c changes, input string) (audit.Result, error) {
	data, err := a.readFile(bounds.Snapshot, name)
	if err != nil {
		return audit.Result{}, err
	}
	var p profile.Profile
	var env config.Environment
	s, err := snapshot.Decode(data, &snapshot.Selection{Choose: func(s *snapshot.Snapshot) (snapshot.Requirement, string, error) {
		var err error
		if p, err = a.profile(first(c.flags.profile, s.Requirement.Profile)); err != nil {
			return snapshot.Requirement{}, "", err
		}
		taken, err := a.profile(s.Requirement.Profile)
		if err != nil {
			taken = profile.Profile{} // a file of somebody's, which need not be here
		}
		var r snapshot.Requirement
		r, env, err = c.apply(s, p, taken)
		return r, p.Pattern, err
	}})
	if err != nil {
		return audit.Result{}, err
	}
	if err := e.Accepts(p); err != nil {
		return audit.Result{}, &usageError{err}
	}
	r, err := e.Evaluate(ctx, s, p, engine.Options{Tool: a.tool(), AsOf: j.asOf})
	if err != nil {
		return audit.Result{}, err
	}
	if input != "" {
		if err := s.Seal(); err != nil {
			return audit.Result{}, err
		}
		if err := a.keep(s, input); err != nil {
			return audit.Result{}, err
		}
	}
	locate(&r, c.file, env)
	return r, nil
}

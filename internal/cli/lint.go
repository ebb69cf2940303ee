package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

type lintFlags struct {
	requirement run.Wanted
	judge       judgeFlags
	env         string
	exclude     []string
	allRoles    bool
	fix         bool
	watch       bool
	snapshot    string
}

func newLintCommand(a *app) *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint PATH...",
		Short: "check security roles in solution files, offline",
		Long: help(`Judges the integration role in source control: in unpacked solutions
(any folder with Roles/*.xml below it), single role files, customizations.xml, and
solution .zip files, also those inside a deployment package. A - reads standard
input. Patterns may have ** for any number of folders.

The controls are those of a scan, as far as they apply to a file, and rules on
the file itself; each finding names the line. Access levels are compared with
a table of the standard privileges; for other privileges, only the presence is
judged.

A file that could not be read has a separate result with the verdict incomplete. The exit code is 1 for findings, else 3 if a file could not be read.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete,
			exitInterrupted),
		Example: `  dbaudit lint src/
  dbaudit lint solution.zip --integration-role "Demandbase Integration"
  dbaudit lint --all-roles --profile lint 'solutions/**/Roles/*.xml'
  dbaudit lint . --exclude fixtures --exclude 'out/*.zip'
  dbaudit lint --fix src/Roles/`,
		Args: arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.fix && slices.Contains(args, solution.Stdin) {
				return usagef("--fix writes files, and standard input is not a file")
			}
			if f.watch {
				return f.watching(cmd.Context(), a, args)
			}
			return f.run(cmd.Context(), a, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.requirement.Profile, "profile", "", "requirement profile: a `name` or a file (default demandbase; DBAUDIT_PROFILE); lint judges the files alone")
	flags.StringVar(&f.requirement.Role, "integration-role", "", "`name` of the role (default that of the configuration, else deduced from the names; DBAUDIT_INTEGRATION_ROLE)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "`pattern` of files and folders to leave out, at any depth if it has no slash; repeatable")
	flags.BoolVar(&f.allRoles, "all-roles", false, "judge every role in the files")
	flags.StringVar(&f.env, "env", "", "`name` of the environment in the configuration whose role to judge")
	flags.BoolVar(&f.fix, "fix", false, "add missing lines to a role's file, and judge again")
	flags.BoolVar(&f.watch, "watch", false, "judge again whenever a file, the configuration, the profile or a policy changes")
	flags.StringVar(&f.snapshot, "snapshot", "", "`file` for the snapshot that a single role was judged by")
	f.judge.add(flags)
	return cmd
}

// A lintRun is one reading of files with all that it is judged by.
type lintRun struct {
	*app

	flags  lintFlags
	paths  []string
	limits solution.Limits
	judgement
	file     *config.File
	standard *solution.Standard
	all      []lintAsked
	lintAsked
}

// lintAsked is what a role is judged by. Where an environment has several integrations,
// there is one for each.
type lintAsked struct {
	env         config.Environment
	requirement snapshot.Requirement
	profile     profile.Profile
}

// by is the run with what one role is judged by.
func (l *lintRun) by(one lintAsked) *lintRun {
	other := *l
	other.lintAsked = one
	return &other
}

func (f lintFlags) run(ctx context.Context, a *app, paths []string) error {
	l, err := f.prepare(a, paths)
	if err != nil {
		return err
	}
	// Compiling the policies and reading the files take about as long.
	var found solution.Found
	var group errgroup.Group
	group.Go(func() error { return l.load(ctx) })
	group.Go(func() (err error) {
		found, err = l.read(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	l.narrate(found)
	if len(found.Roles)+len(found.Faults) == 0 {
		return fmt.Errorf("there is no security role in %s: want unpacked solutions, role files, customizations.xml or solution .zip files",
			strings.Join(paths, ", "))
	}
	judged, err := l.judgeAll(ctx, found)
	if err != nil {
		return err
	}
	unfixed := false
	if f.fix {
		changed, failures := l.fix(judged)
		for _, failure := range failures {
			l.Complain(failure)
			unfixed = true
		}
		if changed {
			if found, err = l.read(ctx); err != nil {
				return err
			}
			if judged, err = l.judgeAll(ctx, found); err != nil {
				return err
			}
		}
	}
	return l.report(found, judged, unfixed)
}

func (f lintFlags) prepare(a *app, paths []string) (*lintRun, error) {
	if f.allRoles && f.requirement.Role != "" {
		return nil, usagef("--all-roles and --integration-role exclude each other")
	}
	l := &lintRun{app: a, flags: f, paths: paths, limits: solution.DefaultLimits()}
	var err error
	if l.limits.Exclude, err = solution.Exclude(f.exclude); err != nil {
		return nil, usagef("--exclude: %w", err)
	}
	if l.judgement, err = f.judge.understood(a); err != nil {
		return nil, err
	}
	if l.file, err = a.Configuration(); err != nil {
		return nil, err
	}
	if l.accepted, err = a.Acceptance(f.judge.accept, l.file, l.asOf); err != nil {
		return nil, err
	}
	l.accepted.Options.Environments, l.accepted.Options.Partial = nil, true
	env, err := lintEnvironment(l.file, f.env)
	if err != nil {
		return nil, err
	}
	integrations := []config.Environment{env}
	if a.ProfileName(nil, f.requirement) != engine.LintProfile {
		if integrations, err = a.Integrations(l.file, env, f.requirement); err != nil {
			return nil, err
		}
	}
	for _, one := range integrations {
		asked := lintAsked{env: one}
		if asked.requirement, asked.profile, err = a.Requirement(l.file, one, f.requirement); err != nil {
			return nil, err
		}
		// A file holds neither users nor views, whatever is asked of an environment.
		r := &asked.requirement
		r.ApplicationID, r.User, r.BusinessUnit, r.Views = "", "", "", nil
		l.all = append(l.all, asked)
	}
	if len(l.all) > 1 && (f.allRoles || f.snapshot != "") {
		return nil, usagef("--all-roles and --snapshot need one profile, but the configuration has %d integrations: choose one with --profile", len(l.all))
	}
	l.lintAsked = l.all[0]
	if text := l.unnamed(); text != "" {
		l.Warnf("%s", text)
	}
	return l, nil
}

// load compiles the policies and reads the table of privileges.
func (l *lintRun) load(ctx context.Context) (err error) {
	l.standard = solution.NewStandard()
	profiles := make([]profile.Profile, len(l.all))
	for i, one := range l.all {
		profiles[i] = one.profile
	}
	l.engine, err = l.Engine(ctx, profiles...)
	return err
}

// lintEnvironment is the environment of the configuration whose role is meant: the
// named one, or the only one. Several name several roles, and none is preferred.
func lintEnvironment(file *config.File, name string) (config.Environment, error) {
	var all []config.Environment
	if file != nil {
		all = file.All()
	}
	if name == "" {
		if len(all) == 1 {
			return all[0], nil
		}
		return config.Environment{}, nil
	}
	var names []string
	for _, env := range all {
		if env.Name == name {
			return env, nil
		}
		if env.Name != "" {
			names = append(names, env.Name)
		}
	}
	return config.Environment{}, usagef("there is no environment %q in the configuration: it has %s", name, cmp.Or(strings.Join(names, ", "), "none"))
}

// unnamed says that roles which the configuration names are not looked for, because
// they are those of several environments.
func (l *lintRun) unnamed() string {
	if l.file == nil || l.env.Name != "" || l.flags.allRoles || l.requirement.Role != "" {
		return ""
	}
	var named []string
	for _, env := range l.file.All() {
		for _, one := range l.file.Each(env) {
			if one.Integration.Role != "" && env.Name != "" {
				named = append(named, fmt.Sprintf("%q of %s", one.Integration.Role, env.Name))
			}
		}
	}
	if len(named) == 0 {
		return ""
	}
	return fmt.Sprintf("the configuration names a role for each environment (%s): choose one with --env or --integration-role",
		strings.Join(named, ", "))
}

func (l *lintRun) read(ctx context.Context) (solution.Found, error) {
	found, err := solution.Read(ctx, l.paths, l.Console.Stdin, l.limits)
	for i := range found.Roles {
		found.Roles[i].File = relative(found.Roles[i].File)
	}
	for _, fault := range found.Faults {
		fault.File = relative(fault.File)
	}
	return found, err
}

// narrate says what a reader may miss.
func (l *lintRun) narrate(found solution.Found) {
	for _, note := range found.Notes {
		l.Warnf("%s", note)
	}
	for _, name := range found.Excluded {
		l.Log(slog.LevelDebug, "", name+": excluded by --exclude")
	}
}

// relative is a path from the working directory, where it leads below it: code
// scanning knows no others.
func relative(name string) string {
	outer, inner, archived := strings.Cut(name, "!/")
	if outer == solution.Stdin {
		outer = "stdin"
	}
	if directory, err := os.Getwd(); err == nil && filepath.IsAbs(filepath.FromSlash(outer)) {
		if r, err := filepath.Rel(directory, filepath.FromSlash(outer)); err == nil && filepath.IsLocal(r) {
			outer = filepath.ToSlash(r)
		}
	}
	outer = filepath.ToSlash(filepath.Clean(filepath.FromSlash(outer)))
	if archived {
		return outer + "!/" + inner
	}
	return outer
}

// report writes the documents and decides the exit code: findings first, then what could
// not be read or fixed. What was not read precedes what was judged.
func (l *lintRun) report(found solution.Found, judged []judgedRole, unfixed bool) error {
	results := make([]audit.Result, len(judged))
	for i, j := range judged {
		results[i] = j.result
	}
	results = l.Accept(l.accepted, results)
	code := worstCode(l.accepted, results, l.failOn)
	if (len(found.Faults) > 0 || unfixed) && code != exitFindings {
		code = exitFailure
	}
	if err := render(l.app, l.documents, append(l.unread(found.Faults), results...), reportOptions(l.app, l.engine)); err != nil {
		return err
	}
	for _, fault := range found.Faults {
		l.Complain(fault)
	}
	return asError(code)
}

// unread makes a result of each file that could not be read.
func (l *lintRun) unread(faults []*solution.Fault) []audit.Result {
	var results []audit.Result
	for _, f := range faults {
		for _, one := range l.all {
			results = append(results, l.Unread(audit.Environment{Name: f.File}, one.profile, l.stated,
				audit.Unread{Location: &audit.Location{Path: f.File, Line: f.Line, Column: f.Column}, Message: f.Err.Error()}))
		}
	}
	return results
}

package cli

import (
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
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

type lintFlags struct {
	requirement requirementFlags
	judge       judgeFlags
	env         string
	exclude     []string
	allRoles    bool
	fix         bool
	watch       bool
	snapshot    string
}

func (a *app) lintCommand() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint PATH...",
		Short: "check security roles in solution files, offline",
		Long: help(`Judges the integration role where it stands in source control: in unpacked solutions
(any folder with Roles/*.xml below it), single role files, customizations.xml, and
solution .zip files, also those inside a deployment package. A - reads standard
input. Patterns may have ** for any number of folders.

The controls are those of a scan, as far as a file can meet them, and besides them
rules on the file itself; each finding names the line. Access levels are compared with
a table of the standard privileges; of others only the presence is judged.

A file that could not be read is a result of its own, whose verdict is incomplete.
Ends in 1 for findings, else in 3 if a file could not be read.`, exitOK, exitFindings, exitUsage, exitFailure, exitIncomplete, exitInterrupted),
		Example: `  dbaudit lint src/
  dbaudit lint solution.zip --integration-role "Demandbase Integration"
  dbaudit lint --all-roles --profile lint 'solutions/**/Roles/*.xml'
  dbaudit lint . --exclude fixtures --exclude 'out/*.zip'
  dbaudit lint --fix src/Roles/`,
		Args: arguments(1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.fix && slices.Contains(args, solution.Stdin) {
				return usagef("--fix writes files, and standard input is none")
			}
			if f.watch {
				return a.watchLint(cmd.Context(), f, args)
			}
			return a.lint(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.requirement.profile, "profile", "", "requirement profile: a `name` or a file (default demandbase; DBAUDIT_PROFILE); lint judges the files alone")
	flags.StringVar(&f.requirement.role, "integration-role", "", "`name` of the role (default that of the configuration, else deduced from the names; DBAUDIT_INTEGRATION_ROLE)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "`pattern` of files and folders to leave out, at any depth where it has no slash; repeatable")
	flags.BoolVar(&f.allRoles, "all-roles", false, "judge every role in the files")
	flags.StringVar(&f.env, "env", "", "`name` of an environment in the configuration, whose role is meant")
	flags.BoolVar(&f.fix, "fix", false, "write the lines that a role lacks into its file, and judge again")
	flags.BoolVar(&f.watch, "watch", false, "judge again whenever a file, the configuration, the profile or a policy changes")
	flags.StringVar(&f.snapshot, "snapshot", "", "`file` to keep the snapshot in that a single role was judged by")
	f.judge.add(flags)
	return cmd
}

// A lintRun is one reading of files with all that it is judged by.
type lintRun struct {
	*app

	flags       lintFlags
	paths       []string
	limits      solution.Limits
	judgement   judgement
	accepted    acceptance
	file        *config.File
	env         config.Environment
	requirement snapshot.Requirement
	profile     profile.Profile
	engine      *engine.Engine
	standard    *solution.Standard
}

func (a *app) lint(ctx context.Context, f lintFlags, paths []string) error {
	run, err := a.newLint(f, paths)
	if err != nil {
		return err
	}
	// Compiling the policies and reading the files take about as long.
	var found solution.Found
	var group errgroup.Group
	group.Go(func() error { return run.load(ctx) })
	group.Go(func() (err error) {
		found, err = run.read(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	run.narrate(found)
	if len(found.Roles)+len(found.Faults) == 0 {
		return fmt.Errorf("there is no security role in %s: want unpacked solutions, role files, customizations.xml or solution .zip files",
			strings.Join(paths, ", "))
	}
	judged, err := run.judge(ctx, found)
	if err != nil {
		return err
	}
	unfixed := false
	if f.fix {
		changed, failures := run.fix(judged)
		for _, failure := range failures {
			run.complain(failure)
			unfixed = true
		}
		if changed {
			if found, err = run.read(ctx); err != nil {
				return err
			}
			if judged, err = run.judge(ctx, found); err != nil {
				return err
			}
		}
	}
	return run.report(found, judged, unfixed)
}

func (a *app) newLint(f lintFlags, paths []string) (*lintRun, error) {
	if f.allRoles && f.requirement.role != "" {
		return nil, usagef("--all-roles and --integration-role exclude each other")
	}
	run := &lintRun{app: a, flags: f, paths: paths, limits: solution.DefaultLimits()}
	var err error
	if run.limits.Exclude, err = solution.Exclude(f.exclude); err != nil {
		return nil, usagef("--exclude: %w", err)
	}
	if run.judgement, err = a.judgement(f.judge); err != nil {
		return nil, err
	}
	if run.file, err = a.configuration(); err != nil {
		return nil, err
	}
	if run.accepted, err = a.acceptance(f.judge.accept, run.file, run.judgement); err != nil {
		return nil, err
	}
	run.accepted.options.Environments, run.accepted.options.Partial = nil, true
	if run.env, err = lintEnvironment(run.file, f.env); err != nil {
		return nil, err
	}
	if run.requirement, run.profile, err = a.requirement(run.file, run.env, f.requirement); err != nil {
		return nil, err
	}
	if text := run.unnamed(); text != "" {
		run.warn("%s", text)
	}
	// A file holds neither users nor views, whatever is asked of an environment.
	r := &run.requirement
	r.ApplicationID, r.User, r.BusinessUnit, r.Views = "", "", "", nil
	return run, nil
}

// load compiles the policies and reads the table of privileges.
func (run *lintRun) load(ctx context.Context) (err error) {
	if run.standard, err = solution.ReadStandard(); err != nil {
		return err
	}
	run.engine, err = run.policies(ctx, run.profile)
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
	return config.Environment{}, usagef("there is no environment %q in the configuration: it has %s", name, first(strings.Join(names, ", "), "none"))
}

// unnamed says that roles which the configuration names are not looked for, because
// they are those of several environments.
func (run *lintRun) unnamed() string {
	if run.file == nil || run.flags.env != "" || run.flags.allRoles || run.requirement.Role != "" {
		return ""
	}
	var named []string
	for _, env := range run.file.All() {
		if env.Integration.Role != "" {
			named = append(named, fmt.Sprintf("%q of %s", env.Integration.Role, env.Name))
		}
	}
	if len(named) == 0 {
		return ""
	}
	return fmt.Sprintf("the configuration names a role for each environment (%s), and none of them is looked for: choose one by --env or --integration-role",
		strings.Join(named, ", "))
}

func (run *lintRun) read(ctx context.Context) (solution.Found, error) {
	found, err := solution.Read(ctx, run.paths, run.Stdin, run.limits)
	for i := range found.Roles {
		found.Roles[i].File = relative(found.Roles[i].File)
	}
	for _, fault := range found.Faults {
		fault.File = relative(fault.File)
	}
	return found, err
}

// narrate says what a reader may miss.
func (run *lintRun) narrate(found solution.Found) {
	for _, note := range found.Notes {
		run.warn("%s", note)
	}
	for _, name := range found.Excluded {
		run.log(slog.LevelDebug, "", name+": left out by --exclude")
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

// report writes the documents and decides the exit code: findings first, then what
// could not be read or mended. What was not read stands before what was judged.
func (run *lintRun) report(found solution.Found, judged []judgedRole, unfixed bool) error {
	results := make([]audit.Result, len(judged))
	for i, j := range judged {
		results[i] = j.result
	}
	results = run.accepted.apply(run.app, results)
	code := run.accepted.code(results, run.judgement.failOn)
	if (len(found.Faults) > 0 || unfixed) && code != exitFindings {
		code = exitFailure
	}
	if err := run.render(run.judgement.documents, append(run.unread(found.Faults), results...), run.reportOptions(run.engine)); err != nil {
		return err
	}
	for _, fault := range found.Faults {
		run.complain(fault)
	}
	return asError(code)
}

// unread makes a result of each file that could not be read.
func (run *lintRun) unread(faults []*solution.Fault) []audit.Result {
	results := make([]audit.Result, len(faults))
	for i, f := range faults {
		results[i] = run.app.unread(audit.Environment{Name: f.File}, run.profile, run.judgement,
			audit.Unread{Location: &audit.Location{Path: f.File, Line: f.Line, Column: f.Column}, Message: f.Err.Error()})
	}
	return results
}

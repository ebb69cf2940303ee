package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

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
	allRoles    bool
	fix         bool
	watch       bool
	snapshot    string
}

func (a *app) lintCommand() *cobra.Command {
	var f lintFlags
	cmd := &cobra.Command{
		Use:   "lint PATH...",
		Short: "judge security roles in solution files, offline",
		Long: help(`Judges the integration role where it stands in source control: in unpacked solutions
(any folder with Roles/*.xml below it), single role files, customizations.xml, and
solution .zip files, also those inside a deployment package. A - reads standard
input. Patterns may have ** for any number of folders.

The controls are those of a scan, as far as a file can meet them, and besides them
rules on the file itself; each finding names the line. Access levels are compared with
a table of the standard privileges; of others only the presence is judged.

Ends in 1 for findings, else in 3 if a file could not be read.`),
		Example: `  dbaudit lint src/
  dbaudit lint solution.zip --integration-role "Demandbase Integration" -f sarif -o lint.sarif
  dbaudit lint --all-roles --profile lint 'solutions/**/Roles/*.xml'
  dbaudit lint --fix src/Roles/`,
		Args: cobra.MinimumNArgs(1),
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
	flags.BoolVar(&f.allRoles, "all-roles", false, "judge every role in the files")
	flags.StringVar(&f.env, "env", "", "`name` of an environment in the configuration, whose role is meant")
	flags.BoolVar(&f.fix, "fix", false, "write the lines that a role lacks into its file, and judge again")
	flags.BoolVar(&f.watch, "watch", false, "judge again whenever a file changes")
	flags.StringVar(&f.snapshot, "snapshot", "", "`file` to keep the snapshot in that a single role was judged by")
	f.judge.add(flags)
	return cmd
}

// A lintRun is one reading of files with all that it is judged by.
type lintRun struct {
	*app

	flags       lintFlags
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
	run, err := a.newLint(f)
	if err != nil {
		return err
	}
	// Compiling the policies and reading the files take about as long.
	var found solution.Found
	var group errgroup.Group
	group.Go(func() error { return run.load(ctx) })
	group.Go(func() (err error) {
		found, err = solution.Read(ctx, paths, run.Stdin, solution.DefaultLimits())
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if found, err = run.usable(found, paths); err != nil {
		return err
	}
	judged, err := run.judge(ctx, found, paths)
	if err != nil {
		return err
	}
	if f.fix {
		changed, err := run.fix(judged)
		if err != nil {
			return err
		}
		if changed {
			if found, err = solution.Read(ctx, paths, run.Stdin, solution.DefaultLimits()); err != nil {
				return err
			}
			if found, err = run.usable(found, paths); err != nil {
				return err
			}
			if judged, err = run.judge(ctx, found, paths); err != nil {
				return err
			}
		}
	}
	return run.report(found, judged)
}

func (a *app) newLint(f lintFlags) (*lintRun, error) {
	if f.allRoles && f.requirement.role != "" {
		return nil, usagef("--all-roles and --integration-role exclude each other")
	}
	run := &lintRun{app: a, flags: f}
	var err error
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

// usable says what a reader may miss, and refuses files without any role.
func (run *lintRun) usable(found solution.Found, paths []string) (solution.Found, error) {
	for _, note := range found.Notes {
		run.warn("%s", note)
	}
	for i := range found.Roles {
		found.Roles[i].File = relative(found.Roles[i].File)
	}
	if len(found.Roles) > 0 {
		return found, nil
	}
	var errs []error
	for _, fault := range found.Faults {
		errs = append(errs, fault)
	}
	if len(errs) == 0 {
		errs = append(errs, fmt.Errorf("there is no security role in %s: want unpacked solutions, role files, customizations.xml or solution .zip files",
			strings.Join(paths, ", ")))
	}
	return found, errors.Join(errs...)
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

// A judgedRole is a role with what became of it.
type judgedRole struct {
	role   solution.Role
	result audit.Result
}

// judge judges the roles that are meant. Where none is, the result is that of a
// role that does not exist.
func (run *lintRun) judge(ctx context.Context, found solution.Found, paths []string) ([]judgedRole, error) {
	roles := run.choose(found.Roles)
	if len(roles) == 0 {
		result, err := run.nowhere(ctx, found.Roles, paths)
		return []judgedRole{{result: result}}, err
	}
	if run.flags.snapshot != "" && len(roles) > 1 {
		return nil, usagef("--snapshot keeps one snapshot, and %d roles are meant: choose one by --integration-role and PATH", len(roles))
	}
	inFile := map[string]int{}
	for _, r := range roles {
		inFile[r.File]++
	}
	judged := make([]judgedRole, len(roles))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, role := range roles {
		group.Go(func() error {
			result, err := run.judgeOne(ctx, role)
			if err != nil {
				return fmt.Errorf("%s: the role %q: %w", role.File, role.Name, err)
			}
			if inFile[role.File] > 1 {
				result.Environment.Name += ": " + role.Name
			}
			judged[i] = judgedRole{role, result}
			return nil
		})
	}
	return judged, group.Wait()
}

func (run *lintRun) minimum() solution.Minimum {
	depths := maps.Clone(run.profile.Depths)
	if depths == nil {
		depths = map[string]snapshot.Depth{}
	}
	maps.Copy(depths, run.requirement.Depth)
	return solution.Minimum{Privileges: run.profile.Minimum(), Depths: depths}
}

func (run *lintRun) judgeOne(ctx context.Context, role solution.Role) (audit.Result, error) {
	s, notes, err := role.Snapshot(run.requirement, run.minimum(), run.standard, snapshot.Tool(run.tool()))
	if err != nil {
		return audit.Result{}, err
	}
	if run.flags.snapshot != "" {
		if err := run.keep(s, run.flags.snapshot); err != nil {
			return audit.Result{}, err
		}
	}
	result, err := run.evaluate(ctx, s)
	if err != nil {
		return audit.Result{}, err
	}
	result.Notes = append(result.Notes, notes...)
	if role.Managed {
		result.Notes = append(result.Notes, "the role comes from a managed solution")
	}
	place(&result, role)
	return result, nil
}

func (run *lintRun) evaluate(ctx context.Context, s *snapshot.Snapshot) (audit.Result, error) {
	return run.engine.Evaluate(ctx, s, run.profile, engine.Options{Tool: run.tool(), AsOf: run.judgement.asOf})
}

// nowhere is the result where no role is the one that is looked for.
func (run *lintRun) nowhere(ctx context.Context, roles []solution.Role, paths []string) (audit.Result, error) {
	var names []string
	for _, r := range roles {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	note := fmt.Sprintf("no role in the files is the integration's; there are %s: choose by --integration-role, or judge all by --all-roles",
		strings.Join(names, ", "))
	run.say("%s", note)
	s, err := solution.Nowhere(strings.Join(paths, ", "), run.requirement, run.minimum(), run.standard, snapshot.Tool(run.tool()))
	if err != nil {
		return audit.Result{}, err
	}
	if run.flags.snapshot != "" {
		if err := run.keep(s, run.flags.snapshot); err != nil {
			return audit.Result{}, err
		}
	}
	result, err := run.evaluate(ctx, s)
	if err != nil {
		return audit.Result{}, err
	}
	result.Notes = append(result.Notes, note)
	locate(&result, run.file, run.env)
	return result, nil
}

// choose picks the roles that are meant: all of them; else those of the required
// name; else, of those whose name fits the profile's pattern, those of the name
// that grants most of the minimum. A role may stand in several files.
func (run *lintRun) choose(roles []solution.Role) []solution.Role {
	if run.flags.allRoles || (run.profile.Name == engine.LintProfile && run.requirement.Role == "") {
		return roles
	}
	var fitting []solution.Role
	for _, r := range roles {
		if run.requirement.FitsRole(r.Name, run.profile.Pattern) {
			fitting = append(fitting, r)
		}
	}
	if run.requirement.Role != "" || len(fitting) == 0 {
		return fitting
	}
	score := map[string]int{}
	var names []string
	for _, r := range fitting {
		name := strings.ToLower(r.Name)
		if _, ok := score[name]; !ok {
			names = append(names, name)
		}
		score[name] = max(score[name], run.score(r))
	}
	slices.SortFunc(names, func(a, b string) int {
		if score[a] != score[b] {
			return score[b] - score[a]
		}
		return strings.Compare(a, b)
	})
	var chosen []solution.Role
	var others []string
	for _, r := range fitting {
		if strings.EqualFold(r.Name, names[0]) {
			chosen = append(chosen, r)
		} else {
			others = append(others, fmt.Sprintf("%q (%s)", r.Name, r.File))
		}
	}
	if len(others) > 0 {
		run.warn("several roles could be the integration role; %q was judged, not %s", chosen[0].Name, strings.Join(others, ", "))
	}
	return chosen
}

// score is how much of the minimum a role grants, at whatever level.
func (run *lintRun) score(r solution.Role) int {
	granted := map[string]bool{}
	for _, e := range r.Entries {
		if e.Depth() != snapshot.DepthNone {
			granted[strings.ToLower(e.Name)] = true
		}
	}
	n := 0
	for _, name := range run.profile.Minimum() {
		if granted[strings.ToLower(name)] {
			n++
		}
	}
	return n
}

// place gives each control and finding its line in the role's file.
func place(r *audit.Result, role solution.Role) {
	at := func(p solution.Position) *audit.Location {
		return &audit.Location{Path: role.File, Line: p.Line, Column: p.Column, EndColumn: p.EndColumn}
	}
	deepest := map[string]int{}
	for i, e := range role.Entries {
		key := strings.ToLower(e.Name)
		if j, ok := deepest[key]; !ok || e.Depth() > role.Entries[j].Depth() {
			deepest[key] = i
		}
	}
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(role.At)
		for j := range control.Findings {
			finding := &control.Findings[j]
			finding.Location = at(role.PrivilegesAt)
			if n, ok := entryOf(finding.Evidence); ok && n < len(role.Entries) {
				finding.Location = at(role.Entries[n].At)
				continue
			}
			switch control.Rule {
			case "role/custom", "lint/locked":
				finding.Location = at(role.CustomizableAt)
				continue
			}
			for _, name := range named(finding.Evidence) {
				if n, ok := deepest[strings.ToLower(name)]; ok {
					finding.Location = at(role.Entries[n].At)
					break
				}
			}
		}
	}
}

// entryOf is the line of the file that a rule on files means, by its number among
// the role's lines.
func entryOf(e audit.Evidence) (int, bool) {
	number, ok := e["entry"].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := number.Int64()
	return int(n), err == nil && n >= 0
}

// named lists the privileges that a finding is about, the first first.
func named(e audit.Evidence) []string {
	names := []string{e.Text("privilege")}
	for _, key := range []string{"surplus", "privileges"} {
		list, _ := e[key].([]any)
		for _, item := range list {
			if name, ok := item.(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// report writes the documents and decides the exit code: findings first, then what
// could not be read.
func (run *lintRun) report(found solution.Found, judged []judgedRole) error {
	results := make([]audit.Result, len(judged))
	for i, j := range judged {
		results[i] = j.result
	}
	results = run.accepted.apply(run.app, results)
	if err := run.render(run.judgement.documents, results, run.reportOptions(run.engine)); err != nil {
		return err
	}
	for _, fault := range found.Faults {
		run.complain(fault)
	}
	code := run.accepted.code(results, run.judgement.failOn)
	if len(found.Faults) > 0 && code != exitFindings {
		code = exitFailure
	}
	return asError(code)
}

// fix adds the lines that the judged roles lack to their files. It reports whether
// a file was changed.
func (run *lintRun) fix(judged []judgedRole) (bool, error) {
	byFile := map[string][]solution.Addition{}
	var files []string
	for _, j := range judged {
		if run.accepted.waivers != nil {
			// What somebody has accepted to be missing is not written either.
			accepted, _ := run.accepted.waivers.Apply([]audit.Result{j.result}, run.accepted.options)
			j.result = accepted[0]
		}
		grants := slices.DeleteFunc(lacking(j.result), func(g solution.Grant) bool {
			// A line without a level that counts has to be mended, not doubled.
			return slices.ContainsFunc(j.role.Entries, func(e solution.Entry) bool { return strings.EqualFold(e.Name, g.Name) })
		})
		if len(grants) == 0 || j.role.File == "" {
			continue
		}
		if !slices.Contains(files, j.role.File) {
			files = append(files, j.role.File)
		}
		byFile[j.role.File] = append(byFile[j.role.File], solution.Addition{Role: j.role, Grants: grants})
	}
	changed := false
	for _, file := range files {
		if strings.Contains(file, "!/") {
			run.warn("%s: only a file of its own can be fixed: unpack the solution", file)
			continue
		}
		data, err := solution.Add(byFile[file]...)
		if err != nil {
			return changed, fmt.Errorf("fixing %s: %w", file, err)
		}
		if err := rewrite(file, data); err != nil {
			return changed, err
		}
		changed = true
		n := 0
		for _, a := range byFile[file] {
			n += len(a.Grants)
		}
		run.say("%s: %d lines added", file, n)
	}
	return changed, nil
}

// lacking lists the privileges that a role lacks altogether. A level that is too
// shallow was somebody's decision, and stays.
func lacking(r audit.Result) []solution.Grant {
	var grants []solution.Grant
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			depth, err := snapshot.ParseDepth(f.Evidence.Text("required_depth"))
			if c.Rule != "role/privileges" || f.Evidence.Text("state") != "missing" || f.Waiver != nil || err != nil {
				continue
			}
			g := solution.Grant{Name: f.Evidence.Text("privilege"), Depth: depth}
			if !slices.ContainsFunc(grants, func(o solution.Grant) bool { return o.Name == g.Name }) {
				grants = append(grants, g)
			}
		}
	}
	return grants
}

// rewrite replaces a file's content whole or not at all, and keeps its permissions.
func rewrite(name string, data []byte) error {
	target, err := filepath.EvalSymlinks(filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("fixing %s: %w", name, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("fixing %s: %w", name, err)
	}
	if err := writeFile(target, data); err != nil {
		return err
	}
	if err := os.Chmod(target, info.Mode().Perm()); err != nil {
		return fmt.Errorf("fixing %s: %w", name, err)
	}
	return nil
}

// watchInterval is how often --watch looks at the files.
const watchInterval = 500 * time.Millisecond

// watchLint judges whenever a file changes, until it is interrupted.
func (a *app) watchLint(ctx context.Context, f lintFlags, paths []string) error {
	if slices.Contains(paths, solution.Stdin) {
		return usagef("--watch has no use for standard input")
	}
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	return a.watch(ctx, f, paths, ticker.C)
}

func (a *app) watch(ctx context.Context, f lintFlags, paths []string, ticks <-chan time.Time) error {
	last := ""
	for {
		now := solution.Signature(paths)
		if now != last {
			last = now
			err := a.lint(ctx, f, paths)
			var usage *usageError
			var silent verdictError
			switch {
			case errors.As(err, &usage), ctx.Err() != nil:
				return err
			case err != nil && !errors.As(err, &silent):
				a.complain(err)
			}
			if f.fix {
				last = solution.Signature(paths)
			}
			a.say("watching %s; interrupt to end", strings.Join(paths, ", "))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watching: %w", ctx.Err())
		case <-ticks:
		}
	}
}

// Package lint judges the security roles in solution files as a scan judges those of an
// environment: it reads the files, chooses the roles that are meant, judges each by the
// policies, points to the lines, and adds missing lines. It is free of flags.
package lint

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// Options say which roles of which files are judged, and by what.
type Options struct {
	Paths   []string
	Exclude []string // patterns of files and folders
	Want    run.Overrides
	// Env is the environment of the configuration with the role; empty for the only one.
	Env      string
	AllRoles bool
	Accept   run.AcceptOptions
	// AsOf is the time for waivers. A result carries Stated, or if that is zero, the time
	// when it is judged.
	AsOf, EvaluatedAt time.Time
	// SaveSnapshot receives the snapshot of the judged role, which must be the only one; nil keeps
	// none.
	SaveSnapshot func(*snapshot.Snapshot) error
}

// A Linter judges the roles in files.
type Linter struct {
	*run.Runner

	Options  Options
	Accepted run.Acceptance
	Engine   *engine.Engine // nil before the first run

	limits   solution.Limits
	file     *config.File // or nil
	standard *solution.PrivilegeTable
	criteria []criteria
}

// An criteria is what a role is judged by; there is one for each integration of the environment.
type criteria struct {
	*Linter

	env         config.Environment
	requirement snapshot.Requirement
	profile     profile.Profile
	minimum     solution.Minimum
}

// New reads the configuration, the profiles and what is accepted.
func New(r *run.Runner, o Options) (*Linter, error) {
	if o.AllRoles && o.Want.Role != "" {
		return nil, run.Usagef("--all-roles and --integration-role exclude each other")
	}
	l := &Linter{Runner: r, Options: o, limits: solution.DefaultLimits()}
	var err error
	if l.limits.Exclude, err = solution.Exclude(o.Exclude); err != nil {
		return nil, run.Usagef("--exclude: %w", err)
	}
	if l.file, err = r.Configuration(); err != nil {
		return nil, err
	}
	if l.Accepted, err = r.LoadAcceptance(o.Accept, l.file, o.AsOf); err != nil {
		return nil, err
	}
	l.Accepted.Options.Environments, l.Accepted.Options.Partial = nil, true
	if err := l.loadCriteria(); err != nil {
		return nil, err
	}
	if len(l.criteria) > 1 && (o.AllRoles || o.SaveSnapshot != nil) {
		return nil, run.Usagef("--all-roles and --snapshot need one profile, but the configuration has %d integrations: choose one with --profile", len(l.criteria))
	}
	l.limits.KeepEntries = func(name string) bool {
		return slices.ContainsFunc(l.criteria, func(a criteria) bool { return a.mayJudge(name) })
	}
	l.warnAboutUnusedRoles()
	return l, nil
}

// loadCriteria fills what the roles are judged by.
func (l *Linter) loadCriteria() error {
	env, err := l.chosenEnvironment()
	if err != nil {
		return err
	}
	want := l.Options.Want
	integrations := []config.Environment{env}
	if l.ProfileName(config.Empty(), want) != engine.LintProfile {
		if integrations, err = l.SelectIntegrations(l.file, env, want); err != nil {
			return err
		}
	}
	for _, one := range integrations {
		a := criteria{Linter: l, env: one}
		if a.requirement, a.profile, err = l.Requirement(l.file, one, want); err != nil {
			return err
		}
		// A file holds neither users nor views, whatever is asked of an environment.
		r := &a.requirement
		r.ApplicationID, r.User, r.BusinessUnit, r.Views = "", "", "", nil
		depths := map[string]audit.Depth{}
		maps.Copy(depths, a.profile.Depths)
		maps.Copy(depths, r.Depth)
		a.minimum = solution.Minimum{Privileges: a.profile.Minimum(), Depths: depths}
		l.criteria = append(l.criteria, a)
	}
	return nil
}

// chosenEnvironment is the environment of the configuration that names the role: the chosen one, or
// the only one. Of several, none is preferred.
func (l *Linter) chosenEnvironment() (config.Environment, error) {
	name := l.Options.Env
	if name == "" {
		if all := l.file.AllEnvironments(); len(all) == 1 {
			return all[0], nil
		}
		return l.file.UnnamedEnvironment(), nil
	}
	for _, env := range l.file.AllEnvironments() {
		if env.Name == name {
			return env, nil
		}
	}
	return config.Environment{}, run.Usagef("there is no environment %q in the configuration: it has %s", name, cmp.Or(strings.Join(l.file.EnvironmentNames(), ", "), "none"))
}

// warnAboutUnusedRoles warns that the roles that the configuration names are not searched for,
// because they belong to several environments.
func (l *Linter) warnAboutUnusedRoles() {
	one := l.criteria[0]
	if one.env.Name != "" || l.Options.AllRoles || one.requirement.Role != "" {
		return
	}
	var named []string
	for _, env := range l.file.AllEnvironments() {
		for _, one := range l.file.PerIntegration(env) {
			if one.Integration.Role != "" && env.Name != "" {
				named = append(named, fmt.Sprintf("%q of %s", one.Integration.Role, env.Name))
			}
		}
	}
	if len(named) > 0 {
		l.Warnf("the configuration names a role for each environment (%s): choose one with --env or --integration-role", strings.Join(named, ", "))
	}
}

// An Outcome is the outcome of a run.
type Outcome struct {
	Roles  []RoleResult
	Faults []*solution.Fault // files that could not be read
	Unread []audit.Result    // a result for each of these, and each integration
}

// Run reads the files and judges the roles that are meant.
func (l *Linter) Run(ctx context.Context) (Outcome, error) {
	first := l.Engine == nil
	// Compiling the policies and reading the files take about as long.
	var found solution.Contents
	var group errgroup.Group
	group.Go(func() error { return l.compile(ctx) })
	group.Go(func() (err error) {
		found, err = l.read(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return Outcome{}, err
	}
	if first {
		l.logContents(found)
	}
	if len(found.Roles)+len(found.Faults) == 0 {
		return Outcome{}, fmt.Errorf("there is no security role in %s: want unpacked solutions, role files, customizations.xml or solution .zip files",
			strings.Join(l.Options.Paths, ", "))
	}
	out := Outcome{Faults: found.Faults, Unread: l.unreadResults(found.Faults)}
	for _, a := range l.criteria {
		judged, err := a.judge(ctx, found)
		if err != nil {
			return Outcome{}, err
		}
		out.Roles = append(out.Roles, judged...)
	}
	return out, nil
}

// compile compiles the policies and reads the table of privileges, once.
func (l *Linter) compile(ctx context.Context) (err error) {
	if l.Engine != nil {
		return nil
	}
	l.standard = solution.NewPrivilegeTable()
	profiles := make([]profile.Profile, len(l.criteria))
	for i, one := range l.criteria {
		profiles[i] = one.profile
	}
	l.Engine, err = l.Runner.LoadEngine(ctx, profiles...)
	return err
}

func (l *Linter) read(ctx context.Context) (solution.Contents, error) {
	found, err := solution.Read(ctx, l.Options.Paths, l.Stdin, l.limits)
	from := workingDirectory()
	for i := range found.Roles {
		found.Roles[i].File = relativePath(from, found.Roles[i].File)
	}
	for _, fault := range found.Faults {
		fault.File = relativePath(from, fault.File)
	}
	return found, err
}

// logContents reports notes, and files that were left out.
func (l *Linter) logContents(found solution.Contents) {
	for _, note := range found.Notes {
		l.Warnf("%s", note)
	}
	for _, name := range found.Excluded {
		l.Log(slog.LevelDebug, "", name+": excluded by --exclude")
	}
}

// unreadResults makes a result of each file that could not be read.
func (l *Linter) unreadResults(faults []*solution.Fault) []audit.Result {
	var results []audit.Result
	for _, f := range faults {
		for _, one := range l.criteria {
			results = append(results, l.UnreadResult(audit.Environment{Name: f.File}, one.profile, l.Options.EvaluatedAt,
				audit.Unread{Location: &audit.Location{Path: f.File, Line: f.Line, Column: f.Column}, Message: f.Err.Error()}))
		}
	}
	return results
}

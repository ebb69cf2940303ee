// Package lint judges the security roles in solution files, as a scan judges those of an environment.
// It reads the files, selects the roles to judge, judges each by the policies, adds the positions in
// the files to the results, and adds missing lines to the files. It is free of flags.
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

// Options say which roles are judged, and by which requirements.
type Options struct {
	Paths     []string
	Exclude   []string // patterns of files and folders
	Overrides run.Overrides
	// Env is the name of the environment in the configuration; empty for the only one.
	Env      string
	AllRoles bool
	Accept   run.AcceptOptions
	// AsOf is the time to which expiry dates of waivers are compared.
	AsOf time.Time
	// EvaluatedAt is the time in results; zero for the current time.
	EvaluatedAt time.Time
	// SaveSnapshot, if not nil, is called with the snapshot of the judged role. More than one
	// role is then an error.
	SaveSnapshot func(*snapshot.Snapshot) error
}

// A Linter judges the security roles in files.
type Linter struct {
	*run.Runner

	Options  Options
	Accepted run.Acceptance
	Engine   *engine.Engine // nil before the first run

	readOptions  solution.Options
	file         *config.File // or nil
	standard     *solution.PrivilegeTable
	integrations []integration
}

// An integration is one of the environment's integrations, with the requirements for its role. Roles
// are judged for each integration.
type integration struct {
	*Linter

	env         config.Environment
	requirement snapshot.Requirement
	profile     profile.Profile
	minimum     solution.Minimum
}

// New returns a Linter. It reads the configuration, the profiles, the waivers and the baseline.
func New(r *run.Runner, o Options) (*Linter, error) {
	if o.AllRoles && o.Overrides.Role != "" {
		return nil, run.Usagef("--all-roles and --integration-role cannot be used together")
	}
	l := &Linter{Runner: r, Options: o, readOptions: solution.DefaultOptions()}
	var err error
	if l.readOptions.Exclude, err = solution.Exclude(o.Exclude); err != nil {
		return nil, run.Usagef("--exclude: %w", err)
	}
	if l.file, err = r.Configuration(); err != nil {
		return nil, err
	}
	if l.Accepted, err = r.LoadAcceptance(o.Accept, l.file, o.AsOf); err != nil {
		return nil, err
	}
	l.Accepted.Options.Environments, l.Accepted.Options.Partial = nil, true
	if err := l.loadIntegrations(); err != nil {
		return nil, err
	}
	if len(l.integrations) > 1 && (o.AllRoles || o.SaveSnapshot != nil) {
		return nil, run.Usagef("--all-roles and --snapshot need one profile, but the configuration has %d integrations: choose one with --profile",
			len(l.integrations))
	}
	l.readOptions.KeepEntries = func(name string) bool {
		return slices.ContainsFunc(l.integrations, func(in integration) bool { return in.mayJudge(name) })
	}
	l.warnAboutUnusedRoles()
	return l, nil
}

func (l *Linter) loadIntegrations() error {
	env, err := l.chosenEnvironment()
	if err != nil {
		return err
	}
	overrides := l.Options.Overrides
	environments := []config.Environment{env}
	if l.ProfileName(config.Empty(), overrides) != engine.LintProfile {
		if environments, err = l.SelectIntegrations(l.file, env, overrides); err != nil {
			return err
		}
	}
	for _, env := range environments {
		in := integration{Linter: l, env: env}
		if in.requirement, in.profile, err = l.Requirement(l.file, env, overrides); err != nil {
			return err
		}
		// Files contain neither users nor views.
		r := &in.requirement
		r.ApplicationID, r.User, r.BusinessUnit, r.Views = "", "", "", nil
		depths := map[string]audit.Depth{}
		maps.Copy(depths, in.profile.Depths)
		maps.Copy(depths, r.Depth)
		in.minimum = solution.Minimum{Privileges: in.profile.Minimum(), Depths: depths}
		l.integrations = append(l.integrations, in)
	}
	return nil
}

// chosenEnvironment returns the environment that --env names, or the only one of the configuration. If
// there are several, it returns one without a name, because none is preferred.
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
	return config.Environment{}, run.Usagef("there is no environment %q in the configuration: it has %s",
		name, cmp.Or(strings.Join(l.file.EnvironmentNames(), ", "), "none"))
}

// warnAboutUnusedRoles warns that the roles in the configuration are ignored, because they belong to
// several environments.
func (l *Linter) warnAboutUnusedRoles() {
	first := l.integrations[0]
	if first.env.Name != "" || l.Options.AllRoles || first.requirement.Role != "" {
		return
	}
	var roles []string
	for _, env := range l.file.AllEnvironments() {
		for _, entry := range l.file.PerIntegration(env) {
			if entry.Integration.Role != "" && env.Name != "" {
				roles = append(roles, fmt.Sprintf("%q of %s", entry.Integration.Role, env.Name))
			}
		}
	}
	if len(roles) > 0 {
		l.Warnf("the configuration names a role for each environment (%s): choose one with --env or --integration-role", strings.Join(roles, ", "))
	}
}

// An Outcome is the outcome of [Linter.Run].
type Outcome struct {
	Roles  []RoleResult
	Faults []*solution.Fault // files that could not be read
	Unread []audit.Result    // a result for each fault and integration
}

// Run reads the files and judges the roles.
func (l *Linter) Run(ctx context.Context) (Outcome, error) {
	firstRun := l.Engine == nil
	// In parallel, because compiling the policies takes about as long as reading the files.
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
	if firstRun {
		l.logContents(found)
	}
	if len(found.Roles)+len(found.Faults) == 0 {
		return Outcome{}, fmt.Errorf("there is no security role in %s: want unpacked solutions, role files, customizations.xml or solution .zip files",
			strings.Join(l.Options.Paths, ", "))
	}
	out := Outcome{Faults: found.Faults, Unread: l.unreadResults(found.Faults)}
	for _, in := range l.integrations {
		results, err := in.judge(ctx, found)
		if err != nil {
			return Outcome{}, err
		}
		out.Roles = append(out.Roles, results...)
	}
	return out, nil
}

// compile compiles the policies and loads the table of privileges, on the first run.
func (l *Linter) compile(ctx context.Context) (err error) {
	if l.Engine != nil {
		return nil
	}
	l.standard = solution.NewPrivilegeTable()
	profiles := make([]profile.Profile, len(l.integrations))
	for i, in := range l.integrations {
		profiles[i] = in.profile
	}
	l.Engine, err = l.LoadEngine(ctx, profiles...)
	return err
}

// read reads the files, and makes their paths relative.
func (l *Linter) read(ctx context.Context) (solution.Contents, error) {
	found, err := solution.Read(ctx, l.Options.Paths, l.Stdin, l.readOptions)
	dir := workingDirectory()
	for i := range found.Roles {
		found.Roles[i].File = relativePath(dir, found.Roles[i].File)
	}
	for _, fault := range found.Faults {
		fault.File = relativePath(dir, fault.File)
	}
	return found, err
}

// logContents logs the notes and the excluded files.
func (l *Linter) logContents(found solution.Contents) {
	for _, note := range found.Notes {
		l.Warnf("%s", note)
	}
	for _, name := range found.Excluded {
		l.Log(slog.LevelDebug, "", name+": excluded by --exclude")
	}
}

// unreadResults returns the results for files that could not be read.
func (l *Linter) unreadResults(faults []*solution.Fault) []audit.Result {
	var results []audit.Result
	for _, f := range faults {
		for _, in := range l.integrations {
			results = append(results, l.UnreadResult(audit.Environment{Name: f.File}, in.profile, l.Options.EvaluatedAt,
				audit.Unread{Location: &audit.Location{Path: f.File, Line: f.Line, Column: f.Column}, Message: f.Err.Error()}))
		}
	}
	return results
}

package run

import (
	"context"
	"slices"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/discovery"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// Discover returns the application users of an environment, or of a saved snapshot of a whole
// environment, with their roles. It matches them with the built-in profiles, the files that the
// configuration names, and the named profiles.
func (r *Runner) Discover(ctx context.Context, conn Connection, names []string, saved string) (discovery.Document, error) {
	file, err := r.Configuration()
	if err != nil {
		return discovery.Document{}, err
	}
	profiles, err := r.discoveryProfiles(append(slices.Clone(names), ProfileFiles(file)...))
	if err != nil {
		return discovery.Document{}, err
	}
	e, err := r.LoadEngine(ctx)
	if err != nil {
		return discovery.Document{}, err
	}
	s, err := r.applicationUsers(ctx, conn, saved)
	if err != nil {
		return discovery.Document{}, err
	}
	found, err := e.Discover(ctx, s, profiles, 0)
	if err != nil {
		return discovery.Document{}, err
	}
	return discovery.New(s, r.Tool, profiles, found), nil
}

func (r *Runner) applicationUsers(ctx context.Context, conn Connection, saved string) (*snapshot.Snapshot, error) {
	if saved != "" {
		return r.ReadSnapshot(saved)
	}
	t, err := r.SingleTarget(conn, Overrides{NoRequirement: true}, "discover reads one environment")
	if err != nil {
		return nil, err
	}
	all, err := r.Collect(ctx, []Target{t}, snapshot.ScopeUsers, nil)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func (r *Runner) discoveryProfiles(names []string) ([]profile.Profile, error) {
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return nil, err
	}
	var all []profile.Profile
	named, extended := map[string]bool{}, map[string]bool{}
	for _, name := range names {
		p, err := r.Profile(name)
		if err != nil {
			return nil, err
		}
		if !named[p.Name] {
			all = append(all, p)
		}
		named[p.Name], extended[p.Extends] = true, true
	}
	for _, p := range builtin {
		if !named[p.Name] && !extended[p.Name] {
			all = append(all, p)
		}
	}
	return all, nil
}

// ProfileFiles returns the profiles of the configuration that are files.
func ProfileFiles(file *config.File) []string {
	names := []string{file.Profile}
	for _, env := range file.AllEnvironments() {
		for _, integration := range file.PerIntegration(env) {
			names = append(names, integration.Profile)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !IsProfileFile(name) })
}

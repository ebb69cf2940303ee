package run

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// RequirementChanges are changes to the requirement that a snapshot was taken for: those of the
// configuration and of the command line.
type RequirementChanges struct {
	File      *config.File
	Overrides Overrides
}

// CheckSnapshot judges a saved snapshot by the requirement that it was taken for, with changes. The
// returned snapshot is the slice that was judged.
func (r *Runner) CheckSnapshot(ctx context.Context, e *engine.Engine, name string, c RequirementChanges, asOf time.Time) (audit.Result, *snapshot.Snapshot, error) {
	t := Target{File: c.File}
	input, err := r.readSlice(name, func(s *snapshot.Snapshot) (required snapshot.Requirement, pattern string, err error) {
		taken, err := r.takenProfile(c.File, s)
		if t.Profile = taken; c.Overrides.Profile != "" {
			t.Profile, err = r.Profile(c.Overrides.Profile) // the file of the other may not exist here
		}
		if err != nil {
			return required, "", err
		}
		required, t.Env, err = c.requirement(s, t.Profile, taken)
		return required, t.Profile.Pattern, err
	})
	if err != nil {
		return audit.Result{}, nil, err
	}
	if err := e.CheckProfile(t.Profile); err != nil {
		return audit.Result{}, nil, &UsageError{err}
	}
	result, err := r.judge(ctx, e, input, t, asOf)
	return result, input, err
}

// takenProfile returns the profile that a snapshot was taken for: a built-in one, or the file of that
// name in the configuration of its environment. It returns the zero value with an error.
func (r *Runner) takenProfile(file *config.File, s *snapshot.Snapshot) (profile.Profile, error) {
	builtin, err := r.Profile(s.Requirement.Profile)
	if err == nil {
		return builtin, nil
	}
	for _, env := range file.PerIntegration(environmentOf(file, s.Environment.Name, s.Environment.URL)) {
		if p, err := r.configuredProfile(file, env); err == nil && p.Name == s.Requirement.Profile {
			return p, nil
		}
	}
	return profile.Profile{}, err
}

// requirement returns the requirement that a snapshot is judged by, and its environment in the
// configuration. takenFor is the profile that the snapshot was taken for; zero if it is unknown.
func (c RequirementChanges) requirement(s *snapshot.Snapshot, p, takenFor profile.Profile) (snapshot.Requirement, config.Environment, error) {
	env := c.integrationOf(environmentOf(c.File, s.Environment.Name, s.Environment.URL), s)
	r, err := c.Overrides.apply(s.Requirement)
	if err != nil {
		return r, env, err
	}
	r.Profile = p.Name
	if len(env.Depth) > 0 {
		if r.Depth, err = configuredDepths(c.File, env, p); err != nil {
			return r, env, err
		}
	}
	if env.Allow != nil {
		r.Allow = env.Allow
	}
	return r, env, checkContains(s, r, p, takenFor)
}

// checkContains returns an error if a snapshot lacks the data to judge a requirement, because missing
// data would look like a fault of the environment: a required privilege without a definition is one
// that the environment does not define.
func checkContains(s *snapshot.Snapshot, r snapshot.Requirement, p, takenFor profile.Profile) error {
	if p.Name != s.Requirement.Profile {
		collected := takenFor.Minimum()
		for _, name := range p.Minimum() {
			if _, ok := s.Privileges[name]; !ok && !slices.Contains(collected, name) {
				return Usagef("the snapshot was taken for the profile %q and does not contain the definition of %s: "+
					"collect it again with --profile %s", s.Requirement.Profile, name, p.Name)
			}
		}
	}
	taken := s.Requirement
	var changed string
	switch whole := s.Scope == snapshot.ScopeEnvironment; {
	case !whole && (!strings.EqualFold(r.ApplicationID, taken.ApplicationID) || !strings.EqualFold(r.User, taken.User)):
		changed = "another integration user"
	case !whole && !strings.EqualFold(r.Role, taken.Role):
		changed = "another integration role"
	case slices.ContainsFunc(r.Views, func(v snapshot.RequiredView) bool { return !taken.HasView(v.Table, v.Name) }):
		changed = "another view"
	default:
		return nil
	}
	return Usagef("%s is required than when the snapshot was taken, and it contains only what was required then: collect it again", changed)
}

// integrationOf returns the integration that a snapshot was taken for: the one with its profile or,
// if the profile is a file, with its user and role.
func (c RequirementChanges) integrationOf(env config.Environment, s *snapshot.Snapshot) config.Environment {
	r := s.Requirement
	for _, e := range c.File.PerIntegration(env) {
		name, i := cmp.Or(e.Profile, c.File.Profile, DefaultProfile), e.Integration
		same := strings.EqualFold(i.AppID, r.ApplicationID) && strings.EqualFold(i.User, r.User) && strings.EqualFold(i.Role, r.Role)
		if len(env.Integrations) == 0 || name == r.Profile || IsProfileFile(name) && same {
			return e
		}
	}
	return env
}

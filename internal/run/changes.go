package run

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// RequirementChanges replace requirements that were configured when a snapshot was taken.
type RequirementChanges struct {
	File      *config.File
	Overrides Overrides
}

// requirement returns the requirement that a snapshot is judged by. taken is the profile that the
// snapshot was taken for; empty if it is unknown.
func (c RequirementChanges) requirement(s *snapshot.Snapshot, p, taken profile.Profile) (snapshot.Requirement, config.Environment, error) {
	env := c.environmentOf(s)
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
	return r, env, checkContains(s, r, p, taken)
}

// checkContains refuses a requirement if the snapshot lacks the data to judge it, because missing
// data would look like a fault of the environment. A required privilege without a definition
// is one that the environment does not define.
func checkContains(s *snapshot.Snapshot, r snapshot.Requirement, p, taken profile.Profile) error {
	if p.Name != s.Requirement.Profile {
		asked := taken.Minimum()
		for _, name := range p.Minimum() {
			if _, ok := s.Privileges[name]; !ok && !slices.Contains(asked, name) {
				return Usagef("the snapshot was taken for the profile %q and does not contain the definition of %s: "+
					"collect it again with --profile %s", s.Requirement.Profile, name, p.Name)
			}
		}
	}
	was := s.Requirement
	var changed string
	switch whole := s.Scope == snapshot.ScopeEnvironment; {
	case !whole && (!strings.EqualFold(r.ApplicationID, was.ApplicationID) || !strings.EqualFold(r.User, was.User)):
		changed = "another integration user"
	case !whole && !strings.EqualFold(r.Role, was.Role):
		changed = "another integration role"
	case slices.ContainsFunc(r.Views, func(v snapshot.RequiredView) bool { return !containsView(was.Views, v) }):
		changed = "another view"
	default:
		return nil
	}
	return Usagef("%s is required than when the snapshot was taken, and it contains only what was required then: collect it again", changed)
}

func containsView(views []snapshot.RequiredView, v snapshot.RequiredView) bool {
	return slices.ContainsFunc(views, func(w snapshot.RequiredView) bool {
		return strings.EqualFold(v.Table, w.Table) && strings.EqualFold(v.Name, w.Name)
	})
}

// environmentOf finds the environment of the configuration that a snapshot is of.
func (c RequirementChanges) environmentOf(s *snapshot.Snapshot) config.Environment {
	all := c.File.AllEnvironments()
	for _, env := range all {
		if env.Name == s.Environment.Name && env.Name != "" || env.URL != "" && env.URL == s.Environment.URL {
			return c.integrationOf(env, s)
		}
	}
	if len(all) == 1 && all[0].Name == "" {
		return c.integrationOf(all[0], s)
	}
	return c.File.UnnamedEnvironment()
}

// integrationOf finds, of the integrations of an environment, the one that a snapshot was
// taken for: by the profile's name or, if it is a file, by the judged user.
func (c RequirementChanges) integrationOf(env config.Environment, s *snapshot.Snapshot) config.Environment {
	r := s.Requirement
	for _, one := range c.File.PerIntegration(env) {
		name, who := cmp.Or(one.Profile, c.File.Profile, DefaultProfile), one.Integration
		same := strings.EqualFold(who.AppID, r.ApplicationID) && strings.EqualFold(who.User, r.User) && strings.EqualFold(who.Role, r.Role)
		if len(env.Integrations) == 0 || name == r.Profile || IsProfileFile(name) && same {
			return one
		}
	}
	return env
}

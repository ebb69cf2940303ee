package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Limits are what an integration may be given.
type Limits struct {
	Changes int    // how many single differences a plan may have; 0 is the default
	Profile string // the name of the profile
	// Minimum is what the profile requires: nothing else may be granted. Allow is what a
	// role may grant besides when it is assigned.
	Minimum, Allow []string
	// Requirement is what the configuration requires, Depths what the profile states: see
	// [RequiredDepth]. Nothing may be granted at a greater depth, unless the privilege allows no
	// smaller one.
	Requirement snapshot.Requirement
	Depths      map[string]audit.Depth
}

// RequiredDepth is the depth at which a privilege is required, by the configuration, the profile, or
// else the deepest. policy/dbaudit/access decides it for the verdict.
func RequiredDepth(name string, requirement snapshot.Requirement, stated map[string]audit.Depth) audit.Depth {
	for _, stated := range []map[string]audit.Depth{requirement.Depth, stated} {
		for other, depth := range stated {
			if strings.EqualFold(other, name) {
				return depth
			}
		}
	}
	return audit.DepthGlobal
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// CheckLimits refuses an action that gives the integration more than is required.
func (a Action) CheckLimits(l Limits) error {
	if limit := kindNamed(a.Kind).automation.limit; limit != nil {
		return limit(l, a)
	}
	return nil
}

func (l Limits) checkGrant(a Action) error {
	for _, name := range a.After.Names() {
		if !containsFold(l.Minimum, name) {
			return fmt.Errorf("action %s grants %s, which the profile %s does not require", a.ID, name, l.Profile)
		}
		want := RequiredDepth(name, l.Requirement, l.Depths)
		if depth := DepthOf(a.After[name]); depth > want && depth != ClosestDepth(a.Target.Levels[name], want) {
			return fmt.Errorf("action %s grants %s at %s level, but %s is required", a.ID, name, audit.LevelOf(a.After[name]), want.Level())
		}
	}
	return nil
}

func (l Limits) checkAssignment(a Action) error {
	permitted := slices.Concat(NewRolePrivileges(), l.Minimum, l.Allow, l.Requirement.Allow)
	for _, name := range a.Target.Grants.Names() {
		if !containsFold(permitted, name) {
			return fmt.Errorf("action %s assigns a role that grants %s, which the profile %s does not require", a.ID, name, l.Profile)
		}
	}
	return nil
}

// ClosestDepth is the depth that is granted instead of a required one: the shallowest of the
// levels that is at least that depth, or the deepest if none is.
func ClosestDepth(levels []audit.Depth, want audit.Depth) audit.Depth {
	fit := audit.DepthNone
	for _, level := range levels {
		switch {
		case fit < want:
			fit = max(fit, level)
		case level >= want:
			fit = min(fit, level)
		}
	}
	return fit
}

package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Limits bound what a plan may give an integration.
type Limits struct {
	Changes int    // the maximum number of differences in a plan; 0 is the default
	Profile string // the name of the profile
	// Minimum lists the privileges that the profile requires: no others may be granted. Allow
	// lists the privileges that a role may grant in addition when it is assigned.
	Minimum, Allow []string
	// Requirement and Depths, the depths that the profile states, determine the
	// [RequiredDepth]. A privilege may be granted at a greater depth only if it does not allow
	// a smaller one.
	Requirement snapshot.Requirement
	Depths      map[string]audit.Depth
}

// RequiredDepth returns the depth that the configuration or else the profile states for a
// privilege. The default is the deepest. policy/dbaudit/access decides it for the verdict.
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

// CheckLimits returns an error if the action gives the integration more than is required.
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

// ClosestDepth returns the depth to grant instead of a required one: the shallowest of the
// levels that is at least that depth, or else the deepest.
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

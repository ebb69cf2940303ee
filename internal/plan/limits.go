package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Limits bound what a plan may do. They apply unless somebody lifts them.
type Limits struct {
	// Changes is how many single differences a plan may have; 0 is [MaxChanges].
	Changes int
	// Minimum is what the profile requires: nothing else may be granted.
	Minimum []string
	// Allow is what the profile also allows: an assigned role may grant it.
	Allow []string
	// Depths are the depths that the profile states, by privilege: nothing may be granted
	// at a greater depth, unless the privilege allows no smaller one.
	Depths map[string]snapshot.Depth
}

// MaxChanges is the default limit of a plan's changes.
const MaxChanges = 100

// Within refuses a plan that exceeds the limits. The plan contains the requirements of the
// configuration.
func (p Plan) Within(l Limits) error {
	most := l.Changes
	if most == 0 {
		most = MaxChanges
	}
	if n := p.Counts().Total(); n > most {
		return fmt.Errorf("the plan makes %d changes, more than the limit of %d: make it smaller with --only or --except, or raise --max-changes", n, most)
	}
	for _, a := range p.Actions {
		if err := p.asks(a, l); err != nil {
			return err
		}
	}
	return nil
}

// asks refuses an action that gives the integration more than is required.
func (p Plan) asks(a Action, l Limits) error {
	switch a.Kind {
	case change.AddPrivilege, change.RaiseDepth:
		for _, name := range a.After.names() {
			if !slices.ContainsFunc(l.Minimum, func(m string) bool { return strings.EqualFold(m, name) }) {
				return fmt.Errorf("action %s grants %s, which the profile %s does not require", a.ID, name, p.Profile)
			}
			want := asked(name, p.Requirement, l.Depths)
			if depth := rank(a.After[name]); depth > int(want) && depth != int(fitting(a.Target.Levels[name], want)) {
				return fmt.Errorf("action %s grants %s at %s level, but %s is required", a.ID, name, audit.Level(a.After[name]), audit.Level(want.String()))
			}
		}
	case change.AssignRole:
		for _, name := range a.Target.Grants.names() {
			if !permitted(name, l.Minimum, l.Allow, p.Requirement.Allow) {
				return fmt.Errorf("action %s assigns a role that grants %s, which the profile %s does not require", a.ID, name, p.Profile)
			}
		}
	default:
	}
	return nil
}

// fitting is the shallowest of the levels that is at least the wanted depth, or the deepest
// if none is.
func fitting(levels []snapshot.Depth, want snapshot.Depth) snapshot.Depth {
	fit := snapshot.DepthNone
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

// Expired reports whether the plan is too old to be applied. The expiry of a plan from the
// future means nothing; clocks may differ a little.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}

package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Limits bound what a plan may do. They are on unless somebody lifts them.
type Limits struct {
	// Changes is how many single differences a plan may have; 0 is [MaxChanges].
	Changes int
	// Minimum is what the profile asks for: nothing else may be granted.
	Minimum []string
	// Allow is what the profile allows besides: a role that is assigned may grant it.
	Allow []string
	// Depths are the depths that the profile names, by privilege: nothing may be
	// granted deeper, unless the privilege allows no less.
	Depths map[string]snapshot.Depth
}

// MaxChanges is the most that a plan changes where nothing else is said.
const MaxChanges = 100

// Within refuses a plan that goes beyond the limits. What the configuration asks and
// allows is in the plan.
func (p Plan) Within(l Limits) error {
	most := l.Changes
	if most == 0 {
		most = MaxChanges
	}
	if n := p.Counts().Total(); n > most {
		return fmt.Errorf("the plan makes %d changes, more than the %d that are allowed at once: make it smaller by --only or --except, or raise --max-changes", n, most)
	}
	for _, a := range p.Actions {
		if err := p.asks(a, l); err != nil {
			return err
		}
	}
	return nil
}

// asks refuses an action that makes the integration more than is asked for.
func (p Plan) asks(a Action, l Limits) error {
	switch a.Kind {
	case audit.FixAddPrivilege, audit.FixRaiseDepth:
		for _, name := range a.After.names() {
			if !slices.ContainsFunc(l.Minimum, func(m string) bool { return strings.EqualFold(m, name) }) {
				return fmt.Errorf("action %s grants %s, for which the profile %s does not ask", a.ID, name, p.Profile)
			}
			want := asked(name, p.Requirement, l.Depths)
			if depth := rank(a.After[name]); depth > int(want) && depth != int(fitting(a.Target.Levels[name], want)) {
				return fmt.Errorf("action %s grants %s at %s depth, and %s is asked for", a.ID, name, a.After[name], want)
			}
		}
	case audit.FixAssignRole:
		for _, name := range a.Target.Grants.names() {
			if !permitted(name, l.Minimum, l.Allow, p.Requirement.Allow) {
				return fmt.Errorf("action %s assigns a role that grants %s, for which the profile %s does not ask", a.ID, name, p.Profile)
			}
		}
	default:
	}
	return nil
}

// fitting is the shallowest of the levels that reaches the wanted depth, or the
// deepest where none does.
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

// Expired reports whether the plan is too old to be applied. One from the future has
// an expiry that means nothing; clocks may differ by a little.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}

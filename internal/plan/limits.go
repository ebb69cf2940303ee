package plan

import (
	"fmt"
	"slices"
	"time"

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
		if err := a.Within(p.limits(l)); err != nil {
			return err
		}
	}
	return nil
}

func (p Plan) limits(l Limits) change.Limits {
	return change.Limits{
		Profile: p.Profile, Minimum: l.Minimum, Allow: slices.Concat(l.Allow, p.Requirement.Allow), Requirement: p.Requirement, Depths: l.Depths,
	}
}

// Expired reports whether the plan is too old to be applied. The expiry of a plan from the
// future means nothing; clocks may differ a little.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}

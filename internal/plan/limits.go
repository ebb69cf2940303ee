package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// Limits bound what a plan may do. [Plan.CheckLimits] sets the profile and the requirement.
type Limits = change.Limits

// MaxChanges is the default limit of a plan's changes.
const MaxChanges = 100

// CheckLimits returns an error if the plan exceeds the limits.
func (p Plan) CheckLimits(l Limits) error {
	most := cmp.Or(l.Changes, MaxChanges)
	if n := p.changeCount(); n > most {
		return fmt.Errorf("the plan makes %d changes, more than the limit of %d: make it smaller with --only or --except, or raise --max-changes", n, most)
	}
	l.Profile, l.Requirement = p.Profile, p.Requirement
	for _, a := range p.Actions {
		if err := a.CheckLimits(l); err != nil {
			return err
		}
	}
	return nil
}

// Expired reports whether the plan is too old to be applied, or its snapshot is from the future.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}

// Needs returns the minimum depths of the privileges that the identity that applies the plan must
// have: see [change.Needs]. Assigning a role requires everything that the role grants.
func (p Plan) Needs() change.Depths {
	n := change.Needs{Depths: change.Depths{}, Root: p.RootUnit}
	for _, a := range p.Actions {
		n.AddChange(a.Target, a.Before, a.After)
		if a.Kind == change.AssignRole {
			n.AddAssignment(a.Target, p.Actions)
		}
	}
	return n.Depths
}

// NeedsToUndo returns the privileges that a rollback requires in addition to [Plan.Needs], and the
// names of the roles that it assigns again. Assigning a role requires everything that it grants.
func (p Plan) NeedsToUndo() (privileges change.Depths, roles []string) {
	n := change.Needs{Depths: change.Depths{}, Root: p.RootUnit}
	for _, a := range p.Actions {
		if a.UndoneWith != "" {
			continue
		}
		n.AddChange(a.Target, a.After, a.Before)
		if a.Kind == change.UnassignRole && !slices.Contains(roles, a.Target.Role.Name) {
			roles = append(roles, a.Target.Role.Name)
		}
	}
	held := p.Needs()
	maps.DeleteFunc(n.Depths, func(name string, depth audit.Depth) bool { return held[name] >= depth })
	return n.Depths, roles
}

// MissingPrivileges returns the needs that held does not meet, with their depths. The names in held
// are in lower case.
func (p Plan) MissingPrivileges(held change.Depths) []string {
	var missing []string
	needs := p.Needs()
	for _, name := range needs.Names() {
		if held[strings.ToLower(name)] < needs[name] {
			missing = append(missing, name+" ("+needs[name].String()+")")
		}
	}
	return missing
}

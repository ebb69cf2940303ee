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

// Limits bound what a plan may do; the plan itself has the profile and the requirements.
type Limits = change.Limits

// MaxChanges is the default limit of a plan's changes.
const MaxChanges = 100

// CheckLimits refuses a plan that exceeds the limits.
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

// Expired reports whether the plan is too old to be applied, or from the future.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}

// Needs are the privileges that the identity that applies the plan must have, by name, each
// with the minimum depth: see [change.Needs]. Assigning a role grants everything in the role.
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

// NeedsToUndo are the privileges that rolling back requires in addition to [Plan.Needs], and
// the roles that it would assign again, which requires everything that they grant.
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

// MissingPrivileges lists unmet needs with their depths. The names in held are in lower case.
func (p Plan) MissingPrivileges(held change.Depths) []string {
	var lacking []string
	needs := p.Needs()
	for _, name := range needs.Names() {
		if held[strings.ToLower(name)] < needs[name] {
			lacking = append(lacking, name+" ("+needs[name].String()+")")
		}
	}
	return lacking
}

package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/plan"
)

// A Role is a copy of a role as it is right now.
type Role struct {
	// Root is the id of the role that it is a copy of.
	Root string
	// BuiltIn is set where it was made from a template.
	BuiltIn bool
	// Grants are the depths of all privileges that it grants, by name.
	Grants plan.State
}

// notBeyond refuses to assign a role that is built in, or that grants more than the
// plan has: by the time that a user is given a role, anybody may have made more of
// it. pending is what earlier actions are still to make of the role.
func (r *Runner) notBeyond(ctx context.Context, a plan.Action, t plan.Target, now Reading, pending plan.State) error {
	role, err := r.Mutator.Role(ctx, now.IDs[plan.SlotCopy])
	if err != nil {
		return fmt.Errorf("finding out what the role %q grants: %w", t.Role.Name, err)
	}
	grants := maps.Clone(pending)
	if grants == nil {
		grants = plan.State{}
	}
	changed := slices.Collect(maps.Keys(pending))
	for name, depth := range role.Grants {
		if !slices.ContainsFunc(changed, func(c string) bool { return strings.EqualFold(c, name) }) {
			grants[name] = depth
		}
	}
	var because string
	switch beyond := t.Beyond(grants); {
	case !strings.EqualFold(role.Root, t.Role.ID):
		because = "what would be assigned is no copy of the role"
	case role.BuiltIn:
		because = "the role is a built-in one"
	case len(beyond) > 0:
		because = "the role grants more than the plan has: " + listed(beyond)
	default:
		return nil
	}
	return &ChangedError{Action: a, Because: because}
}

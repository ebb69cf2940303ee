package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Role is the current state of a copy of a role.
type Role struct {
	// Root is the id of the role that it is a copy of.
	Root string
	// BuiltIn is set if it comes from a template.
	BuiltIn bool
	// Grants are the depths of all privileges that it grants, by name.
	Grants change.State
}

// notBeyond refuses to assign a role that is built in, or that grants more than in the
// plan: somebody may have extended the role since. pending is what earlier actions will
// still change in the role.
func (r *Runner) notBeyond(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	role, err := r.Mutator.Role(ctx, now.IDs[change.SlotCopy])
	if err != nil {
		return fmt.Errorf("finding out what the role %q grants: %w", t.Role.Name, err)
	}
	grants := maps.Clone(pending)
	if grants == nil {
		grants = change.State{}
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
		because = "the role to be assigned is not a copy of the plan's role"
	case role.BuiltIn:
		because = "the role is a built-in one"
	case len(beyond) > 0:
		because = "the role grants more than in the plan: " + listed(beyond)
	default:
		return nil
	}
	return &ChangedError{Action: a, Because: because}
}

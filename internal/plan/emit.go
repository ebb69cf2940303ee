package plan

import (
	"maps"
	"slices"
	"strconv"

	"github.com/dbaudit/dbaudit/internal/change"
)

// emit writes the actions: the role first, and completely, so that nobody ever gets less or
// more of it than intended; then the user; then the shares. Actions that the environment
// may refuse, because the owner was not read, come last, so that a refusal does not affect
// others.
func (b *builder) emit() {
	roleMadeBy, userMadeBy := "", ""
	if w := b.newRole; w != nil {
		roleMadeBy = b.action(change.Act(change.CreateRole, change.Target{Role: &change.Ref{Name: w.ref.Name}, BusinessUnit: &w.unit}, w.why))
		w.ref.MadeBy = roleMadeBy
		b.grants(w, nil)
	}
	for _, id := range slices.Sorted(maps.Keys(b.roles)) {
		w := b.roles[id]
		b.grants(w, b.snapshot.RolePrivileges[id])
		b.removals(w)
	}
	if b.newUser != nil {
		userMadeBy = b.action(*b.newUser)
	}
	if b.enable != nil {
		b.action(*b.enable)
	}
	if b.assign != nil {
		b.action(madeBy(b.assign.Action, roleMadeBy, userMadeBy))
	}
	b.sharings(userMadeBy, false)
	for _, w := range b.unassign {
		b.action(w.Action)
	}
	b.sharings(userMadeBy, true)
}

// madeBy names the actions that create the role and the user of an assignment.
func madeBy(a change.Action, role, user string) change.Action {
	t := &a.Target
	if t.Role.ID == "" {
		t.Role.MadeBy = role
		if t.Copy.Name != "" { // the role itself
			t.Copy.MadeBy = role
		}
	}
	t.Copy.Name = t.Role.Name
	if t.User.ID == "" {
		t.User.MadeBy = user
	}
	return a
}

// action appends an action with what follows from it, and returns its id. Targets refer to
// rows that earlier actions create by the ids of these actions.
func (b *builder) action(a change.Action) string {
	a.ID = strconv.Itoa(len(b.plan.Actions) + 1)
	a.Summary, a.Risk, a.Note = a.Describe(b.plan.Requirement.Allow)
	a.Request, a.Undo = a.Requests(b.plan.Environment.URL)
	b.plan.Actions = append(b.plan.Actions, a)
	return a.ID
}

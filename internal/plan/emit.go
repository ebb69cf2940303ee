package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

// emit writes the actions: the role first, and completely, so that nobody ever gets less or
// more of it than intended; then the user; then the shares. Actions that the environment
// may refuse, because the owner was not read, come last, so that a refusal does not affect
// others.
func (b *builder) emit() {
	roleMadeBy, userMadeBy := "", ""
	if w := b.newRole; w != nil {
		roleMadeBy = b.action(Action{
			Kind: change.CreateRole, Why: w.why, Along: Inborn(),
			Target: Target{Kind: KindRole, Role: &Ref{Name: w.ref.Name}, BusinessUnit: &w.unit},
			Before: State{attrRole: Absent}, After: State{attrRole: Present},
		})
		w.ref.MadeBy = roleMadeBy
		b.grants(w, nil)
	}
	for _, id := range slices.Sorted(maps.Keys(b.roles)) {
		w := b.roles[id]
		b.grants(w, b.snapshot.RolePrivileges[id])
		b.removals(w)
	}
	if w := b.newUser; w != nil {
		userMadeBy = b.action(Action{
			Kind: change.CreateApplicationUser, Why: w.why,
			Target: Target{Kind: KindUser, User: &Ref{Kind: "systemuser", Name: w.ref.Name}, ApplicationID: w.app, BusinessUnit: &w.unit},
			Before: State{attrUser: Absent}, After: State{attrUser: Enabled},
		})
	}
	if w := b.enable; w != nil {
		b.action(Action{
			Kind: change.EnableUser, Why: w.why,
			Target: Target{Kind: KindUser, User: &w.ref, ApplicationID: w.app, BusinessUnit: &w.unit},
			Before: State{attrUser: Disabled}, After: State{attrUser: Enabled},
		})
	}
	if w := b.assign; w != nil {
		b.assignment(*w, roleMadeBy, userMadeBy)
	}
	slices.Sort(b.shareKeys)
	b.sharings(userMadeBy, false)
	for _, w := range b.unassign {
		b.action(Action{
			Kind: change.UnassignRole, Why: w.why,
			Target: Target{Kind: KindAssignment, Role: &w.role, Copy: &w.copied, User: &w.user, BusinessUnit: &w.unit},
			Before: State{attrAssigned: Yes}, After: State{attrAssigned: No},
		})
	}
	b.sharings(userMadeBy, true)
}

// action appends an action with what follows from it, and returns its id. Targets refer to
// rows that earlier actions create by the ids of these actions.
func (b *builder) action(a Action) string {
	a.ID = strconv.Itoa(len(b.plan.Actions) + 1)
	a.Summary, a.Risk, a.Note = a.describe(b.plan.Requirement.Allow)
	a.Request, a.Undo = a.requests(b.plan.Environment.URL)
	b.plan.Actions = append(b.plan.Actions, a)
	return a.ID
}

// requests derives the requests of an action and of its undo.
func (a Action) requests(environmentURL string) (Request, []Request) {
	known := a.Target.Known()
	known[SlotAPI] = API(environmentURL)
	undo := []Request{}
	step, ok := a.Target.Next(a.Before, a.After)
	if !ok {
		return Request{}, undo
	}
	if a.UndoneWith == "" {
		_, back := a.Target.Path(a.After, a.Before)
		for _, r := range back {
			undo = append(undo, r.Fill(known))
		}
	}
	return step.Request.Fill(known), undo
}

// API is the absolute address of an environment's Web API.
func API(environmentURL string) string {
	return strings.TrimRight(environmentURL, "/") + "/api/data/v9.2"
}

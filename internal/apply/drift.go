package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// CheckDrift returns an error if a target differs from the plan. It changes nothing. It calls checked
// for each action. It cannot read a target if another action, waitsFor, creates a row of it.
func (r *Runner) CheckDrift(ctx context.Context, checked func(a change.Action, waitsFor string)) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	expected := map[string]change.State{}
	for _, a := range r.Journal.Plan.Actions {
		if earlier := creators(a.Target); earlier != nil {
			checked(a, earlier[0])
			continue
		}
		reading, err := r.Mutator.Current(ctx, a.Target, a.Target.AffectedNames(a.After))
		if err != nil {
			return fmt.Errorf("reading the target of action %s: %w", a.ID, err)
		}
		// Earlier actions may change the same target.
		k := targetKey(a.Target)
		for name, value := range expected[k] {
			if _, ok := reading.State[name]; ok {
				reading.State[name] = value
			}
		}
		pending := expected[targetKey(change.Target{Kind: change.TargetGrants, Role: a.Target.Role})]
		if err := r.checkTarget(ctx, a, a.Target, reading, pending); err != nil {
			return err
		}
		if expected[k] == nil {
			expected[k] = change.State{}
		}
		maps.Copy(expected[k], a.After)
		checked(a, "")
	}
	return nil
}

// checkTarget returns an error if a target differs from the plan. pending is what earlier actions
// change in its role.
func (r *Runner) checkTarget(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	if !now.State.Includes(a.Before) {
		if now.Inherited != "" {
			return &DriftError{a, fmt.Sprintf("%q is inherited from another shared record, and changing this share does not remove it: "+
				"remove it at its source, and leave the control out of a new plan with --except", now.Inherited)}
		}
		return newStateDriftError(a, now.State)
	}
	if name := unexpectedlyMissing(r.Journal.Plan, a, now.State); name != "" {
		return newDriftError(a, "the role no longer grants "+name)
	}
	for _, name := range t.Filtered {
		if !slices.Contains(now.Filtered, name) {
			return newDriftError(a, "a record filter no longer grants "+name)
		}
	}
	if len(now.Filtered) > 0 && !r.ReplaceFiltered {
		return refusalError(a, fmt.Sprintf("a record filter grants %s for some records only, and rollback cannot restore that: "+
			"leave the control out of a new plan with --except, or replace the grant with --replace-filtered", change.JoinFirst(now.Filtered)))
	}
	if err := r.checkNames(ctx, a.Target); err != nil {
		return asDriftError(a, err)
	}
	for name, id := range t.Privileges {
		if found := now.IDs[name]; found != "" && !strings.EqualFold(found, id) {
			return newDriftError(a, fmt.Sprintf("%s has the id %s in the environment, not %s", name, found, id))
		}
	}
	switch {
	case a.Target.Role == nil || a.Target.Role.MadeBy != "":
		return nil
	case t.Kind == change.TargetGrants:
		return r.checkHolders(ctx, a, t.Role)
	case a.Kind == change.AssignRole:
		return r.checkAssignedRole(ctx, a, t, now, pending)
	}
	return nil
}

// checkHolders returns an error if others have a role too, unless that is allowed.
func (r *Runner) checkHolders(ctx context.Context, a change.Action, role *change.Ref) error {
	if r.AllowSharedRole || r.checked[role.ID] {
		return nil
	}
	found, err := r.Mutator.Holders(ctx, role.ID)
	if err != nil {
		return fmt.Errorf("finding out who has the role %q: %w", role.Name, err)
	}
	var others []string
	for _, h := range found.Holders {
		if h.ID != r.Journal.Plan.IntegrationUser {
			others = append(others, h.String())
		}
	}
	slices.Sort(others)
	if others != nil {
		return refusalError(a, "others have the role too: "+change.JoinFirst(others)+"; give the integration a separate role, or allow it with --allow-shared-role")
	}
	if found.Incomplete != "" {
		return refusalError(a, "others may have the role too: "+found.Incomplete+"; let the applying identity read them, or allow it with --allow-shared-role")
	}
	r.checked[role.ID] = true
	return nil
}

// checkAssignedRole returns an error if a role to be assigned is built in, or grants more than in
// the plan. pending is what earlier actions change in the role.
func (r *Runner) checkAssignedRole(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	role, err := r.Mutator.Role(ctx, now.IDs[change.SlotCopy])
	if err != nil {
		return fmt.Errorf("finding out what the role %q grants: %w", t.Role.Name, err)
	}
	grants := change.Depths{}
	maps.Copy(grants, role.Grants)
	for name, value := range pending {
		maps.DeleteFunc(grants, func(granted string, _ audit.Depth) bool { return strings.EqualFold(granted, name) })
		grants[name] = change.DepthOf(value)
	}
	switch surplus := t.Surplus(grants); {
	case !strings.EqualFold(role.Root, t.Role.ID):
		return newDriftError(a, "the role to be assigned is not a copy of the plan's role")
	case role.BuiltIn:
		return newDriftError(a, "the role is a built-in one")
	case len(surplus) > 0:
		return newDriftError(a, "the role grants more than in the plan: "+change.JoinFirst(surplus))
	}
	return nil
}

// checkNames returns an error if a row of a target has another name than in the plan, because people
// review the plan by its names.
func (r *Runner) checkNames(ctx context.Context, t change.Target) error {
	principal := TableUser
	if t.Principal != nil && t.Principal.Kind == string(TableTeam) {
		principal = TableTeam
	}
	for _, row := range []struct {
		table Table
		ref   *change.Ref
	}{{TableRole, t.Role}, {TableRole, t.Copy}, {TableUser, t.User}, {TableUnit, t.BusinessUnit}, {TableView, t.View}, {principal, t.Principal}} {
		if row.ref == nil || row.ref.ID == "" || row.ref.Name == "" {
			continue
		}
		if err := r.checkName(ctx, row.table, *row.ref, t); err != nil {
			return err
		}
	}
	return nil
}

// checkName checks the name of a row, once per run.
func (r *Runner) checkName(ctx context.Context, table Table, ref change.Ref, t change.Target) (err error) {
	key := string(table) + " " + ref.ID + " " + ref.Name
	if err, known := r.names[key]; known {
		return err
	}
	var as *change.Ref
	if table == TableView {
		as = t.Owner
	}
	row, err := r.Mutator.Row(ctx, table, ref.ID, as)
	switch {
	case err != nil:
		return fmt.Errorf("reading the name of the %s %q: %w", table.label(), ref.Name, err)
	case row == nil: // reading the target reports a missing row
	case !equalNames(row.Name, ref.Name) && (row.SignIn == "" || !equalNames(row.SignIn, ref.Name)):
		err = mismatchError(fmt.Sprintf("the %s %q is now named %q", table.label(), ref.Name, row.Name))
	case table == TableUser && t.Kind == change.TargetUser && !strings.EqualFold(row.ApplicationID, t.ApplicationID):
		err = mismatchError(fmt.Sprintf("the user %q has the application id %q, not %q", ref.Name, row.ApplicationID, t.ApplicationID))
	}
	r.names[key] = err
	return err
}

// equalNames reports whether the environment treats two names as equal.
func equalNames(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// Verify reads every target again after all actions are done. It returns a [LostError] for each
// action with a change that did not persist. If several actions change the same value, only the
// last one counts.
func (r *Runner) Verify(ctx context.Context) ([]*LostError, error) {
	type result struct {
		target     change.Target
		state      change.State
		lastAction map[string]int // the index of the last action on a name
	}
	var keys []string
	results := map[string]*result{}
	for i, a := range r.Journal.Plan.Actions {
		t, err := r.resolve(a)
		if err != nil {
			return nil, err
		}
		k := targetKey(t)
		if results[k] == nil {
			keys = append(keys, k)
			results[k] = &result{target: t, state: change.State{}, lastAction: map[string]int{}}
		}
		for name, value := range a.After {
			results[k].state[name], results[k].lastAction[name] = value, i
		}
	}
	lost := make([]*LostError, len(r.Journal.Plan.Actions))
	for _, k := range keys {
		want := results[k]
		now, err := r.Mutator.Current(ctx, want.target, want.state.Names())
		if err != nil {
			return nil, fmt.Errorf("reading back what was changed: %w", err)
		}
		for name, value := range difference(now.State, want.state) {
			i := want.lastAction[name]
			if lost[i] == nil {
				lost[i] = &LostError{r.Journal.Plan.Actions[i], change.State{}}
			}
			lost[i].Now[name] = value
		}
	}
	return slices.DeleteFunc(lost, func(l *LostError) bool { return l == nil }), nil
}

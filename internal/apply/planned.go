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

// Check compares every target that already exists with the plan, and changes nothing. checked
// is called for each action. An action is skipped if an earlier one, waitsFor, creates its row.
func (r *Runner) Check(ctx context.Context, checked func(a change.Action, waitsFor string)) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	expected := map[string]change.State{}
	for _, a := range r.Journal.Plan.Actions {
		if earlier := makers(a.Target); earlier != nil {
			checked(a, earlier[0])
			continue
		}
		reading, err := r.Mutator.Current(ctx, a.Target, a.Target.Watched(a.After))
		if err != nil {
			return fmt.Errorf("reading the target of action %s: %w", a.ID, err)
		}
		// Several actions may change the same thing one after the other.
		k := key(a.Target)
		for name, value := range expected[k] {
			if _, there := reading.State[name]; there {
				reading.State[name] = value
			}
		}
		pending := expected[key(change.Target{Kind: change.TargetGrants, Role: a.Target.Role})]
		if err := r.asPlanned(ctx, a, a.Target, reading, pending); err != nil {
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

// asPlanned refuses a target that is not as in the plan. pending is what earlier actions change
// in its role.
func (r *Runner) asPlanned(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	if !now.State.Covers(a.Before) {
		if now.Inherited != "" {
			return &ChangedError{a, fmt.Sprintf("%q is inherited from another shared record, and changing this share does not remove it: "+
				"remove it at its source, and leave the control out of a new plan with --except", now.Inherited)}
		}
		return changedTo(a, now.State)
	}
	if name := unplanned(r.Journal.Plan, a, now.State); name != "" {
		return changed(a, "the role no longer grants "+name)
	}
	for _, name := range t.Filtered {
		if !slices.Contains(now.Filtered, name) {
			return changed(a, "a record filter no longer grants "+name)
		}
	}
	if len(now.Filtered) > 0 && !r.ReplaceFiltered {
		return refused(a, fmt.Sprintf("a record filter grants %s for some records only, and rollback cannot restore that: "+
			"leave the control out of a new plan with --except, or replace the grant with --replace-filtered", change.Listed(now.Filtered)))
	}
	if err := r.sameNames(ctx, a.Target); err != nil {
		return asChanged(a, err)
	}
	for name, id := range t.Privileges {
		if found := now.IDs[name]; found != "" && !strings.EqualFold(found, id) {
			return changed(a, fmt.Sprintf("%s has the id %s in the environment, not %s", name, found, id))
		}
	}
	switch {
	case a.Target.Role == nil || a.Target.Role.MadeBy != "":
		return nil
	case t.Kind == change.TargetGrants:
		return r.notShared(ctx, a, t.Role)
	case a.Kind == change.AssignRole:
		return r.notBeyond(ctx, a, t, now, pending)
	}
	return nil
}

// notShared refuses a change of a role that others have, unless that is allowed.
func (r *Runner) notShared(ctx context.Context, a change.Action, role *change.Ref) error {
	if r.AllowSharedRole || r.checked[role.ID] {
		return nil
	}
	held, err := r.Mutator.Holders(ctx, role.ID)
	if err != nil {
		return fmt.Errorf("finding out who has the role %q: %w", role.Name, err)
	}
	var others []string
	for _, h := range held.Holders {
		if h.ID != r.Journal.Plan.IntegrationUser {
			others = append(others, h.String())
		}
	}
	slices.Sort(others)
	if others != nil {
		return refused(a, "others have the role too: "+change.Listed(others)+"; give the integration a separate role, or allow it with --allow-shared-role")
	}
	if held.Unseen != "" {
		return refused(a, "others may have the role too: "+held.Unseen+"; let the applying identity read them, or allow it with --allow-shared-role")
	}
	r.checked[role.ID] = true
	return nil
}

// notBeyond refuses to assign a role that is built in, or that grants more than in the plan.
// pending is what earlier actions change in the role.
func (r *Runner) notBeyond(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	role, err := r.Mutator.Role(ctx, now.IDs[change.SlotCopy])
	if err != nil {
		return fmt.Errorf("finding out what the role %q grants: %w", t.Role.Name, err)
	}
	grants := change.Depths{}
	maps.Copy(grants, role.Grants)
	for name, value := range pending {
		maps.DeleteFunc(grants, func(granted string, _ audit.Depth) bool { return strings.EqualFold(granted, name) })
		grants[name] = change.Rank(value)
	}
	switch beyond := t.Beyond(grants); {
	case !strings.EqualFold(role.Root, t.Role.ID):
		return changed(a, "the role to be assigned is not a copy of the plan's role")
	case role.BuiltIn:
		return changed(a, "the role is a built-in one")
	case len(beyond) > 0:
		return changed(a, "the role grants more than in the plan: "+change.Listed(beyond))
	}
	return nil
}

// sameNames refuses a target whose rows have other names than in the reviewed plan.
func (r *Runner) sameNames(ctx context.Context, t change.Target) error {
	principal := TableUser
	if t.Principal != nil && t.Principal.Kind == string(TableTeam) {
		principal = TableTeam
	}
	for _, named := range []struct {
		table Table
		ref   *change.Ref
	}{{TableRole, t.Role}, {TableRole, t.Copy}, {TableUser, t.User}, {TableUnit, t.BusinessUnit}, {TableView, t.View}, {principal, t.Principal}} {
		if named.ref == nil || named.ref.ID == "" || named.ref.Name == "" {
			continue
		}
		if err := r.named(ctx, named.table, *named.ref, t); err != nil {
			return err
		}
	}
	return nil
}

// named checks one row that a target names, once per run.
func (r *Runner) named(ctx context.Context, table Table, ref change.Ref, t change.Target) (err error) {
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
		return fmt.Errorf("reading the name of the %s %q: %w", table.words(), ref.Name, err)
	case row == nil: // reading the target reports what is missing
	case !sameName(row.Name, ref.Name) && (row.SignIn == "" || !sameName(row.SignIn, ref.Name)):
		err = different(fmt.Sprintf("the %s %q is now named %q", table.words(), ref.Name, row.Name))
	case table == TableUser && t.Kind == change.TargetUser && !strings.EqualFold(row.Application, t.ApplicationID):
		err = different(fmt.Sprintf("the user %q has the application id %q, not %q", ref.Name, row.Application, t.ApplicationID))
	}
	r.names[key] = err
	return err
}

// sameName compares names as the environment does.
func sameName(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// Verify reads every target once more when all actions are done, and returns a [LostError]
// for each action whose change did not persist. The last action on a thing counts.
func (r *Runner) Verify(ctx context.Context) ([]*LostError, error) {
	type end struct {
		target change.Target
		state  change.State
		last   map[string]int // the action that set a name
	}
	var keys []string
	ends := map[string]*end{}
	for i, a := range r.Journal.Plan.Actions {
		t, err := r.resolve(a)
		if err != nil {
			return nil, err
		}
		k := key(t)
		if ends[k] == nil {
			keys = append(keys, k)
			ends[k] = &end{target: t, state: change.State{}, last: map[string]int{}}
		}
		for name, value := range a.After {
			ends[k].state[name], ends[k].last[name] = value, i
		}
	}
	lost := make([]*LostError, len(r.Journal.Plan.Actions))
	for _, k := range keys {
		e := ends[k]
		now, err := r.Mutator.Current(ctx, e.target, e.state.Names())
		if err != nil {
			return nil, fmt.Errorf("reading back what was changed: %w", err)
		}
		for name, value := range unlike(now.State, e.state) {
			at := e.last[name]
			if lost[at] == nil {
				lost[at] = &LostError{r.Journal.Plan.Actions[at], change.State{}}
			}
			lost[at].Now[name] = value
		}
	}
	return slices.DeleteFunc(lost, func(l *LostError) bool { return l == nil }), nil
}

package apply

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
	case t.Kind == change.TargetGrants && a.Target.Role.MadeBy == "":
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
	if others := found.names(r.Journal.Plan.IntegrationUser); others != nil {
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
	id := now.IDs[change.SlotCopy]
	role, err := r.Mutator.Row(ctx, TableRole, id, nil)
	var granted Reading
	switch {
	case err == nil && role == nil:
		err = &GoneError{fmt.Errorf("the role %s does not exist", id)}
	case err == nil:
		granted, err = r.Mutator.Current(ctx, change.Target{Kind: change.TargetGrants, Role: &change.Ref{ID: id}}, nil)
	}
	if err != nil {
		return fmt.Errorf("finding out what the role %q grants: %w", t.Role.Name, err)
	}
	grants := change.Depths{}
	for name, depth := range granted.Others {
		grants[name] = change.DepthOf(depth)
	}
	for name, value := range pending {
		maps.DeleteFunc(grants, func(granted string, _ audit.Depth) bool { return strings.EqualFold(granted, name) })
		grants[name] = change.DepthOf(value)
	}
	switch surplus := change.Surplus(change.AssignedGrants(a.Target, r.Journal.Plan.Actions), grants); {
	case !strings.EqualFold(cmp.Or(role.Root, role.ID), t.Role.ID):
		return newDriftError(a, "the role to be assigned is not a copy of the plan's role")
	case role.Template != "":
		return newDriftError(a, "the role is a built-in one")
	case len(surplus) > 0:
		return newDriftError(a, "the role grants more than in the plan: "+change.JoinFirst(surplus))
	}
	return nil
}

// checkNames returns an error if a row of a target has a different name from the plan's, because people
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

// Verify reads the target of each action that is done. It returns a [LostError] for each action
// with a change that did not persist. If several actions change the same value, only the last one
// counts.
func (r *Runner) Verify(ctx context.Context) ([]*LostError, error) {
	type result struct {
		target     change.Target
		state      change.State
		lastAction map[string]int // the index of the last action on a name
	}
	var keys []string
	results := map[string]*result{}
	for i, a := range r.Journal.Plan.Actions {
		s := r.Journal.step(a.ID)
		if !s.isBegun() {
			continue
		}
		t, err := r.resolve(a)
		if err != nil {
			return nil, err
		}
		k := targetKey(t)
		if results[k] == nil {
			keys = append(keys, k)
			results[k] = &result{target: t, state: change.State{}, lastAction: map[string]int{}}
		}
		want := maps.Clone(a.After)
		maps.Copy(want, s.was)
		for name, value := range want {
			results[k].state[name], results[k].lastAction[name] = value, i
			if !s.isDone() { // it may have taken effect
				delete(results[k].state, name)
			}
		}
	}
	lost := make([]*LostError, len(r.Journal.Plan.Actions))
	for _, k := range keys {
		want := results[k]
		if len(want.state) == 0 {
			continue
		}
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

// skew is the maximum difference between the clocks of two machines.
const skew = time.Hour

// foreignRowReason returns why an action that ended before end did not create the row, or an empty
// string. Neither a journal nor a response proves that dbaudit created a row, so foreignRowReason
// compares it with the plan, the identity that made the request, and the time.
func (r *Runner) foreignRowReason(a change.Action, begun Record, end time.Time, row *Row) string {
	if row == nil {
		return "the row that it creates does not exist"
	}
	t := a.Target
	switch {
	case a.Kind == change.CreateRole && !equalNames(row.Name, t.Role.Name):
		return fmt.Sprintf("the role %s has the name %q, not %q", row.ID, row.Name, t.Role.Name)
	case a.Kind == change.CreateRole && (row.Template != "" || cmp.Or(row.Root, row.ID) != row.ID):
		return fmt.Sprintf("the role %s is built in, or a copy of another", row.ID)
	case a.Kind == change.CreateApplicationUser && !strings.EqualFold(row.ApplicationID, t.ApplicationID):
		return fmt.Sprintf("the user %s has the application id %q, not %s", row.ID, row.ApplicationID, t.ApplicationID)
	case !strings.EqualFold(row.Unit, t.BusinessUnit.ID):
		return fmt.Sprintf("%s is in a different business unit than in the plan", row.ID)
	case row.CreatedBy != "" && begun.By != "" && !strings.EqualFold(row.CreatedBy, begun.By):
		return "it exists, but another identity created it"
	case row.CreatedBy != "" && !strings.EqualFold(row.CreatedBy, r.identity.User):
		return fmt.Sprintf("the user %s created it: sign in as that identity", row.CreatedBy)
	case !row.CreatedOn.IsZero() && (row.CreatedOn.Before(begun.At.Add(-skew)) || row.CreatedOn.After(end.Add(skew))):
		return fmt.Sprintf("it was created at %s, but the journal is from %s", row.CreatedOn.UTC().Format(time.RFC3339), begun.At.Format(time.RFC3339))
	}
	return ""
}

// checkCreatedRows returns an error if earlier actions did not create the rows that an action needs.
func (r *Runner) checkCreatedRows(ctx context.Context, a change.Action) error {
	for _, id := range creators(a.Target) {
		creator, s := r.Journal.Plan.Actions[r.Journal.index(id)], r.Journal.step(id)
		reason := "the journal does not name the created row"
		if s.isBegun() && s.done.Made != "" {
			table := TableRole
			if creator.Kind == change.CreateApplicationUser {
				table = TableUser
			}
			row, err := r.Mutator.Row(ctx, table, s.done.Made, nil)
			switch {
			case err != nil:
				return fmt.Errorf("reading what action %s created: %w", id, err)
			case row == nil:
				return &GoneError{fmt.Errorf("the row that action %s created no longer exists", id)}
			}
			reason = r.foreignRowReason(creator, s.begun, s.done.At, row)
		}
		if reason != "" {
			return mismatchError(fmt.Sprintf("action %s did not create the row that the journal names: %s", id, reason))
		}
	}
	return nil
}

// targetKey returns a key that is equal for equal targets, even if their actions differ.
func targetKey(t change.Target) string {
	k := t.SlotValues()
	return strings.Join([]string{
		string(t.Kind), k[change.SlotRole], k[change.SlotUser], k[change.SlotCopy], k[change.SlotView], k[change.SlotPrincipal], t.ApplicationID,
	}, " ")
}

// creators returns the ids of the actions that create rows of the target.
func creators(t change.Target) []string {
	var ids []string
	for _, ref := range []*change.Ref{t.Role, t.Copy, t.User, t.Principal} {
		if ref != nil && ref.MadeBy != "" {
			ids = append(ids, ref.MadeBy)
		}
	}
	return ids
}

func formatState(s change.State) string {
	var parts []string
	for _, name := range s.Names() {
		parts = append(parts, name+" is "+s[name])
	}
	return change.JoinFirst(parts)
}

// formatUnlike returns the values that differ from the wanted ones.
func formatUnlike(s, want change.State) string {
	var parts []string
	for _, name := range want.Names() {
		if s[name] != want[name] {
			parts = append(parts, fmt.Sprintf("%s is %s, not %s", name, s[name], want[name]))
		}
	}
	return change.JoinFirst(parts)
}

// difference returns the values of a state that differ from the wanted state.
func difference(s, want change.State) change.State {
	different := change.State{}
	for name, value := range want {
		if s[name] != value {
			different[name] = s[name]
		}
	}
	return different
}

// restrict returns a state with only the names of another.
func restrict(s, names change.State) change.State {
	part := change.State{}
	for name := range names {
		part[name] = s[name]
	}
	return part
}

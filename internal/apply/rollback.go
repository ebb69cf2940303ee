package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
)

// Rollback undoes the changes that may have been made according to the journal, the last one first.
// It keeps what others changed since, what the environment refuses to undo, and rows that dbaudit
// may not have created. Then it checks that every target of the plan is as before. It returns a
// [KeptError] with the changes that remain. Another rollback tries only these.
func (r *Runner) Rollback(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	var kept []KeptChange
	for _, a := range r.Journal.Undoable() {
		if a.UndoneWith != "" {
			continue // the other action undoes it
		}
		err := r.undoAction(ctx, a)
		var k *KeptChange
		var gone *GoneError
		switch {
		case err == nil, errors.As(err, &k):
		case endsRollback(ctx, err):
			err = fmt.Errorf("undoing action %s (%s): %w", a.ID, a.Summary, err)
			if kept != nil {
				err = &KeptError{kept, err}
			}
			return err
		case errors.As(err, &gone) && slices.ContainsFunc(creators(a.Target), func(id string) bool { return r.Journal.step(id).undone }):
			// An earlier rollback kept the change, and deleted the created row that it depends on.
		case errors.As(err, &gone):
			k = keptBecauseGone(a)
		default:
			k = &KeptChange{a, err.Error(), a.Target.RestoreStep(restrict(a.Before, a.After))}
		}
		if k != nil {
			r.report(a, EventKept)
			kept = append(kept, *k)
			err = r.Journal.append(Record{Event: EventKept, Action: a.ID, Error: k.Reason})
		} else {
			r.report(a, EventUndone)
			err = r.recordUndone(a)
		}
		if err != nil {
			return err
		}
	}
	differing, err := r.notRestored(ctx, kept)
	if kept = append(kept, differing...); kept != nil {
		return &KeptError{kept, err}
	}
	if err != nil || r.Journal.rolledBack {
		return err
	}
	return r.Journal.append(Record{Event: EventRolledBack})
}

func keptBecauseGone(a change.Action) *KeptChange {
	return &KeptChange{a, "what it changed no longer exists", "none, unless it is created again"}
}

// notRestored returns the targets that differ from their state before the first action on them,
// except for the kept ones. A target that depends on a created row disappears with it.
func (r *Runner) notRestored(ctx context.Context, kept []KeptChange) ([]KeptChange, error) {
	isKept := map[string]bool{}
	for _, k := range kept {
		isKept[targetKey(k.Action.Target)] = true
	}
	before := map[string]change.State{} // by target: the names that earlier actions change
	var list []KeptChange
	for _, a := range r.Journal.Plan.Actions {
		if creators(a.Target) != nil {
			continue
		}
		k := targetKey(a.Target)
		if before[k] == nil {
			before[k] = change.State{}
		}
		s := r.Journal.step(a.ID)
		goal := maps.Clone(a.Before)
		if s.isBegun() {
			goal = maps.Clone(s.begun.Before)
			maps.Copy(goal, s.was)
		}
		maps.DeleteFunc(goal, func(name, _ string) bool { _, earlier := before[k][name]; return earlier })
		maps.Copy(before[k], goal)
		if isKept[k] || len(goal) == 0 {
			continue
		}
		now, err := r.Mutator.Current(ctx, a.Target, goal.Names())
		var gone *GoneError
		switch {
		case errors.As(err, &gone):
			list = append(list, *keptBecauseGone(a))
			continue
		case err != nil:
			return list, fmt.Errorf("reading whether the target of action %s (%s) is as it was before: %w", a.ID, a.Summary, err)
		case a.Target.Matches(now.State, goal):
			continue
		}
		reason := "it is not as it was before, but the journal does not say that dbaudit changed it"
		switch {
		case s.was != nil:
			reason = "the request changed more than the plan says"
		case s.undone:
			reason = "it is not as it was before, but the journal says that it was undone"
		}
		differing := difference(now.State, goal)
		list = append(list, KeptChange{a, reason + ": " + formatState(differing) + " now", a.Target.RestoreStep(restrict(goal, differing))})
	}
	return list, nil
}

// endsRollback reports whether the rollback cannot continue with other actions after an error.
func endsRollback(ctx context.Context, err error) bool {
	var unreachable *UnreachableError
	var notWritten *writeError
	return ctx.Err() != nil || errors.As(err, &unreachable) || errors.As(err, &notWritten)
}

// recordUndone records that an action was undone, and the actions that it undoes too.
func (r *Runner) recordUndone(a change.Action) error {
	for _, other := range r.Journal.Plan.Actions {
		if other.UndoneWith == a.ID && r.Journal.step(other.ID).undoable() {
			if err := r.Journal.append(Record{Event: EventUndone, Action: other.ID}); err != nil {
				return err
			}
		}
	}
	return r.Journal.append(Record{Event: EventUndone, Action: a.ID})
}

// undoAction restores a target to its state before the change. It keeps what others changed since.
func (r *Runner) undoAction(ctx context.Context, a change.Action) error {
	if err := r.checkUndoTarget(ctx, a); err != nil {
		return err
	}
	t, err := r.resolve(a)
	if err != nil {
		return err
	}
	s := r.Journal.step(a.ID)
	goal := maps.Clone(s.begun.Before)
	planned := maps.Clone(goal)
	maps.Copy(planned, a.After)
	actual := maps.Clone(planned)
	maps.Copy(actual, s.unplanned)
	names := goal.Names()
	now, err := r.readCurrent(ctx, t, names)
	if err != nil {
		return err
	}
	if now.State[change.AttrUser] == change.Absent && goal[change.AttrUser] != change.Absent && t.Kind == change.TargetUser {
		return &GoneError{errors.New("the user no longer exists")}
	}
	var kept error
	if filtered := s.begun.Filtered; len(filtered) > 0 {
		kept = &KeptChange{
			a, "a record filter granted " + change.JoinFirst(filtered) + " for some records only, and that cannot be restored",
			fmt.Sprintf("grant it in the role %q with its record filter again", t.Role.Name),
		}
	}
	if foreign := changedByOthers(t, now.State, goal, planned, actual); len(foreign) > 0 {
		kept = &KeptChange{a, "it was changed since: " + formatState(restrict(now.State, foreign)) + " now", a.Target.RestoreStep(foreign)}
		maps.DeleteFunc(goal, func(name, _ string) bool { _, ok := foreign[name]; return ok })
	}
	if a.Kind == change.RemovePrivilege && !s.undoBegun {
		// The platform restored the privilege with another change.
		maps.DeleteFunc(goal, func(name, value string) bool {
			return change.IsRestoredPrivilege(name) && value == change.None && now.State[name] != change.None
		})
	}
	if !slices.ContainsFunc(goal.Names(), func(name string) bool { return a.After[name] != "" }) {
		return kept
	}
	if change.CreatesRow(a.Kind) && !t.Matches(now.State, goal) {
		if err := r.checkDeletable(ctx, a, now); err != nil {
			return err
		}
	}
	if err := r.restoreState(ctx, a, t, now, goal, names); err != nil {
		return err
	}
	return kept
}

// checkUndoTarget returns an error if the rows of an action's target are not the planned ones.
func (r *Runner) checkUndoTarget(ctx context.Context, a change.Action) error {
	err := r.checkCreatedRows(ctx, a)
	if err == nil {
		err = r.checkNames(ctx, a.Target)
		if _, gone := errors.AsType[*GoneError](err); gone {
			return nil // reading the target reports what is missing
		}
	}
	if mismatch, ok := errors.AsType[mismatchError](err); ok {
		return &KeptChange{a, string(mismatch), a.Target.RestoreStep(a.Before)}
	}
	return err
}

// restoreState changes a target from its current state to another, step by step.
func (r *Runner) restoreState(ctx context.Context, a change.Action, t change.Target, now Reading, goal change.State, names []string) (err error) {
	for attempt := 1; !t.Matches(now.State, goal); {
		if attempt == 1 && !r.Journal.step(a.ID).undoBegun {
			if err := r.Journal.append(Record{Event: EventUndo, Action: a.ID}); err != nil {
				return err
			}
		}
		step, reachable := t.Next(now.State, goal)
		if !reachable {
			return &KeptChange{a, fmt.Sprintf("a rollback cannot leave the state where %s", formatState(restrict(now.State, goal))), a.Target.RestoreStep(goal)}
		}
		r.report(a, EventUndo)
		previous, before := now, now.State
		_, sendErr := r.send(ctx, step.Request, t, now, "undoing it")
		failure, ok := errors.AsType[*ChangeError](sendErr)
		if sendErr != nil {
			if !ok {
				return sendErr
			}
			if err := r.Sleep(ctx, backoff(attempt)); err != nil {
				return err
			}
		}
		if now, err = r.readCurrent(ctx, t, names); err != nil {
			return err
		}
		if !t.Matches(now.State, goal) && !t.IsBetween(now.State, before, goal) {
			return &KeptChange{a, "it is being changed at the same time: " + formatState(restrict(now.State, a.After)) + " now", a.Target.RestoreStep(goal)}
		}
		if was, is := sideEffects(change.Action{}, previous, now); len(is) > 0 {
			return &KeptChange{a, "the request to undo it changed more, or somebody else made a change at the same time: " + formatUnlike(is, was), a.Target.RestoreStep(was)}
		}
		if !now.State.Includes(before) {
			attempt = 1
			continue
		}
		// Nothing changed: the request failed, or its effect is not visible yet.
		if ok && failure.Effect == EffectNone || attempt == maxAttempts {
			if sendErr == nil {
				sendErr = errors.New("the change had no effect")
			}
			return sendErr
		}
		if sendErr == nil {
			if err := r.Sleep(ctx, backoff(attempt)); err != nil {
				return err
			}
			if now, err = r.readCurrent(ctx, t, names); err != nil {
				return err
			}
		}
		attempt++
	}
	return nil
}

func (r *Runner) readCurrent(ctx context.Context, t change.Target, names []string) (Reading, error) {
	now, err := r.Mutator.Current(ctx, t, names)
	if err != nil {
		return now, fmt.Errorf("reading the current state: %w", err)
	}
	return now, nil
}

// checkDeletable returns an error if dbaudit may not have created a row, or if a role is assigned.
func (r *Runner) checkDeletable(ctx context.Context, a change.Action, now Reading) error {
	s, end := r.Journal.step(a.ID), r.Journal.now()
	if s.isDone() {
		end = s.done.At
	}
	reason := r.foreignRowReason(a, s.begun, end, now.Row)
	if s.isDone() && now.Row != nil && s.done.Made != now.Row.ID {
		reason = fmt.Sprintf("the journal says that %s was created, but the existing row is %s", s.done.Made, now.Row.ID)
	}
	switch {
	case reason != "":
		return &KeptChange{a, reason, "none, if the change is intended"}
	case a.Target.Kind != change.TargetRole:
		return nil
	}
	found, err := r.Mutator.Holders(ctx, now.IDs[change.SlotRole])
	if err != nil {
		return fmt.Errorf("finding out who has the role: %w", err)
	}
	switch names := found.names(""); {
	case len(names) > 1:
		reason = "these have the role: " + change.JoinFirst(names)
	case len(names) == 1:
		reason = names[0] + " has the role"
	case found.Incomplete != "":
		reason = "users may have the role: " + found.Incomplete
	default:
		return nil
	}
	return &KeptChange{a, reason, a.Target.RestoreStep(a.Before)}
}

// changedByOthers returns the part of goal that others changed: the values now are not on a path
// from a state after the change to its undo.
func changedByOthers(t change.Target, now, goal change.State, after ...change.State) change.State {
	foreign := change.State{}
	for name, value := range goal {
		only := func(s change.State) change.State { return change.State{name: s[name]} }
		isBetween := func(s change.State) bool { return t.IsBetween(only(now), only(s), only(goal)) }
		if !t.Matches(only(now), only(goal)) && !slices.ContainsFunc(after, isBetween) {
			foreign[name] = value
		}
	}
	return foreign
}

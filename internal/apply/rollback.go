package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// A Kept is a change that rollback left in place, all of it or a part.
type Kept struct {
	Action plan.Action
	// Reason says why.
	Reason string
	// ByHand says what somebody has to do for what was there before.
	ByHand string
}

func (k Kept) String() string {
	return fmt.Sprintf("action %s (%s) was not undone: %s; by hand: %s", k.Action.ID, k.Action.Summary, k.Reason, k.ByHand)
}

// A KeptError says which changes rollback left in place, and why.
type KeptError struct {
	Kept []Kept
	// Err is what ended the rollback before all was tried; nil where nothing did.
	Err error
}

func (e *KeptError) Error() string {
	var lines []string
	for _, k := range e.Kept {
		lines = append(lines, k.String())
	}
	if e.Err != nil {
		lines = append(lines, e.Err.Error())
	}
	return strings.Join(lines, "; ")
}

func (e *KeptError) Unwrap() error { return e.Err }

// Rollback undoes, last first, what the journal says was done or may have been.
// What somebody else changed since is kept, as is what the environment refuses to
// undo, and a row that dbaudit is not known to have made; the rest is undone all the
// same. Then every target of the plan is read, whatever the journal says of it, and
// must be as it was before. What was kept, or is not as before, is named in a
// [KeptError]. Rolling back again tries what is left.
func (r *Runner) Rollback(ctx context.Context) error {
	if err := r.sameEnvironment(ctx); err != nil {
		return err
	}
	var kept []Kept
	for _, a := range r.Journal.Undoable() {
		if a.UndoneWith != "" {
			continue // it goes with the other
		}
		k, err := r.undo(ctx, a)
		var gone *GoneError
		switch {
		case err != nil && ends(ctx, err):
			err = fmt.Errorf("undoing action %s (%s): %w", a.ID, a.Summary, err)
			if kept != nil {
				err = &KeptError{kept, err}
			}
			return err
		case errors.As(err, &gone):
			k = lost(a)
		case err != nil:
			k = &Kept{a, err.Error(), byHand(a, part(a.Before, a.After))}
		}
		if k != nil {
			r.tell(a, EventKept)
			kept = append(kept, *k)
			err = r.Journal.append(Record{Event: EventKept, Action: a.ID, Error: k.Reason})
		} else {
			r.tell(a, EventUndone)
			err = r.undone(a)
		}
		if err != nil {
			return err
		}
	}
	different, err := r.notAsBefore(ctx, kept)
	if kept = append(kept, different...); kept != nil {
		return &KeptError{kept, err}
	}
	if err != nil || r.Journal.has(EventRolledBack, "") {
		return err
	}
	return r.Journal.append(Record{Event: EventRolledBack})
}

func lost(a plan.Action) *Kept {
	return &Kept{a, "what it changed is not there any more", "nothing, unless that is made anew"}
}

// notAsBefore reads every target and says which are not as they were before the
// first action on them. Those that were kept are known already; what hangs on a row
// that an action makes is gone with that row.
func (r *Runner) notAsBefore(ctx context.Context, kept []Kept) ([]Kept, error) {
	told := map[string]bool{}
	for _, k := range kept {
		told[key(k.Action.Target)] = true
	}
	before := map[string]plan.State{} // by target, of names that an earlier action has
	var list []Kept
	for _, a := range r.Journal.Plan.Actions {
		if waitsFor(a.Target) != "" {
			continue
		}
		k := key(a.Target)
		if before[k] == nil {
			before[k] = plan.State{}
		}
		goal := r.before(a)
		maps.DeleteFunc(goal, func(name, _ string) bool { _, earlier := before[k][name]; return earlier })
		maps.Copy(before[k], goal)
		if told[k] || len(goal) == 0 {
			continue
		}
		now, err := r.Mutator.Current(ctx, a.Target, slices.Sorted(maps.Keys(goal)))
		var gone *GoneError
		switch {
		case errors.As(err, &gone):
			list = append(list, *lost(a))
		case err != nil:
			return list, fmt.Errorf("reading whether the target of action %s (%s) is as it was before: %w", a.ID, a.Summary, err)
		case !a.Target.Reached(now.State, goal):
			reason := "it is not as it was before, and the journal does not say that dbaudit changed it"
			if r.Journal.has(EventUndone, a.ID) {
				reason = "it is not as it was before, and the journal says that it was undone"
			}
			different := unlike(now.State, goal)
			list = append(list, Kept{a, reason + ": " + said(different) + " now", byHand(a, part(goal, different))})
		}
	}
	return list, nil
}

// before is what was there before an action: what was read then or, where it was not
// begun, what the plan has.
func (r *Runner) before(a plan.Action) plan.State {
	if begun, ok := r.Journal.begun(a.ID); ok {
		return maps.Clone(begun.Before)
	}
	return maps.Clone(a.Before)
}

// ends reports whether an error is the end of a rollback, and not of one action's
// undoing alone.
func ends(ctx context.Context, err error) bool {
	var unreachable *UnreachableError
	var unwritten *writeError
	return ctx.Err() != nil || errors.As(err, &unreachable) || errors.As(err, &unwritten)
}

// undone records that an action was undone, and those that went with it.
func (r *Runner) undone(a plan.Action) error {
	for _, part := range r.Journal.Plan.Actions {
		if _, begun := r.Journal.begun(part.ID); part.UndoneWith != a.ID || !begun || r.Journal.has(EventUndone, part.ID) {
			continue
		}
		if err := r.Journal.append(Record{Event: EventUndone, Action: part.ID}); err != nil {
			return err
		}
	}
	return r.Journal.append(Record{Event: EventUndone, Action: a.ID})
}

// undo takes one target back to what was read before its change, name by name: what
// somebody else changed since is kept, and said.
func (r *Runner) undo(ctx context.Context, a plan.Action) (*Kept, error) {
	because, err := r.made(ctx, a)
	if err == nil && because == "" {
		because, err = r.otherwiseNamed(ctx, a.Target)
	}
	if err != nil {
		return nil, err
	}
	if because != "" {
		return &Kept{a, because, byHand(a, a.Before)}, nil
	}
	t, err := r.resolve(a)
	if err != nil {
		return nil, err
	}
	begun, _ := r.Journal.begun(a.ID)
	goal := maps.Clone(begun.Before)
	after := maps.Clone(goal)
	maps.Copy(after, a.After)
	names := slices.Sorted(maps.Keys(goal))
	read := func() (Reading, error) {
		now, err := r.Mutator.Current(ctx, t, names)
		if err != nil {
			return now, fmt.Errorf("reading what is there now: %w", err)
		}
		return now, nil
	}
	now, err := read()
	if err != nil {
		return nil, err
	}
	if now.State["user"] == plan.Absent && goal["user"] != plan.Absent && t.Kind == plan.KindUser {
		return nil, &GoneError{errors.New("the user is not there any more")}
	}
	var kept *Kept
	if len(begun.Filtered) > 0 {
		kept = &Kept{
			a, "a record filter granted " + listed(begun.Filtered) + " for some records only, and that cannot be brought back",
			fmt.Sprintf("grant it in the role %q with its record filter again", t.Role.Name),
		}
	}
	if theirs := changed(t, now.State, after, goal); len(theirs) > 0 {
		kept = &Kept{a, "somebody changed it since: " + said(part(now.State, theirs)) + " now", byHand(a, theirs)}
		maps.DeleteFunc(goal, func(name, _ string) bool { _, ok := theirs[name]; return ok })
	}
	maps.DeleteFunc(goal, func(name, _ string) bool { return r.broughtByOthers(a, name, now.State, goal) })
	if left := slices.ContainsFunc(slices.Collect(maps.Keys(a.After)), func(name string) bool { _, ok := goal[name]; return ok }); !left {
		return kept, nil
	}
	if !t.Reached(now.State, goal) {
		if because := r.deletable(a, begun, now); because != "" {
			return &Kept{a, because, "nothing, if it is meant to be there"}, nil
		}
		reason, err := r.held(ctx, a, now)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			return &Kept{a, reason, byHand(a, goal)}, nil
		}
	}
	for attempt := 1; !t.Reached(now.State, goal); {
		if attempt == 1 && !r.Journal.has(EventUndo, a.ID) {
			if err := r.Journal.append(Record{Event: EventUndo, Action: a.ID}); err != nil {
				return nil, err
			}
		}
		step, ok := t.Next(now.State, goal)
		if !ok {
			return &Kept{a, fmt.Sprintf("there is no way back from where %s", said(part(now.State, goal))), byHand(a, goal)}, nil
		}
		r.tell(a, EventUndo)
		before := now.State
		_, sendErr := r.send(ctx, step.Request, t, now, "undoing it")
		var change *ChangeError
		if sendErr != nil && !errors.As(sendErr, &change) {
			return nil, sendErr
		}
		if sendErr != nil {
			if err := r.Sleep(ctx, pause(attempt)); err != nil {
				return nil, err
			}
		}
		if now, err = read(); err != nil {
			return nil, err
		}
		if !t.Reached(now.State, goal) && !t.On(now.State, before, goal) {
			return &Kept{a, "somebody changes it at this moment: " + said(part(now.State, a.After)) + " now", byHand(a, goal)}, nil
		}
		if moved := !now.State.Covers(before); moved {
			attempt = 1
			continue
		}
		// Nothing moved: the request failed, or its effect does not show yet.
		if change != nil && change.Effect == EffectNone || attempt == tries {
			if sendErr == nil {
				sendErr = errors.New("the change did not take")
			}
			return nil, sendErr
		}
		if sendErr == nil {
			if err := r.Sleep(ctx, pause(attempt)); err != nil {
				return nil, err
			}
			if now, err = read(); err != nil {
				return nil, err
			}
		}
		attempt++
	}
	return kept, nil
}

// broughtByOthers reports whether a privilege that the platform grants along with
// others is there, though what was taken away brought none along, and nothing was
// brought back yet that would.
func (r *Runner) broughtByOthers(a plan.Action, name string, now, goal plan.State) bool {
	return a.Kind == audit.FixRemovePrivilege && plan.IsPlatformDefault(name) && goal[name] == plan.None && now[name] != plan.None &&
		!r.Journal.has(EventUndo, a.ID)
}

// deletable says why the row that an action made must not be deleted; "" where it may
// be. What the journal says of it counts for nothing: it must be what the plan asked
// for, and made by whoever undoes it.
func (r *Runner) deletable(a plan.Action, begun Record, now Reading) string {
	if !makes(a) {
		return ""
	}
	end := r.Journal.now()
	if done, ok := r.Journal.find(EventDone, a.ID); ok {
		end = done.At
		if now.Row != nil && done.Made != now.Row.ID {
			return fmt.Sprintf("the journal says that %s was made, and what is there is %s", done.Made, now.Row.ID)
		}
	}
	return r.notOurs(a, begun, end, now.Row)
}

// changed are those of the names under which a target has a value that does not lie
// on the way back, with the values to go back to.
func changed(t plan.Target, now, after, goal plan.State) plan.State {
	theirs := plan.State{}
	for name, value := range goal {
		one := func(s plan.State) plan.State { return plan.State{name: s[name]} }
		if !t.Reached(one(now), one(goal)) && !t.On(one(now), one(after), one(goal)) {
			theirs[name] = value
		}
	}
	return theirs
}

// held says who holds the role that an action made, and which is not deleted then.
func (r *Runner) held(ctx context.Context, a plan.Action, now Reading) (reason string, err error) {
	if a.Target.Kind != plan.KindRole {
		return "", nil
	}
	held, err := r.Mutator.Holders(ctx, now.IDs[plan.SlotRole])
	if err != nil {
		return "", fmt.Errorf("finding out who holds the role: %w", err)
	}
	names := make([]string, len(held.Holders))
	for i, h := range held.Holders {
		names[i] = fmt.Sprintf("%q", h.Name)
	}
	switch slices.Sort(names); len(names) {
	case 0:
		if held.Unseen != "" {
			return "somebody may hold the role, unseen: " + held.Unseen, nil
		}
		return "", nil
	case 1:
		return names[0] + " holds the role", nil
	}
	return "these hold the role: " + listed(names), nil
}

// byHand says how somebody brings back what was there before an action.
func byHand(a plan.Action, goal plan.State) string {
	t := a.Target
	switch t.Kind {
	case plan.KindRole:
		return fmt.Sprintf("delete the role %q", t.Role.Name)
	case plan.KindGrants:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(goal)) {
			parts = append(parts, name+" to "+goal[name])
		}
		return fmt.Sprintf("in the role %q set %s", t.Role.Name, strings.Join(parts, ", "))
	case plan.KindUser:
		if goal["user"] == plan.Absent {
			return fmt.Sprintf("disable the user %q and delete it", t.User.Name)
		}
		return fmt.Sprintf("disable the user %q", t.User.Name)
	case plan.KindAssignment:
		if goal["assigned"] == plan.Yes {
			return fmt.Sprintf("assign the role %q to the user %q", t.Role.Name, t.User.Name)
		}
		return fmt.Sprintf("take the role %q from the user %q", t.Role.Name, t.User.Name)
	case plan.KindShare:
		if goal["access"] == plan.None {
			return fmt.Sprintf("stop sharing the view %q with %q", t.View.Name, t.Principal.Name)
		}
		return fmt.Sprintf("share the view %q with %q for %s", t.View.Name, t.Principal.Name, goal["access"])
	}
	return "bring back that " + said(goal)
}

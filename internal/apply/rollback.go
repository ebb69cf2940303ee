package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/plan"
)

// A KeptError says which changes rollback left in place, and why.
type KeptError struct{ Reasons []string }

func (e *KeptError) Error() string {
	return "not everything was brought back: " + strings.Join(e.Reasons, "; ")
}

// Rollback undoes, last first, what the journal says was done or may have been.
// What somebody else changed since is kept, and named in a [KeptError].
func (r *Runner) Rollback(ctx context.Context) error {
	if err := r.sameEnvironment(ctx); err != nil {
		return err
	}
	var kept []string
	for _, a := range slices.Backward(r.Journal.Plan.Actions) {
		_, begun := r.Journal.begun(a.ID)
		if !begun || r.Journal.has(EventUndone, a.ID) || a.UndoneWith != "" {
			continue // what is undone with another action goes with it
		}
		reason, err := r.undo(ctx, a)
		if err != nil {
			return err
		}
		if reason != "" {
			r.tell(a, EventKept)
			kept = append(kept, fmt.Sprintf("action %s (%s): %s", a.ID, a.Summary, reason))
			if err := r.Journal.append(Record{Event: EventKept, Action: a.ID, Error: reason}); err != nil {
				return err
			}
			continue
		}
		r.tell(a, EventUndone)
		if err := r.undone(a); err != nil {
			return err
		}
	}
	if kept != nil {
		return &KeptError{kept}
	}
	return r.Journal.append(Record{Event: EventRolledBack})
}

// undone records that an action was undone, and those that went with it.
func (r *Runner) undone(a plan.Action) error {
	for _, part := range r.Journal.Plan.Actions {
		if _, begun := r.Journal.begun(part.ID); part.UndoneWith != a.ID || !begun {
			continue
		}
		if err := r.Journal.append(Record{Event: EventUndone, Action: part.ID}); err != nil {
			return err
		}
	}
	return r.Journal.append(Record{Event: EventUndone, Action: a.ID})
}

// undo takes one target back to what was read before its change. kept says why
// it was left alone, where it was.
func (r *Runner) undo(ctx context.Context, a plan.Action) (kept string, err error) {
	t, err := r.resolve(a)
	if err != nil {
		return "", err
	}
	begun, _ := r.Journal.begun(a.ID)
	goal := begun.Before
	names := slices.Sorted(maps.Keys(goal))
	read := func() (Reading, error) {
		now, err := r.Mutator.Current(ctx, t, names)
		if err != nil {
			return now, fmt.Errorf("reading the target of action %s (%s): %w", a.ID, a.Summary, err)
		}
		for slot, id := range begun.IDs {
			if now.IDs[slot] == "" && slot != plan.SlotTag {
				now.IDs[slot] = id
			}
		}
		return now, nil
	}
	now, err := read()
	if err != nil {
		return "", err
	}
	after := maps.Clone(goal)
	maps.Copy(after, a.After)
	if !t.Reached(now.State, goal) && !t.On(now.State, after, goal) {
		return fmt.Sprintf("somebody changed it since: it is %v now", subset(now.State, a.After)), nil
	}
	if t.Kind == plan.KindRole && !t.Reached(now.State, goal) {
		if kept, err := r.unheld(ctx, now.IDs[plan.SlotRole]); kept != "" || err != nil {
			return kept, err
		}
	}
	for attempt := 1; !t.Reached(now.State, goal); {
		if attempt == 1 && !r.Journal.has(EventUndo, a.ID) {
			if err := r.Journal.append(Record{Event: EventUndo, Action: a.ID}); err != nil {
				return "", err
			}
		}
		step, ok := t.Next(now.State, goal)
		if !ok {
			return fmt.Sprintf("there is no way back from %v to %v", subset(now.State, goal), goal), nil
		}
		r.tell(a, EventUndo)
		before := now.State
		sendErr := r.send(ctx, step.Request, t, now, "undo: "+a.Summary)
		var change *ChangeError
		if sendErr != nil && !errors.As(sendErr, &change) {
			return "", sendErr
		}
		if sendErr != nil {
			if err := r.Sleep(ctx, pause(attempt)); err != nil {
				return "", err
			}
		}
		if now, err = read(); err != nil {
			return "", err
		}
		if !t.Reached(now.State, goal) && !t.On(now.State, before, goal) {
			return fmt.Sprintf("somebody changes it at this moment: it is %v now", subset(now.State, a.After)), nil
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
			return "", fmt.Errorf("undoing action %s (%s): %w", a.ID, a.Summary, sendErr)
		}
		if sendErr == nil {
			if err := r.Sleep(ctx, pause(attempt)); err != nil {
				return "", err
			}
			if now, err = read(); err != nil {
				return "", err
			}
		}
		attempt++
	}
	return "", nil
}

// unheld refuses to delete a role that somebody holds.
func (r *Runner) unheld(ctx context.Context, role string) (kept string, err error) {
	holders, err := r.Mutator.Holders(ctx, role)
	if err != nil {
		return "", fmt.Errorf("finding out who holds the role: %w", err)
	}
	if len(holders) > 0 {
		return fmt.Sprintf("%q and %d more hold the role", holders[0].Name, len(holders)-1), nil
	}
	return "", nil
}

func subset(s, of plan.State) plan.State {
	part := plan.State{}
	for name := range of {
		part[name] = s[name]
	}
	return part
}

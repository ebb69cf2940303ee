package apply

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// addRecords adds the records of a journal's lines. It returns an error for the first line that no
// run can have written, because rollback relies on the records.
func (j *Journal) addRecords(records []Record) error {
	for i, r := range records {
		err := validateFields(r, j.isCurrentFormat())
		if err == nil && i > 0 {
			err = j.validateOrder(r)
		}
		if err != nil {
			return fmt.Errorf("line %d of the journal %w: it was edited, or belongs to another plan", i+1, err)
		}
		j.add(r)
	}
	return nil
}

// validateFields checks that a record has the fields of its event. Format v1 has no user, and may
// lack the state before.
func validateFields(r Record, currentFormat bool) error {
	first := r.Event == EventPlan
	isAboutAction := !first && r.Event != EventApplied && r.Event != EventRolledBack
	begin := r.Event == EventBegin
	switch {
	case r.At.IsZero():
		return errors.New("has no time")
	case first != (r.Plan != nil), first != (r.Tool != nil), first != (r.Format != ""),
		isAboutAction != (r.Action != ""),
		begin != (r.By != "") && currentFormat, begin != (r.Before != nil) && (currentFormat || !begin) && (r.Event != EventFailed || r.After == nil),
		r.After != nil && (r.Event != EventFailed || r.Unsent || !currentFormat), !begin && len(r.IDs)+len(r.Filtered) > 0,
		r.Unsent && r.Event != EventFailed, r.Error != "" && r.Event != EventFailed && r.Event != EventKept,
		r.Made != "" && r.Event != EventDone:
		return fmt.Errorf("has a field that no line with the event %q has, or lacks one that each has", r.Event)
	}
	for _, id := range []string{r.By, r.Made} {
		if id != "" && !change.IsID(id) {
			return fmt.Errorf("has %q, which is not an id", id)
		}
	}
	return nil
}

// validateOrder checks that a record, other than the first, can follow the previous records.
func (j *Journal) validateOrder(r Record) error {
	if j.rolledBack && j.isCurrentFormat() {
		return errors.New("is after the end")
	}
	i := j.index(r.Action)
	switch r.Event {
	case EventApplied:
		if j.applied || j.rollbackBegun || slices.ContainsFunc(j.steps, func(s step) bool { return !s.isDone() }) {
			return errors.New("says that everything is done, but it is not")
		}
		return nil
	case EventRolledBack:
		if slices.ContainsFunc(j.steps, step.undoable) {
			return errors.New("says that everything is undone, but it is not")
		}
		return nil
	case EventBegin, EventDone, EventFailed:
		if i >= 0 && (j.rollbackBegun || j.applied) {
			return fmt.Errorf("continues action %s, which had ended", r.Action)
		}
	case EventUndo, EventUndone, EventKept:
	default:
		return fmt.Errorf("is out of place: %q", r.Event)
	}
	if i < 0 {
		return fmt.Errorf("names an action %q that is not in the plan", r.Action)
	}
	a, s := j.Plan.Actions[i], j.steps[i]
	switch r.Event { //nolint:exhaustive // the others are judged above
	case EventBegin:
		if s.isBegun() || slices.ContainsFunc(j.steps[:i], func(s step) bool { return !s.isDone() }) {
			return fmt.Errorf("begins action %s out of order", a.ID)
		}
		return j.validateBefore(a, r)
	case EventFailed:
		if !s.isBegun() || s.isDone() || s.failed && r.Unsent {
			return fmt.Errorf("reports a failure of action %s that is impossible", a.ID)
		}
		return validateSideEffects(a, r)
	case EventDone:
		if !s.isBegun() || s.isDone() {
			return fmt.Errorf("says that action %s is done, but it was not begun", a.ID)
		}
		isRow := a.Target.Kind == change.TargetRole || a.Target.Kind == change.TargetUser
		if (r.Made != "") != change.CreatesRow(a.Kind) && (j.isCurrentFormat() || r.Made != "" && !isRow) {
			return fmt.Errorf("is wrong about the row that action %s creates", a.ID)
		}
	default:
		return j.validateUndo(i, r.Event)
	}
	return nil
}

// validateSideEffects checks the values of a failed record: other privileges of the role, and values that the
// action changes.
func validateSideEffects(a change.Action, r Record) error {
	for name, value := range r.After {
		was, other := r.Before[name]
		switch {
		case other && a.Target.Kind == change.TargetGrants && a.After[name] == "" && isDepth(was) && isDepth(value) && was != value:
		case !other && a.After[name] != "" && a.After[name] != value:
		default:
			return fmt.Errorf("says that action %s changed %s to %s", a.ID, name, value)
		}
	}
	for name := range r.Before {
		if r.After[name] == "" {
			return fmt.Errorf("does not say what action %s changed %s to", a.ID, name)
		}
	}
	return nil
}

func isDepth(value string) bool {
	return value == change.None || change.DepthOf(value) != audit.DepthNone
}

// validateUndo checks that actions are undone in the reverse order of the plan.
func (j *Journal) validateUndo(i int, e Event) error {
	a, s, undoneBy := j.Plan.Actions[i], j.steps[i], i
	if a.UndoneWith != "" {
		undoneBy = j.index(a.UndoneWith)
		if e != EventUndone {
			return fmt.Errorf("undoes action %s, which is undone with another", a.ID)
		}
	}
	for k, later := range j.steps[undoneBy+1:] {
		if j.Plan.Actions[undoneBy+1+k].UndoneWith == "" && later.undoable() && !later.kept {
			return fmt.Errorf("undoes action %s out of order", a.ID)
		}
	}
	if !s.isBegun() || s.undone && j.isCurrentFormat() || s.undoBegun && e == EventUndo {
		return fmt.Errorf("undoes action %s, which needs no undo", a.ID)
	}
	return nil
}

// validateBefore checks that the previous state in a record matches the plan. The plan does not
// have the depths of the privileges that the platform restores.
func (j *Journal) validateBefore(a change.Action, r Record) error {
	affected := a.Target.AffectedNames(a.After)
	for _, name := range slices.Concat(r.Before.Names(), r.Filtered) {
		if !slices.Contains(affected, name) {
			return fmt.Errorf("says how %s was, which action %s does not change", name, r.Action)
		}
	}
	if !r.Before.Includes(a.Before) {
		return fmt.Errorf("says that before action %s, %s, but the plan says that %s", r.Action, formatState(restrict(r.Before, a.Before)), formatState(a.Before))
	}
	if name := unexpectedlyMissing(j.Plan, a, r.Before); name != "" {
		return fmt.Errorf("says that the role lacked %s, but the plan does not", name)
	}
	for _, name := range a.Target.Filtered {
		if !slices.Contains(r.Filtered, name) {
			return fmt.Errorf("does not say how %s was granted, but the plan does", name)
		}
	}
	known := a.Target.SlotValues()
	for slot, id := range r.IDs {
		if known[slot] != "" && known[slot] != id {
			return fmt.Errorf("has a different %s than the plan", slot)
		}
	}
	return nil
}

// unexpectedlyMissing returns a privilege that the platform restores with an action, and that the
// role lacks although the plan does not list it. Only actions that grant privileges list them.
func unexpectedlyMissing(p plan.Plan, a change.Action, now change.State) string {
	if a.Target.Kind != change.TargetGrants || a.UndoneWith != "" || a.Kind == change.RemovePrivilege {
		return ""
	}
	for _, name := range change.RestoredPrivileges() {
		if now[name] != change.None || a.After[name] != "" {
			continue
		}
		if !slices.ContainsFunc(p.Actions, func(b change.Action) bool {
			return targetKey(b.Target) == targetKey(a.Target) && slices.Contains(b.Along, name)
		}) {
			return name
		}
	}
	return ""
}

package apply

import (
	"errors"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
)

// find is the last record of an event for an action.
func (j *Journal) find(e Event, action string) (Record, bool) {
	for _, r := range slices.Backward(j.Records) {
		if r.Event == e && r.Action == action {
			return r, true
		}
	}
	return Record{}, false
}

func (j *Journal) has(e Event, action string) bool {
	_, ok := j.find(e, action)
	return ok
}

// begun is the record of an action whose change may have been sent; one that certainly
// changed nothing does not count.
func (j *Journal) begun(action string) (Record, bool) {
	var begun Record
	for _, r := range j.Records {
		switch {
		case r.Action != action:
		case r.Event == EventBegin:
			begun = r
		case r.Event == EventFailed && r.Unsent:
			begun = Record{}
		}
	}
	return begun, begun.Event == EventBegin
}

// Applied counts the actions that were done and not undone.
func (j *Journal) Applied() int {
	n := 0
	for _, a := range j.Plan.Actions {
		if j.has(EventDone, a.ID) && !j.has(EventUndone, a.ID) {
			n++
		}
	}
	return n
}

// Touched reports whether any change may have been sent that was not undone.
func (j *Journal) Touched() bool {
	return len(j.Undoable()) > 0
}

// Begun reports whether any action was begun.
func (j *Journal) Begun() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool { return r.Event == EventBegin })
}

// Left are the actions that are not done yet, in order.
func (j *Journal) Left() []change.Action {
	return slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a change.Action) bool { return j.has(EventDone, a.ID) })
}

// Undoable are the actions that rollback has to undo, last first.
func (j *Journal) Undoable() []change.Action {
	var list []change.Action
	for _, a := range slices.Backward(j.Plan.Actions) {
		if _, begun := j.begun(a.ID); begun && !j.has(EventUndone, a.ID) {
			list = append(list, a)
		}
	}
	return list
}

// Resumable refuses to continue a run that was rolled back.
func (j *Journal) Resumable() error {
	if j.format == formerFormat {
		return errors.New("the journal is from an older dbaudit and can only be rolled back: undo it with dbaudit rollback, or make a new plan")
	}
	if j.Undoing() {
		return errors.New("the journal's run was rolled back: make a new plan")
	}
	return nil
}

// Undoing reports whether a rollback was begun.
func (j *Journal) Undoing() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool {
		return r.Event == EventUndo || r.Event == EventUndone || r.Event == EventKept || r.Event == EventRolledBack
	})
}

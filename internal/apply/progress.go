package apply

import (
	"errors"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A step is the progress of an action according to the journal.
type step struct {
	// begun is the begin record, unless it is certain that the change had no effect. done is the
	// done record. Both may be zero.
	begun, done Record
	failed      bool // set if a change failed and its effect is unknown
	// was has the values before the request of what it should not have changed. unplanned has the
	// values after it that the plan does not have.
	was, unplanned change.State
	undoBegun      bool
	undone         bool // set if the undo succeeded
	kept           bool // set if the undo left the change in place, at least in part
}

func (s step) isBegun() bool { return s.begun.Event != "" }

func (s step) isDone() bool { return s.done.Event != "" }

// undoable reports whether a change may have taken effect and was not undone.
func (s step) undoable() bool { return s.isBegun() && !s.undone }

// index returns the index of an action in the plan, or -1.
func (j *Journal) index(action string) int {
	return slices.IndexFunc(j.Plan.Actions, func(a change.Action) bool { return a.ID == action })
}

// step returns the progress of an action of the plan.
func (j *Journal) step(action string) *step { return &j.steps[j.index(action)] }

// add updates the progress with a record.
func (j *Journal) add(r Record) {
	j.Records = append(j.Records, r)
	s := &step{}
	if i := j.index(r.Action); i >= 0 {
		s = &j.steps[i]
	}
	switch r.Event {
	case EventPlan:
	case EventBegin:
		s.begun = r
	case EventFailed:
		s.failed = !r.Unsent
		if r.Unsent {
			s.begun = Record{}
		}
		if r.After != nil {
			s.was, s.unplanned = r.Before, r.After
		}
	case EventDone:
		s.done = r
	case EventApplied:
		j.applied = true
	case EventUndo:
		s.undoBegun = true
	case EventUndone:
		s.undone = true
	case EventKept:
		s.kept = true
	case EventRolledBack:
		j.rolledBack = true
	}
	j.rollbackBegun = j.rollbackBegun || s.undoBegun || s.undone || s.kept || j.rolledBack
}

// DoneCount returns the number of actions that are done and not undone.
func (j *Journal) DoneCount() int {
	n := 0
	for _, s := range j.steps {
		if s.isDone() && !s.undone {
			n++
		}
	}
	return n
}

// MayHaveChanges reports whether a change may have taken effect and was not undone.
func (j *Journal) MayHaveChanges() bool { return slices.ContainsFunc(j.steps, step.undoable) }

// RollbackBegun reports whether a rollback has begun.
func (j *Journal) RollbackBegun() bool { return j.rollbackBegun }

// HasBegun reports whether an action has begun.
func (j *Journal) HasBegun() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool { return r.Event == EventBegin })
}

// Remaining returns the actions that are not done, in order.
func (j *Journal) Remaining() []change.Action {
	return slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a change.Action) bool { return j.step(a.ID).isDone() })
}

// Undoable returns the actions that rollback has to undo, the last one first.
func (j *Journal) Undoable() []change.Action {
	list := slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a change.Action) bool { return !j.step(a.ID).undoable() })
	slices.Reverse(list)
	return list
}

// CheckResumable returns an error if a run cannot be resumed.
func (j *Journal) CheckResumable() error {
	switch {
	case !j.isCurrentFormat():
		return errors.New("the journal is from an older dbaudit and can only be rolled back: undo it with dbaudit rollback, or make a new plan")
	case j.rollbackBegun:
		return errors.New("the journal's run was rolled back: make a new plan")
	}
	return nil
}

package apply

import (
	"errors"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A step is how far an action is, by the records of the journal.
type step struct {
	// begun is the record of a change that may have been sent, unless it certainly changed
	// nothing. done is the record of its end. A zero record means none.
	begun, done Record
	failed      bool // set if the change was tried, and its effect is unknown
	// undo was begun; undone and kept say how it ended.
	undo, undone, kept bool
}

func (s step) isBegun() bool { return s.begun.Event != "" }

func (s step) isDone() bool { return s.done.Event != "" }

// undoable reports whether a change may have been sent and was not undone.
func (s step) undoable() bool { return s.isBegun() && !s.undone }

// place is the place of an action in the plan, or -1.
func (j *Journal) place(action string) int {
	return slices.IndexFunc(j.Plan.Actions, func(a change.Action) bool { return a.ID == action })
}

// of is how far an action of the plan is.
func (j *Journal) of(action string) *step { return &j.steps[j.place(action)] }

// add takes a record that was written.
func (j *Journal) add(r Record) {
	j.Records = append(j.Records, r)
	s := &step{}
	if place := j.place(r.Action); place >= 0 {
		s = &j.steps[place]
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
	case EventDone:
		s.done = r
	case EventApplied:
		j.applied = true
	case EventUndo:
		s.undo = true
	case EventUndone:
		s.undone = true
	case EventKept:
		s.kept = true
	case EventRolledBack:
		j.ended = true
	}
	j.undoing = j.undoing || s.undo || s.undone || s.kept || j.ended
}

// Applied counts the actions that were done and not undone.
func (j *Journal) Applied() int {
	n := 0
	for _, s := range j.steps {
		if s.isDone() && !s.undone {
			n++
		}
	}
	return n
}

// Touched reports whether any change may have been sent and was not undone.
func (j *Journal) Touched() bool { return slices.ContainsFunc(j.steps, step.undoable) }

// Undoing reports whether a rollback of the run was begun.
func (j *Journal) Undoing() bool { return j.undoing }

// Begun reports whether any action was begun.
func (j *Journal) Begun() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool { return r.Event == EventBegin })
}

// Left are the actions that are not done yet, in order.
func (j *Journal) Left() []change.Action {
	return slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a change.Action) bool { return j.of(a.ID).isDone() })
}

// Undoable are the actions that rollback has to undo, last first.
func (j *Journal) Undoable() []change.Action {
	list := slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a change.Action) bool { return !j.of(a.ID).undoable() })
	slices.Reverse(list)
	return list
}

// Resumable refuses to continue a run that was rolled back.
func (j *Journal) Resumable() error {
	switch {
	case !j.strict():
		return errors.New("the journal is from an older dbaudit and can only be rolled back: undo it with dbaudit rollback, or make a new plan")
	case j.undoing:
		return errors.New("the journal's run was rolled back: make a new plan")
	}
	return nil
}

package apply

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// A history is the result of reading a journal's lines in order. Rollback relies on these
// lines, so each must be one that a run can have written there.
type history struct {
	plan    plan.Plan
	strict  bool // the format in which nothing is written twice
	actions []progress
	applied bool
	undoing bool
	ended   bool
}

// progress is how far an action is.
type progress struct {
	// open: a change may have been sent, but it is unknown whether it is done. failed: it
	// was tried, and its effect is unknown.
	open, failed, done bool
	// undo was begun; undone and kept say how it ended.
	undo, undone, kept bool
}

func (p progress) begun() bool { return p.open || p.done }

// consistent refuses a journal whose lines contradict each other or the plan.
func (j *Journal) consistent() error {
	h := history{plan: j.Plan, strict: j.format == Format, actions: make([]progress, len(j.Plan.Actions))}
	for i, r := range j.Records {
		err := h.shaped(r)
		if err == nil && i > 0 {
			err = h.add(r)
		}
		if err != nil {
			return fmt.Errorf("line %d of the journal %w: it was edited, or belongs to another plan", i+1, err)
		}
	}
	return nil
}

// shaped refuses a record that says what its event does not.
func (h *history) shaped(r Record) error {
	first := r.Event == EventPlan
	ofAction := !first && r.Event != EventApplied && r.Event != EventRolledBack
	begin := r.Event == EventBegin
	switch {
	case r.At.IsZero():
		return errors.New("has no time")
	case first != (r.Plan != nil) || first != (r.Tool != nil) || first != (r.Format != ""):
		return errors.New("has what only the first line has, or lacks it")
	case ofAction != (r.Action != ""):
		return errors.New("names an action but should not, or names none but should")
	case begin != (r.By != "") && h.strict, begin != (r.Before != nil) && (h.strict || !begin), !begin && (len(r.IDs) > 0 || len(r.Filtered) > 0):
		return errors.New("has what only a beginning has, or lacks it")
	case r.Unsent && r.Event != EventFailed:
		return errors.New("says that nothing was sent")
	case r.Error != "" && r.Event != EventFailed && r.Event != EventKept:
		return errors.New("reports a failure")
	case r.Made != "" && r.Event != EventDone:
		return errors.New("names a created row")
	}
	for _, id := range []string{r.By, r.Made} {
		if id != "" && !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
			return fmt.Errorf("has %q, which is not an id", id)
		}
	}
	return nil
}

// add takes a record that is not the first.
func (h *history) add(r Record) error {
	if h.ended && h.strict {
		return errors.New("is after the end")
	}
	switch r.Event {
	case EventApplied:
		if h.applied || h.undoing || slices.ContainsFunc(h.actions, func(p progress) bool { return !p.done }) {
			return errors.New("says that everything is done, but it is not")
		}
		h.applied = true
		return nil
	case EventRolledBack:
		if slices.ContainsFunc(h.actions, func(p progress) bool { return p.begun() && !p.undone }) {
			return errors.New("says that everything is undone, but it is not")
		}
		h.undoing, h.ended = true, true
		return nil
	default:
	}
	at := slices.IndexFunc(h.plan.Actions, func(a change.Action) bool { return a.ID == r.Action })
	if at < 0 {
		return fmt.Errorf("names an action %q that is not in the plan", r.Action)
	}
	a, p := h.plan.Actions[at], &h.actions[at]
	switch r.Event {
	case EventBegin, EventDone, EventFailed:
		if h.undoing || h.applied {
			return fmt.Errorf("continues action %s, which had ended", a.ID)
		}
		return h.forward(at, a, p, r)
	case EventUndo, EventUndone, EventKept:
		h.undoing = true
		return h.back(at, a, p, r.Event)
	default:
		return fmt.Errorf("is out of place: %q", r.Event)
	}
}

// forward takes a record of an action that is carried out.
func (h *history) forward(at int, a change.Action, p *progress, r Record) error {
	switch r.Event { //nolint:exhaustive // the others go back
	case EventBegin:
		if p.begun() || slices.ContainsFunc(h.actions[:at], func(p progress) bool { return !p.done }) {
			return fmt.Errorf("begins action %s out of turn", a.ID)
		}
		if err := h.before(at, r); err != nil {
			return err
		}
		p.open = true
	case EventFailed:
		if !p.open || p.done || p.failed && r.Unsent {
			return fmt.Errorf("reports a failure of action %s that is impossible", a.ID)
		}
		p.open, p.failed = !r.Unsent, !r.Unsent
	case EventDone:
		if !p.open || p.done {
			return fmt.Errorf("says that action %s is done, but it was not begun", a.ID)
		}
		if (r.Made != "") != change.Makes(a.Kind) && (h.strict || r.Made != "" && slotMade(a) == "") {
			return fmt.Errorf("is wrong about the row that action %s creates", a.ID)
		}
		p.open, p.done = false, true
	}
	return nil
}

// back takes a record of an action that is undone. The last action comes first.
func (h *history) back(at int, a change.Action, p *progress, e Event) error {
	order := at
	if a.UndoneWith != "" {
		order = slices.IndexFunc(h.plan.Actions, func(b change.Action) bool { return b.ID == a.UndoneWith })
		if e != EventUndone {
			return fmt.Errorf("undoes action %s, which is undone with another", a.ID)
		}
	}
	for i, later := range h.actions[order+1:] {
		with := h.plan.Actions[order+1+i].UndoneWith
		if with == "" && later.begun() && !later.undone && !later.kept {
			return fmt.Errorf("undoes action %s out of turn", a.ID)
		}
	}
	if !p.begun() || p.undone && h.strict || p.undo && e == EventUndo {
		return fmt.Errorf("undoes action %s, which needs no undo", a.ID)
	}
	p.undo = p.undo || e == EventUndo
	p.undone = p.undone || e == EventUndone
	p.kept = p.kept || e == EventKept
	return nil
}

// before refuses a record of a previous state that does not follow from the plan: it must
// match the plan; only the platform's own additions, whose depths are not in the plan, may
// be added.
func (h *history) before(at int, r Record) error {
	a := h.plan.Actions[at]
	watched := a.Target.Watched(a.After)
	for name := range r.Before {
		if !slices.Contains(watched, name) {
			return fmt.Errorf("gives a value for %s, which action %s does not change", name, r.Action)
		}
	}
	if !r.Before.Covers(a.Before) {
		return fmt.Errorf("says that before action %s, %s, but the plan says that %s", r.Action, said(part(r.Before, a.Before)), said(a.Before))
	}
	if name := unplanned(h.plan, a, r.Before); name != "" {
		return fmt.Errorf("says that the role lacked %s, but the plan does not", name)
	}
	for _, name := range r.Filtered {
		if !slices.Contains(watched, name) {
			return fmt.Errorf("says how %s was granted, which action %s does not change", name, r.Action)
		}
	}
	for _, name := range a.Target.Filtered {
		if !slices.Contains(r.Filtered, name) {
			return fmt.Errorf("does not say how %s was granted, but the plan does", name)
		}
	}
	known := a.Target.Known()
	for slot, id := range r.IDs {
		if known[slot] != "" && known[slot] != id {
			return fmt.Errorf("has a different %s than the plan", slot)
		}
	}
	return nil
}

// unplanned is a privilege that the platform grants with a change, that a role lacks, and
// that the plan does not list as missing. The plan lists them for actions that grant
// something, but not for actions that remove something.
func unplanned(p plan.Plan, a change.Action, now change.State) string {
	if a.Target.Kind != change.TargetGrants || a.UndoneWith != "" || a.Kind == change.RemovePrivilege {
		return ""
	}
	for _, name := range change.PlatformDefaults() {
		if now[name] != change.None || a.After[name] != "" {
			continue
		}
		if !slices.ContainsFunc(p.Actions, func(b change.Action) bool {
			return key(b.Target) == key(a.Target) && slices.Contains(b.Along, name)
		}) {
			return name
		}
	}
	return ""
}

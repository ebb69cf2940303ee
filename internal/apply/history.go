package apply

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// A history is what a journal's lines come to, read from the first on. Rollback goes
// by these lines, so that each must be one that a run can have written at its place.
type history struct {
	plan    plan.Plan
	strict  bool // the form in which nothing is written twice
	actions []progress
	applied bool
	undoing bool
	ended   bool
}

// progress is how far an action is.
type progress struct {
	// open: a change may have been sent, and is not known to be done. failed: it was
	// tried, and its effect is not known.
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
			return fmt.Errorf("line %d of the journal %w: it was edited, or is not of this plan", i+1, err)
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
		return errors.New("says no time")
	case first != (r.Plan != nil) || first != (r.Tool != nil) || first != (r.Format != ""):
		return errors.New("has what the first line alone has, or lacks it")
	case ofAction != (r.Action != ""):
		return errors.New("names an action, or none, where it should not")
	case begin != (r.By != "") && h.strict, begin != (r.Before != nil) && (h.strict || !begin), !begin && (len(r.IDs) > 0 || len(r.Filtered) > 0):
		return errors.New("has what a beginning alone has, or lacks it")
	case r.Unsent && r.Event != EventFailed:
		return errors.New("says that nothing was sent")
	case r.Error != "" && r.Event != EventFailed && r.Event != EventKept:
		return errors.New("tells of a failure")
	case r.Made != "" && r.Event != EventDone:
		return errors.New("says what was made")
	}
	for _, id := range []string{r.By, r.Made} {
		if id != "" && !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
			return fmt.Errorf("has %q, which is no id", id)
		}
	}
	return nil
}

// add takes a record that is not the first.
func (h *history) add(r Record) error {
	if h.ended && h.strict {
		return errors.New("stands behind the end")
	}
	switch r.Event {
	case EventApplied:
		if h.applied || h.undoing || slices.ContainsFunc(h.actions, func(p progress) bool { return !p.done }) {
			return errors.New("says that all is done, which it is not")
		}
		h.applied = true
		return nil
	case EventRolledBack:
		if slices.ContainsFunc(h.actions, func(p progress) bool { return p.begun() && !p.undone }) {
			return errors.New("says that all is undone, which it is not")
		}
		h.undoing, h.ended = true, true
		return nil
	default:
	}
	at := slices.IndexFunc(h.plan.Actions, func(a plan.Action) bool { return a.ID == r.Action })
	if at < 0 {
		return fmt.Errorf("is of an action %q that the plan does not have", r.Action)
	}
	a, p := h.plan.Actions[at], &h.actions[at]
	switch r.Event {
	case EventBegin, EventDone, EventFailed:
		if h.undoing || h.applied {
			return fmt.Errorf("goes on with action %s, which had ended", a.ID)
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
func (h *history) forward(at int, a plan.Action, p *progress, r Record) error {
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
			return fmt.Errorf("tells of a failure of action %s that cannot have been", a.ID)
		}
		p.open, p.failed = !r.Unsent, !r.Unsent
	case EventDone:
		if !p.open || p.done {
			return fmt.Errorf("says that action %s is done, which was not begun", a.ID)
		}
		if (r.Made != "") != makes(a) && (h.strict || r.Made != "" && slotMade(a) == "") {
			return fmt.Errorf("is wrong about what action %s makes", a.ID)
		}
		p.open, p.done = false, true
	}
	return nil
}

// back takes a record of an action that is undone. The last action comes first.
func (h *history) back(at int, a plan.Action, p *progress, e Event) error {
	order := at
	if a.UndoneWith != "" {
		order = slices.IndexFunc(h.plan.Actions, func(b plan.Action) bool { return b.ID == a.UndoneWith })
		if e != EventUndone {
			return fmt.Errorf("undoes action %s, which goes with another", a.ID)
		}
	}
	for i, later := range h.actions[order+1:] {
		with := h.plan.Actions[order+1+i].UndoneWith
		if with == "" && later.begun() && !later.undone && !later.kept {
			return fmt.Errorf("undoes action %s out of turn", a.ID)
		}
	}
	if !p.begun() || p.undone && h.strict || p.undo && e == EventUndo {
		return fmt.Errorf("undoes action %s, of which nothing is to be undone", a.ID)
	}
	p.undo = p.undo || e == EventUndo
	p.undone = p.undone || e == EventUndone
	p.kept = p.kept || e == EventKept
	return nil
}

// before refuses a record of what was there that does not follow from the plan: it
// must be what the plan has; the platform's own additions, of which the plan does not
// say the depths, are all that may stand beside it.
func (h *history) before(at int, r Record) error {
	a := h.plan.Actions[at]
	watched := a.Target.Watched(a.After)
	for name := range r.Before {
		if !slices.Contains(watched, name) {
			return fmt.Errorf("says what %s was, which action %s does not change", name, r.Action)
		}
	}
	if !r.Before.Covers(a.Before) {
		return fmt.Errorf("says that before action %s %s, and the plan that %s", r.Action, said(part(r.Before, a.Before)), said(a.Before))
	}
	if name := unplanned(h.plan, a, r.Before); name != "" {
		return fmt.Errorf("says that the role lacked %s, and the plan does not", name)
	}
	for _, name := range r.Filtered {
		if !slices.Contains(watched, name) {
			return fmt.Errorf("says how %s was granted, which action %s does not change", name, r.Action)
		}
	}
	for _, name := range a.Target.Filtered {
		if !slices.Contains(r.Filtered, name) {
			return fmt.Errorf("does not say how %s was granted, and the plan does", name)
		}
	}
	known := a.Target.Known()
	for slot, id := range r.IDs {
		if known[slot] != "" && known[slot] != id {
			return fmt.Errorf("has another %s than the plan", slot)
		}
	}
	return nil
}

// unplanned is a privilege that the platform grants along with a change, that a role
// is without and that the plan does not say it lacks. The plan says so where an
// action grants something; the actions that take away say nothing of it.
func unplanned(p plan.Plan, a plan.Action, now plan.State) string {
	if a.Target.Kind != plan.KindGrants || a.UndoneWith != "" || a.Kind == audit.FixRemovePrivilege {
		return ""
	}
	for _, name := range plan.PlatformDefaults() {
		if now[name] != plan.None || a.After[name] != "" {
			continue
		}
		if !slices.ContainsFunc(p.Actions, func(b plan.Action) bool {
			return key(b.Target) == key(a.Target) && slices.Contains(b.Along, name)
		}) {
			return name
		}
	}
	return ""
}

// Package apply carries out a plan, writes a journal, and rolls the plan back.
//
// It sends the requests of the plan in order, and no others. It reads each target just before the
// change, and stops if the target differs from the plan. It reads the target again after the
// change. It does not repeat a request that may have taken effect before it has read the state.
// It writes the journal to disk before and after each change, so that an interrupted run can be
// resumed or rolled back. It does not undo what others changed in the meantime.
package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Progress is called when an action begins and when it ends.
type Progress func(a change.Action, e Event)

// A Runner applies the plan of a journal, or rolls it back.
type Runner struct {
	Mutator Mutator
	Journal *Journal
	// Sleep waits before a target is read again, or a request is sent again.
	Sleep           func(context.Context, time.Duration) error
	AllowSharedRole bool // permit changes to a role that others have too
	ReplaceFiltered bool // permit changes to grants for some records only, which rollback cannot restore
	Progress        Progress

	identity Identity
	changed  bool             // set if a request may have changed the environment
	checked  map[string]bool  // the ids of roles that only the integration user has
	names    map[string]error // the results of checkName, by row and name
}

// Changed reports whether this run may have changed the environment.
func (r *Runner) Changed() bool { return r.changed }

const (
	// maxAttempts limits how often an uncertain change is sent, and how often an expected state is read.
	maxAttempts = 5
	// maxSettleTime limits how long a change waits for a privilege that an earlier action granted.
	maxSettleTime = time.Minute
)

// Apply carries out the remaining actions of the plan.
func (r *Runner) Apply(ctx context.Context) error {
	if err := r.Journal.CheckResumable(); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	remaining := r.Journal.Remaining()
	if len(remaining) > 0 && r.Journal.DoneCount() > 0 { // a continued run, with actions that rely on earlier ones
		lost, err := r.Verify(ctx)
		switch {
		case err != nil:
			return err
		case len(lost) > 0:
			return newDriftError(remaining[0], lost[0].Error())
		}
	}
	for _, a := range remaining {
		if err := r.applyAction(ctx, a); err != nil {
			return err
		}
	}
	if !r.Journal.applied {
		return r.Journal.append(Record{Event: EventApplied})
	}
	return nil
}

// start prepares a run. It returns an error if the environment is not the plan's.
func (r *Runner) start(ctx context.Context) (err error) {
	r.checked, r.names = map[string]bool{}, map[string]error{}
	if r.identity, err = r.Mutator.Identity(ctx); err != nil {
		return err
	}
	if want := r.Journal.Plan.Environment.OrganizationID; !strings.EqualFold(r.identity.Organization, want) {
		return fmt.Errorf("this is another environment (organization %s), not the plan's (%s, organization %s): nothing was changed",
			r.identity.Organization, r.Journal.Plan.Environment.URL, want)
	}
	return nil
}

func (r *Runner) report(a change.Action, e Event) {
	if r.Progress != nil {
		r.Progress(a, e)
	}
}

// resolve returns the target with the ids of the rows that earlier actions created.
// [Runner.checkCreatedRows] checks these rows.
func (r *Runner) resolve(a change.Action) (change.Target, error) {
	t := a.Target
	for _, ref := range []**change.Ref{&t.Role, &t.Copy, &t.User, &t.Principal} {
		if *ref == nil || (*ref).MadeBy == "" {
			continue
		}
		resolved := **ref
		made := r.Journal.step(resolved.MadeBy).done.Made
		if made == "" {
			return t, fmt.Errorf("action %s needs the row that action %s creates, but the journal does not name it", a.ID, resolved.MadeBy)
		}
		resolved.ID, resolved.MadeBy = made, ""
		*ref = &resolved
	}
	return t, nil
}

// applyAction carries out an action, or resumes it.
func (r *Runner) applyAction(ctx context.Context, a change.Action) error {
	t, err := r.resolve(a)
	if err != nil {
		return err
	}
	if err := r.checkCreatedRows(ctx, a); err != nil {
		return asDriftError(a, err)
	}
	names := t.AffectedNames(a.After)
	now, err := r.Mutator.Current(ctx, t, names)
	if err != nil {
		return fmt.Errorf("reading the target of action %s (%s): %w", a.ID, a.Summary, err)
	}
	begun := r.Journal.step(a.ID).begun
	sent := begun.Event != "" // an earlier run may have sent the change
	if !sent {
		if err := r.checkTarget(ctx, a, t, now, nil); err != nil {
			return err
		}
		begun = Record{Event: EventBegin, Action: a.ID, By: r.identity.User, Before: now.State, IDs: now.IDs, Filtered: now.Filtered}
		if err := r.Journal.append(begun); err != nil {
			return err
		}
	}
	r.report(a, EventBegin)
	made, err := r.makeChange(ctx, a, t, now, sent)
	if err != nil {
		return err
	}
	// A created row is identified by its planned values, not by the id in a response.
	before := now
	if now, err = r.waitFor(ctx, t, names, a.After); err != nil {
		return r.recordFailure(a, true, fmt.Errorf("action %s (%s): %w", a.ID, a.Summary, err))
	}
	if err := r.checkEffect(a, before, now); err != nil {
		return err
	}
	done := Record{Event: EventDone, Action: a.ID}
	if change.CreatesRow(a.Kind) {
		if reason := r.foreignRowReason(a, begun, r.Journal.now(), now.Row); reason != "" {
			return r.recordFailure(a, true, newDriftError(a, reason))
		}
		done.Made = now.Row.ID
		if made != "" && made != done.Made {
			return r.recordFailure(a, true, newDriftError(a, fmt.Sprintf("the environment says that it created %s, but the existing row is %s", made, done.Made)))
		}
	}
	r.report(a, EventDone)
	return r.Journal.append(done)
}

// checkEffect returns and records an error unless a request changed a target as planned, and nothing else.
func (r *Runner) checkEffect(a change.Action, before, after Reading) error {
	was, is := sideEffects(a, before, after)
	switch {
	case len(is) > 0:
		r.report(a, EventFailed)
		want := restrict(a.After, is)
		maps.Copy(want, was)
		err := fmt.Errorf("action %s (%s): the request changed more than the plan says, or somebody else made a change at the same time: %s",
			a.ID, a.Summary, formatUnlike(is, want))
		return errors.Join(err, r.Journal.append(Record{Event: EventFailed, Action: a.ID, Before: was, After: is, Error: err.Error()}))
	case !after.State.Includes(a.After):
		return r.recordFailure(a, true, fmt.Errorf("action %s (%s): the change had no effect: after it, %s",
			a.ID, a.Summary, formatState(difference(after.State, a.After))))
	}
	return nil
}

// makeChange sends the request of an action until the target has the new state. sent says that
// the request may have been sent before. makeChange returns the id of the created row if the
// environment returns it.
func (r *Runner) makeChange(ctx context.Context, a change.Action, t change.Target, now Reading, sent bool) (made string, err error) {
	waited := time.Duration(0)
	for attempt := 1; !sent || !now.State.Includes(a.After); attempt++ {
		if sent || attempt > 1 { // the environment may have changed since the target was checked
			if err := r.checkTarget(ctx, a, t, now, nil); err != nil {
				return "", r.recordFailure(a, sent, err)
			}
		}
		made, err = r.send(ctx, a.Request, t, now, a.Summary)
		if err == nil {
			return made, nil
		}
		var failure ChangeError // the zero value is uncertain
		if f, ok := errors.AsType[*ChangeError](err); ok {
			failure = *f
		}
		if failure.Effect == EffectRaced {
			r.names = map[string]error{}
		}
		sent = sent || failure.Effect == EffectUncertain
		delay := backoff(attempt)
		// An earlier action may have granted the missing privilege.
		settling := failure.Settling && waited < maxSettleTime && slices.ContainsFunc(r.Journal.Plan.Actions[:r.Journal.index(a.ID)],
			func(earlier change.Action) bool { return change.GrantsPrivileges(earlier.Kind) })
		switch {
		case settling:
			delay = min(delay, maxSettleTime-waited)
			waited += delay
		case failure.Effect == EffectNone && !sent:
			return "", r.recordFailure(a, sent, err)
		}
		var readErr error
		now, readErr = r.readEffect(ctx, a, t, delay)
		changed := now.State.Includes(a.After)
		switch {
		case readErr != nil && sent:
			return "", errors.Join(err, readErr)
		case readErr != nil:
			return "", r.recordFailure(a, sent, errors.Join(err, readErr))
		case settling: // try again
		case !sent && changed:
			return "", r.recordFailure(a, sent, newDriftError(a, "another identity made the same change at the same time"))
		case !changed && (failure.Effect == EffectNone || attempt == maxAttempts):
			return "", r.recordFailure(a, sent, err)
		}
	}
	return made, nil
}

// readEffect waits, and reads the target of an action.
func (r *Runner) readEffect(ctx context.Context, a change.Action, t change.Target, delay time.Duration) (Reading, error) {
	if err := r.Sleep(ctx, delay); err != nil {
		return Reading{}, err
	}
	now, err := r.Mutator.Current(ctx, t, t.AffectedNames(a.After))
	if err != nil {
		return now, fmt.Errorf("reading the effect of action %s (%s): %w", a.ID, a.Summary, err)
	}
	return now, nil
}

// recordFailure records the error of an action, and returns it. sent says that the action may
// have taken effect.
func (r *Runner) recordFailure(a change.Action, sent bool, err error) error {
	r.report(a, EventFailed)
	return errors.Join(err, r.Journal.append(Record{Event: EventFailed, Action: a.ID, Unsent: !sent, Error: err.Error()}))
}

// send fills in the slots of a request and sends it.
func (r *Runner) send(ctx context.Context, request change.Request, t change.Target, now Reading, label string) (made string, err error) {
	request = request.Fill(now.IDs).Fill(t.SlotValues()).Fill(map[string]string{change.SlotAPI: change.APIRoot(r.Journal.Plan.Environment.URL)})
	if !request.Filled() {
		return "", &ChangeError{Effect: EffectNone, Err: fmt.Errorf("%s: the request lacks an id that could not be found: %s", label, request.Path)}
	}
	made, err = r.Mutator.Change(ctx, request, t, label)
	failure, ok := errors.AsType[*ChangeError](err)
	unchanged := ok && failure.Effect != EffectUncertain
	r.changed = r.changed || !unchanged
	return made, err
}

// sideEffects returns the values, before and after a request, of what an action does not change, and of what
// the request did not change as planned. Only the latter can lack a value before.
func sideEffects(a change.Action, before, after Reading) (was, is change.State) {
	was, is = change.State{}, change.State{}
	for name, want := range a.After {
		if value := after.State[name]; value != want && value != before.State[name] {
			is[name] = value
		}
	}
	for _, others := range []change.State{before.Others, after.Others} {
		for name := range others {
			old, value := cmp.Or(before.Others[name], change.None), cmp.Or(after.Others[name], change.None)
			isDefault := old == change.None && slices.Contains(change.NewRolePrivileges(), name) // the platform may grant it
			if old != value && !isDefault {
				was[name], is[name] = old, value
			}
		}
	}
	return was, is
}

// waitFor reads a target until it has the wanted state, several times at most.
func (r *Runner) waitFor(ctx context.Context, t change.Target, names []string, want change.State) (Reading, error) {
	for attempt := 1; ; attempt++ {
		now, err := r.Mutator.Current(ctx, t, names)
		switch {
		case err != nil:
			return now, fmt.Errorf("reading back what was changed: %w", err)
		case now.State.Includes(want), attempt == maxAttempts:
			return now, nil
		}
		if err := r.Sleep(ctx, backoff(attempt)); err != nil {
			return now, err
		}
	}
}

// backoff returns the delay after an attempt: one second after the first, then twice as long each.
func backoff(attempt int) time.Duration { return time.Second << (attempt - 1) }

// Package apply carries a plan out, keeps a journal of it, and rolls it back.
//
// It sends the requests of the plan, in the plan's order, and no others. Each target is read
// just before its change and must be as in the plan; after the change, it is read back. A
// request that may have taken effect is not repeated before the state is read. The journal is
// on disk before and after each change, so that an interrupted run can be resumed or rolled
// back. What others changed in the meantime is kept.
package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Progress is called for each action: when it begins, and how it ended.
type Progress func(a change.Action, e Event)

// A Runner carries out, or rolls back, the plan of a journal.
type Runner struct {
	Mutator Mutator
	Journal *Journal
	// Sleep waits before a change is looked for again, or sent again.
	Sleep func(context.Context, time.Duration) error
	// AllowSharedRole permits changes to a role that others have too.
	AllowSharedRole bool
	// ReplaceFiltered permits changes to grants for some records only, which cannot be restored.
	ReplaceFiltered bool
	Progress        Progress

	identity Identity
	changed  bool             // something was sent that may have changed the environment
	checked  map[string]bool  // roles whose holders were checked
	names    map[string]error // what is wrong with the names of the checked rows
}

// Changed reports whether this run sent anything that may have changed the environment.
func (r *Runner) Changed() bool { return r.changed }

// maxAttempts limits how often an uncertain change is sent, and an expected state is read.
const maxAttempts = 5

// Apply carries out the remaining actions of the plan.
func (r *Runner) Apply(ctx context.Context) error {
	if err := r.Journal.CheckResumable(); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return err
	}
	for _, a := range r.Journal.Plan.Actions {
		if r.Journal.step(a.ID).isDone() {
			continue
		}
		if err := r.applyAction(ctx, a); err != nil {
			return err
		}
	}
	if !r.Journal.applied {
		return r.Journal.append(Record{Event: EventApplied})
	}
	return nil
}

// start begins a run: the environment must be the plan's.
func (r *Runner) start(ctx context.Context) (err error) {
	r.checked, r.names = map[string]bool{}, map[string]error{}
	if r.identity, err = r.Mutator.Identity(ctx); err != nil {
		return err
	}
	if want := r.Journal.Plan.Environment.OrganizationID; !strings.EqualFold(r.identity.Organization, want) {
		return fmt.Errorf("this is another environment (organization %s) than the plan's (%s, organization %s): nothing was changed",
			r.identity.Organization, r.Journal.Plan.Environment.URL, want)
	}
	return nil
}

func (r *Runner) report(a change.Action, e Event) {
	if r.Progress != nil {
		r.Progress(a, e)
	}
}

// resolve fills in the ids of rows that the plan's actions created; [Runner.checkCreatedRows] checks them.
func (r *Runner) resolve(a change.Action) (change.Target, error) {
	t := a.Target
	for _, ref := range []**change.Ref{&t.Role, &t.Copy, &t.User, &t.Principal} {
		if *ref == nil || (*ref).MadeBy == "" {
			continue
		}
		full := **ref
		made := r.Journal.step(full.MadeBy).done.Made
		if made == "" {
			return t, fmt.Errorf("action %s needs the row that action %s creates, but the journal does not name it", a.ID, full.MadeBy)
		}
		full.ID, full.MadeBy = made, ""
		*ref = &full
	}
	return t, nil
}

// applyAction does one action, or the rest of it.
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
	// sent says that the change may already have been sent.
	begun := r.Journal.step(a.ID).begun
	sent := begun.Event != ""
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
	// A created row is looked for by its planned values, not by the id in a response.
	if now, err = r.waitFor(ctx, t, names, a.After); err != nil {
		return r.recordFailure(a, true, fmt.Errorf("action %s (%s): %w", a.ID, a.Summary, err))
	}
	done := Record{Event: EventDone, Action: a.ID}
	if change.CreatesRow(a.Kind) {
		if because := r.foreignRowReason(a, begun, r.Journal.now(), now.Row); because != "" {
			return r.recordFailure(a, true, newDriftError(a, because))
		}
		done.Made = now.Row.ID
		if made != "" && made != done.Made {
			return r.recordFailure(a, true, newDriftError(a, fmt.Sprintf("the environment says that it created %s, but the existing row is %s", made, done.Made)))
		}
	}
	r.report(a, EventDone)
	return r.Journal.append(done)
}

// makeChange sends the change of an action until it is made. sent says that it may have been
// sent before. It returns the id of the created row, if the environment did.
func (r *Runner) makeChange(ctx context.Context, a change.Action, t change.Target, now Reading, sent bool) (made string, err error) {
	names := t.AffectedNames(a.After)
	waited := time.Duration(0)
	for attempt := 1; !sent || !now.State.Includes(a.After); attempt++ {
		if !now.State.Includes(a.Before) {
			return "", r.recordFailure(a, sent, newStateDriftError(a, now.State))
		}
		made, err = r.send(ctx, a.Request, t, now, a.Summary)
		if err == nil {
			return made, nil
		}
		var failure ChangeError // uncertain, unless the error says more
		if f, ok := errors.AsType[*ChangeError](err); ok {
			failure = *f
		}
		sent = sent || failure.Effect == EffectUncertain
		rest := backoff(attempt)
		settling := failure.Settling && waited < maxSettleTime && r.mayAwaitRights(a)
		switch {
		case settling:
			rest = min(rest, maxSettleTime-waited)
			waited += rest
		case failure.Effect == EffectNone && !sent:
			return "", r.recordFailure(a, sent, err)
		}
		unread := r.Sleep(ctx, rest)
		if unread == nil {
			if now, unread = r.Mutator.Current(ctx, t, names); unread != nil {
				unread = fmt.Errorf("reading the effect of action %s (%s): %w", a.ID, a.Summary, unread)
			}
		}
		reached := now.State.Includes(a.After)
		switch {
		case unread != nil && sent:
			return "", errors.Join(err, unread)
		case unread != nil:
			return "", r.recordFailure(a, sent, errors.Join(err, unread))
		case settling:
		case !sent && reached:
			return "", r.recordFailure(a, sent, newDriftError(a, "another identity made the same change at the same time"))
		case !reached && (failure.Effect == EffectNone || attempt == maxAttempts):
			return "", r.recordFailure(a, sent, err)
		}
	}
	return made, nil
}

// maxSettleTime limits how long a change waits for a right that an earlier action gave.
const maxSettleTime = time.Minute

// mayAwaitRights reports whether an earlier action gives rights that this one may have to wait for.
func (r *Runner) mayAwaitRights(a change.Action) bool {
	earlier := r.Journal.Plan.Actions[:r.Journal.index(a.ID)]
	return slices.ContainsFunc(earlier, func(e change.Action) bool { return change.GrantsPrivileges(e.Kind) })
}

// recordFailure records why an action failed; sent says whether it may still have taken effect.
func (r *Runner) recordFailure(a change.Action, sent bool, err error) error {
	r.report(a, EventFailed)
	return errors.Join(err, r.Journal.append(Record{Event: EventFailed, Action: a.ID, Unsent: !sent, Error: err.Error()}))
}

// send fills a request and sends it.
func (r *Runner) send(ctx context.Context, request change.Request, t change.Target, now Reading, label string) (made string, err error) {
	request = request.Fill(now.IDs).Fill(t.SlotValues()).Fill(map[string]string{change.SlotAPI: change.APIRoot(r.Journal.Plan.Environment.URL)})
	if !request.Filled() {
		return "", &ChangeError{Effect: EffectNone, Err: fmt.Errorf("%s: the request lacks an id that could not be found: %s", label, request.Path)}
	}
	made, err = r.Mutator.Change(ctx, request, label)
	var change *ChangeError
	refused := errors.As(err, &change) && change.Effect != EffectUncertain
	r.changed = r.changed || !refused
	return made, err
}

// waitFor reads a target until its change is visible.
func (r *Runner) waitFor(ctx context.Context, t change.Target, names []string, want change.State) (Reading, error) {
	for attempt := 1; ; attempt++ {
		now, err := r.Mutator.Current(ctx, t, names)
		switch {
		case err != nil:
			return now, fmt.Errorf("reading back what was changed: %w", err)
		case now.State.Includes(want):
			return now, nil
		case attempt == maxAttempts:
			return now, fmt.Errorf("the change had no effect: after it, %s", formatState(difference(now.State, want)))
		}
		if err := r.Sleep(ctx, backoff(attempt)); err != nil {
			return now, err
		}
	}
}

// backoff starts at one second and doubles.
func backoff(attempt int) time.Duration { return time.Second << (attempt - 1) }

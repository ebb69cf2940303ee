// Package apply carries a plan out, keeps a journal of it, and rolls it back.
//
// It sends what the plan says, in the plan's order, and nothing else. Each target is read
// just before its change and must be as in the plan; after the change, it is read back. A
// request that may have taken effect is never repeated before the state is read. The
// journal is written to disk before and after each change, so that a run that was
// interrupted anywhere can be resumed to the same end, with nothing done twice, or rolled
// back to the previous state.
//
// Changes that somebody else made meanwhile are kept: apply stops there, and rollback keeps
// and reports them.
package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// A Mutator reads and changes one environment. It reads the current state and bypasses any
// cache.
type Mutator interface {
	// Identity is the signed-in user and the actual environment.
	Identity(ctx context.Context) (Identity, error)
	// Current reads a target's state for each of the names, and the ids that its requests
	// need.
	Current(ctx context.Context, t change.Target, names []string) (Reading, error)
	// Change sends one request. made is the id of the created row, if the environment
	// returned it. A [ChangeError] says whether the change may have taken effect.
	Change(ctx context.Context, r change.Request, label string) (made string, err error)
	// Holders are the users who have a role, in any of its copies, directly or through a
	// team. roleID is any of the copies.
	Holders(ctx context.Context, roleID string) (Holding, error)
	// Row reads a row that a target names, impersonating another user if only they see it;
	// nil if it is not visible.
	Row(ctx context.Context, table Table, id string, as *change.Ref) (*Row, error)
	// Role reads a copy of a role.
	Role(ctx context.Context, id string) (Role, error)
}

// An Identity is a user of an environment, both by id.
type Identity struct{ Organization, User string }

// A Reading is the current state of a target.
type Reading struct {
	State change.State
	// IDs are the values for the slots of requests.
	IDs map[string]string
	// Row is the target's row, if it is a row and exists.
	Row *Row
	// Filtered are the privileges that are granted for some records only, whatever else
	// grants them, sorted.
	Filtered []string
	// Inherited are rights on a view that come from another shared record; empty for none.
	Inherited string
}

// A Table is the table of a row. The zero value is invalid.
type Table string

// The tables.
const (
	TableRole Table = "role"
	TableUser Table = "systemuser"
	TableTeam Table = "team"
	TableUnit Table = "businessunit"
	TableView Table = "userquery"
)

// A Row contains the values of a row, as far as its table has them.
type Row struct {
	ID, Name string
	// SignIn is a user's sign-in name.
	SignIn string
	// Unit is the business unit of a role or a user.
	Unit string
	// Root is the role that a role is a copy of; Template is its role template.
	Root, Template string
	// Application is an application user's application id.
	Application string
	// Author is the user who created the row, and Created is when; empty if the environment
	// does not say.
	Author  string
	Created time.Time
}

// A Holding lists who has a role.
type Holding struct {
	Holders []Holder
	// Unseen says why there may be others; empty if there are none.
	Unseen string
}

// A Holder is a user who has a role.
type Holder struct {
	ID, Name string
	// Through is the team's name; empty for a direct assignment.
	Through string
}

// An Effect is the effect of a change whose request failed. The zero value is unknown,
// which means that it may have taken effect.
type Effect int

// The effects of a request that failed.
const (
	// EffectUncertain: it may have taken effect.
	EffectUncertain Effect = iota
	// EffectNone: it was refused, and nothing changed.
	EffectNone
	// EffectRaced: it was refused because the target changed after it was read.
	EffectRaced
)

// A ChangeError is the failure of a changing request.
type ChangeError struct {
	Effect Effect
	Err    error
	// Settling is set if the environment says that the recipient of the change lacks a
	// right, which may take effect soon.
	Settling bool
}

func (e *ChangeError) Error() string { return e.Err.Error() }
func (e *ChangeError) Unwrap() error { return e.Err }

// A GoneError says that a row that the target depends on no longer exists.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return e.Err.Error() }
func (e *GoneError) Unwrap() error { return e.Err }

// An UnreachableError says that the environment cannot be reached, so that nothing else
// needs to be tried.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }
func (e *UnreachableError) Unwrap() error { return e.Err }

// A ChangedError says that the environment is not as in the plan.
type ChangedError struct {
	Action  change.Action
	Now     change.State
	Because string
}

func (e *ChangedError) Error() string {
	because := e.Because
	if because == "" {
		var parts []string
		for _, d := range e.Action.Differences() {
			if e.Now[d.Name] != d.Before {
				parts = append(parts, fmt.Sprintf("%s is %s, not %s", d.Name, e.Now[d.Name], d.Before))
			}
		}
		because = listed(parts)
	}
	return fmt.Sprintf("action %s (%s) was not carried out: the environment changed since the plan was made: %s; make a new plan",
		e.Action.ID, e.Action.Summary, because)
}

// A Progress is called for each action: when it begins, and how it ended.
type Progress func(a change.Action, e Event)

// A Runner carries out, or rolls back, the plan of a journal.
type Runner struct {
	Mutator Mutator
	Journal *Journal
	// Sleep waits between two reads of something that is not yet as it should be.
	Sleep func(context.Context, time.Duration) error
	// AllowSharedRole permits changes to a role that others besides the integration user
	// have.
	AllowSharedRole bool
	// ReplaceFiltered permits changes to grants for some records only, which cannot be
	// restored.
	ReplaceFiltered bool
	Progress        Progress

	identity Identity
	changed  bool              // something was sent that may have changed the environment
	checked  map[string]bool   // roles whose holders were checked
	names    map[string]string // what is wrong with the names of the checked rows
}

// Changed reports whether this run sent anything that may have changed the
// environment.
func (r *Runner) Changed() bool { return r.changed }

// tries limits how often a change with an uncertain effect is sent, and how often an
// expected change is looked for.
const tries = 5

// Check reads every target that already exists and compares it with the plan, without
// changing anything. A dry run does this. checked is called for each action; waitsFor is
// the earlier action that creates its row, if it was skipped for that reason.
func (r *Runner) Check(ctx context.Context, checked func(a change.Action, waitsFor string)) error {
	if err := r.sameEnvironment(ctx); err != nil {
		return err
	}
	expected := map[string]change.State{}
	for _, a := range r.Journal.Plan.Actions {
		if earlier := waitsFor(a.Target); earlier != "" {
			checked(a, earlier)
			continue
		}
		reading, err := r.Mutator.Current(ctx, a.Target, a.Target.Watched(a.After))
		if err != nil {
			return fmt.Errorf("reading the target of action %s: %w", a.ID, err)
		}
		// Several actions may change the same thing one after the other.
		key := key(a.Target)
		for name, value := range expected[key] {
			if _, there := reading.State[name]; there {
				reading.State[name] = value
			}
		}
		pending := expected[keyOfGrants(a.Target)]
		if err := r.asPlanned(ctx, a, a.Target, reading, pending); err != nil {
			return err
		}
		if expected[key] == nil {
			expected[key] = change.State{}
		}
		maps.Copy(expected[key], a.After)
		checked(a, "")
	}
	return nil
}

func key(t change.Target) string {
	k := t.Known()
	return strings.Join([]string{string(t.Kind), k[change.SlotRole], k[change.SlotUser], k[change.SlotCopy], k[change.SlotView], k[change.SlotPrincipal], t.ApplicationID}, " ")
}

// keyOfGrants is the key of what the target's role grants.
func keyOfGrants(t change.Target) string {
	return key(change.Target{Kind: change.TargetGrants, Role: t.Role})
}

// waitsFor is the action that creates a row that the target depends on; empty if all of
// them exist.
func waitsFor(t change.Target) string {
	for _, ref := range []*change.Ref{t.Role, t.Copy, t.User, t.Principal} {
		if ref != nil && ref.MadeBy != "" {
			return ref.MadeBy
		}
	}
	return ""
}

// Apply carries out the remaining actions of the plan.
func (r *Runner) Apply(ctx context.Context) error {
	if err := r.Journal.Resumable(); err != nil {
		return err
	}
	if err := r.sameEnvironment(ctx); err != nil {
		return err
	}
	for _, a := range r.Journal.Plan.Actions {
		if r.Journal.has(EventDone, a.ID) {
			continue
		}
		if err := r.carryOut(ctx, a); err != nil {
			return err
		}
	}
	if !r.Journal.has(EventApplied, "") {
		return r.Journal.append(Record{Event: EventApplied})
	}
	return nil
}

func (r *Runner) sameEnvironment(ctx context.Context) error {
	var err error
	if r.identity, err = r.Mutator.Identity(ctx); err != nil {
		return err
	}
	if want := r.Journal.Plan.Environment.OrganizationID; !strings.EqualFold(r.identity.Organization, want) {
		return fmt.Errorf("this is another environment (organization %s) than the plan's (%s, organization %s): nothing was changed",
			r.identity.Organization, r.Journal.Plan.Environment.URL, want)
	}
	return nil
}

func (r *Runner) tell(a change.Action, e Event) {
	if r.Progress != nil {
		r.Progress(a, e)
	}
}

// resolve fills in the ids of rows that the plan's actions created. It does not trust an
// id: the caller checks the target against the environment, see [Runner.madeByUs].
func (r *Runner) resolve(a change.Action) (change.Target, error) {
	t := a.Target
	for _, ref := range []**change.Ref{&t.Role, &t.Copy, &t.User, &t.Principal} {
		if *ref == nil || (*ref).MadeBy == "" {
			continue
		}
		full := **ref
		made, ok := r.Journal.find(EventDone, full.MadeBy)
		if !ok || made.Made == "" {
			return t, fmt.Errorf("action %s needs the row that action %s creates, but the journal does not name it", a.ID, full.MadeBy)
		}
		full.ID, full.MadeBy = made.Made, ""
		*ref = &full
	}
	return t, nil
}

// slotMade is the slot of the row that an action creates.
func slotMade(a change.Action) string {
	switch a.Target.Kind {
	case change.TargetRole:
		return change.SlotRole
	case change.TargetUser:
		return change.SlotUser
	case change.TargetGrants, change.TargetAssignment, change.TargetShare:
	}
	return ""
}

// asPlanned refuses a target that is not as in the plan. pending is what earlier actions
// will still change in its role.
func (r *Runner) asPlanned(ctx context.Context, a change.Action, t change.Target, now Reading, pending change.State) error {
	if !now.State.Covers(a.Before) {
		if now.Inherited != "" {
			return &InheritedError{a, now.Inherited}
		}
		return &ChangedError{Action: a, Now: now.State}
	}
	if name := unplanned(r.Journal.Plan, a, now.State); name != "" {
		return &ChangedError{Action: a, Because: fmt.Sprintf("the role no longer grants %s", name)}
	}
	for _, name := range t.Filtered {
		if !slices.Contains(now.Filtered, name) {
			return &ChangedError{Action: a, Because: "a record filter no longer grants " + name + " any more"}
		}
	}
	if len(now.Filtered) > 0 && !r.ReplaceFiltered {
		return &FilteredError{a, now.Filtered}
	}
	if because, err := r.otherwiseNamed(ctx, a.Target); err != nil || because != "" {
		if err == nil {
			err = &ChangedError{Action: a, Because: because}
		}
		return err
	}
	for name, id := range t.Privileges {
		if found := now.IDs[name]; found != "" && !strings.EqualFold(found, id) {
			return &ChangedError{Action: a, Because: fmt.Sprintf("%s has the id %s in the environment, not %s", name, found, id)}
		}
	}
	switch {
	case a.Target.Role == nil || a.Target.Role.MadeBy != "":
		return nil
	case t.Kind == change.TargetGrants:
		return r.notShared(ctx, a, t.Role)
	case a.Kind == change.AssignRole:
		return r.notBeyond(ctx, a, t, now, pending)
	}
	return nil
}

// notShared refuses to change a role that others have, unless that is allowed.
func (r *Runner) notShared(ctx context.Context, a change.Action, role *change.Ref) error {
	if r.AllowSharedRole || r.checked[role.ID] {
		return nil
	}
	held, err := r.Mutator.Holders(ctx, role.ID)
	if err != nil {
		return fmt.Errorf("finding out who has the role %q: %w", role.Name, err)
	}
	own := r.integrationUser()
	var others []string
	for _, h := range held.Holders {
		if h.ID != own {
			name := fmt.Sprintf("%q", h.Name)
			if h.Through != "" {
				name += fmt.Sprintf(" (through the team %q)", h.Through)
			}
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("action %s (%s) was not carried out: others have the role too: %s; give the integration a separate role, or allow it with --allow-shared-role",
			a.ID, a.Summary, listed(others))
	}
	if held.Unseen != "" {
		return fmt.Errorf("action %s (%s) was not carried out: others may have the role too: %s; let the applying identity read them, or allow it with --allow-shared-role",
			a.ID, a.Summary, held.Unseen)
	}
	if r.checked == nil {
		r.checked = map[string]bool{}
	}
	r.checked[role.ID] = true
	return nil
}

// integrationUser is the id of the user that the plan is about; empty if the plan creates
// it or names none.
func (r *Runner) integrationUser() string { return r.Journal.Plan.IntegrationUser }

// carryOut does one action, or the rest of it.
func (r *Runner) carryOut(ctx context.Context, a change.Action) error {
	t, err := r.resolve(a)
	if err != nil {
		return err
	}
	if because, err := r.made(ctx, a); err != nil || because != "" {
		if err == nil {
			err = &ChangedError{Action: a, Because: because}
		}
		return err
	}
	names := t.Watched(a.After)
	now, err := r.Mutator.Current(ctx, t, names)
	if err != nil {
		return fmt.Errorf("reading the target of action %s (%s): %w", a.ID, a.Summary, err)
	}
	// sent says that the change may already have been sent.
	begun, sent := r.Journal.begun(a.ID)
	if !sent {
		if err := r.asPlanned(ctx, a, t, now, nil); err != nil {
			return err
		}
		begun = Record{Event: EventBegin, Action: a.ID, By: r.identity.User, Before: now.State, IDs: now.IDs, Filtered: now.Filtered}
		if err := r.Journal.append(begun); err != nil {
			return err
		}
	}
	r.tell(a, EventBegin)
	made := ""
	waited := time.Duration(0)
	for attempt := 1; !sent || !now.State.Covers(a.After); attempt++ {
		if !now.State.Covers(a.Before) {
			return r.failed(a, sent, &ChangedError{Action: a, Now: now.State})
		}
		made, err = r.send(ctx, a.Request, t, now, a.Summary)
		if err == nil {
			break
		}
		effect := EffectUncertain
		var change *ChangeError
		if errors.As(err, &change) {
			effect = change.Effect
		}
		sent = sent || effect == EffectUncertain
		if change != nil && change.Settling && waited < settle && r.prepares(a) {
			rest := min(pause(attempt), settle-waited)
			waited += rest
			if pauseErr := r.Sleep(ctx, rest); pauseErr != nil {
				return r.failed(a, sent, errors.Join(err, pauseErr))
			}
			if now, err = r.Mutator.Current(ctx, t, names); err != nil {
				return r.failed(a, sent, fmt.Errorf("reading the target of action %s (%s): %w", a.ID, a.Summary, err))
			}
			continue
		}
		if effect == EffectNone && !sent {
			return r.failed(a, sent, err)
		}
		if pauseErr := r.Sleep(ctx, pause(attempt)); pauseErr != nil {
			return errors.Join(err, pauseErr)
		}
		var readErr error
		if now, readErr = r.Mutator.Current(ctx, t, names); readErr != nil {
			return errors.Join(err, fmt.Errorf("reading the effect of action %s (%s): %w", a.ID, a.Summary, readErr))
		}
		reached := now.State.Covers(a.After)
		switch {
		case !sent && reached:
			return r.failed(a, sent, &ChangedError{Action: a, Because: "somebody else made the same change at the same time"})
		case !reached && (effect == EffectNone || attempt == tries):
			return r.failed(a, sent, err)
		}
	}
	// A created row is looked for by its planned values, not by the id in a response.
	if now, err = r.await(ctx, t, names, a.After); err != nil {
		return r.failed(a, true, fmt.Errorf("action %s (%s): %w", a.ID, a.Summary, err))
	}
	done := Record{Event: EventDone, Action: a.ID}
	if change.Makes(a.Kind) {
		if because := r.notOurs(a, begun, r.Journal.now(), now.Row); because != "" {
			return r.failed(a, true, &ChangedError{Action: a, Because: because})
		}
		done.Made = now.Row.ID
		if made != "" && made != done.Made {
			return r.failed(a, true, &ChangedError{Action: a, Because: fmt.Sprintf("the environment says that it created %s, but the existing row is %s", made, done.Made)})
		}
	}
	r.tell(a, EventDone)
	return r.Journal.append(done)
}

// settle limits how long a change waits for a right that an earlier action gave.
const settle = time.Minute

// prepares reports whether an earlier action gives rights that this one may have to
// wait for.
func (r *Runner) prepares(a change.Action) bool {
	for _, e := range r.Journal.Plan.Actions {
		switch {
		case e.ID == a.ID:
			return false
		case change.Grants(e.Kind):
			return true
		}
	}
	return false
}

// failed records why an action failed; sent says whether its change may still have taken
// effect.
func (r *Runner) failed(a change.Action, sent bool, err error) error {
	r.tell(a, EventFailed)
	return errors.Join(err, r.Journal.append(Record{Event: EventFailed, Action: a.ID, Unsent: !sent, Error: err.Error()}))
}

// send fills a request and sends it.
func (r *Runner) send(ctx context.Context, request change.Request, t change.Target, now Reading, label string) (made string, err error) {
	request = request.Fill(now.IDs).Fill(t.Known()).Fill(map[string]string{change.SlotAPI: change.API(r.Journal.Plan.Environment.URL)})
	if !request.Filled() {
		return "", &ChangeError{Effect: EffectNone, Err: fmt.Errorf("%s: the request lacks an id that could not be found: %s", label, request.Path)}
	}
	made, err = r.Mutator.Change(ctx, request, label)
	var change *ChangeError
	refused := errors.As(err, &change) && change.Effect != EffectUncertain
	r.changed = r.changed || !refused
	return made, err
}

// await reads a target until it is as it should be, because a change may be visible only
// after a moment.
func (r *Runner) await(ctx context.Context, t change.Target, names []string, want change.State) (Reading, error) {
	for attempt := 1; ; attempt++ {
		now, err := r.Mutator.Current(ctx, t, names)
		switch {
		case err != nil:
			return now, fmt.Errorf("reading back what was changed: %w", err)
		case now.State.Covers(want):
			return now, nil
		case attempt == tries:
			return now, fmt.Errorf("the change had no effect: after it, %s", said(unlike(now.State, want)))
		}
		if err := r.Sleep(ctx, pause(attempt)); err != nil {
			return now, err
		}
	}
}

// pause starts at one second and doubles.
func pause(attempt int) time.Duration { return time.Second << (attempt - 1) }

// said puts a state into words.
func said(s change.State) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, name+" is "+s[name])
	}
	return listed(parts)
}

// listed joins what a message names, the first few of many.
func listed(parts []string) string {
	const most = 5
	if n := len(parts) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(parts[:most], ", "), n)
	}
	return strings.Join(parts, ", ")
}

// unlike is where a state differs from the wanted one.
func unlike(s, want change.State) change.State {
	some := change.State{}
	for name, value := range want {
		if s[name] != value {
			some[name] = s[name]
		}
	}
	return some
}

// part is a state limited to the names of another.
func part(s, of change.State) change.State {
	some := change.State{}
	for name := range of {
		some[name] = s[name]
	}
	return some
}

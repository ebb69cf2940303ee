package apply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

// An Effect is the effect of a change whose request failed.
type Effect int

// The effects of a request that failed.
const (
	EffectUncertain Effect = iota // it may have taken effect
	EffectNone                    // it was refused, and nothing changed
	EffectRaced                   // it was refused because the target changed after it was read
)

// A ChangeError is the failure of a changing request.
type ChangeError struct {
	Effect Effect
	Err    error
	// Settling is set if the recipient of a share lacks a right that may take effect soon.
	Settling bool
}

func (e *ChangeError) Error() string { return e.Err.Error() }

func (e *ChangeError) Unwrap() error { return e.Err }

// A GoneError says that a row that the target depends on no longer exists.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return e.Err.Error() }

func (e *GoneError) Unwrap() error { return e.Err }

// An UnreachableError says that the environment cannot be reached.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }

func (e *UnreachableError) Unwrap() error { return e.Err }

// A ChangedError says that the environment is not as in the plan, which cannot continue.
type ChangedError struct {
	Action  change.Action
	Because string
}

func (e *ChangedError) Error() string { return refused(e.Action, e.Because).Error() }

// refused is why an action was not carried out.
func refused(a change.Action, because string) error {
	return fmt.Errorf("action %s (%s) was not carried out: %s", a.ID, a.Summary, because)
}

// A different says what in the environment is not as in the plan.
type different string

func (d different) Error() string { return string(d) }

// asChanged is the error of an action: a difference is a change since the plan was made.
func asChanged(a change.Action, err error) error {
	if d, ok := errors.AsType[different](err); ok {
		return changed(a, string(d))
	}
	return err
}

// changed says what was changed since the plan was made.
func changed(a change.Action, what string) error {
	return &ChangedError{a, "the environment changed since the plan was made: " + what + "; make a new plan"}
}

// changedTo says how a state differs from the one before an action.
func changedTo(a change.Action, now change.State) error {
	var parts []string
	for _, d := range a.Differences() {
		if now[d.Name] != d.Before {
			parts = append(parts, fmt.Sprintf("%s is %s, not %s", d.Name, now[d.Name], d.Before))
		}
	}
	return changed(a, change.Listed(parts))
}

// A LostError says that a change was made and read back, but did not persist.
type LostError struct {
	Action change.Action
	Now    change.State
}

func (e *LostError) Error() string {
	return fmt.Sprintf("action %s (%s) was carried out, but did not persist: now %s", e.Action.ID, e.Action.Summary, said(e.Now))
}

// A Kept says that rollback left a change in place, fully or in part.
type Kept struct {
	Action change.Action
	Reason string // says why
	ByHand string // the manual step that restores the previous state
}

func (k *Kept) Error() string {
	return fmt.Sprintf("action %s (%s) was not undone: %s; manual step: %s", k.Action.ID, k.Action.Summary, k.Reason, k.ByHand)
}

// A KeptError says which changes rollback left in place, and why.
type KeptError struct {
	Kept []Kept
	Err  error // what ended the rollback early; nil if nothing did
}

func (e *KeptError) Error() string {
	var lines []string
	for _, k := range e.Kept {
		lines = append(lines, k.Error())
	}
	if e.Err != nil {
		lines = append(lines, e.Err.Error())
	}
	return strings.Join(lines, "; ")
}

func (e *KeptError) Unwrap() error { return e.Err }

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

// A DriftError says that the environment is not as in the plan, which cannot continue.
type DriftError struct {
	Action change.Action
	Reason string
}

func (e *DriftError) Error() string { return refusalError(e.Action, e.Reason).Error() }

// refusalError is why an action was not carried out.
func refusalError(a change.Action, because string) error {
	return fmt.Errorf("action %s (%s) was not carried out: %s", a.ID, a.Summary, because)
}

// A mismatchError says what in the environment is not as in the plan.
type mismatchError string

func (d mismatchError) Error() string { return string(d) }

// asDriftError is the error of an action: a difference is a change since the plan was made.
func asDriftError(a change.Action, err error) error {
	if d, ok := errors.AsType[mismatchError](err); ok {
		return newDriftError(a, string(d))
	}
	return err
}

// newDriftError says what was changed since the plan was made.
func newDriftError(a change.Action, what string) error {
	return &DriftError{a, "the environment changed since the plan was made: " + what + "; make a new plan"}
}

// newStateDriftError says how a state differs from the one before an action.
func newStateDriftError(a change.Action, now change.State) error {
	var parts []string
	for _, d := range a.Differences() {
		if now[d.Name] != d.Before {
			parts = append(parts, fmt.Sprintf("%s is %s, not %s", d.Name, now[d.Name], d.Before))
		}
	}
	return newDriftError(a, change.JoinFirst(parts))
}

// A LostError says that a change was made and read back, but did not persist.
type LostError struct {
	Action change.Action
	Now    change.State
}

func (e *LostError) Error() string {
	return fmt.Sprintf("action %s (%s) was carried out, but did not persist: now %s", e.Action.ID, e.Action.Summary, formatState(e.Now))
}

// A KeptChange says that rollback left a change in place, fully or in part.
type KeptChange struct {
	Action     change.Action
	Reason     string // says why
	ManualStep string // the manual step that restores the previous state
}

func (k *KeptChange) Error() string {
	return fmt.Sprintf("action %s (%s) was not undone: %s; manual step: %s", k.Action.ID, k.Action.Summary, k.Reason, k.ManualStep)
}

// A KeptError says which changes rollback left in place, and why.
type KeptError struct {
	Kept []KeptChange
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

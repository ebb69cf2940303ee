package apply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
)

// An Effect says what a failed request changed.
type Effect int

// The effects of a failed request.
const (
	EffectUncertain Effect = iota // it may have taken effect
	EffectNone                    // it was refused, and nothing changed
	EffectRaced                   // it was refused because the target changed since it was read
)

// A ChangeError is the error of a request that changes an environment.
type ChangeError struct {
	Effect Effect
	Err    error
	// Settling is set if the recipient of a share lacks a privilege that may take effect soon.
	Settling bool
}

func (e *ChangeError) Error() string { return e.Err.Error() }
func (e *ChangeError) Unwrap() error { return e.Err }

// A GoneError means that a row of the target no longer exists.
type GoneError struct{ Err error }

func (e *GoneError) Error() string { return e.Err.Error() }
func (e *GoneError) Unwrap() error { return e.Err }

// An UnreachableError means that the environment cannot be reached.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }
func (e *UnreachableError) Unwrap() error { return e.Err }

// A DriftError means that the environment differs from the plan, so that the plan cannot continue.
type DriftError struct {
	Action change.Action
	Reason string
}

func (e *DriftError) Error() string { return refusalError(e.Action, e.Reason).Error() }

func refusalError(a change.Action, reason string) error {
	return fmt.Errorf("action %s (%s) was not carried out: %s", a.ID, a.Summary, reason)
}

// A mismatchError says how the environment differs from the plan.
type mismatchError string

func (d mismatchError) Error() string { return string(d) }

// asDriftError returns a mismatchError as the DriftError of an action, and other errors unchanged.
func asDriftError(a change.Action, err error) error {
	if d, ok := errors.AsType[mismatchError](err); ok {
		return newDriftError(a, string(d))
	}
	return err
}

// newDriftError returns the error that the environment changed since the plan was made.
func newDriftError(a change.Action, drift string) error {
	return &DriftError{a, "the environment changed since the plan was made: " + drift + "; make a new plan"}
}

// newStateDriftError returns the error that a target differs from the state before an action.
func newStateDriftError(a change.Action, now change.State) error {
	return newDriftError(a, formatUnlike(now, a.Before))
}

// A LostError means that a change was made and read back, but did not persist.
type LostError struct {
	Action change.Action
	Now    change.State
}

func (e *LostError) Error() string {
	return fmt.Sprintf("action %s (%s) was carried out, but did not persist: now %s", e.Action.ID, e.Action.Summary, formatState(e.Now))
}

// A KeptChange is a change that rollback left in place, fully or in part. It is also an error.
type KeptChange struct {
	Action     change.Action
	Reason     string
	ManualStep string // the manual step that restores the previous state
}

func (k *KeptChange) Error() string {
	return fmt.Sprintf("action %s (%s) was not undone: %s; manual step: %s", k.Action.ID, k.Action.Summary, k.Reason, k.ManualStep)
}

// A KeptError lists the changes that rollback left in place.
type KeptError struct {
	Kept []KeptChange
	Err  error // the error that ended the rollback early, or nil
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

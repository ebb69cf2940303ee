package run

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A Failure is what an error asks for next.
type Failure string

// The failures.
const (
	NoFailure     Failure = "none"
	Interrupted   Failure = "interrupted"   // somebody ended the run
	Misused       Failure = "misused"       // wrong usage or configuration: nothing was asked of the environment
	Misconfigured Failure = "misconfigured" // the sign-in or the environment refuses this identity until an administrator changes that
	Passing       Failure = "passing"       // the same may work when it is tried again: network, time, a service that is down
)

// FailureOf classifies an error of a pipeline.
func FailureOf(err error) Failure {
	var usage *UsageError
	var fault *yamldoc.Fault
	var ambiguous *engine.AmbiguityError
	var configured *signin.ConfigError
	var refused *signin.AuthError
	var answer *dataverse.Error
	switch {
	case err == nil:
		return NoFailure
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.As(err, &usage), errors.As(err, &fault), errors.As(err, &ambiguous), errors.As(err, &configured):
		return Misused
	case errors.As(err, &refused): // which is also in an environment's error
		if refused.Lasting() {
			return Misconfigured
		}
	case errors.As(err, &answer) && refusesIdentity(answer):
		return Misconfigured
	}
	return Passing
}

// refusesIdentity reports whether an environment refuses whoever asks, and not only now.
func refusesIdentity(e *dataverse.Error) bool {
	if cause := e.Cause(); cause == dataverse.CauseOrganizationDisabled || cause == dataverse.CauseAdministrationMode {
		return false // which only its administrators can change
	}
	return e.Kind == dataverse.Unauthorized || e.Kind == dataverse.Forbidden || e.Kind == dataverse.NotMember
}

package run

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A Failure is a class of errors that need the same reaction.
type Failure string

// The failures.
const (
	NoFailure     Failure = "none"
	Interrupted   Failure = "interrupted"   // the run was canceled
	InvalidUsage  Failure = "invalid usage" // the command line or the configuration is wrong
	Misconfigured Failure = "misconfigured" // the identity is refused until an administrator changes something
	Transient     Failure = "transient"     // a retry may succeed: network, timeout, a service that is down
)

// ClassifyError returns the failure that an error of a pipeline is.
func ClassifyError(err error) Failure {
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
		return InvalidUsage
	case errors.As(err, &refused): // before dataverse.Error, which may wrap it
		if refused.IsPermanent() {
			return Misconfigured
		}
	case errors.As(err, &answer) && refusesIdentity(answer):
		return Misconfigured
	}
	return Transient
}

// refusesIdentity reports whether an environment refuses this identity permanently.
func refusesIdentity(e *dataverse.Error) bool {
	if cause := e.Cause(); cause == dataverse.CauseOrganizationDisabled || cause == dataverse.CauseAdministrationMode {
		return false // a state of the environment
	}
	return e.Kind == dataverse.Unauthorized || e.Kind == dataverse.Forbidden || e.Kind == dataverse.NotMember
}

package run

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// A Failure is a class of errors, by what to do about them.
type Failure string

// The failures.
const (
	NoFailure     Failure = "none"
	Interrupted   Failure = "interrupted"   // the run was ended from outside
	InvalidUsage  Failure = "misused"       // wrong usage or configuration: no request was sent
	Misconfigured Failure = "misconfigured" // this identity is refused until an administrator changes something
	Transient     Failure = "passing"       // trying again may help: network, time, a service that is down
)

// ClassifyError classifies an error of a pipeline.
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
	case errors.As(err, &refused): // which is also in an environment's error
		if refused.IsPermanent() {
			return Misconfigured
		}
	case errors.As(err, &answer) && refusesIdentity(answer):
		return Misconfigured
	}
	return Transient
}

// refusesIdentity reports whether an environment refuses this identity, and not only now.
func refusesIdentity(e *dataverse.Error) bool {
	if cause := e.Cause(); cause == dataverse.CauseOrganizationDisabled || cause == dataverse.CauseAdministrationMode {
		return false // a state of the environment
	}
	return e.Kind == dataverse.Unauthorized || e.Kind == dataverse.Forbidden || e.Kind == dataverse.NotMember
}

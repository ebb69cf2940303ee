package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// The exit codes. They are part of the contract and never change their meaning.
const (
	exitOK          = 0
	exitFindings    = 1   // a control at or above --fail-on failed
	exitUsage       = 2   // wrong usage or configuration
	exitFailure     = 3   // could not run: sign-in, network, unreadable or broken input
	exitIncomplete  = 4   // nothing failed, but something could not be evaluated
	exitPartial     = 5   // a change was applied only in part, or did not verify
	exitInterrupted = 130 // interrupted
)

// The codes that main ends with where a run does not end by itself.
const (
	ExitFailure     = exitFailure
	ExitInterrupted = exitInterrupted
)

// A usageError is a fault of the command line or of the configuration.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

// detailedFlag makes plan answer as terraform does; see [detailedCode].
const detailedFlag = "detailed-exitcode"

// exitChanges is plan's exit code where there are changes, if asked by detailedFlag.
const exitChanges = 2

// detailedCode is the exit code of a plan that was asked for by detailedFlag: 1 stands for
// whatever kept it from being made, so that wrong usage is not taken for changes.
func detailedCode(code int, err error) int {
	var verdict verdictError
	if code == exitOK || code == exitInterrupted || errors.As(err, &verdict) {
		return code
	}
	return 1
}

// A verdictError carries the exit code of a command that ran to its end: there
// is nothing to print.
type verdictError int

func (e verdictError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// A declinedError says that a person was asked and did not agree.
type declinedError struct{}

func (*declinedError) Error() string { return "cancelled: nothing was changed" }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var verdict verdictError
	var usage *usageError
	var fault *yamldoc.Fault
	var ambiguous *engine.AmbiguityError
	var configured *signin.ConfigError
	var declined *declinedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &verdict):
		return int(verdict)
	case errors.Is(err, context.Canceled), errors.As(err, &declined):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &fault), errors.As(err, &ambiguous), errors.As(err, &configured):
		return exitUsage
	}
	return exitFailure
}

// verdict is the exit code of a result: failures before unknowns, unknowns
// whatever the threshold. A threshold of SeverityInvalid stands for none.
func verdict(r audit.Result, failOn audit.Severity) int {
	worst := r.Worst()
	switch {
	case failOn != audit.SeverityInvalid && worst != audit.SeverityInvalid && worst >= failOn:
		return exitFindings
	case r.Summary.Unknown > 0 || r.Verdict == audit.VerdictIncomplete:
		return exitIncomplete
	}
	return exitOK
}

// worse is the graver of two exit codes of one run, in the order that the contract
// gives: what ended the run, then what could not run, then what is wrong, then what is
// not known.
func worse(a, b int) int {
	for _, code := range []int{exitInterrupted, exitFailure, exitUsage, exitPartial, exitFindings, exitIncomplete} {
		if a == code || b == code {
			return code
		}
	}
	return exitOK
}

func asError(code int) error {
	if code == exitOK {
		return nil
	}
	return verdictError(code)
}

package cli

import (
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// The exit codes. Scripts depend on them, so their meaning never changes.
const (
	exitOK          = 0
	exitFindings    = 1   // a control at or above --fail-on failed
	exitUsage       = 2   // wrong usage or configuration
	exitFailure     = 3   // could not run: sign-in, network, unreadable or broken input
	exitIncomplete  = 4   // nothing failed, but something could not be evaluated
	exitPartial     = 5   // a change was applied only in part, or did not verify
	exitInterrupted = 130 // interrupted
)

// The exit codes that main uses if a run does not end normally.
const (
	ExitFailure     = exitFailure
	ExitInterrupted = exitInterrupted
)

// usagef returns an error of the command line or the configuration: exit code 2.
func usagef(format string, args ...any) error {
	return run.Usagef(format, args...)
}

// detailedFlag is the flag for the exit codes of terraform plan; see [detailedExitCode].
const detailedFlag = "detailed-exitcode"

// exitChanges is the exit code of plan with detailedFlag if there are changes.
const exitChanges = 2

// detailedExitCode returns the exit code of plan with detailedFlag: 1 if no plan could be made,
// so that wrong usage (2 in other commands) does not look like changes.
func detailedExitCode(code int, err error) int {
	var exit exitCodeError
	if code == exitOK || code == exitInterrupted || errors.As(err, &exit) {
		return code
	}
	return 1
}

// An exitCodeError is the exit code of a command that ran to its end. It is not printed.
type exitCodeError int

func (e exitCodeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitCode returns the exit code for an error. No other place translates errors to exit codes.
func exitCode(err error) int {
	var exit exitCodeError
	var declined *console.DeclinedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &declined):
		return exitInterrupted
	}
	switch run.ClassifyError(err) {
	case run.Interrupted:
		return exitInterrupted
	case run.InvalidUsage:
		return exitUsage
	case run.NoFailure, run.Misconfigured, run.Transient:
	}
	return exitFailure
}

// resultCode returns the exit code for a result. Failures at or above failOn take precedence
// over unknowns, which count whatever failOn is. SeverityInvalid means that no failure counts.
func resultCode(r audit.Result, failOn audit.Severity) int {
	worst := r.WorstSeverity()
	switch {
	case failOn != audit.SeverityInvalid && worst != audit.SeverityInvalid && worst >= failOn:
		return exitFindings
	case r.Summary.Unknown > 0 || r.Verdict == audit.VerdictIncomplete:
		return exitIncomplete
	}
	return exitOK
}

// worse returns the more severe of two exit codes of one run.
func worse(a, b int) int {
	for _, code := range []int{exitInterrupted, exitFailure, exitUsage, exitPartial, exitFindings, exitIncomplete} {
		if a == code || b == code {
			return code
		}
	}
	return exitOK
}

// exitWith returns err if it is not nil, else the error that ends the run with an exit code.
func exitWith(code int, err error) error {
	if err != nil || code == exitOK {
		return err
	}
	return exitCodeError(code)
}

// codeIf returns code if a condition is true, else exitOK.
func codeIf(condition bool, code int) int {
	if condition {
		return code
	}
	return exitOK
}

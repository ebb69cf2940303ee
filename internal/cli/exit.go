package cli

import (
	"errors"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
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

// The codes that main ends with if a run does not end normally.
const (
	ExitFailure     = exitFailure
	ExitInterrupted = exitInterrupted
)

// usagef makes a fault of the command line or of the configuration.
func usagef(format string, args ...any) error {
	return run.Usagef(format, args...)
}

// detailedFlag makes plan answer as terraform does; see [detailedCode].
const detailedFlag = "detailed-exitcode"

// exitChanges is plan's exit code where there are changes, if asked by detailedFlag.
const exitChanges = 2

// detailedExitCode is the exit code of a plan with detailedFlag: 1 means that no plan could be
// made, so that wrong usage does not look like changes.
func detailedExitCode(code int, err error) int {
	var verdict exitCodeError
	if code == exitOK || code == exitInterrupted || errors.As(err, &verdict) {
		return code
	}
	return 1
}

// A exitCodeError is the exit code of a command that ran to its end: it prints nothing.
type exitCodeError int

func (e exitCodeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var verdict exitCodeError
	var declined *console.DeclinedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &verdict):
		return int(verdict)
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

// resultCode is the exit code of a result: failures before unknowns, unknowns
// whatever the threshold. A threshold of SeverityInvalid means none.
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

func worstCode(x run.Acceptance, results []audit.Result, failOn audit.Severity) int {
	code := exitOK
	for _, r := range x.ForExitCode(results) {
		code = worse(code, resultCode(r, failOn))
	}
	return code
}

// worse is the more severe of two exit codes of one run.
func worse(a, b int) int {
	for _, code := range []int{exitInterrupted, exitFailure, exitUsage, exitPartial, exitFindings, exitIncomplete} {
		if a == code || b == code {
			return code
		}
	}
	return exitOK
}

// exitWith is the error of a command that ran: the exit code, unless there is another error.
func exitWith(code int, err error) error {
	if err != nil || code == exitOK {
		return err
	}
	return exitCodeError(code)
}

// codeIf is a code if a condition is true, else exitOK.
func codeIf(holds bool, code int) int {
	if holds {
		return code
	}
	return exitOK
}

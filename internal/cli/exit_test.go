package cli

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

// TestWorse checks all pairs of codes in both orders.
func TestWorse(t *testing.T) {
	t.Parallel()
	order := []int{exitInterrupted, exitFailure, exitUsage, exitPartial, exitFindings, exitIncomplete, exitOK}
	for i, graver := range order {
		for _, lesser := range order[i:] {
			if worse(graver, lesser) != graver || worse(lesser, graver) != graver {
				t.Errorf("%d and %d give %d and %d, want %d", graver, lesser, worse(graver, lesser), worse(lesser, graver), graver)
			}
		}
	}
}

// TestExitCode checks that a wrong configuration is distinguished from a failed run, even if the
// error is wrapped.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{&engine.AmbiguityError{}, exitUsage},
		{&signin.ConfigError{}, exitUsage},
		{&yamldoc.Fault{}, exitUsage},
		{&console.DeclinedError{}, exitInterrupted},
		{context.Canceled, exitInterrupted},
		{errors.New("broken"), exitFailure},
	} {
		err := tc.err
		if err != nil {
			err = fmt.Errorf("production: %w", err)
		}
		if got := exitCode(err); got != tc.want {
			t.Errorf("%T ends in %d, want %d", tc.err, got, tc.want)
		}
	}
}

// TestResultCodeOfUnknowns checks that unknowns give exit code 4, whatever --fail-on says.
func TestResultCodeOfUnknowns(t *testing.T) {
	t.Parallel()
	for _, failOn := range []audit.Severity{audit.SeverityInvalid, audit.SeverityLow, audit.SeverityCritical} {
		for _, r := range []audit.Result{{Verdict: audit.VerdictIncomplete}, {Summary: audit.Summary{Unknown: 1}}} {
			if code := resultCode(r, failOn); code != exitIncomplete {
				t.Errorf("%+v with --fail-on %s ends in %d", r.Summary, failOn, code)
			}
		}
	}
}

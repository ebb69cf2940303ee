package cli

import "testing"

// TestWorse goes over all pairs of codes: the order is the contract's, and it does not
// matter which of two comes first.
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

// Package must has helpers for tests that cannot continue after an error.
package must

import "testing"

// Get returns the value of a call that must succeed, and panics if it fails. It cannot take a testing.TB: the
// results of a call can be passed on only if there are no other arguments.
func Get[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Do ends the test if err is not nil.
func Do(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Package must ends tests that cannot go on.
package must

import "testing"

// Get is the value of a call that does not fail. It panics if the call fails, because a
// function that takes a value and an error as they are returned takes no test beside them.
func Get[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Do ends a test if a call failed.
func Do(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

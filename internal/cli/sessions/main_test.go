package sessions_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain makes garbage collections rarer. The tests compile the policies many times, and would
// spend a third of their time on collections.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

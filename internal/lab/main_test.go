package lab

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain makes garbage collection less frequent. The tests compile the policies often, and would spend a third
// of their time on it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

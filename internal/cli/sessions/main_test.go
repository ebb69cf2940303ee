package sessions_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage grow further than usual before it is collected: the tests prepare the
// policies again and again, and would spend a third of their time on that.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

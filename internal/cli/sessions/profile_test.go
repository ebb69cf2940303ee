package sessions_test

import (
	"testing"
)

// TestApplyWithChangedProfile checks that apply refuses a plan if the profile file has changed
// since.
func TestApplyWithChangedProfile(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	const file = "own.yaml"
	write := func(allowed string) {
		b.write(file, "demandbase-own:\n  extends: demandbase\n  allow: ["+allowed+"]\n")
	}
	write("prvReadGoal")
	b.run("plan", "--profile", "./"+file, "-o", "plan.json").must(t, 0)
	start := b.state()
	write("prvDeleteAccount")
	b.wantContains(b.run("apply", "plan.json", "--profile", "./"+file, "--yes").must(t, 2).stderr, "make a new plan")
	if b.state() != start {
		t.Error("something was changed")
	}
	write("prvReadGoal")
	b.run("apply", "plan.json", "--profile", "./"+file, "--yes").must(t, 0)
}

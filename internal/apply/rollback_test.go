package apply_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestRollbackContinues: a rollback continues after an undo that fails, and another rollback tries
// only that one.
func TestRollbackContinues(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, file := applyPlan(t, p, f)
	share := slices.IndexFunc(p.Actions, func(a change.Action) bool { return a.Target.Kind == change.TargetShare })
	failing := p.Actions[share]
	f.onCurrent = func(t change.Target, _ *apply.Reading) error {
		if targetKey(t) == targetKey(failing.Target) {
			return errors.New("the owner is disabled")
		}
		return nil
	}
	var kept *apply.KeptError
	if err := r.Rollback(t.Context()); !errors.As(err, &kept) || len(kept.Kept) != 1 || kept.Err != nil {
		t.Fatalf("kept: %v", err)
	}
	if k := kept.Kept[0]; k.Action.ID != failing.ID || !strings.Contains(k.Error(), "the owner is disabled; manual step: stop sharing the view") {
		t.Errorf("kept: %v", &k)
	}
	left := r.Journal.Undoable()
	if len(left) != 1 || left[0].ID != failing.ID {
		t.Errorf("left to undo: %v", left)
	}
	j := reopen(t, r.Journal, file)
	f.sent, f.onCurrent = nil, nil
	again := &apply.Runner{Mutator: f, Journal: j, Sleep: r.Sleep}
	if err := again.Rollback(t.Context()); err != nil || len(f.sent) != 1 || j.MayHaveChanges() {
		t.Errorf("again: %v; sent %v", err, f.sent)
	}
}

// TestRollbackEnds: a rollback ends if the environment cannot be reached.
func TestRollbackEnds(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := applyPlan(t, p, f)
	reads := 0
	f.onCurrent = func(change.Target, *apply.Reading) error {
		reads++
		return &apply.UnreachableError{Err: errors.New("no answer")}
	}
	var kept *apply.KeptError
	if err := r.Rollback(t.Context()); err == nil || errors.As(err, &kept) || reads != 1 {
		t.Errorf("%v after %d reads", err, reads)
	}
}

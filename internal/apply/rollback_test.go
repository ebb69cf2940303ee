package apply_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestRollbackGoesOn: one undo that fails does not keep the others from being
// undone, and rolling back again tries that one alone.
func TestRollbackGoesOn(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, file := applyPlan(t, p, f)
	share := slices.IndexFunc(p.Actions, func(a change.Action) bool { return a.Target.Kind == change.TargetShare })
	stuck := p.Actions[share]
	f.onCurrent = func(t change.Target, _ *apply.Reading) error {
		if targetKey(t) == targetKey(stuck.Target) {
			return errors.New("the owner is disabled")
		}
		return nil
	}
	var kept *apply.KeptError
	if err := r.Rollback(t.Context()); !errors.As(err, &kept) || len(kept.Kept) != 1 || kept.Err != nil {
		t.Fatalf("kept: %v", err)
	}
	if k := kept.Kept[0]; k.Action.ID != stuck.ID || !strings.Contains(k.Error(), "the owner is disabled; manual step: stop sharing the view") {
		t.Errorf("kept: %v", &k)
	}
	left := r.Journal.Undoable()
	if len(left) != 1 || left[0].ID != stuck.ID {
		t.Errorf("left to undo: %v", left)
	}
	j := reopen(t, r.Journal, file)
	f.sent, f.onCurrent = nil, nil
	again := &apply.Runner{Mutator: f, Journal: j, Sleep: r.Sleep}
	if err := again.Rollback(t.Context()); err != nil || len(f.sent) != 1 || j.MayHaveChanges() {
		t.Errorf("again: %v; sent %v", err, f.sent)
	}
}

// TestRollbackEnds: where the environment cannot be asked at all, nothing else is
// tried.
func TestRollbackEnds(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := applyPlan(t, p, f)
	asked := 0
	f.onCurrent = func(change.Target, *apply.Reading) error {
		asked++
		return &apply.UnreachableError{Err: errors.New("no answer")}
	}
	var kept *apply.KeptError
	if err := r.Rollback(t.Context()); err == nil || errors.As(err, &kept) || asked != 1 {
		t.Errorf("%v after %d tries", err, asked)
	}
}

// TestVerify: a change that was reverted is named, and the others are not.
func TestVerify(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := applyPlan(t, p, f)
	if lost, err := r.Verify(t.Context()); err != nil || len(lost) > 0 {
		t.Fatalf("all holds: %v, %v", lost, err)
	}
	a := p.Actions[1]
	for name := range a.After {
		f.state[targetKey(a.Target)][name] = a.Before[name]
	}
	lost, err := r.Verify(t.Context())
	if err != nil || len(lost) != 1 || lost[0].Action.ID != a.ID || !strings.Contains(lost[0].Error(), "did not persist: now prvReadAccount is local") {
		t.Errorf("not noticed: %v, %v", lost, err)
	}
}

// TestJournalCutOffInItsFirstLine: nothing was begun, so that the plan is applied as if the
// file did not exist. Anything else is left alone.
func TestJournalCutOffInItsFirstLine(t *testing.T) {
	p := sample(t)
	r, file := newRunner(t, p, newFake(p))
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for text, vacant := range map[string]bool{
		"": true, `{"ev`: true, string(whole[:200]): true,
		string(whole): false, "x": false, "{}": false, "{\n": false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := apply.CheckVacant(file); (err == nil) != vacant {
			t.Errorf("%.20q: %v", text, err)
		}
		if !vacant {
			continue
		}
		if _, err := apply.OpenJournal(file, clock); err == nil || !strings.Contains(err.Error(), "nothing was begun") {
			t.Errorf("%.20q: opened: %v", text, err)
		}
		j, err := apply.CreateJournal(file, p, *r.Journal.Records[0].Tool, clock)
		if err != nil {
			t.Fatalf("%.20q: %v", text, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package apply_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestLock(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan.journal.json")
	first, err := apply.CreateJournal(name, sample(t), audit.Tool{Name: "dbaudit"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply.OpenJournal(name, clock); err == nil || !strings.Contains(err.Error(), "another run is using the journal "+name) {
		t.Fatalf("opened twice: %v", err)
	}
	if _, err := apply.CreateJournal(name, sample(t), audit.Tool{}, clock); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Fatalf("created while it is open: %v", err)
	}
	if after, err := os.ReadFile(name); err != nil || string(after) != string(before) {
		t.Fatalf("the second run changed the journal: %v", err)
	}
	second := reopen(t, first, name)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	// The lock file of a killed process does not lock the journal.
	if err := os.WriteFile(name+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	reopen(t, second, name)
}

// TestConcurrentLocks: many goroutines open and close the journal, but only one at a time.
func TestConcurrentLocks(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "plan.journal.json")
	j, err := apply.CreateJournal(name, sample(t), audit.Tool{Name: "dbaudit"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	var inside, entered atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				j, err := apply.OpenJournal(name, clock)
				if err != nil {
					if !strings.Contains(err.Error(), "another run") {
						t.Error(err)
					}
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("open %d times", n)
				}
				entered.Add(1)
				inside.Add(-1)
				if err := j.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if entered.Load() == 0 {
		t.Error("never opened")
	}
}

package lint_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/lint"
	"github.com/dbaudit/dbaudit/internal/run"
)

// A recorder records the tasks that a run shows.
type recorder struct {
	run.Progress

	mutex sync.Mutex
	tasks []string
}

func (*recorder) Log(slog.Level, string, string, ...slog.Attr) {}
func (*recorder) Warn(string, string)                          {}
func (*recorder) Stop()                                        {}

func (r *recorder) Task(title string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.tasks = append(r.tasks, title)
}

// A narrator shows all progress to a recorder.
type narrator struct{ *recorder }

func (n narrator) Progress(string) run.Progress { return n.recorder }

// TestProgressCountsRoles checks the words for one role and for several.
func TestProgressCountsRoles(t *testing.T) {
	t.Parallel()
	dir, names := t.TempDir(), []string{}
	for n, want := range []string{"1 of 1 role judged", "2 of 2 roles judged"} {
		names = append(names, filepath.Join(dir, fmt.Sprintf("%d.xml", n)))
		role := fmt.Sprintf(`<Role id="{0000000%d-0000-4000-8000-000000000000}" name="Demandbase %[1]d"><RolePrivileges/></Role>`, n)
		if err := os.WriteFile(names[n], []byte(role), 0o600); err != nil {
			t.Fatal(err)
		}
		shown := &recorder{}
		r := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}, Narrator: narrator{shown}}
		l, err := lint.New(r, lint.Options{Paths: slices.Clone(names), AllRoles: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(shown.tasks, want) {
			t.Errorf("%q does not contain %q", shown.tasks, want)
		}
	}
}

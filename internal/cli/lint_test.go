package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestWatchJudgesAgain checks that --watch judges again after a tick if a file has changed, and
// only then.
func TestWatchJudgesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "r.xml")
	save := func(content string) {
		// Replace the file at once, because a partly written one would be judged too.
		if err := console.WriteFile(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	save(`<Role name="Demandbase"><RolePrivileges/></Role>`)
	ctx, cancel := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	var stdout, stderr bytes.Buffer
	a := newApp(Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: time.Now},
	})
	a.ConfigFile = filepath.Join(dir, "dbaudit.yaml")
	if err := os.WriteFile(a.ConfigFile, []byte("profile: lint\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f lintFlags
	f.judge.failOn, f.paths = audit.SeverityLow, []string{file}
	done := make(chan error)
	go func() { done <- f.watchOnTicks(ctx, a, ticks) }()
	ticks <- time.Time{} // after the first judgement
	ticks <- time.Time{} // nothing has changed
	save(`<Role name="Demandbase"><RolePrivileges><RolePrivilege name="prvSendAsUser" level="Global"/></RolePrivileges></Role>`)
	ticks <- time.Time{}
	ticks <- time.Time{} // taken once the look after the first is over
	save("broken")
	ticks <- time.Time{}
	ticks <- time.Time{}
	cancel()
	if err := <-done; exitCode(err) != exitInterrupted {
		t.Errorf("it ended with %v", err)
	}
	if n := strings.Count(stderr.String(), "watching "); n != 3 {
		t.Errorf("judged %d times, want 3\n%s", n, stderr.String())
	}
	if !strings.Contains(stdout.String(), "LINT-DANGEROUS") || !strings.Contains(stderr.String(), "this is not XML") {
		t.Errorf("got\n%s\n%s", stdout.String(), stderr.String())
	}
}

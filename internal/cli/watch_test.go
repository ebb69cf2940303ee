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
)

// TestWatchJudgesAgain hands in the ticks: a changed file is judged again, one that
// is as it was is not.
func TestWatchJudgesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "r.xml")
	save := func(content string) {
		// At once, as half a file would be judged, too.
		if err := console.WriteFile(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	save(`<Role name="Demandbase"><RolePrivileges/></Role>`)
	ctx, cancel := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	var stdout, stderr bytes.Buffer
	a := newApp(Env{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(string) string { return "" }, Now: time.Now,
	})
	a.ConfigFile = filepath.Join(dir, "dbaudit.yaml")
	if err := os.WriteFile(a.ConfigFile, []byte("profile: lint\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f lintFlags
	f.judge.failOn = audit.SeverityLow
	done := make(chan error)
	go func() { done <- f.watchBy(ctx, a, []string{file}, ticks) }()
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

// TestSignatureIsOfAllThatIsJudgedBy: whatever a verdict depends on makes --watch look
// again, and nothing else does.
func TestSignatureIsOfAllThatIsJudgedBy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	size := 0
	touch := func(name string) {
		size++ // another size, since two writes may have one time
		content := "profile: " + at("acme.yaml") + "\nwaivers: waivers.yaml\n#" + strings.Repeat("x", size) + "\n"
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := newApp(Env{Getenv: func(string) string { return "" }})
	a.ConfigFile, a.PolicyFolders = at("dbaudit.yaml"), []string{at("policies")}
	var f lintFlags
	f.judge.accept.Baseline = at("baseline.json")
	touch("dbaudit.yaml")
	signature := func() string { return f.signature(a, []string{at("src")}) }
	last := signature()
	for _, name := range []string{
		"dbaudit.yaml", "acme.yaml", "waivers.yaml", "baseline.json", "src/Roles/r.xml", "policies/acme/x.rego", "policies/acme/x.rego",
	} {
		touch(name)
		now := signature()
		if now == last {
			t.Errorf("%s was changed, and nobody looks", name)
		}
		last = now
	}
	touch("src/notes.txt")
	touch("policies/README.md")
	if signature() != last {
		t.Error("what has no part in a verdict has one in the signature")
	}
}

package sessions_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// An interruptingTerminal interrupts the run once it shows that roles are being judged.
type interruptingTerminal struct {
	interrupt context.CancelFunc
	mu        sync.Mutex
	shown     bytes.Buffer
}

func (w *interruptingTerminal) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(string(p), "judging") {
		w.interrupt()
	}
	return w.shown.Write(p)
}

// TestLintInterrupted checks that an interruption ends a rule that would take hours, and that the
// terminal shows the progress.
func TestLintInterrupted(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/r.xml", lintRole("Demandbase", lintMinimum()))
	p.write("policies/slow.rego", `# METADATA
# title: Slow
# description: It takes hours.
# custom:
#   severity: low
#   requires: [roles]
#   offline: true
#   consequence: One waits.
#   remediation: Interrupt it.
package dbaudit.rules.acme.slow

import data.dbaudit.profile

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {"control": control.id, "message": "m", "subject": {"kind": "role", "id": "i", "name": "n"}, "evidence": {}, "fix": null} if {
	some control in profile.controls["acme/slow"]
	some i in numbers.range(1, 100000)
	some j in numbers.range(1, 100000)
	i * j == 0
}
`)
	p.write("acme.yaml", "acme:\n  extends: demandbase\n  controls:\n    - {id: ACME-SLOW, rule: acme/slow, title: Slow, severity: low, why: Ours.}\n")
	ctx, cancel := context.WithCancel(t.Context())
	terminal := &interruptingTerminal{interrupt: cancel}
	code := cli.Main(ctx, []string{"lint", "Roles", "--profile", "acme.yaml", "--policy", "policies"}, cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: new(bytes.Buffer), Stderr: terminal, StderrIsTerminal: true},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: time.Now},
	})
	if code != 130 || !strings.Contains(terminal.shown.String(), "judging 1 role") {
		t.Errorf("exit code %d\n%s", code, terminal.shown.String())
	}
}

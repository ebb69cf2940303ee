//go:build unix

// Package bench_test measures the program beside others, as whole processes in turn, and
// prints each figure beside its bound. `make bench` runs it; nothing is judged by the
// clock in `make test`.
package bench_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	opaBinary     = flag.String("bench.opa", "", "stock opa to compare with")
	dbauditBinary = flag.String("bench.dbaudit", "", "dbaudit to measure")
	xmllintBinary = flag.String("bench.xmllint", "", "xmllint to compare with")
)

// A figure is what was measured, beside its bound.
type figure struct {
	what     string
	measured float64
	unit     string
	least    bool    // the bound is the least, not the most
	bound    float64 // 0: no bound
}

func (f figure) String() string {
	if f.bound == 0 {
		return fmt.Sprintf("%s\t%.2f%s\t\t", f.what, f.measured, f.unit)
	}
	sign, ok := "≤", f.measured <= f.bound
	if f.least {
		sign, ok = "≥", f.measured >= f.bound
	}
	verdict := "ok"
	if !ok {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s\t%.2f%s\t%s %g%s\t%s", f.what, f.measured, f.unit, sign, f.bound, f.unit, verdict)
}

// TestFigures prints the table.
func TestFigures(t *testing.T) {
	if *dbauditBinary == "" {
		t.Skip("give -bench.dbaudit, and for more -bench.opa and -bench.xmllint, as make bench does")
	}
	var figures []figure
	// The system counts the memory of the process that starts another as the other's, so
	// memory is measured before the snapshot of a whole environment is made here.
	for _, part := range []struct {
		name    string
		measure func(*testing.T) []figure
	}{{"scan", scans}, {"fleet", fleet}, {"lint", lint}, {"fleetless", fleetless}, {"environment", environment}, {"opa", besideOPA}} {
		t.Run(part.name, func(t *testing.T) { figures = append(figures, part.measure(t)...) })
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tmeasured\tbound\t")
	for _, f := range figures {
		fmt.Fprintln(w, f)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Print("\n", b.String(), "\n")
}

// A run is a process that ended.
type run struct {
	cpu, wall time.Duration
	peak      float64 // MB
	stdout    []byte
}

// start runs a program to its end; its exit code does not matter.
func start(t *testing.T, env []string, name string, args ...string) run {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 || cmd.ProcessState.ExitCode() == 2 {
		t.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	used, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	peak := float64(used.Maxrss) / 1e3 // kB, but on macOS bytes
	if runtime.GOOS == "darwin" {
		peak /= 1e3
	}
	return run{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall, peak, stdout.Bytes()}
}

// inTurn runs two commands in turn, so that both see the same machine, and gives the lower
// quartiles of their CPU times: other work on the machine only adds to them, and a single
// run may be lucky.
func inTurn(rounds int, a, b func() run) (ours, theirs time.Duration) {
	a()
	b()
	var as, bs []time.Duration
	for range rounds {
		as = append(as, a().cpu)
		bs = append(bs, b().cpu)
	}
	slices.Sort(as)
	slices.Sort(bs)
	return as[rounds/4], bs[rounds/4]
}

// copied copies a program, as installing it does. Linux maps the pages of a copy in larger
// pieces than those of a file that the linker wrote, which is a fifth of the shortest run.
func copied(t *testing.T, program string) string {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), filepath.Base(program))
	if err := os.WriteFile(name, data, 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// besideOPA measures what stock opa does too.
func besideOPA(t *testing.T) []figure {
	t.Helper()
	if *opaBinary == "" {
		return nil
	}
	dbaudit, opa := copied(t, *dbauditBinary), copied(t, *opaBinary)
	ours, theirs := inTurn(101,
		func() run { return start(t, nil, dbaudit, "version") },
		func() run { return start(t, nil, opa, "version") })
	figures := []figure{{"version: CPU, of opa version", ours.Seconds() / theirs.Seconds(), "", false, 0.6}}
	small := filepath.Join("..", "..", "testdata", "cases", "shallow", "snapshot.json")
	ours, theirs = beside(t, 9, small)
	figures = append(figures, figure{"check of a small snapshot: CPU, of opa eval", ours.Seconds() / theirs.Seconds(), "", false, 0.35})
	large := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(large, wholeEnvironment(t, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, theirs = beside(t, 5, large)
	return append(figures, figure{"check of 3,000 roles, 20,000 users: times as fast as opa eval", theirs.Seconds() / ours.Seconds(), "", true, 10})
}

// beside has dbaudit and stock opa judge a snapshot by the same policies. They must find
// the same.
func beside(t *testing.T, rounds int, snapshot string) (ours, theirs time.Duration) {
	t.Helper()
	type finding struct{ Control, Message string }
	var got struct {
		Controls []struct {
			ID       string
			Findings []finding
		}
	}
	var found, want []finding
	check := func() run { return start(t, nil, *dbauditBinary, "check", "-q", snapshot, "-f", "json") }
	eval := func() run {
		return start(t, nil, *opaBinary, "eval", "-d", filepath.Join("..", "..", "policy"), "-i", snapshot, "-f", "raw", "data.dbaudit.findings")
	}
	first, second := check(), eval()
	decode(t, first.stdout, &got)
	decode(t, second.stdout, &want)
	for _, c := range got.Controls {
		for _, f := range c.Findings {
			found = append(found, finding{c.ID, f.Message})
		}
	}
	order := func(a, b finding) int { return strings.Compare(a.Control+a.Message, b.Control+b.Message) }
	slices.SortFunc(found, order)
	slices.SortFunc(want, order)
	if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: opa finds (-), dbaudit (+):\n%s", snapshot, diff)
	}
	return inTurn(rounds, check, eval)
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v: %.300s", err, data)
	}
}

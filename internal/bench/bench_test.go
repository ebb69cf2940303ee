//go:build unix

// Package bench_test measures the program, and compares it with other programs that run alternately. It prints each
// figure with its bound and does not fail if one is missed. `make bench` runs it.
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

// A figure is a measurement with its bound.
type figure struct {
	name      string
	measured  float64
	unit      string
	isMinimum bool    // the bound is a minimum, not a maximum
	bound     float64 // 0 for no bound
}

func (f figure) String() string {
	if f.bound == 0 {
		return fmt.Sprintf("%s\t%.2f%s\t\t", f.name, f.measured, f.unit)
	}
	sign, ok := "≤", f.measured <= f.bound
	if f.isMinimum {
		sign, ok = "≥", f.measured >= f.bound
	}
	verdict := "ok"
	if !ok {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s\t%.2f%s\t%s %g%s\t%s", f.name, f.measured, f.unit, sign, f.bound, f.unit, verdict)
}

// TestFigures prints the table of figures.
func TestFigures(t *testing.T) {
	if *dbauditBinary == "" {
		t.Skip("needs -bench.dbaudit; compares with -bench.opa and -bench.xmllint; see make bench")
	}
	var figures []figure
	// The system adds the memory of this process to that of a process that it starts. Therefore memory is measured
	// first, before this process has the snapshot of a whole environment.
	for _, part := range []struct {
		name    string
		measure func(*testing.T) []figure
	}{{"scan", measureScans}, {"fleet", measureFleet}, {"lint", measureLint}, {"without fleet", measureWithoutFleet}, {"environment", measureEnvironment}, {"opa", measureOPA}} {
		t.Run(part.name, func(t *testing.T) { figures = append(figures, part.measure(t)...) })
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\tbound\t")
	for _, f := range figures {
		fmt.Fprintln(w, f)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Print("\n", b.String(), "\n")
}

// A run is the result of a process.
type run struct {
	cpu, wall time.Duration
	peak      float64 // MB
	stdout    []byte
}

// start runs a program to its end. It accepts the exit codes of findings and of an incomplete verdict.
func start(t *testing.T, env []string, name string, args ...string) run {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	startTime := time.Now()
	err := cmd.Run()
	wall := time.Since(startTime)
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

// alternate runs two commands alternately, so that both have the same conditions, and returns the lower quartiles
// of their CPU times. A mean would include other work on the machine, and a minimum could be an outlier.
func alternate(rounds int, a, b func() run) (first, second time.Duration) {
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

// copyProgram copies a program, as an installation does, and returns the copy. Linux maps the pages of a copy in
// larger pieces than those of a file that the linker wrote, which saves a fifth of the shortest run.
func copyProgram(t *testing.T, program string) string {
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

// measureOPA compares dbaudit with stock opa.
func measureOPA(t *testing.T) []figure {
	t.Helper()
	if *opaBinary == "" {
		return nil
	}
	dbaudit, opa := copyProgram(t, *dbauditBinary), copyProgram(t, *opaBinary)
	dbauditTime, opaTime := alternate(101,
		func() run { return start(t, nil, dbaudit, "version") },
		func() run { return start(t, nil, opa, "version") })
	figures := []figure{{"version: CPU, of opa version", dbauditTime.Seconds() / opaTime.Seconds(), "", false, 0.6}}
	small := filepath.Join("..", "..", "testdata", "cases", "shallow", "snapshot.json")
	dbauditTime, opaTime = compareWithOPA(t, 9, small)
	figures = append(figures, figure{"check of a small snapshot: CPU, of opa eval", dbauditTime.Seconds() / opaTime.Seconds(), "", false, 0.35})
	large := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(large, wholeEnvironment(t, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	dbauditTime, opaTime = compareWithOPA(t, 5, large)
	return append(figures, figure{"check of 3,000 roles, 20,000 users: times as fast as opa eval", opaTime.Seconds() / dbauditTime.Seconds(), "", true, 10})
}

// compareWithOPA measures dbaudit and stock opa with the same snapshot and policies. They must have the same findings.
func compareWithOPA(t *testing.T, rounds int, snapshot string) (dbauditTime, opaTime time.Duration) {
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
	return alternate(rounds, check, eval)
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v: %.300s", err, data)
	}
}

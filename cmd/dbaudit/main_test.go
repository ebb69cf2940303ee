package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// runMainVariable is the variable that makes the test binary run main.
const runMainVariable = "DBAUDIT_TEST_IS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runMainVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestInitAllocations checks that the packages allocate little memory before main, because every
// run pays a page fault for each 4 kB.
func TestInitAllocations(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "version")
	cmd.Env = []string{runMainVariable + "=1", "GODEBUG=inittrace=1"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	const most = 1_720_000
	bytes := 0
	for _, m := range regexp.MustCompile(`(?m)^init .* (\d+) bytes`).FindAllStringSubmatch(stderr.String(), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		bytes += n
	}
	if bytes == 0 || bytes > most {
		t.Errorf("%d bytes, want at most %d; by package:\n%s", bytes, most, stderr.String())
	}
}

// TestInterrupt checks that Ctrl-C ends the real program while it reads an environment, with exit
// code 130, and that no file is left.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no way to send Ctrl-C to a process there")
	}
	env, err := simulator.Builtin("sample")
	if err != nil {
		t.Fatal(err)
	}
	reading := make(chan struct{})
	var once sync.Once
	server, err := simulator.Start(t.Context(), env, simulator.Options{Faults: func(r *http.Request) simulator.Fault {
		if !strings.Contains(r.URL.Path, "/businessunits") {
			return simulator.Fault{}
		}
		once.Do(func() { close(reading) })
		return simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Hour}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, server.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), self, "scan", "-f", "json", "-o", "result.json", "--snapshot", "snapshot.json")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, nil, &stdout, &stderr
	cmd.Env = []string{
		runMainVariable + "=1", "HOME=" + dir, "SSL_CERT_FILE=" + ca,
		"DBAUDIT_URL=" + server.URL(), "DBAUDIT_TENANT_ID=" + server.TenantID(), "DBAUDIT_AUTHORITY=" + server.AuthorityURL(),
		"DBAUDIT_CLIENT_ID=" + env.Suggest.Auditor, "DBAUDIT_CLIENT_SECRET=" + env.Client(env.Suggest.Auditor).Secret,
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-reading:
	case err := <-ended:
		t.Fatalf("it ended before it was interrupted: %v\n%s", err, stderr.String())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = <-ended
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Errorf("ended with %v, want exit code 130\n%s", err, stderr.String())
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "interrupt") {
		t.Errorf("standard output %q, standard error %q", stdout.String(), stderr.String())
	}
	d, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if left, err := d.Readdirnames(1); !errors.Is(err, io.EOF) {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestForeignBytesInLog checks that bytes that a server sends after its response, which net/http logs,
// are not written to standard error, where a CI runner would obey them.
func TestForeignBytesInLog(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		conn, stream, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = stream.WriteString("HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n##vso[task.complete]")
		_ = stream.Flush()
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "scan", "--url", server.URL, "--client-id", "11111111-1111-4111-8111-111111111111", "--timeout", "3s")
	cmd.Dir, cmd.Env = dir, []string{runMainVariable + "=1", "HOME=" + dir, "SSL_CERT_FILE=" + ca, "DBAUDIT_CLIENT_SECRET=secret"}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 3 || requests.Load() < 2 || strings.Contains(string(out), "##vso[") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// bombPolicy is the template of a rule that runs without end or needs too much memory.
const bombPolicy = `# METADATA
# title: A bomb
# description: A bomb.
# custom:
#   severity: low
#   requires: [roles]
#   consequence: none
#   remediation: none
package dbaudit.rules.custom.bomb

import rego.v1

metadata := rego.metadata.chain()[1].annotations.custom

findings contains f if {
	BOMB
	f := {"control": "ACME-BOMB", "message": "m", "subject": {"kind": "role", "id": "", "name": ""}, "evidence": {}, "fix": null}
}
`

const bombProfile = `acme:
  extends: demandbase
  controls:
    - {id: ACME-BOMB, rule: custom/bomb, title: T, why: W}
`

// startCheck starts a check of the sample environment's snapshot with a rule.
func startCheck(t *testing.T, bomb string, variables ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"rules/bomb.rego": strings.Replace(bombPolicy, "BOMB", bomb, 1), "acme.yaml": bombProfile,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	make := exec.CommandContext(t.Context(), self, "demo", "--snapshot", "s.json")
	make.Dir, make.Env = dir, []string{runMainVariable + "=1", "HOME=" + dir}
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self, "check", "s.json", "--policy", "rules", "--profile", "./acme.yaml")
	cmd.Dir, cmd.Stderr = dir, &stderr
	cmd.Env = append([]string{runMainVariable + "=1", "HOME=" + dir}, variables...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &stderr
}

// TestOutOfMemory checks that a rule that needs too much memory ends the run with advice and exit
// code 3, and not with the runtime's dump.
func TestOutOfMemory(t *testing.T) {
	for name, bomb := range map[string]string{
		"a range":         "count(numbers.range(1, 1000000000)) > 0",
		"a concatenation": `xs := [x | some i in numbers.range(1, 30000); x := sprintf("%0999999d", [i])]; count(concat("", xs)) > 0`,
	} {
		t.Run(name, func(t *testing.T) {
			cmd, stderr := startCheck(t, bomb, "GOMEMLIMIT=256MiB")
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), "dbaudit: out of memory: ") {
				t.Errorf("exit code %d\n%.2000s", code, stderr.String())
			}
		})
	}
}

// TestInterruptDuringEvaluation checks that an interruption ends a run during the evaluation of a
// rule within two seconds, with exit code 130.
func TestInterruptDuringEvaluation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no way to send Ctrl-C to a process there")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, stderr := startCheck(t, "count([1 | some i in numbers.range(1, 30000); some j in numbers.range(1, 30000); i == j + 40000]) > 0")
		time.Sleep(2 * time.Second) // until it evaluates the rule
		sent := time.Now()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code, took := cmd.ProcessState.ExitCode(), time.Since(sent); code != 130 || took > 2*time.Second || !strings.Contains(stderr.String(), "interrupted") {
			t.Errorf("%s: exit code %d after %s\n%s", signal, code, took, stderr.String())
		}
	}
}

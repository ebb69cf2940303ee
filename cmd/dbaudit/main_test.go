package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// beMain makes the test's binary the program itself.
const beMain = "DBAUDIT_TEST_IS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// Ctrl-C ends the real program, in the midst of reading, in exit 130, and leaves
// no file.
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
	server, err := simulator.Start(t.Context(), env, simulator.Options{Latency: func(r *http.Request) time.Duration {
		if !strings.Contains(r.URL.Path, "/businessunits") {
			return 0
		}
		once.Do(func() { close(reading) })
		return time.Hour
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
		beMain + "=1", "HOME=" + dir, "SSL_CERT_FILE=" + ca,
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

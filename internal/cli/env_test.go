package cli

import (
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestRootsWithFile checks that the certificates in SSL_CERT_FILE are trusted on systems on which
// Go does not read that variable.
func TestRootsWithFile(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		system, file string
		want         bool
	}{
		{"windows", file, true},
		{"darwin", file, true},
		{"windows", "", false},
		{"windows", filepath.Join(t.TempDir(), "none.pem"), false},
		{"linux", file, false},
	} {
		if got := rootsWithFile(test.system, test.file); (got != nil) != test.want {
			t.Errorf("%s, %q: %v", test.system, test.file, got)
		} else if test.want && !trusts(got, server) {
			t.Errorf("%s: the certificate is not trusted", test.system)
		}
	}
}

func trusts(roots *x509.CertPool, server *httptest.Server) bool {
	_, err := server.Certificate().Verify(x509.VerifyOptions{Roots: roots})
	return err == nil
}

// TestRunProgram checks that the error contains the program's standard error, from which the sign-
// in derives its advice.
func TestRunProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	out, err := runProgram(t.Context(), nil, "sh", "-c", "echo out; echo aside >&2")
	if err != nil || string(out) != "out\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := runProgram(t.Context(), nil, "sh", "-c", "echo AADSTS50076 >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "AADSTS50076") {
		t.Errorf("%v", err)
	}
	if _, err := runProgram(t.Context(), nil, "dbaudit-no-such-program"); err == nil {
		t.Error("a program that does not exist was run")
	}
}

func TestOpenBrowser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a browser that is a script")
	}
	dir := t.TempDir()
	opened := filepath.Join(dir, "opened")
	t.Setenv("PATH", dir)
	t.Setenv("HUSH", "a secret that the browser must not get")
	if err := openBrowser(nil, "https://login.example/?a=1&b=2"); err == nil {
		t.Error("a browser that does not exist was opened")
	}
	script := "#!/bin/sh\nprintf %s \"$1$HUSH\" > " + opened + ".part && /bin/mv " + opened + ".part " + opened + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := openBrowser([]string{"HUSH"}, "https://login.example/?a=1&b=2"); err != nil {
		t.Fatal(err)
	}
	for {
		data, err := os.ReadFile(opened)
		if err == nil {
			if string(data) != "https://login.example/?a=1&b=2" {
				t.Errorf("opened %s", data)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestBrowserCommand(t *testing.T) {
	for system, want := range map[string]string{"linux": "xdg-open", "freebsd": "xdg-open", "darwin": "open", "windows": "rundll32"} {
		if command := browserCommand(system, "https://x"); command[0] != want || command[len(command)-1] != "https://x" {
			t.Errorf("%s: %v", system, command)
		}
	}
}

func TestTableWidth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		terminal    int
		columns, ci string
		want        int
	}{
		{0, "", "", 0},
		{140, "", "", 140},
		{140, "", "true", 140},
		{140, "90", "", 90},
		{0, "90", "true", 90},
		{0, "", "true", 120},
		{0, "", "1", 120},
		{0, "", "false", 0},
		{0, "wide", "", 0},
		{80, "-1", "", 80},
	} {
		getenv := func(name string) string { return map[string]string{"COLUMNS": test.columns, "CI": test.ci}[name] }
		if got := tableWidth(test.terminal, getenv); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What a program that signs in says of its failure is part of the error, which
// the advice is made from.
func TestRun(t *testing.T) {
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
		t.Error("a program that is not there was run")
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
		t.Error("a browser that is not there was opened")
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

package remedy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

const hostile = "O'Brien’s \"$(touch pwned)\" `touch pwned`; touch pwned\ntouch pwned #"

// TestCurl runs the scripts of every kind of fix with stand-ins for az and curl: what
// curl is handed must be the request, whatever the names hold, and the token must
// stand in no argument.
func TestCurl(t *testing.T) {
	dir := t.TempDir()
	program := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program("az", "echo the-token\n")
	program("curl", `for a in "$@"; do printf '%s\0' "$a"; done >>"$OUT"; printf '\n' >>"$OUT"; cat >>"$OUT.stdin"`+"\n")
	shellPath, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no POSIX shell here")
	}
	for _, kind := range audit.FixKinds() {
		f := audit.Fix{
			Kind: kind, Role: &audit.Reference{ID: "r", Name: hostile}, User: &audit.Reference{ID: "u", Name: hostile},
			View: &audit.Reference{ID: "v", Name: hostile}, Owner: &audit.Reference{Name: hostile}, Table: "account",
			BusinessUnit: &audit.Reference{Name: hostile}, ApplicationID: "a",
			Privileges: []audit.Grant{{Name: "prvReadLead", ID: "p", Depth: "global"}},
			Principals: []audit.Reference{{Kind: "systemuser", ID: "u", Name: hostile}},
		}
		r := For(f, audit.Environment{URL: "https://contoso.crm.dynamics.com"})
		script := strings.Join(r.Curl("https://contoso.crm.dynamics.com"), "\n")
		if len(r.Requests) == 0 {
			if script != "" || r.PowerShell("") != nil {
				t.Errorf("%s: a script without requests", kind)
			}
			continue
		}
		out := filepath.Join(dir, kind.String())
		cmd := exec.CommandContext(t.Context(), shellPath, "-eu", "-c", script)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "OUT=" + out}
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", kind, err, text, script)
			continue
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		calls := strings.Split(strings.TrimSuffix(string(data), "\x00\n"), "\x00\n")
		if len(calls) != len(r.Requests) {
			t.Fatalf("%s: %d calls for %d requests", kind, len(calls), len(r.Requests))
		}
		for i, q := range r.Requests {
			for _, want := range []string{"-X\x00" + q.Method + "\x00" + q.URL, compact(q.Body)} {
				if !strings.Contains(calls[i], want) {
					t.Errorf("%s: call %d has no %q:\n%q", kind, i, want, calls[i])
				}
			}
			if strings.Contains(calls[i], "the-token") {
				t.Errorf("%s: the token stands in an argument", kind)
			}
		}
		header, err := os.ReadFile(out + ".stdin")
		if err != nil || !strings.Contains(string(header), `header = "Authorization: Bearer the-token"`) {
			t.Errorf("%s: curl is given %q, %v", kind, header, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("a name ran as a command")
	}
}

func TestPowerShell(t *testing.T) {
	if got, want := powershell("it’s 'so' $x"), "'it’’s ''so'' $x'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r := For(audit.Fix{Kind: audit.FixEnableUser, User: &audit.Reference{ID: "u", Name: hostile}}, audit.Environment{URL: "https://contoso.crm.dynamics.com"})
	script := r.PowerShell("https://contoso.crm.dynamics.com")
	last := script[len(script)-1]
	for _, want := range []string{"Invoke-RestMethod -Method PATCH -Uri '", "'If-Match' = '*'", `-Body '{"isdisabled":false`} {
		if !strings.Contains(last, want) {
			t.Errorf("no %s in %s", want, last)
		}
	}
	if strings.Count(last, "\n") > 1 {
		t.Errorf("a name ends a line: %q", last)
	}
}

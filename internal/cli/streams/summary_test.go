package streams_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestStepSummary: the file that GitHub shows as a job's summary may be as long as
// GitHub takes; another file of the format is as long as a comment.
func TestStepSummary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := lab.New(t)
	w := l.Pristine.Clone()
	lab.Rename(&w, "Everything")
	l.Serve(t, &w)
	result, _ := l.Look(t, w.Want)
	args := []string{"report"}
	for i := range 20 {
		result.Environment.Name = fmt.Sprint("env", i)
		result.Environment.OrganizationID = fmt.Sprintf("6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a%02d", i)
		var b bytes.Buffer
		if err := report.Render(&b, report.JSON, result, report.Options{}); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, fmt.Sprint(i, ".json"))
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	summary, comment := filepath.Join(dir, "summary.md"), filepath.Join(dir, "comment.md")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, summary)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{relative, comment} {
		var stdout, stderr bytes.Buffer
		code := cli.Main(t.Context(), append(args, "-q", "-f", "markdown", "-o", file), cli.Env{
			Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
			Host:    run.Host{Now: lab.Clock, Getenv: func(name string) string { return map[string]string{"GITHUB_STEP_SUMMARY": summary}[name] }},
		})
		if code != 0 {
			t.Fatal(code, stderr.String())
		}
	}
	long, err := os.ReadFile(summary)
	if err != nil {
		t.Fatal(err)
	}
	short, err := os.ReadFile(comment)
	if err != nil {
		t.Fatal(err)
	}
	if len(long) < 64<<10 || len(long) > 1<<20 || strings.Contains(string(long), "Cut to fit") {
		t.Errorf("the summary has %d bytes", len(long))
	}
	if len(short) > 64<<10 || !strings.Contains(string(short), "Cut to fit") {
		t.Errorf("another file has %d bytes", len(short))
	}
}

// TestStreamsByTheirSystemNames: /dev/stdout and the like are the guarded streams, and
// no files to be replaced.
func TestStreamsByTheirSystemNames(t *testing.T) {
	t.Parallel()
	role := filepath.Join(t.TempDir(), "Roles", "r.xml")
	if err := os.MkdirAll(filepath.Dir(role), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(role, []byte(`<Role id="{6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a10}" name="##vso[x"><RolePrivileges/></Role>`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"lint", role, "-q", "-f", "csv"}, {"lint", role, "-q", "-f", "json"}, {"profile", "show", "demandbase", "-f", "json"}, {"init"},
	} {
		want, _, _ := execute(t, false, append(slices.Clone(args), "-o", "-")...)
		if want == "" {
			t.Fatalf("%q writes nothing", args)
		}
		if got, _, _ := execute(t, false, append(args, "-o", "/dev/stdout")...); got != want {
			t.Errorf("%q writes to /dev/stdout %.100q, not %.100q", args, got, want)
		}
		if _, got, _ := execute(t, false, append(args, "-o", "/dev/fd/2")...); got != want {
			t.Errorf("%q writes to /dev/fd/2 %.100q, not %.100q", args, got, want)
		}
	}
}

// TestColour is for terminals alone, and asks before.
func TestColour(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	w := l.Pristine.Clone()
	w.ApplicationUser(w.Want.Role).Disabled = true
	_, s := l.Judge(t, w)
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name     string
		terminal bool
		variable string
		args     []string
		want     bool
	}{
		{"terminal", true, "", nil, true},
		{"no terminal", false, "", nil, false},
		{"NO_COLOR", true, "1", nil, false},
		{"--no-color", true, "", []string{"--no-color"}, false},
		{"json", true, "", []string{"-f", "json"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			code := cli.Main(t.Context(), append([]string{"check", file}, tc.args...), cli.Env{
				Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &complaints, Width: 80, StdoutIsTerminal: tc.terminal},
				Host: run.Host{Now: lab.Clock, Getenv: func(name string) string {
					if name == "NO_COLOR" {
						return tc.variable
					}
					return ""
				}},
			})
			if code != 1 {
				t.Fatalf("exit code %d: %s", code, complaints.String())
			}
			if got := strings.Contains(out.String(), "\x1b["); got != tc.want {
				t.Errorf("colour is %t, want %t", got, tc.want)
			}
		})
	}
}

// execute runs dbaudit in the process.
func execute(t *testing.T, terminal bool, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	env := cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &complaints, StdoutIsTerminal: terminal, StderrIsTerminal: terminal},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: lab.Clock},
	}
	if terminal {
		env.Width = 100
	}
	code = cli.Main(t.Context(), args, env)
	return out.String(), complaints.String(), code
}

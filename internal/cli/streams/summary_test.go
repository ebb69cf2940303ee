package streams_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestStepSummary checks that the file for GitHub's job summary may be 1 MiB long, and another
// Markdown file only as long as a comment.
func TestStepSummary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := lab.New(t)
	sc := l.Compliant.Clone()
	lab.UseNameEverywhere(&sc, "Everything")
	l.Serve(t, &sc)
	result, _ := l.JudgeServed(t, sc.Requirement)
	args := []string{"report"}
	for i := range 20 {
		result.Environment.Name = fmt.Sprint("env", i)
		result.Environment.OrganizationID = fmt.Sprintf("6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a%02d", i)
		var b bytes.Buffer
		if err := report.Render(&b, report.JSON, []audit.Result{result}, report.Options{}); err != nil {
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
		p := process{variables: map[string]string{"GITHUB_STEP_SUMMARY": summary}}
		if _, stderr, code := execute(t, p, append(args, "-q", "-f", "markdown", "-o", file)...); code != 0 {
			t.Fatal(code, stderr)
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

// TestStreamsByTheirSystemNames checks that /dev/stdout and similar names mean the guarded streams,
// and are not replaced by files.
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
		want, _, _ := execute(t, process{}, append(slices.Clone(args), "-o", "-")...)
		if want == "" {
			t.Fatalf("%q writes nothing", args)
		}
		if got, _, _ := execute(t, (process{}), append(args, "-o", "/dev/stdout")...); got != want {
			t.Errorf("%q writes to /dev/stdout %.100q, not %.100q", args, got, want)
		}
		if _, got, _ := execute(t, (process{}), append(args, "-o", "/dev/fd/2")...); got != want {
			t.Errorf("%q writes to /dev/fd/2 %.100q, not %.100q", args, got, want)
		}
	}
}

// TestColor checks that only terminals get color, and only if no flag or variable forbids it.
func TestColor(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	sc := l.Compliant.Clone()
	sc.ApplicationUser(sc.Requirement.Role).Disabled = true
	_, s := l.Judge(t, sc)
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		p    process
		args []string
		want bool
	}{
		{"terminal", process{width: 80}, nil, true},
		{"no terminal", process{}, nil, false},
		{"NO_COLOR", process{width: 80, variables: map[string]string{"NO_COLOR": "1"}}, nil, false},
		{"--no-color", process{width: 80}, []string{"--no-color"}, false},
		{"json", process{width: 80}, []string{"-f", "json"}, false},
	} {
		out, stderr, code := execute(t, tc.p, append([]string{"check", file}, tc.args...)...)
		if got := strings.Contains(out, "\x1b["); code != 1 || got != tc.want {
			t.Errorf("%s: exit code %d, color is %t, want %t: %s", tc.name, code, got, tc.want, stderr)
		}
	}
}

// A process is the environment in which dbaudit runs.
type process struct {
	width     int // of the terminal; 0 for none
	variables map[string]string
}

// execute runs a command of dbaudit.
func execute(t *testing.T, p process, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = cli.Main(t.Context(), args, cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errOut, StdoutIsTerminal: p.width > 0, Width: p.width},
		Host:    run.Host{Getenv: func(name string) string { return p.variables[name] }, Now: lab.Now},
	})
	return out.String(), errOut.String(), code
}

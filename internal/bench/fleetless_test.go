//go:build unix

package bench_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fleetless measures what the command line pays for the fleet: the CPU of its shortest runs
// beside that of a build without the fleet's commands, its store and their libraries.
func fleetless(t *testing.T) []figure {
	t.Helper()
	with, without := filepath.Join(t.TempDir(), "with"), filepath.Join(t.TempDir(), "without")
	build(t, with)
	build(t, without, "-overlay", overlay(t))
	s := newSite(t)
	tree := t.TempDir()
	roles(t, tree, 1)
	var figures []figure
	for _, c := range []struct {
		name string
		args []string
	}{
		{"check", []string{"check", "-q", filepath.Join("..", "..", "testdata", "cases", "shallow", "snapshot.json"), "-f", "json"}},
		{"lint", []string{"lint", "-q", tree, "-f", "json"}},
		{"scan", []string{"scan", "-q", "-c", s.configuration(t, 1), "--env", "e0", "-f", "json"}},
	} {
		ours, theirs := inTurn(101,
			func() run { return start(t, s.env, with, c.args...) },
			func() run { return start(t, s.env, without, c.args...) })
		t.Logf("%s: %v with the fleet, %v without", c.name, ours, theirs)
		figures = append(figures, figure{c.name + " of one: CPU, of a build without the fleet", ours.Seconds() / theirs.Seconds(), "", false, 1.03})
	}
	return figures
}

func build(t *testing.T, output string, args ...string) {
	t.Helper()
	args = append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, args...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, "github.com/dbaudit/dbaudit/cmd/dbaudit")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// overlay makes a build without the fleet: the files of the command line that import it and
// those of its store are replaced by the stubs in testdata.
func overlay(t *testing.T) string {
	t.Helper()
	replace := map[string]string{}
	for folder, imports := range map[string][]string{
		"cli":   {`/internal/fleet"`, `/internal/web"`, `/internal/alert"`},
		"store": {"package store"},
	} {
		dir, err := filepath.Abs(filepath.Join("..", folder))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range imports {
				if strings.Contains(string(data), i) {
					replace[file] = ""
				}
			}
		}
		stub, err := filepath.Abs(filepath.Join("testdata", "fleetless", folder+".go"))
		if err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(dir, "fleetless.go")] = stub
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

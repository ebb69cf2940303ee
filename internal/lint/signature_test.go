package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/lint"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestSignature checks that the signature changes only with files that a verdict depends on.
func TestSignature(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	size := 0
	touch := func(name string) {
		size++ // another size, since two writes may have one time
		content := "profile: " + at("acme.yaml") + "\nwaivers: waivers.yaml\n#" + strings.Repeat("x", size) + "\n"
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &run.Runner{
		Host: run.Host{Getenv: func(name string) string {
			return map[string]string{"DBAUDIT_CONFIG": at("dbaudit.yaml")}[name]
		}},
		PolicyFolders: []string{at("policies")},
	}
	o := lint.Options{Paths: []string{at("src")}, Accept: run.AcceptOptions{Baseline: at("baseline.json")}}
	touch("dbaudit.yaml")
	signature := func() string { return lint.Signature(r, o) }
	last := signature()
	for _, name := range []string{
		"dbaudit.yaml", "acme.yaml", "waivers.yaml", "baseline.json", "src/Roles/r.xml", "policies/acme/x.rego", "policies/acme/x.rego",
	} {
		touch(name)
		now := signature()
		if now == last {
			t.Errorf("the signature does not change with %s", name)
		}
		last = now
	}
	touch("src/notes.txt")
	touch("policies/README.md")
	if signature() != last {
		t.Error("the signature changes with files that no verdict depends on")
	}
}

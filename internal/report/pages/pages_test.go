package pages

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

// TestControlPages: the pages in the checkout are those that the rules and the
// profiles make, each control's help leads to one, and none is left over.
func TestControlPages(t *testing.T) {
	t.Parallel()
	pages, err := Controls()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "..", "docs", "controls")
	stale, err := stalePages(dir, pages)
	if err != nil {
		t.Fatal(err)
	}
	if len(stale) > 0 {
		t.Errorf("stale pages, run make docs: %v", stale)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := pages[filepath.Base(file)]; !ok {
			t.Errorf("%s is the page of no control, run make docs", file)
		}
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		for _, c := range p.Controls {
			_, page, ok := strings.Cut(audit.HelpURL(c.ID), "/blob/v"+audit.Release+"/docs/controls/")
			file, anchor, _ := strings.Cut(page, "#")
			if !ok || !strings.Contains(pages[file], `<a id="`+anchor+`"></a>`+string(c.ID)+" ") {
				t.Errorf("%s: the help %s does not point into the documentation", c.ID, audit.HelpURL(c.ID))
			}
		}
	}
}

// TestConfigurationPage: the reference in the checkout is the one that the schema makes,
// and each key of the schema has a meaning.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	page, err := Configuration()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "configuration.md"))
	if err != nil || string(data) != page {
		t.Errorf("docs/configuration.md is stale, run make docs: %v", err)
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| `") && (strings.HasSuffix(line, "|  |\n") || strings.Contains(line, "` |  |")) {
			t.Errorf("a key without a type or a meaning: %s", line)
		}
	}
}

// TestPagesShowFixes: a page shows each kind of fix that its rule proposes itself.
func TestPagesShowFixes(t *testing.T) {
	t.Parallel()
	e, err := engine.Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	standard := solution.NewPrivilegeTable()
	kind := regexp.MustCompile(`"kind": "([a-z-]+)"`)
	for _, rule := range e.Rules() {
		var shown []string
		for _, p := range profiles {
			for _, c := range p.Controls {
				if c.Rule == rule.ID {
					for _, f := range (rulePage{profile: p, control: c, rule: rule, standard: standard}).fixes() {
						shown = append(shown, string(f.Kind))
					}
				}
			}
		}
		files, err := fs.Glob(policy.Files, path.Join("dbaudit", "rules", rule.ID, "*.rego"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v %v", rule.ID, files, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.rego") {
				continue
			}
			data, err := fs.ReadFile(policy.Files, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range kind.FindAllStringSubmatch(string(data), -1) {
				if change.ValidateKind(audit.FixKind(match[1])) != nil {
					continue // the kind of something else
				}
				if !slices.Contains(shown, match[1]) {
					t.Errorf("the pages of %s do not show the fix %s", rule.ID, match[1])
				}
			}
		}
	}
}

// TestWritePages: a generated page that is no longer wanted is removed; other files stay.
func TestWritePages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "controls")
	if err := Write(dir, map[string]string{"A.md": pageMark + "a", "B.md": pageMark + "b"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, map[string]string{"A.md": pageMark + "a2"}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("left: %v %v", files, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "A.md")); err != nil || string(data) != pageMark+"a2" {
		t.Errorf("%q %v", data, err)
	}
}

// stalePages compares the pages with those of a folder and names what differs.
func stalePages(dir string, pages map[string]string) ([]string, error) {
	var stale []string
	for name, text := range pages {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if string(data) != text {
			stale = append(stale, name)
		}
	}
	slices.Sort(stale)
	return stale, nil
}

// TestExplanations: an explanation says the same in a terminal and in Markdown, and each
// kind says what it has.
func TestExplanations(t *testing.T) {
	t.Parallel()
	for _, e := range []Explanation{
		{Kind: "control", ID: "X", Title: "A title", Severity: "high", Portal: []string{"Open it " + strings.Repeat("and look ", 8), "Close it"}, Citation: &audit.Citation{Tab: "Core", Line: "Lead"}},
		{Kind: "rule", ID: "role/x", Title: "A title", Profile: "acme", Controls: []string{"A", "B"}, SeeAlso: []audit.Source{{Title: "A page", URL: "https://x.example"}}},
		{Kind: "privilege", ID: "prvX", Title: "A title", Profile: "acme"},
	} {
		short, long := e.Text(), e.Markdown()
		for _, p := range e.sections() {
			if !strings.Contains(short, p.label+" ") || !strings.Contains(long, "**"+p.label+"**") {
				t.Errorf("%s is not said of %s:\n%s\n%s", p.label, e.ID, short, long)
			}
		}
		if want := map[string]string{"control": "portal      1. Open it and look and look and look and look and look and look\n               and look and look\n            2. Close it\n", "rule": "required by A, B of the profile acme\n", "privilege": "levels      not known\n"}[e.Kind]; !strings.Contains(short, want) {
			t.Errorf("%q is missing:\n%s", want, short)
		}
	}
}

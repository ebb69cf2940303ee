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

// TestControlPages checks that the pages in the checkout are up to date, that the help of each control
// links to one, and that a folder of pages has no other files.
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
			t.Errorf("%s is not a generated page, run make docs", file)
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
				t.Errorf("%s: the help %s is not in the documentation", c.ID, audit.HelpURL(c.ID))
			}
		}
	}
}

// TestPagesAreMarkdown checks that a blank line precedes each heading, that a sentence does not run into
// the next one, and that a page ends with a newline.
func TestPagesAreMarkdown(t *testing.T) {
	t.Parallel()
	pages, err := Controls()
	if err != nil {
		t.Fatal(err)
	}
	runOn := regexp.MustCompile(`[a-z]\.[A-Z][a-z]+ `)
	for name, page := range pages {
		if !strings.HasSuffix(page, "\n") {
			t.Errorf("%s does not end with a newline", name)
		}
		previous, code := "", false
		for line := range strings.Lines(page) {
			if strings.HasPrefix(line, "```") {
				code = !code
			}
			if !code && strings.HasPrefix(line, "#") && previous != "\n" {
				t.Errorf("%s: the heading %q follows %q", name, line, previous)
			}
			if !code && runOn.MatchString(line) {
				t.Errorf("%s: sentences run into each other: %s", name, line)
			}
			previous = line
		}
	}
}

// TestConfigurationPage checks that the reference in the checkout is up to date, and that each key of
// the schema has a type and a meaning.
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

// TestPagesShowFixes checks that the pages of a rule show each kind of fix that its source proposes.
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
	privileges := solution.NewPrivilegeTable()
	kind := regexp.MustCompile(`"kind": "([a-z-]+)"`)
	for _, rule := range e.Rules() {
		var shown []string
		for _, p := range profiles {
			for _, c := range p.Controls {
				if c.Rule == rule.ID {
					for _, f := range (rulePage{profile: p, control: c, rule: rule, privileges: privileges}).fixes() {
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
					continue // not a kind of fix
				}
				if !slices.Contains(shown, match[1]) {
					t.Errorf("the pages of %s do not show the fix %s", rule.ID, match[1])
				}
			}
		}
	}
}

// TestWritePages checks that Write removes generated pages that no longer exist, and keeps other files.
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

// stalePages returns the names of the pages that differ from the files of a folder.
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

// TestExplanations checks that each kind of explanation has the same sections in a terminal and in
// Markdown.
func TestExplanations(t *testing.T) {
	t.Parallel()
	for _, e := range []Explanation{
		{Kind: "control", ID: "X", Title: "A title", Severity: "high", Portal: []string{"Open it " + strings.Repeat("and look ", 8), "Close it"}, Citation: &audit.Citation{Tab: "Core", Line: "Lead"}},
		{Kind: "rule", ID: "role/x", Title: "A title", Profile: "acme", Controls: []string{"A", "B"}, SeeAlso: []audit.Source{{Title: "A page", URL: "https://x.example"}}},
		{Kind: "privilege", ID: "prvX", Title: "A title", Profile: "acme"},
	} {
		terminal, markdown := e.Text(), e.Markdown()
		for _, s := range e.sections() {
			if !strings.Contains(terminal, s.label+" ") || !strings.Contains(markdown, "**"+s.label+"**") {
				t.Errorf("the explanation of %s lacks the section %s:\n%s\n%s", e.ID, s.label, terminal, markdown)
			}
		}
		if want := map[string]string{"control": "portal      1. Open it and look and look and look and look and look and look\n               and look and look\n            2. Close it\n", "rule": "required by A, B of the profile acme\n", "privilege": "levels      not known\n"}[e.Kind]; !strings.Contains(terminal, want) {
			t.Errorf("%q is missing:\n%s", want, terminal)
		}
	}
}

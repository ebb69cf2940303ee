package cli_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dbaudit/dbaudit/"

// TestImports checks that each package has a row in docs/architecture.md, and imports only the
// packages of the project that the row allows.
func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	allowed := allowedImports(t, filepath.Join(root, "docs", "architecture.md"))
	found := packageImports(t, root)
	for name, used := range found {
		may, ok := allowed[name]
		if !ok {
			t.Errorf("%s has no row in docs/architecture.md", name)
			continue
		}
		for _, other := range used {
			if !slices.Contains(may, "all") && !slices.Contains(may, strings.TrimPrefix(other, "internal/")) {
				t.Errorf("%s imports %s, which its row in docs/architecture.md does not allow: %v", name, other, may)
			}
		}
	}
	for name := range allowed {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("docs/architecture.md has a row for %s, which does not exist", name)
		}
	}
}

// TestWhereToFindIt checks that the files and functions that docs/architecture.md names exist.
func TestWhereToFindIt(t *testing.T) {
	root := filepath.Join("..", "..")
	data, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "## Where to find it")
	section, _, _ = strings.Cut(section, "\n## ")
	paths := regexp.MustCompile("`([a-z_/]+/[a-z_./]+)`(?: \\(`([A-Za-z]+)`\\))?").FindAllStringSubmatch(section, -1)
	if len(paths) < 10 {
		t.Fatalf("%d paths in\n%s", len(paths), section)
	}
	for _, path := range paths {
		file := filepath.Join(root, path[1])
		if _, err := os.Stat(file); err != nil {
			t.Errorf("docs/architecture.md: %v", err)
		} else if code, err := os.ReadFile(file); path[2] != "" && (err != nil || !strings.Contains(string(code), path[2]+"(")) {
			t.Errorf("docs/architecture.md: %s has no %s", path[1], path[2])
		}
	}
}

// allowedImports reads the table: for the path of each package, the short names of the packages
// that it may import.
func allowedImports(t *testing.T, file string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|[^|]*\\|([^|]*)\\|$")
	name := regexp.MustCompile("`([a-z/]+)`|\\ball\\b")
	allowed := map[string][]string{}
	for _, match := range row.FindAllStringSubmatch(string(data), -1) {
		may := []string{}
		for _, m := range name.FindAllString(match[2], -1) {
			may = append(may, strings.Trim(m, "`"))
		}
		allowed[match[1]] = may
	}
	if len(allowed) < 10 {
		t.Fatalf("the table of %s was not understood: %v", file, allowed)
	}
	return allowed
}

// packageImports returns the packages of the project that each package imports, without its tests.
func packageImports(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || file != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() && file != ".":
			// Skip a separate module.
			if _, err := os.Stat(filepath.Join(root, file, "go.mod")); err == nil {
				return fs.SkipDir
			}
			return nil
		case path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := path.Dir(file)
		if found[name] == nil {
			found[name] = []string{}
		}
		for _, spec := range parsed.Imports {
			if other, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module); ok && !slices.Contains(found[name], other) {
				found[name] = append(found[name], other)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

package solution_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/solution"
)

func TestExclude(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"fixtures", "src/fixtures/Roles/a.xml", true},
		{"fixtures", "fixtures.xml", false},
		{"*.zip", "out/a.zip", true},
		{"*.zip", "out/a.xml", false},
		{"./src/old/", "src/old/Roles/a.xml", true},
		{"src/old", "./src/old/Roles/a.xml", true},
		{"src/old", "test/src/old/Roles/a.xml", false},
		{"**/old/Roles", "test/src/old/Roles/a.xml", true},
		{"src/**/a.xml", "src/x/y/a.xml", true},
		{"src/**/a.xml", "src/x/y/b.xml", false},
		{"/abs/*", "/abs/dir/a.xml", true},
		{"a.xml", "a.xml", true},
	} {
		excluded, err := solution.Exclude([]string{"nothing", test.pattern})
		if err != nil {
			t.Fatal(err)
		}
		if got := excluded(filepath.FromSlash(test.name)); got != test.want {
			t.Errorf("%s of %s: %v", test.pattern, test.name, got)
		}
	}
	if _, err := solution.Exclude([]string{"["}); err == nil {
		t.Error("a malformed pattern was taken")
	}
}

// TestReadExcludes checks that an excluded file is not even opened.
func TestReadExcludes(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"Roles/a.xml": `<Role name="a"/>`, "test/Roles/b.xml": "broken"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options := solution.DefaultOptions()
	var err error
	if options.Exclude, err = solution.Exclude([]string{"test"}); err != nil {
		t.Fatal(err)
	}
	found, err := solution.Read(t.Context(), []string{".", "test/Roles/b.xml"}, nil, options)
	if err != nil || len(found.Roles) != 1 || len(found.Faults) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	if want := []string{"test/Roles/b.xml"}; !slices.Equal(found.Excluded, want) {
		t.Errorf("excluded %v, want %v", found.Excluded, want)
	}
}

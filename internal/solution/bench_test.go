package solution_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/solution"
)

// BenchmarkTree reads a tree of 1,000 roles with 100 privileges each.
func BenchmarkTree(b *testing.B) {
	dir := b.TempDir()
	var entries strings.Builder
	for i := range 100 {
		fmt.Fprintf(&entries, "    <RolePrivilege name=\"prvReadcr7_table%d\" level=\"Global\" />\n", i)
	}
	for i := range 1000 {
		content := fmt.Sprintf("<Role id=\"{%08x-0000-4000-8000-000000000000}\" name=\"Role %d\">\n  <RolePrivileges>\n%s  </RolePrivileges>\n</Role>\n", i, i, entries.String())
		writeTo(b, filepath.Join(dir, fmt.Sprint(i/20), "Roles", fmt.Sprintf("Role %d.xml", i)), content)
	}
	b.ResetTimer()
	for b.Loop() {
		found, err := solution.Read(b.Context(), []string{dir}, nil, solution.DefaultOptions())
		if err != nil || len(found.Roles) != 1000 {
			b.Fatal(len(found.Roles), err)
		}
	}
}

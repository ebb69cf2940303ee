package sessions_test

import (
	"fmt"
	"testing"
)

// BenchmarkLintAllRoles judges each of 100 roles of about 50 privileges, in files of
// their own: what --all-roles costs grows with their number.
func BenchmarkLintAllRoles(b *testing.B) {
	p := newParallelProcess(b)
	for i := range 100 {
		name := fmt.Sprintf("Role %d", i)
		p.write("Roles/"+name+".xml", lintRole(name, lintMinimum()))
	}
	for b.Loop() {
		p.run("lint", "--all-roles", "--fail-on", "none", "-f", "csv", p.dir).must(b, 0)
	}
}

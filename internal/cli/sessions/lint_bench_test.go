package sessions_test

import (
	"fmt"
	"testing"
)

// BenchmarkLintAllRoles judges 100 roles of about 50 privileges, each in a separate file. The cost
// of --all-roles grows with their number.
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

package sessions_test

import (
	"os"
	"strings"
	"testing"
)

// TestLintFixReadOnlyFile checks that a file that cannot be fixed is reported, and that the other
// files are fixed.
func TestLintFixReadOnlyFile(t *testing.T) {
	p := newProcess(t)
	all := lintRole("Demandbase", lintMinimum())
	gap := lintRole("Demandbase", without(lintMinimum(), "prvReadLead"))
	for _, name := range []string{"a", "b", "c"} {
		p.write("Roles/"+name+".xml", gap)
	}
	if err := os.Chmod("Roles/b.xml", 0o440); err != nil {
		t.Fatal(err)
	}
	out := p.run("lint", ".", "--fix", "-f", "unix")
	if out.code != 1 {
		t.Errorf("exit code %d", out.code)
	}
	p.wantContains(out.stderr, "fixing Roles/b.xml: the file is read-only", "Roles/a.xml: 1 line added", "Roles/c.xml: 1 line added")
	if want := "Roles/b.xml:4:3: error: Lead – Read is not granted"; !strings.Contains(out.stdout, want) {
		t.Errorf("no such finding: %s\n%s", want, out.stdout)
	}
	if strings.Contains(out.stdout, "Roles/a.xml") {
		t.Errorf("judged as it was before:\n%s", out.stdout)
	}
	p.run("lint", ".", "--fix", "--fail-on", "none").must(t, 3)
	for file, want := range map[string]string{"Roles/a.xml": all, "Roles/b.xml": gap, "Roles/c.xml": all} {
		if data := p.read(file); data != want {
			t.Errorf("%s:\n%s", file, data)
		}
	}
}

// TestLintFixKeepsHardLinks checks that all hard links of a file get the fixed content.
func TestLintFixKeepsHardLinks(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/a.xml", lintRole("Demandbase", without(lintMinimum(), "prvReadLead")))
	if err := os.Link("Roles/a.xml", "elsewhere.xml"); err != nil {
		t.Skip(err)
	}
	p.run("lint", "Roles", "--fix").must(t, 0)
	if p.read("elsewhere.xml") != lintRole("Demandbase", lintMinimum()) {
		t.Error("the other name means the file as it was")
	}
}

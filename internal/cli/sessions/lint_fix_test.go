package sessions_test

import (
	"os"
	"strings"
	"testing"
)

// TestLintFixMendsWhatItCan: what cannot be fixed is reported and does not affect anything
// else.
func TestLintFixMendsWhatItCan(t *testing.T) {
	t.Chdir(t.TempDir())
	all := lintRole("Demandbase", lintMinimum())
	gap := lintRole("Demandbase", without(lintMinimum(), "prvReadLead"))
	for _, name := range []string{"a", "b", "c"} {
		put(t, "Roles/"+name+".xml", gap)
	}
	if err := os.Chmod("Roles/b.xml", 0o440); err != nil {
		t.Fatal(err)
	}
	out := lintIn(t, "", ".", "--fix", "-f", "unix")
	if out.code != 1 {
		t.Errorf("exit code %d", out.code)
	}
	for _, want := range []string{"fixing Roles/b.xml: the file is read-only", "Roles/a.xml: 1 lines added", "Roles/c.xml: 1 lines added"} {
		if !strings.Contains(out.stderr, want) {
			t.Errorf("it is not said: %s\n%s", want, out.stderr)
		}
	}
	if want := "Roles/b.xml:4:3: error: Lead – Read is not granted"; !strings.Contains(out.stdout, want) {
		t.Errorf("no such finding: %s\n%s", want, out.stdout)
	}
	if strings.Contains(out.stdout, "Roles/a.xml") {
		t.Errorf("judged as it was before:\n%s", out.stdout)
	}
	if out := lintIn(t, "", ".", "--fix", "--fail-on", "none"); out.code != 3 {
		t.Errorf("a file that was not fixed: exit code %d", out.code)
	}
	for file, want := range map[string]string{"Roles/a.xml": all, "Roles/b.xml": gap, "Roles/c.xml": all} {
		if data, err := os.ReadFile(file); err != nil || string(data) != want {
			t.Errorf("%s: %v\n%s", file, err, data)
		}
	}
}

// TestLintFixKeepsTheNamesOfAFile: for a file with two, both mean what was fixed.
func TestLintFixKeepsTheNamesOfAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/a.xml", lintRole("Demandbase", without(lintMinimum(), "prvReadLead")))
	if err := os.Link("Roles/a.xml", "elsewhere.xml"); err != nil {
		t.Skip(err)
	}
	if out := lintIn(t, "", "Roles", "--fix"); out.code != 0 {
		t.Errorf("exit code %d\n%s", out.code, out.stderr)
	}
	if data, err := os.ReadFile("elsewhere.xml"); err != nil || string(data) != lintRole("Demandbase", lintMinimum()) {
		t.Errorf("the other name means the file as it was: %v", err)
	}
}

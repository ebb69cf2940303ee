package cli_test

import (
	"os"
	"strings"
	"testing"
)

// TestLintFixMendsWhatItCan: what cannot be mended is said and hinders nothing else.
func TestLintFixMendsWhatItCan(t *testing.T) {
	t.Chdir(t.TempDir())
	all := lintRole("Demandbase", lintMinimum())
	gap := lintRole("Demandbase", without(lintMinimum(), "prvReadLead"))
	put(t, "Roles/a.xml", gap)
	put(t, "Roles/b.xml", "<Role name=\"Demandbase\">\n</Role>\n")
	put(t, "Roles/c.xml", gap)
	put(t, "Roles/d.xml", gap)
	if err := os.Chmod("Roles/c.xml", 0o440); err != nil {
		t.Fatal(err)
	}
	// Two roles in one file, one of which can be mended.
	const frame, none = "<ImportExportXml><Roles>%</Roles></ImportExportXml>", `<Role name="Demandbase"></Role>`
	body := func(role string) string { return strings.TrimPrefix(role, `<?xml version="1.0" encoding="utf-8"?>`) }
	put(t, "customizations.xml", strings.Replace(frame, "%", none+body(gap), 1))
	out := lintIn(t, "", ".", "--fix", "-f", "unix")
	if out.code != 1 {
		t.Errorf("exit code %d", out.code)
	}
	for _, want := range []string{
		`fixing Roles/b.xml: the role "Demandbase": it has no element RolePrivileges`,
		"fixing Roles/c.xml: the file is read-only",
		`fixing customizations.xml: the role "Demandbase": it has no`,
		"Roles/a.xml: 1 lines added", "Roles/d.xml: 1 lines added", "customizations.xml: 1 lines added",
	} {
		if !strings.Contains(out.stderr, want) {
			t.Errorf("it is not said: %s\n%s", want, out.stderr)
		}
	}
	for _, want := range []string{"Roles/b.xml:1:1: error: prvReadLead is not granted", "Roles/c.xml:4:3: error: prvReadLead is not granted"} {
		if !strings.Contains(out.stdout, want) {
			t.Errorf("no such finding: %s\n%s", want, out.stdout)
		}
	}
	if strings.Contains(out.stdout, "Roles/a.xml") {
		t.Errorf("judged as it was before:\n%s", out.stdout)
	}
	for file, want := range map[string]string{"Roles/a.xml": all, "Roles/c.xml": gap, "Roles/d.xml": all} {
		if data, err := os.ReadFile(file); err != nil || string(data) != want {
			t.Errorf("%s: %v\n%s", file, err, data)
		}
	}
}

// TestLintFixKeepsTheNamesOfAFile: of a file with two, both mean what was mended.
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

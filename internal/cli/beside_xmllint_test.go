package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

// TestBesideXMLLint times `dbaudit lint` of a tree of 1,000 roles and `xmllint
// --noout` of its files, in turn, and prints the ratio of the medians. `make bench`
// runs it; it judges nothing by the clock.
func TestBesideXMLLint(t *testing.T) {
	xmllint, dbaudit := *xmllintBinary, *dbauditBinary
	if xmllint == "" || dbaudit == "" {
		t.Skip("give -bench.xmllint and -bench.dbaudit, as make bench does")
	}
	tree := t.TempDir()
	files := thousandRoles(t, tree)
	// Once for all files, so that starting it counts once.
	parse := func() time.Duration { return timeOf(t, xmllint, append([]string{"--noout"}, files...)...) }
	lint := func() time.Duration {
		return timeOf(t, dbaudit, "lint", tree, "-f", "json", "-o", filepath.Join(t.TempDir(), "result.json"))
	}
	parse() // brings the files into memory
	var ours, theirs []time.Duration
	for range 11 {
		ours = append(ours, lint())
		theirs = append(theirs, parse())
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	t.Logf("1,000 roles of 100 privileges: dbaudit lint %v, xmllint --noout %v: %.1f times as long",
		ours[5].Round(time.Millisecond), theirs[5].Round(time.Millisecond), float64(ours[5])/float64(theirs[5]))
}

var xmllintBinary = flag.String("bench.xmllint", "", "xmllint to compare with")

// thousandRoles writes unpacked solutions of 20 roles each, one of which is the
// integration's and grants the whole minimum: lint fails unless it is found and read.
func thousandRoles(t *testing.T, tree string) (files []string) {
	t.Helper()
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	minimum := profiles[slices.IndexFunc(profiles, func(p profile.Profile) bool { return p.Name == "demandbase" })].Minimum()
	var others []string
	for i := range 100 {
		others = append(others, fmt.Sprintf("prvReadcontoso_Table%03d", i))
	}
	for i := range 1000 {
		name, privileges := fmt.Sprintf("Role %d", i), others
		if i == 500 {
			name, privileges = "Demandbase Integration", minimum
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Role id=\"{%s}\" name=\"%s\">\n  <RolePrivileges>\n", id(4, i), name)
		for _, p := range privileges {
			level := "Global"
			if p == "prvReadUserQuery" { // a view is its owner's alone
				level = "Basic"
			}
			fmt.Fprintf(&b, "    <RolePrivilege name=\"%s\" level=\"%s\" />\n", p, level)
		}
		b.WriteString("  </RolePrivileges>\n</Role>\n")
		folder := filepath.Join(tree, fmt.Sprintf("Solution%d", i/20), "Roles")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name+".xml")
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

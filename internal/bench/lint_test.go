//go:build unix

package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// measureLint compares lint of 1,000 role files with parsing their XML, and measures judging each of 100 roles.
func measureLint(t *testing.T) []figure {
	t.Helper()
	var figures []figure
	tree := t.TempDir()
	files := writeRoles(t, tree, 1000)
	if *xmllintBinary != "" {
		dbauditTime, xmllintTime := alternate(11,
			func() run { return start(t, nil, *dbauditBinary, "lint", "-q", tree, "-f", "json") },
			// One process for all files.
			func() run { return start(t, nil, *xmllintBinary, append([]string{"--noout"}, files...)...) })
		figures = append(figures, figure{"lint of 1,000 roles: CPU, of xmllint --noout", dbauditTime.Seconds() / xmllintTime.Seconds(), "", false, 2})
	}
	few, many := t.TempDir(), t.TempDir()
	writeRoles(t, few, 2)
	writeRoles(t, many, 102)
	judge := func(tree string) func() run {
		return func() run { return start(t, nil, *dbauditBinary, "lint", "-q", "--all-roles", tree, "-f", "json") }
	}
	all, least := alternate(5, judge(many), judge(few))
	return append(figures, figure{"lint --all-roles: CPU of judging a role", float64((all - least).Microseconds()) / 1e3 / 100, " ms", false, 3})
}

// writeRoles writes unpacked solutions of 20 roles each, and returns their files. One role is the integration's and
// grants the whole minimum, so lint fails if it does not find and read it.
func writeRoles(t *testing.T, tree string, count int) (files []string) {
	t.Helper()
	minimum := demandbase(t).Minimum()
	var others []string
	for i := range 100 {
		others = append(others, fmt.Sprintf("prvReadcontoso_Table%03d", i))
	}
	for i := range count {
		name, privileges := fmt.Sprintf("Role %d", i), others
		if i == count/2 {
			name, privileges = "Demandbase Integration", minimum
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Role id=\"{%s}\" name=\"%s\">\n  <RolePrivileges>\n", id(4, i), name)
		for _, p := range privileges {
			level := "Global"
			if p == "prvReadUserQuery" { // cannot be granted more deeply
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

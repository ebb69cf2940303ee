package profile_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// rightWords returns the rights that a line names. "Append to" does not count as "append".
func rightWords(line string) []string {
	var found []string
	for _, word := range regexp.MustCompile(`(?i)\b(append ?to|append|create|read|write|delete|assign|share)\b`).FindAllString(line, -1) {
		found = append(found, strings.ToLower(strings.ReplaceAll(word, " ", "")))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestMapping checks that the privileges of a control grant exactly the rights that its cited line
// names, on one table. If the line names privileges, the control must require exactly these.
func TestMapping(t *testing.T) {
	// Lines that use another word for a right, or none.
	words := map[audit.ControlID][]string{
		"DOTDIGITAL-PRIV-SYSTEM-JOB": {"read"}, // "Reference": records can be seen and not edited
		"SIXSENSE-PRIV-AUDIT":        {"read"}, // "access", to three tables in one sentence
	}
	named := regexp.MustCompile(`prv[A-Za-z]+`)
	judged := map[string]int{}
	for _, p := range builtin(t) {
		for _, c := range p.Controls {
			if c.Rule != "role/privileges" || c.Citation == nil {
				continue
			}
			judged[p.Name]++
			if names := named.FindAllString(c.Citation.Line, -1); len(names) > 0 {
				slices.Sort(names)
				if got := slices.Sorted(slices.Values(c.Privileges)); !slices.Equal(got, slices.Compact(names)) {
					t.Errorf("%s: cites %v, and requires %v", c.ID, names, got)
				}
				continue
			}
			var rights, tables []string
			for _, name := range c.Privileges {
				right, table := audit.SplitPrivilege(name)
				rights = append(rights, strings.ToLower(strings.ReplaceAll(right, " ", "")))
				tables = append(tables, table)
			}
			slices.Sort(rights)
			slices.Sort(tables)
			rights = slices.DeleteFunc(slices.Compact(rights), func(r string) bool { return r == "" })
			want, other := words[c.ID]
			if !other {
				want = rightWords(c.Citation.Line)
			}
			if len(want) == 0 {
				want = rightWords(c.Citation.Tab)
			}
			if !slices.Equal(rights, want) {
				t.Errorf("%s: %q names %v, and the privileges give %v", c.ID, c.Citation.Line, want, rights)
			}
			if len(slices.Compact(tables)) != 1 && c.ID != "SIXSENSE-PRIV-AUDIT" {
				t.Errorf("%s: the privileges are on %v", c.ID, tables)
			}
		}
	}
	if len(judged) < 11 {
		t.Errorf("profiles with cited privileges: %v", judged)
	}
}

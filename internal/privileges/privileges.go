// Package privileges holds the table of Dataverse's standard privileges: their names and the access
// levels that each can be granted at. It also splits the name of a privilege into verb and table.
package privileges

import (
	_ "embed"
	"strings"
)

// Impersonate is the privilege to act on behalf of another user.
const Impersonate = "prvActOnBehalfOfAnotherUser"

//go:embed privileges.tsv
var table string

// A Privilege is one line of the table.
type Privilege struct {
	Name string
	// Depths has a letter for each access level, shallowest first: B basic, L local, D deep,
	// G global. It is empty if no source states them.
	Depths string
	// ID is empty if no source states it.
	ID string
}

// Standard lists the standard privileges, sorted by name.
func Standard() []Privilege {
	var all []Privilege
	for line := range strings.Lines(table) {
		columns := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(columns) < 3 || columns[0] == "name" {
			continue // a comment, or the header
		}
		p := Privilege{Name: columns[0], Depths: strings.TrimPrefix(columns[1], "-")}
		if len(columns) == 4 {
			p.ID = columns[3]
		}
		all = append(all, p)
	}
	return all
}

// Verbs lists the verbs in the names of privileges on tables, in the order of the security-role
// editor's columns. policy/dbaudit/words has the same list in Rego; a test of the engine keeps
// the two equal.
func Verbs() []string {
	return []string{"Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"}
}

// Split splits the name of a privilege on a table, in any letter case, into the verb as [Verbs]
// spells it and the table as the name spells it. For another privilege, the verb is empty and the
// table is the name without prv.
func Split(name string) (verb, table string) {
	rest, ok := cutPrefixFold(name, "prv")
	if !ok {
		return "", name
	}
	table = rest
	for _, v := range Verbs() {
		// AppendTo begins with Append: the longest verb wins.
		if after, ok := cutPrefixFold(rest, v); ok && after != "" && len(v) > len(verb) {
			verb, table = v, after
		}
	}
	return verb, table
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

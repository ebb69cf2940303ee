package solution

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// A PrivilegeTable indexes the standard privileges: their names in Dataverse's spelling and the
// access levels that each can be granted at.
type PrivilegeTable struct {
	byName map[string]privilege // keys are in lower case
	keys   []string             // of byName, sorted
	tables map[string]bool      // names of the tables that have privileges, in lower case
}

type privilege struct {
	name   string
	depths []audit.Depth // nil if no source states them
}

// NewPrivilegeTable returns the table of all standard privileges.
func NewPrivilegeTable() *PrivilegeTable {
	t := &PrivilegeTable{byName: map[string]privilege{}, tables: map[string]bool{}}
	for _, known := range privileges.Standard() {
		p := privilege{name: known.Name}
		for _, letter := range known.Depths {
			p.depths = append(p.depths, audit.Depths()[strings.IndexRune("BLDG", letter)])
		}
		key := strings.ToLower(p.name)
		t.byName[key] = p
		t.keys = append(t.keys, key)
		if verb, table := privileges.Split(key); verb != "" {
			t.tables[table] = true
		}
	}
	slices.Sort(t.keys)
	return t
}

// Spelling returns the standard spelling of a name in any letter case. It returns false if the
// privilege is not standard.
func (t *PrivilegeTable) Spelling(name string) (string, bool) {
	p, ok := t.byName[strings.ToLower(name)]
	return p.name, ok
}

// Depths returns the access levels that a privilege can be granted at, shallowest first. It returns
// nil if the privilege is not standard, or if no source states them.
func (t *PrivilegeTable) Depths(name string) []audit.Depth {
	return t.byName[strings.ToLower(name)].depths
}

// Nearest returns the standard privilege that a misspelled name most likely means. The two differ by
// one edit, or by two in a long name; see withinEdits. If two privileges are equally near, Nearest
// returns both, as "this or that"; if more are, it returns "".
//
// It also returns "" for a name with fewer than four letters after prv, because one edit makes a
// different word of it; for the name of a custom table, which has an underscore; and for a name on a
// standard table, because the list of privileges may be incomplete.
func (t *PrivilegeTable) Nearest(name string) string {
	const shortest = len("prv") + 4
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower != strings.ToLower(name) {
		if p, ok := t.byName[lower]; ok {
			return p.name // the name has white space around it
		}
	}
	if p, ok := t.byName["prv"+lower]; ok {
		return p.name // the name lacks the prefix prv
	}
	verb, table := privileges.Split(lower)
	if strings.Contains(lower, "_") || len(lower) < shortest || len(lower) > 100 || verb != "" && t.tables[table] {
		return ""
	}
	prefix := "prv" + strings.ToLower(verb) // a valid verb is not misspelled
	if verb == "Append" {
		prefix = "prv" // it may be a misspelled AppendTo
	}
	maxEdits := 1
	if len(lower) >= 20 {
		maxEdits = 2
	}
	first, _ := slices.BinarySearch(t.keys, prefix)
	var nearest []string
	for edits := 0; edits <= maxEdits && nearest == nil; edits++ {
		for _, key := range t.keys[first:] {
			if !strings.HasPrefix(key, prefix) {
				break
			}
			if withinEdits(edits, lower, key) {
				nearest = append(nearest, t.byName[key].name)
			}
		}
	}
	if len(nearest) > 2 {
		return "" // any suggestion would be a guess
	}
	slices.Sort(nearest)
	return strings.Join(nearest, " or ")
}

// withinEdits reports whether at most the given number of edits turn one word into the other. An
// edit changes, inserts or deletes a letter, or swaps two neighbors.
func withinEdits(edits int, a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if difference := len(a) - len(b); a == "" || b == "" || edits == 0 || max(difference, -difference) > edits {
		return len(a)+len(b) <= edits
	}
	swapped := len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0]
	return withinEdits(edits-1, a[1:], b[1:]) || withinEdits(edits-1, a[1:], b) || withinEdits(edits-1, a, b[1:]) ||
		swapped && withinEdits(edits-1, a[2:], b[2:])
}

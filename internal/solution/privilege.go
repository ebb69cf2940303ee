package solution

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// PrivilegeTable is the table of the standard privileges: their names as Dataverse
// spells them and the access levels that each can be granted at.
type PrivilegeTable struct {
	byName map[string]privilege // by the name in lower case
	keys   []string             // of byName, sorted
	tables map[string]bool      // of privileges on tables, in lower case
}

type privilege struct {
	name   string
	depths []audit.Depth // nil where no source says
}

// NewPrivilegeTable makes the table of what dbaudit knows.
func NewPrivilegeTable() *PrivilegeTable {
	s := &PrivilegeTable{byName: map[string]privilege{}, tables: map[string]bool{}}
	for _, known := range privileges.Standard() {
		p := privilege{name: known.Name}
		for _, letter := range known.Depths {
			p.depths = append(p.depths, audit.Depths()[strings.IndexRune("BLDG", letter)])
		}
		key := strings.ToLower(p.name)
		s.byName[key] = p
		s.keys = append(s.keys, key)
		if verb, table := privileges.Split(key); verb != "" {
			s.tables[table] = true
		}
	}
	slices.Sort(s.keys)
	return s
}

// Spelling is a standard privilege's own spelling of a name, in whatever case that
// is written.
func (s *PrivilegeTable) Spelling(name string) (string, bool) {
	p, ok := s.byName[strings.ToLower(name)]
	return p.name, ok
}

// Depths are the access levels that a privilege can be granted at, shallowest
// first; nil if the privilege is not a standard one, or no source says.
func (s *PrivilegeTable) Depths(name string) []audit.Depth {
	return s.byName[strings.ToLower(name)].depths
}

// Nearest is the standard privilege that a name most likely means: one letter
// wrong, missing, too many or two changed places, in a long name two such slips. If two are
// equally near, it is both, as "this or that"; if more are, it is empty. The name has at
// least four letters behind prv: one slip in fewer gives a different word.
//
// Names of custom tables have their publisher's prefix and an underscore, and are accepted;
// so are other privileges on a standard table, because the list of privileges may be
// incomplete.
func (s *PrivilegeTable) Nearest(name string) string {
	const shortest = len("prv") + 4
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower != strings.ToLower(name) {
		if p, ok := s.byName[lower]; ok {
			return p.name // with a blank before or behind it
		}
	}
	if p, ok := s.byName["prv"+lower]; ok {
		return p.name // without the prefix that every privilege has
	}
	verb, table := privileges.Split(lower)
	if strings.Contains(lower, "_") || len(lower) < shortest || len(lower) > 100 || verb != "" && s.tables[table] {
		return ""
	}
	prefix := "prv" + strings.ToLower(verb) // no slip explains another verb
	if verb == "Append" {
		prefix = "prv" // but for AppendTo that lost a letter
	}
	allowed := 1
	if len(lower) >= 20 {
		allowed = 2
	}
	first, _ := slices.BinarySearch(s.keys, prefix)
	var nearest []string
	for slips := 0; slips <= allowed && nearest == nil; slips++ {
		for _, key := range s.keys[first:] {
			if !strings.HasPrefix(key, prefix) {
				break
			}
			if withinEdits(slips, lower, key) {
				nearest = append(nearest, s.byName[key].name)
			}
		}
	}
	if len(nearest) > 2 {
		return "" // to name one of them would be to guess
	}
	slices.Sort(nearest)
	return strings.Join(nearest, " or ")
}

// withinEdits reports whether so many slips lead from one word to the other: a letter changed,
// added, lost or in the place of its neighbor.
func withinEdits(slips int, a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if rest := len(a) - len(b); a == "" || b == "" || slips == 0 || max(rest, -rest) > slips {
		return len(a)+len(b) <= slips
	}
	swapped := len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0]
	return withinEdits(slips-1, a[1:], b[1:]) || withinEdits(slips-1, a[1:], b) || withinEdits(slips-1, a, b[1:]) || swapped && withinEdits(slips-1, a[2:], b[2:])
}

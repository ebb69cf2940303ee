package solution

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/privileges"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Standard is the table of the standard privileges: their names as Dataverse
// spells them and the access levels that each can be granted at.
type Standard struct {
	byName map[string]privilege // by the name in lower case
	// byLength holds the names by their length, for the search of near ones.
	byLength map[int][]string
	tables   map[string]bool // of privileges on tables, in lower case
}

type privilege struct {
	name   string
	depths []snapshot.Depth // nil where no source says
}

// NewStandard makes the table of what dbaudit knows.
func NewStandard() *Standard {
	s := &Standard{byName: map[string]privilege{}, byLength: map[int][]string{}, tables: map[string]bool{}}
	for _, known := range privileges.Standard() {
		p := privilege{name: known.Name}
		for _, letter := range known.Depths {
			p.depths = append(p.depths, snapshot.Depths()[strings.IndexRune("BLDG", letter)])
		}
		key := strings.ToLower(p.name)
		s.byName[key] = p
		s.byLength[len(key)] = append(s.byLength[len(key)], key)
		if verb, table := privileges.Split(key); verb != "" {
			s.tables[table] = true
		}
	}
	return s
}

// Spelling is a standard privilege's own spelling of a name, in whatever case that
// is written.
func (s *Standard) Spelling(name string) (string, bool) {
	p, ok := s.byName[strings.ToLower(name)]
	return p.name, ok
}

// Depths are the access levels that a privilege can be granted at, shallowest
// first; nil if the privilege is not a standard one, or no source says.
func (s *Standard) Depths(name string) []snapshot.Depth {
	return s.byName[strings.ToLower(name)].depths
}

// Nearest is the standard privilege that a name most likely means: one letter
// wrong, missing, too many or two changed places, in a long name two such slips. If two are
// equally near, it is both, as "this or that"; if more are, it is empty.
//
// Names of custom tables have their publisher's prefix and an underscore, and are accepted;
// so are other privileges on a standard table, because the list of privileges may be
// incomplete.
func (s *Standard) Nearest(name string) string {
	const shortest = 9
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower != strings.ToLower(name) {
		if p, ok := s.byName[lower]; ok {
			return p.name // with a blank before or behind it
		}
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
	best := allowed + 1
	var nearest []string
	for length := len(lower) - allowed; length <= len(lower)+allowed; length++ {
		for _, key := range s.byLength[length] {
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			switch d := distance(lower, key, best+1); {
			case d < best:
				best, nearest = d, []string{s.byName[key].name}
			case d == best && best <= allowed:
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

// distance is the number of letters to change, add, drop or swap with their
// neighbour to get from one word to the other; limit or more is limit.
func distance(a, b string, limit int) int {
	before := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		least := next[0]
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			d := min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			next[j+1] = d
			least = min(least, d)
		}
		if least >= limit {
			return limit
		}
		before, row, next = row, next, before
	}
	return min(row[len(b)], limit)
}

// Names are the standard privileges in their own spelling, sorted.
func (s *Standard) Names() []string {
	names := make([]string, 0, len(s.byName))
	for _, p := range s.byName {
		names = append(names, p.name)
	}
	slices.Sort(names)
	return names
}

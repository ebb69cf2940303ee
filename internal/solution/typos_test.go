package solution_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/privileges"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// TestTypos makes 4,000 typing errors in all parts of names: a letter that is missing, doubled or
// swapped with its neighbor, in the verb as often as in the table. A typo that gives another
// privilege's name, or a name on an existing table, cannot be found.
func TestTypos(t *testing.T) {
	s := solution.NewPrivilegeTable()
	var names []string
	for _, p := range privileges.Standard() {
		names = append(names, p.Name)
	}
	random := rand.New(rand.NewPCG(10, 11))
	made, found, right := 0, 0, 0
	var missed []string
	for made < 4000 {
		name := names[random.IntN(len(names))]
		i := 3 + random.IntN(len(name)-3)
		if random.IntN(2) == 0 {
			i = 3 + random.IntN(min(8, len(name)-3)) // in the verb
		}
		typo := name[:i] + name[i+1:]
		switch random.IntN(3) {
		case 1:
			typo = name[:i] + name[i:i+1] + name[i:]
		case 2:
			if i == len(name)-1 || name[i] == name[i+1] {
				continue
			}
			typo = name[:i] + name[i+1:i+2] + name[i:i+1] + name[i+2:]
		}
		if _, ok := s.Spelling(typo); ok {
			continue
		}
		made++
		nearest := s.Nearest(typo)
		if nearest == "" {
			missed = append(missed, name+" as "+typo)
			continue
		}
		found++
		if slices.Contains(strings.Split(nearest, " or "), name) {
			right++
		}
	}
	t.Logf("%d of %d found, %d with the right suggestion", found, made, right)
	if 100*found < 98*made || 100*right < 90*made {
		t.Errorf("of %d typos %d are found and %d have the right suggestion, want 98 %% and 90 %%; missed: %s", made, found, right, strings.Join(missed, ", "))
	}
}

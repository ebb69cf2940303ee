package privileges_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/privileges"
)

// TestTable checks the format of the table: each name appears once, depths are in order, and ids
// are GUIDs.
func TestTable(t *testing.T) {
	name, depths := regexp.MustCompile(`^prv[A-Za-z0-9]+$`), regexp.MustCompile(`^B?L?D?G?$`)
	id := regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$`)
	seen, withID := map[string]bool{}, 0
	for _, p := range privileges.Standard() {
		if !name.MatchString(p.Name) || !depths.MatchString(p.Depths) || !id.MatchString(p.ID) {
			t.Errorf("%+v is not a line of the table", p)
		}
		if seen[strings.ToLower(p.Name)] {
			t.Errorf("%s appears twice", p.Name)
		}
		seen[strings.ToLower(p.Name)] = true
		if p.ID != "" {
			withID++
		}
	}
	if len(seen) < 1000 || withID < 30 {
		t.Errorf("%d privileges, %d of them with an id", len(seen), withID)
	}
}

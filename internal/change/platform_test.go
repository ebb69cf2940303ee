package change

import (
	"slices"
	"testing"
)

// TestPlatform: a new role has nine privileges, sorted, and a grant restores some of them.
func TestPlatform(t *testing.T) {
	t.Parallel()
	if len(Inborn()) != 9 || !slices.IsSorted(Inborn()) || len(PlatformDefaults()) != 4 {
		t.Errorf("a new role has %v, a grant restores %v", Inborn(), PlatformDefaults())
	}
	for _, name := range PlatformDefaults() {
		if !contains(Inborn(), name) {
			t.Errorf("a grant restores %s, which a new role does not have", name)
		}
	}
}

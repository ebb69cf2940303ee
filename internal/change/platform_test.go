package change

import (
	"slices"
	"testing"
)

// TestPlatform: a new role has nine privileges, sorted, and a grant restores four of them.
func TestPlatform(t *testing.T) {
	t.Parallel()
	if len(NewRolePrivileges()) != 9 || !slices.IsSorted(NewRolePrivileges()) || len(RestoredPrivileges()) != 4 {
		t.Errorf("a new role has %v, a grant restores %v", NewRolePrivileges(), RestoredPrivileges())
	}
	for _, name := range RestoredPrivileges() {
		if !containsFold(NewRolePrivileges(), name) {
			t.Errorf("a grant restores %s, which a new role does not have", name)
		}
	}
}

package change

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The kinds of fix that apply can carry out are those that a plan knows.
func TestAutomatic(t *testing.T) {
	var automatic []string
	for _, k := range Kinds() {
		if Automatic(k) {
			automatic = append(automatic, string(k))
		}
	}
	want := []string{
		"create-role", "add-privilege", "raise-depth", "remove-privilege", "create-application-user",
		"enable-user", "assign-role", "unassign-role", "share-view", "reduce-share",
	}
	if diff := cmp.Diff(want, automatic); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

package run

import (
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestRepeatedViews checks that a view that is given twice is required once, as the policies compare
// names without regard to case.
func TestRepeatedViews(t *testing.T) {
	t.Parallel()
	got, err := Overrides{Views: []string{"account=Key Accounts", "Account = KEY accounts", "lead=Key Accounts"}}.apply(snapshot.Requirement{})
	want := []snapshot.RequiredView{{Table: "account", Name: "Key Accounts"}, {Table: "lead", Name: "Key Accounts"}}
	if err != nil || !slices.Equal(got.Views, want) {
		t.Errorf("%+v, %v", got.Views, err)
	}
}

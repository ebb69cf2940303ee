package run

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestCheckContains proves that a snapshot is not judged by a requirement for which it lacks data. A
// snapshot of a whole environment contains all users and roles, but only the required views.
func TestCheckContains(t *testing.T) {
	t.Parallel()
	view := []snapshot.RequiredView{{Table: "lead", Name: "Leads"}}
	for _, test := range []struct {
		name  string
		whole bool
		want  Overrides
		fault string
	}{
		{"nothing", false, Overrides{}, ""},
		{"in another case", false, Overrides{User: "JANE@contoso.com", Views: []string{"Lead=LEADS"}}, ""},
		{"another user", false, Overrides{User: "joe@contoso.com"}, "another integration user"},
		{"another role", false, Overrides{Role: "Sync"}, "another integration role"},
		{"another view", false, Overrides{Views: []string{"lead=Others"}}, "another view"},
		{"another user of all", true, Overrides{User: "joe@contoso.com", Role: "Sync"}, ""},
		{"another user and view of all", true, Overrides{User: "joe@contoso.com", Views: []string{"lead=Others"}}, "another view"},
	} {
		s := snapshot.New()
		s.Requirement = snapshot.Requirement{User: "jane@contoso.com", Views: view}
		if s.Scope = snapshot.ScopeIntegration; test.whole {
			s.Scope = snapshot.ScopeEnvironment
		}
		r, err := test.want.apply(s.Requirement)
		if err != nil {
			t.Fatal(err)
		}
		err = checkContains(s, r, profile.Profile{}, profile.Profile{})
		if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.fault)
		}
	}
}

// TestOverridesNotUTF8 proves that a name that is not UTF-8 is an error, because no document can
// contain it.
func TestOverridesNotUTF8(t *testing.T) {
	t.Parallel()
	for _, want := range []Overrides{{User: "\xff"}, {Role: "Demandbase\xff"}, {BusinessUnit: "\xff"}, {Views: []string{"lead=\xff"}}} {
		if _, err := want.apply(snapshot.Requirement{}); ClassifyError(err) != InvalidUsage {
			t.Errorf("%+v: %v", want, err)
		}
	}
}

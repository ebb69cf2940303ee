package webapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/change"
)

// TestOtherGrants reads a role from a response with some privileges without names. A privilege with a
// record filter does not count, and one whose depth is unknown counts as the greatest.
func TestOtherGrants(t *testing.T) {
	t.Parallel()
	const second, third = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	grants := `{"RolePrivileges":[
		{"Depth":"Local","PrivilegeId":"` + someID + `"},
		{"Depth":"Global","PrivilegeId":"` + second + `","PrivilegeName":"prvReadLead"},
		{"Depth":"Wide","PrivilegeId":"` + second + `","PrivilegeName":"prvReadQueue"},
		{"Depth":"Global","PrivilegeId":"` + third + `","PrivilegeName":"prvReadContact","RecordFilterId":"` + third + `"}]}`
	for name, ok := range map[string]bool{"prvReadAccount": true, "": false} {
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			if strings.Contains(r.URL.Path, "RetrieveRolePrivilegesRole") {
				return 200, grants
			}
			return 200, collection(`{"privilegeid":"` + someID + `","name":"` + name + `"}`)
		}}
		now, err := s.environment(t).Current(t.Context(), change.Target{Kind: change.TargetGrants, Role: &change.Ref{ID: someID}}, []string{})
		want := change.State{name: "local", "prvReadLead": "global", "prvReadQueue": "global"}
		if (err == nil) != ok || ok && !maps.Equal(now.Others, want) || len(s.requests) != 2 {
			t.Errorf("%q: %v: %v, by %v", name, err, now.Others, s.requests)
		}
	}
}

package webapi_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestRole reads a role from a response with some privileges without names. A privilege with a
// record filter does not count.
func TestRole(t *testing.T) {
	t.Parallel()
	const second, third = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	grants := `{"RolePrivileges":[
		{"Depth":"Local","PrivilegeId":"` + someID + `"},
		{"Depth":"Global","PrivilegeId":"` + second + `","PrivilegeName":"prvReadLead"},
		{"Depth":"Global","PrivilegeId":"` + third + `","PrivilegeName":"prvReadContact","RecordFilterId":"` + third + `"}]}`
	role := `{"value":[{"roleid":"` + someID + `","_parentrootroleid_value":"` + second + `","_roletemplateid_value":"` + third + `",
		"name":"x","_businessunitid_value":"` + someID + `","_createdby_value":null,"createdon":null}]}`
	for name, tt := range map[string]struct {
		role, privileges string
		ok               bool
	}{
		"named":    {role, `{"value":[{"privilegeid":"` + someID + `","name":"prvReadAccount"}]}`, true},
		"nameless": {role, `{"value":[]}`, false},
		"missing":  {`{"value":[]}`, `{"value":[]}`, false},
	} {
		s := &fakeServer{respond: func(r *http.Request, _ string) (int, string) {
			switch {
			case strings.Contains(r.URL.Path, "RetrieveRolePrivilegesRole"):
				return 200, grants
			case strings.HasSuffix(r.URL.Path, "/roles"):
				return 200, tt.role
			}
			return 200, tt.privileges
		}}
		got, err := s.environment(t).Role(t.Context(), someID)
		if !tt.ok {
			if err == nil {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		want := change.Depths{"prvReadAccount": audit.DepthLocal, "prvReadLead": audit.DepthGlobal}
		if err != nil || got.Root != second || !got.BuiltIn || !maps.Equal(got.Grants, want) {
			t.Errorf("%s: %v: %+v", name, err, got)
		}
	}
}

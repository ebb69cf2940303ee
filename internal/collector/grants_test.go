package collector_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/google/go-cmp/cmp"
)

// Environments return the privileges of a role in different forms.
func TestGrants(t *testing.T) {
	t.Parallel()
	rec, o, want := recordSample(t)
	const row = `{"Depth":"Local","PrivilegeId":"11111111-1111-1111-1111-111111111111","BusinessUnitId":"11111111-1111-1111-1111-111111111111","PrivilegeName":"prvReadThat","RecordFilterId":"00000000-0000-0000-0000-000000000000","RecordFilterUniqueName":""}`
	const filter1 = "22222222-2222-2222-2222-222222222222"
	nullID := []string{`"PrivilegeId":"11111111-1111-1111-1111-111111111111"`, `"PrivilegeId":null`}
	with := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(row) }
	tests := map[string]struct {
		rows   []string
		state  string
		detail string
		want   string // the depth of prvReadThat, or of the name before a colon
		// The words of prvReadThat's depth, if it does not count.
		filtered, unreadable string
	}{
		"as it is":            {rows: []string{row}, want: "local"},
		"twice":               {rows: []string{row, with("Local", "Deep")}, want: "deep"},
		"twice, deeper first": {rows: []string{with("Local", "Deep"), row}, want: "deep"},
		"twice, in two cases": {rows: []string{with("prvReadThat", "prvreadthat"), row}, want: "local"},
		"a filter, of what is asked for": {
			rows: []string{with("prvReadThat", "prvreadaccount", "00000000-0000-0000-0000-000000000000", filter1)}, want: "prvReadAccount:none",
		},
		"a filter, of what is too much": {
			rows: []string{with("00000000-0000-0000-0000-000000000000", filter1)}, want: "none", filtered: "Local",
		},
		"a filter, and without one": {
			rows: []string{with("00000000-0000-0000-0000-000000000000", filter1), row}, want: "local", filtered: "Local",
		},
		"the depth of a filter":           {rows: []string{with("Local", "RecordFilter")}, want: "none", filtered: "RecordFilter"},
		"the depth of a filter, a number": {rows: []string{with(`"Local"`, "4")}, want: "none", filtered: "4"},
		"no list":                         {rows: nil, state: "failed"},
		"a depth":                         {rows: []string{with("Local", "Parent")}, want: "none", unreadable: "Parent"},
		"a depth, and one that is known":  {rows: []string{with("Local", "Parent"), row}, want: "local", unreadable: "Parent"},
		"a depth's case":                  {rows: []string{with("Local", "local")}, want: "none", unreadable: "local"},
		"a depth's number":                {rows: []string{with(`"Local"`, "8")}, want: "none", unreadable: "8"},
		"a depth that is null":            {rows: []string{with(`"Local"`, "null")}, want: "none", unreadable: "null"},
		"a depth that is a list":          {rows: []string{with(`"Local"`, "[]")}, state: "failed"},
		"no depth":                        {rows: []string{with(`"Depth":"Local",`, "")}, state: "failed"},
		"no id":                           {rows: []string{with("PrivilegeId", "Id")}, state: "failed"},
		"an id that is null":              {rows: []string{with(nullID...)}, want: "none", unreadable: "Local (no PrivilegeId)"},
		"an id that is null, and a filter": {
			rows: []string{with(append(nullID, "00000000-0000-0000-0000-000000000000", filter1)...)}, want: "none", unreadable: "Local (no PrivilegeId)",
		},
		"an id that is null, and one that is not": {rows: []string{with(nullID...), row}, want: "local", unreadable: "Local (no PrivilegeId)"},
		"an id that is null, and no name":         {rows: []string{with(append(nullID, "PrivilegeName", "Name")...)}, state: "failed"},
		"an id":                                   {rows: []string{with("11111111-", "-")}, state: "failed"},
		"a number":                                {rows: []string{"7"}, state: "failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustCollect(t, interceptor{
				Reader: rec.replay(),
				object: func(r dataverse.Request, data json.RawMessage) json.RawMessage {
					if entitySet(r) != "RetrieveRolePrivilegesRole" {
						return data
					}
					if test.rows == nil {
						return json.RawMessage(`{"@odata.context":"x"}`)
					}
					return json.RawMessage(`{"RolePrivileges":[` + strings.Join(test.rows, ",") + `]}`)
				},
			}, o)
			coverage := s.Coverage[snapshot.SectionRolePrivileges]
			if test.state == "" {
				test.state = "collected"
			}
			if coverage.State.String() != test.state || !strings.Contains(coverage.Detail, test.detail) {
				t.Errorf("%s: %s", coverage.State, coverage.Detail)
			}
			name, depth, ok := strings.Cut(test.want, ":")
			if !ok {
				name, depth = "prvReadThat", test.want
			}
			for root, grants := range s.RolePrivileges {
				got := map[string]string{}
				for n, d := range grants {
					got[strings.ToLower(n)] = d.String()
				}
				if len(got) != len(grants) || got[strings.ToLower(name)] != strings.TrimSuffix(depth, "none") {
					t.Errorf("role %s grants %v", root, grants)
				}
				if name == "prvReadThat" && (s.FilteredPrivileges[root][name] != test.filtered || s.UnreadablePrivileges[root][name] != test.unreadable) {
					t.Errorf("role %s grants in part %v and unreadably %v", root, s.FilteredPrivileges, s.UnreadablePrivileges)
				}
			}
		})
	}
	// Older environments return privileges without names.
	t.Run("without names", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, builtinEnvironment(t, "sample", nil), labOptions{})
		l.options = o
		s := l.collect(func(r collector.Reader) collector.Reader {
			return interceptor{Reader: r, object: func(_ dataverse.Request, data json.RawMessage) json.RawMessage {
				return json.RawMessage(strings.ReplaceAll(string(data), `"PrivilegeName"`, `"ButNoName"`))
			}}
		})
		if diff := cmp.Diff(want, encode(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

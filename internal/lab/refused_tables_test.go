package lab

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestRefusedTables checks that the refusal of a table makes the controls that need it unknown and the verdict
// incomplete, and changes no other control.
func TestRefusedTables(t *testing.T) {
	t.Parallel()
	var refused atomic.Value
	refused.Store("")
	l := NewWithOptions(t, simulator.Options{Faults: func(r *http.Request) simulator.Fault {
		tables, _ := refused.Load().(string)
		for table := range strings.FieldsSeq(tables) {
			if strings.HasPrefix(r.URL.Path, "/api/data/v9.2/"+table) {
				return simulator.Fault{Kind: simulator.FaultStatus, Status: http.StatusForbidden}
			}
		}
		return simulator.Fault{}
	}})
	privileges := privilegeControls(l.Profile)
	all := make([]string, len(l.Profile.Controls))
	for i, c := range l.Profile.Controls {
		all[i] = string(c.ID)
	}
	for table, tc := range map[string]struct {
		unknown []string
		section snapshot.Section
	}{
		"systemusers":                {all, snapshot.SectionUsers},
		"roles":                      {nil, snapshot.SectionRoles},
		"businessunits":              {[]string{"DB-USER-BUSINESS-UNIT", "DB-USER-ENABLED"}, snapshot.SectionBusinessUnits},
		"teams":                      {nil, snapshot.SectionTeams},
		"privileges":                 {append(slices.Clone(privileges), "DB-ROLE-COMPLETE"), snapshot.SectionPrivileges},
		"RetrieveRolePrivilegesRole": {append(slices.Clone(privileges), "DB-ROLE-COMPLETE", "DB-ROLE-LEAST-PRIVILEGE"), snapshot.SectionRolePrivileges},
		"organizations":              {[]string{"DB-USER-ROLE"}, snapshot.SectionOrganization},
		"savedqueries":               {[]string{"DB-VIEW-SHARED"}, snapshot.SectionSystemViews},
		"userqueries":                {[]string{"DB-VIEW-SHARED", "DB-VIEW-ACTIVE"}, snapshot.SectionUserViews},
		// Without the share table, dbaudit reads the shares of each view.
		"principalobjectaccessset RetrieveSharedPrincipalsAndAccess": {[]string{"DB-VIEW-LEAST-ACCESS"}, snapshot.SectionShares},
	} {
		t.Run(table, func(t *testing.T) {
			refused.Store(table)
			defer refused.Store("")
			result, s := l.JudgeServed(t, l.Compliant.Requirement)
			if c := s.Coverage[tc.section]; c.State != snapshot.StateForbidden || c.Detail == "" {
				t.Errorf("%s is %s: %q", tc.section, c.State, c.Detail)
			}
			if result.Verdict != audit.VerdictIncomplete {
				t.Errorf("the verdict is %s", result.Verdict)
			}
			want := unknown(tc.unknown...)
			slices.Sort(want)
			got := deviations(result)
			if tc.unknown != nil && !slices.Equal(got, want) {
				t.Errorf("wrong deviations:\n%s", diffLines(got, want))
			}
			for _, line := range got {
				if !strings.HasSuffix(line, " unknown") {
					t.Errorf("%s, want unknown at most", line)
				}
			}
		})
	}
}

package collector_test

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// TestReadsApart checks that users and teams, their roles and their teams are read in several
// requests if the environment does not return them together.
func TestReadsApart(t *testing.T) {
	t.Parallel()
	l := newLab(t, builtinEnvironment(t, "compliant", nil), labOptions{})
	application := dataverse.EqID("applicationid", dataverse.GUID(l.options.Requirement.ApplicationID))
	for _, apart := range []bool{false, true} {
		var read []string
		reader := interceptor{Reader: l.client, before: func(r dataverse.Request) error {
			if apart && strings.Contains(r.Path, "$expand") {
				return &dataverse.Error{Kind: dataverse.BadRequest, Status: 400, Message: "no $expand"}
			}
			read = append(read, entitySet(r))
			return nil
		}}
		s := collector.NewStrictReader(reader, false)
		users, err := collector.ReadUsers(t.Context(), s, "users", application)
		if err != nil || len(users) != 1 || !users[0].HasRole() || len(users[0].UnknownColumns()) > 0 {
			t.Errorf("apart %t: %+v, %v", apart, users, err)
		}
		for name, probe := range map[string]collector.Probe{"users": collector.ProbeUsers(application), "teams": collector.ProbeTeams()} {
			if ids, err := probe(t.Context(), s, name, dataverse.Caller{}); err != nil || len(ids) != 1 {
				t.Errorf("apart %t: %s %v, %v", apart, name, ids, err)
			}
		}
		if want := map[bool]int{false: 3, true: 8}[apart]; len(read) != want {
			t.Errorf("apart %t: %d requests, want %d: %v", apart, len(read), want, read)
		}
	}
}

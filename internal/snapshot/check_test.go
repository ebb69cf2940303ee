package snapshot_test

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func TestCheck(t *testing.T) {
	uncovered := func(section snapshot.Section, change func(*snapshot.Snapshot)) func(*snapshot.Snapshot) {
		return func(s *snapshot.Snapshot) {
			change(s)
			s.Coverage[section] = snapshot.Coverage{State: snapshot.StateFailed}
		}
	}
	noTeam := func(s *snapshot.Snapshot) { delete(s.Teams, "team") }
	noCopy := func(s *snapshot.Snapshot) { delete(s.Roles, "copy") }
	noTeamRole := func(s *snapshot.Snapshot) { delete(s.Roles, "through-team") }
	noGrants := func(s *snapshot.Snapshot) { delete(s.RolePrivileges, "root") }
	noNamedGrants := func(s *snapshot.Snapshot) { delete(s.RolePrivileges, "named") }
	tests := []struct {
		name   string
		change func(*snapshot.Snapshot)
		want   string // empty for consistent
	}{
		{"as it is", func(*snapshot.Snapshot) {}, ""},
		{"role of the user", noCopy, "the user user has the role copy, which is not in roles"},
		{"role of the user, roles uncovered", uncovered(snapshot.SectionRoles, noCopy), ""},
		{"team of the user", noTeam, "the user user is a member of the team team, which is not in teams"},
		{"team of the user, teams uncovered", uncovered(snapshot.SectionTeams, noTeam), ""},
		{"role of the team", noTeamRole, "the team team has the role through-team, which is not in roles"},
		{"role without a root", func(s *snapshot.Snapshot) {
			s.Roles["copy"] = snapshot.Role{Name: "Integration"}
		}, "the user user has the role copy, which is not in roles"},
		{"privileges of the user's role", noGrants, "what the role root grants is not in role_privileges"},
		{"privileges of a role that fits by name", noNamedGrants, "what the role named grants is not in role_privileges"},
		{"privileges uncovered", uncovered(snapshot.SectionRolePrivileges, noGrants), ""},
		{"privileges of another role", func(s *snapshot.Snapshot) { delete(s.RolePrivileges, "others") }, ""},
		{"role of another team", func(s *snapshot.Snapshot) { delete(s.Roles, "others") }, ""},
		{
			"several", func(s *snapshot.Snapshot) { noTeam(s); noNamedGrants(s) },
			"the user user is a member of the team team, which is not in teams; what the role named grants is not in role_privileges",
		},
		{"no single user", func(s *snapshot.Snapshot) {
			noCopy(s)
			s.Users["twin"] = snapshot.User{ApplicationID: "another", Name: "demandbase 2"}
		}, ""},
		{"named role only", func(s *snapshot.Snapshot) {
			noNamedGrants(s)
			s.Requirement.Role = "Integration"
		}, ""},
		{"named user", func(s *snapshot.Snapshot) {
			s.Requirement.User = "Jane@Contoso.com"
			s.Users["jane"] = snapshot.User{DomainName: "jane@contoso.com", Roles: []string{"gone"}}
		}, "the user jane has the role gone, which is not in roles"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sample(t)
			tt.change(s)
			err := s.Check(pattern)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("error is %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), "inconsistent: "+tt.want+"; collect it again")):
				t.Errorf("error is %v, want %s", err, tt.want)
			}

			// Seal checks without a pattern, Decode with one.
			if s.Requirement.User != "" {
				return
			}
			seal(t, s)
			data := encode(t, s)
			for name, data := range map[string][]byte{"as written": data, "reformatted": data[:len(data)-1]} {
				_, err := snapshot.Decode(data, asTaken(pattern))
				if (err == nil) != (tt.want == "") {
					t.Errorf("%s: error of reading is %v, want %q", name, err, tt.want)
				}
			}
		})
	}
}

func TestCheckWithoutPattern(t *testing.T) {
	s := sample(t)
	delete(s.Roles, "copy")
	if err := s.Check(""); err != nil {
		t.Error(err)
	}
}

func TestSealRefusesInconsistentSnapshot(t *testing.T) {
	s := sample(t)
	s.Requirement.ApplicationID = "APPLICATION"
	delete(s.Roles, "copy")
	before := s.Digest
	if err := s.Seal(); err == nil || s.Digest != before {
		t.Errorf("error is %v, digest %s", err, s.Digest)
	}
}

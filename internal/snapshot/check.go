package snapshot

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check returns an error if the snapshot lacks a row that it refers to and that the verdict needs.
// In the policies the id of such a row is undefined, and undefined means "no finding". Check looks
// for the teams of the integration user, the roles of the user and its teams, and the privileges of
// these roles and of those with a matching name. It skips sections that were not collected, because
// coverage reports them.
//
// If the requirement names no user or role, they are deduced by the pattern, a part of their
// names. Without a pattern they are not checked.
func (s *Snapshot) Check(pattern string) error {
	return s.check(s.relevantIDs(pattern))
}

// CheckApplicationUsers checks every application user as [Snapshot.Check] checks the integration user.
func (s *Snapshot) CheckApplicationUsers() error {
	users, roots := map[string]bool{}, map[string]bool{}
	for id, user := range s.Users {
		if user.ApplicationID == "" || user.Deleted {
			continue
		}
		users[id] = true
		for _, role := range s.roleIDs(id) {
			roots[s.Roles[role].RootID] = true
		}
	}
	return s.check(users, roots)
}

// check checks the users among the principals, and the root roles.
func (s *Snapshot) check(principals, roots map[string]bool) error {
	faults := map[string]bool{}
	fault := func(format string, args ...any) { faults[fmt.Sprintf(format, args...)] = true }
	checkRoles := func(ids []string, principal string) {
		for _, id := range ids {
			if role, ok := s.Roles[id]; s.IsCollected(SectionRoles) && (!ok || role.RootID == "") {
				fault("%s has the role %s, which is not in roles", principal, id)
			}
		}
	}
	for id := range principals {
		user := s.Users[id] // zero for a team
		checkRoles(user.Roles, "the user "+id)
		for _, teamID := range user.Teams {
			team, ok := s.Teams[teamID]
			if !ok && s.IsCollected(SectionTeams) {
				fault("the user %s is a member of the team %s, which is not in teams", id, teamID)
			}
			checkRoles(team.Roles, "the team "+teamID)
		}
	}
	for root := range roots {
		if _, ok := s.RolePrivileges[root]; root != "" && !ok && s.IsCollected(SectionRolePrivileges) {
			fault("what the role %s grants is not in role_privileges", root)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("the snapshot is inconsistent: %s; collect it again", strings.Join(slices.Sorted(maps.Keys(faults)), "; "))
}

// IsCollected reports whether a section was read completely.
func (s *Snapshot) IsCollected(section Section) bool {
	return s.Coverage[section].State == StateCollected
}

package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *collection) readsAllUsers() bool {
	return c.Scope == snapshot.ScopeEnvironment || c.Scope == snapshot.ScopeUsers
}

// readUsers reads the possible integration users or, if the scope includes them, all application
// users. Their roles and teams come with them.
func (c *collection) readUsers(ctx context.Context) error {
	all := c.readsAllUsers()
	if r := c.Requirement; r.ApplicationID == "" && r.User == "" && c.Pattern == "" && !all {
		return nil
	}
	read := Read{section: snapshot.SectionUsers, Label: "users, their roles and teams"}
	found, separate, err := readUsers(ctx, c.reader, read, c.group.userCondition(all))
	c.separateMemberships = separate
	c.users = slices.DeleteFunc(found, func(u User) bool {
		return !c.Requirement.MatchesUser(u.User, c.Pattern) && (!all || u.ApplicationID == "")
	})
	return err
}

// readUsers reads the users that meet a condition, with their roles and teams. If the environment
// refuses that, it reads the users without them, which may be readable, and separate is true.
func readUsers(ctx context.Context, s *StrictReader, read Read, where dataverse.Expr) (found []User, separate bool, err error) {
	found, err = usersWithRoles().Where(where).Rows(ctx, s, read)
	if separate = IsUnsupported(err) || isForbidden(err); separate {
		read.Label = "users"
		found, err = users().Where(where).Rows(ctx, s, read)
	}
	return found, separate, err
}

// chooseUser sets the integration user, if exactly one user matches the requirement and is not
// deleted.
func (c *collection) chooseUser() {
	var matching []*User
	for i := range c.users {
		if u := &c.users[i]; !u.Deleted && c.Requirement.MatchesUser(u.User, c.Pattern) {
			matching = append(matching, u)
		}
	}
	if len(matching) == 1 {
		c.user = matching[0]
	}
}

// relevantUsers returns the users with roles and teams that matter.
func (c *collection) relevantUsers() []User {
	switch {
	case c.readsAllUsers():
		return c.users
	case c.user != nil:
		return []User{*c.user}
	}
	return nil
}

func (c *collection) readRolesOfUser(ctx context.Context, u *User) (err error) {
	u.roles, err = rolesOfUser(dataverse.GUID(u.ID)).Rows(ctx, c.reader, Read{section: snapshot.SectionRoles, Label: "roles of a user"})
	return err
}

func (c *collection) readTeamsOfUser(ctx context.Context, u *User) (err error) {
	u.teams, err = teamsOfUser(dataverse.GUID(u.ID)).Rows(ctx, c.reader, Read{section: snapshot.SectionTeams, Label: "teams of a user"})
	return err
}

// readTeams reads the teams of the relevant users with their roles; in the scope of the
// environment, all teams.
func (c *collection) readTeams(ctx context.Context) error {
	wanted, all := c.relevantTeams(), map[string]team{}
	for _, m := range c.group.members {
		maps.Copy(all, m.relevantTeams())
	}
	read := Read{section: snapshot.SectionTeams, Label: "teams and their roles"}
	var found []team
	var err error
	switch {
	case c.Scope == snapshot.ScopeEnvironment:
		found, err = teamsWithRoles().Rows(ctx, c.reader, read)
	case len(wanted) == 0:
		return nil
	default:
		found, err = teamsWithRoles().filteredRows(ctx, c.reader, read, idConditions("teamid", sortedKeys(all)))
		found = slices.DeleteFunc(found, func(t team) bool { _, ok := wanted[t.id]; return !ok })
	}
	if IsUnsupported(err) {
		found, err = c.readTeamsOneByOne(ctx, wanted)
	}
	if err != nil {
		return err
	}
	c.teams = found
	for _, t := range found {
		delete(wanted, t.id)
	}
	if missing := sortedKeys(wanted); len(missing) > 0 {
		return fmt.Errorf("a user is a member of the team %q, which is not visible: "+
			"give the auditor's role prvReadTeam at Organization level", wanted[missing[0]].Name)
	}
	return nil
}

func (c *collection) relevantTeams() map[string]team {
	teams := map[string]team{}
	for _, u := range c.relevantUsers() {
		for _, t := range u.teams {
			teams[t.id] = t
		}
	}
	return teams
}

func (c *collection) readTeamsOneByOne(ctx context.Context, wanted map[string]team) ([]team, error) {
	ids := sortedKeys(wanted)
	teams := make([]team, len(ids))
	err := parallel(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		teams[i] = wanted[ids[i]]
		teams[i].roles, err = rolesOfTeam(dataverse.GUID(ids[i])).Rows(ctx, c.reader, Read{section: snapshot.SectionTeams, Label: "roles of a team"})
		return err
	})
	return teams, err
}

// disabledReason says why a disabled user cannot be impersonated; "" for an enabled user.
func (u *User) disabledReason(who string) string {
	if u.Disabled {
		return fmt.Sprintf("%s %q is disabled and cannot be impersonated", who, u.Name)
	}
	return ""
}

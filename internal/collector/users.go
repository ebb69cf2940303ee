package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readsAllUsers reports whether all application users are asked for.
func (c *collection) readsAllUsers() bool {
	return c.Scope == snapshot.ScopeEnvironment || c.Scope == snapshot.ScopeUsers
}

// readUsers reads the users that may be the integration's, with their roles and
// teams; in the wide scope, all application users.
func (c *collection) readUsers(ctx context.Context) error {
	wide := c.readsAllUsers()
	if r := c.Requirement; r.ApplicationID == "" && r.User == "" && c.Pattern == "" && !wide {
		return nil
	}
	a := Read{
		section: snapshot.SectionUsers, Label: "users, their roles and teams",
		where: []dataverse.Expr{c.group.userCondition(wide)},
	}
	found, err := UsersWithRoles().rows(ctx, c.StrictReader, a)
	if isUnsupported(err) || isForbidden(err) {
		// The users may be readable although their roles or teams are not.
		c.separateMemberships = true
		a.Label = "users"
		found, err = users().rows(ctx, c.StrictReader, a)
	}
	c.users = slices.DeleteFunc(found, func(u User) bool {
		return !c.Requirement.MatchesUser(u.User, c.Pattern) && (!wide || u.ApplicationID == "")
	})
	return err
}

// chooseUser finds the single live user that the requirement means.
func (c *collection) chooseUser() {
	for i := range c.users {
		u := &c.users[i]
		switch {
		case u.Deleted || !c.Requirement.MatchesUser(u.User, c.Pattern):
		case c.user != nil:
			c.user = nil
			return
		default:
			c.user = u
		}
	}
}

// relevantUsers are the users with roles and teams that matter.
func (c *collection) relevantUsers() []User {
	switch {
	case c.readsAllUsers():
		return c.users
	case c.user != nil:
		return []User{*c.user}
	}
	return nil
}

// membershipRound read the roles and teams of users if they did not come with the users.
func (c *collection) membershipRound() ([]part, error) {
	if err := c.identifyUser(); err != nil || !c.separateMemberships {
		return nil, err
	}
	var parts []part
	for i := range c.users {
		u := &c.users[i]
		path := dataverse.Row("systemusers", dataverse.GUID(u.ID))
		parts = append(parts,
			c.sectionPart(snapshot.SectionRoles, func(ctx context.Context) (err error) {
				u.roles, err = Roles().withQuery(path.Nav("systemuserroles_association")).rows(ctx, c.StrictReader, Read{section: snapshot.SectionRoles, Label: "roles of a user"})
				return err
			}),
			c.sectionPart(snapshot.SectionTeams, func(ctx context.Context) (err error) {
				u.teams, err = Teams().withQuery(path.Nav("teammembership_association")).rows(ctx, c.StrictReader, Read{section: snapshot.SectionTeams, Label: "teams of a user"})
				return err
			}))
	}
	return parts, nil
}

// readTeams reads the roles of the teams that matter; in the wide scope, all
// teams.
func (c *collection) readTeams(ctx context.Context) error {
	wanted, all := c.relevantTeams(), map[string]team{}
	for _, m := range c.group.members {
		maps.Copy(all, m.relevantTeams())
	}
	a := Read{section: snapshot.SectionTeams, Label: "teams and their roles"}
	var found []team
	var err error
	switch {
	case c.Scope == snapshot.ScopeEnvironment:
		found, err = teamsWithRoles().rows(ctx, c.StrictReader, a)
	case len(wanted) == 0:
		return nil
	default:
		found, err = teamsWithRoles().filteredRows(ctx, c.StrictReader, a, idConditions("teamid", sortedKeys(all)))
		found = slices.DeleteFunc(found, func(t team) bool { _, mine := wanted[t.id]; return !mine })
	}
	if isUnsupported(err) {
		found, err = c.readTeamsOneByOne(ctx, wanted)
	}
	if err != nil {
		return err
	}
	c.teams = found
	for _, t := range found {
		delete(wanted, t.id)
	}
	for _, id := range sortedKeys(wanted) {
		return fmt.Errorf("a user is a member of the team %q, which is not visible: "+
			"give the auditor's role prvReadTeam at Organization level", wanted[id].Name)
	}
	return nil
}

// relevantTeams are the teams of the users that matter.
func (c *collection) relevantTeams() map[string]team {
	teams := map[string]team{}
	for _, u := range c.relevantUsers() {
		for _, t := range u.teams {
			teams[t.id] = t
		}
	}
	return teams
}

// readTeamsOneByOne reads the roles of each team on its own.
func (c *collection) readTeamsOneByOne(ctx context.Context, wanted map[string]team) ([]team, error) {
	ids := sortedKeys(wanted)
	found := make([]team, len(ids))
	err := parallel(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		found[i] = wanted[ids[i]]
		found[i].roles, err = RolesOfTeam(dataverse.GUID(ids[i])).rows(ctx, c.StrictReader, Read{section: snapshot.SectionTeams, Label: "roles of a team"})
		return err
	})
	return found, err
}

// disabledReason says why a user cannot be impersonated, or "".
func (u *User) disabledReason(who string) string {
	if u.Disabled {
		return fmt.Sprintf("%s %q is disabled and cannot be impersonated", who, u.Name)
	}
	return ""
}

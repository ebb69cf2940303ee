package collector

import (
	"context"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *collection) roundOne() ([]part, error) {
	parts := []part{
		c.readIdentity,
		c.reading(snapshot.SectionOrganization, c.readOrganization),
		c.reading(snapshot.SectionUsers, c.readUsers),
		c.reading(snapshot.SectionPrivileges, c.readPrivileges),
	}
	if c.Requirement.Role == "" || c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.reading(snapshot.SectionRoles, c.readNamedRoles))
	}
	if c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.reading(snapshot.SectionViews, c.readAuditorViews))
	}
	if c.Scope == snapshot.ScopeUsers {
		c.skip("only application users and their roles were requested",
			snapshot.SectionPrivileges, snapshot.SectionViews, snapshot.SectionUserViews, snapshot.SectionSystemViews, snapshot.SectionShares)
	}
	if len(c.Requirement.Views) > 0 {
		parts = append(parts,
			c.reading(snapshot.SectionSystemViews, c.readSystemViews),
			c.reading(snapshot.SectionViews, c.readOwners))
	}
	return parts, nil
}

// settle identifies the integration user after the first round.
func (c *collection) settle() error {
	if id := c.organization.ID; id != "" && id != c.organizationID {
		return &foreignError{c.organizationID, id}
	}
	if !c.collected(snapshot.SectionUsers) {
		c.skip("the users were not read", snapshot.SectionTeams, snapshot.SectionRoles, snapshot.SectionRolePrivileges,
			snapshot.SectionUserViews, snapshot.SectionShares)
		return nil
	}
	c.chooseUser()
	c.known = dataverse.PrincipalNames{dataverse.GUID(c.auditor): "the auditor"}
	for _, o := range c.owners {
		c.known[dataverse.GUID(o.ID)] = fmt.Sprintf("the view's owner %q", o.Name)
	}
	if c.user != nil {
		c.known[dataverse.GUID(c.user.ID)] = fmt.Sprintf("the integration user %q", c.user.Name)
	}
	return nil
}

func (c *collection) roundTwo() ([]part, error) {
	parts := []part{
		c.reading(snapshot.SectionTeams, c.readTeams),
		c.readGrants(c.wantedRoots(), false),
		c.readSight,
	}
	if c.Requirement.Role != "" && c.Scope != snapshot.ScopeEnvironment && !c.holdsNamedRole() {
		parts = append(parts, c.reading(snapshot.SectionRoles, c.readNamedRoles))
	}
	if len(c.ownerNames()) > 0 {
		parts = append(parts, c.reading(snapshot.SectionViews, c.readOwnerViews))
	}
	if c.user != nil && len(c.user.roles) > 0 {
		parts = append(parts, c.lookAsUser()...)
	}
	if c.user != nil || c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.reading(snapshot.SectionShares, c.readShares))
	}
	if c.user != nil && c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.readColumnSecurity)
	}
	c.teamsKnown = true
	return parts, nil
}

func (c *collection) roundThree() ([]part, error) {
	parts := []part{c.readGrants(c.wantedRoots(), false)}
	if c.user != nil && len(c.user.roles) == 0 {
		parts = append(parts, c.lookAsUser()...) // now that the roles of its teams are known
	}
	return parts, nil
}

// lookAsUser is the part of a round that reads as the integration user, if it can be impersonated.
func (c *collection) lookAsUser() []part {
	if reason := c.unseeing(); reason != "" {
		c.skip(reason, snapshot.SectionUserViews)
		return nil
	}
	return []part{c.reading(snapshot.SectionUserViews, c.readUserViews)}
}

// lateRound reads the roles by name if the apparent integration role grants nothing of the
// minimum.
func (c *collection) lateRound() ([]part, error) {
	return []part{c.readGrants(c.wantedRoots(), false)}, nil
}

func (c *collection) roundFour() ([]part, error) {
	conditions := c.company.confirming()
	parts := []part{
		c.reading(snapshot.SectionRolePrivileges, func(ctx context.Context) error { return c.confirmRoles(ctx, conditions) }),
		c.reading(snapshot.SectionBusinessUnits, c.readUnits),
		c.reading(snapshot.SectionShares, c.readSharesByView),
	}
	if c.Scope != snapshot.ScopeEnvironment && c.unseenViews() {
		parts = append(parts, c.reading(snapshot.SectionViews, c.readAuditorViews))
	}
	return parts, nil
}

// lastRound reads the shares of views that only the auditor sees, if the integration user's
// own list was not read.
func (c *collection) lastRound() ([]part, error) {
	views := c.ungiven(c.auditorViews)
	if len(views) == 0 {
		return nil, nil
	}
	return []part{c.reading(snapshot.SectionShares, func(ctx context.Context) error { return c.askViews(ctx, views) })}, nil
}

package collector

import (
	"context"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *collection) userRound() ([]part, error) {
	parts := []part{
		c.readIdentity,
		c.sectionPart(snapshot.SectionOrganization, c.readOrganization),
		c.sectionPart(snapshot.SectionUsers, c.readUsers),
		c.sectionPart(snapshot.SectionPrivileges, c.readPrivileges),
	}
	if c.Requirement.Role == "" || c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.sectionPart(snapshot.SectionRoles, c.readRolesByName))
	}
	if c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.sectionPart(snapshot.SectionViews, c.readAuditorViews))
	}
	if c.Scope == snapshot.ScopeUsers {
		c.skip("only application users and their roles were requested",
			snapshot.SectionPrivileges, snapshot.SectionViews, snapshot.SectionUserViews, snapshot.SectionSystemViews, snapshot.SectionShares)
	}
	if len(c.Requirement.Views) > 0 {
		parts = append(parts,
			c.sectionPart(snapshot.SectionSystemViews, c.readSystemViews),
			c.sectionPart(snapshot.SectionViews, c.readOwners))
	}
	return parts, nil
}

// identifyUser chooses the integration user after the first round, and names the principals for
// advice.
func (c *collection) identifyUser() error {
	if id := c.organization.ID; id != "" && id != c.organizationID {
		return otherOrganization(c.organizationID, id)
	}
	if !c.isCollected(snapshot.SectionUsers) {
		c.skip("the users were not read", snapshot.SectionTeams, snapshot.SectionRoles, snapshot.SectionRolePrivileges,
			snapshot.SectionUserViews, snapshot.SectionShares)
		return nil
	}
	c.chooseUser()
	c.principalNames = dataverse.PrincipalNames{dataverse.GUID(c.auditor): "the auditor"}
	for _, o := range c.owners {
		c.principalNames[dataverse.GUID(o.ID)] = fmt.Sprintf("the view's owner %q", o.Name)
	}
	if c.user != nil {
		c.principalNames[dataverse.GUID(c.user.ID)] = fmt.Sprintf("the integration user %q", c.user.Name)
	}
	return nil
}

// membershipRound reads the roles and teams of users in environments that do not return them with
// the users.
func (c *collection) membershipRound() ([]part, error) {
	if err := c.identifyUser(); err != nil || !c.separateMemberships {
		return nil, err
	}
	var parts []part
	for i := range c.users {
		u := &c.users[i]
		parts = append(parts,
			c.sectionPart(snapshot.SectionRoles, func(ctx context.Context) error { return c.readRolesOfUser(ctx, u) }),
			c.sectionPart(snapshot.SectionTeams, func(ctx context.Context) error { return c.readTeamsOfUser(ctx, u) }))
	}
	return parts, nil
}

func (c *collection) viewRound() ([]part, error) {
	parts := []part{
		c.sectionPart(snapshot.SectionTeams, c.readTeams),
		c.grantsPart(c.rootsToRead(), false),
		c.readAuditorGrants,
	}
	if c.Requirement.Role != "" && c.Scope != snapshot.ScopeEnvironment && !c.hasRequiredRole() {
		parts = append(parts, c.sectionPart(snapshot.SectionRoles, c.readRolesByName))
	}
	if len(c.ownerNames()) > 0 {
		parts = append(parts, c.sectionPart(snapshot.SectionViews, c.readOwnerViews))
	}
	if c.user != nil && len(c.user.roles) > 0 {
		parts = append(parts, c.userViewParts()...)
	}
	if c.user != nil || c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.sectionPart(snapshot.SectionShares, c.readShares))
	}
	if c.user != nil && c.Scope == snapshot.ScopeEnvironment {
		parts = append(parts, c.readColumnSecurity)
	}
	c.teamRolesRequested = true
	return parts, nil
}

func (c *collection) teamGrantRound() ([]part, error) {
	parts := []part{c.grantsPart(c.rootsToRead(), false)}
	if c.user != nil && len(c.user.roles) == 0 {
		parts = append(parts, c.userViewParts()...) // now that the roles of its teams are known
	}
	return parts, nil
}

// userViewParts returns the part of a round that reads as the integration user, or none if the
// user cannot be impersonated.
func (c *collection) userViewParts() []part {
	if reason := c.noImpersonationReason(); reason != "" {
		c.skip(reason, snapshot.SectionUserViews)
		return nil
	}
	return []part{c.sectionPart(snapshot.SectionUserViews, c.readUserViews)}
}

// candidateRound reads the privileges of the roles with a matching name if the user's roles grant
// nothing of the minimum.
func (c *collection) candidateRound() ([]part, error) {
	return []part{c.grantsPart(c.rootsToRead(), false)}, nil
}

func (c *collection) confirmationRound() ([]part, error) {
	conditions := c.group.confirmConditions()
	parts := []part{
		c.sectionPart(snapshot.SectionRolePrivileges, func(ctx context.Context) error { return c.confirmRoles(ctx, conditions) }),
		c.sectionPart(snapshot.SectionBusinessUnits, c.readUnits),
		c.sectionPart(snapshot.SectionShares, c.readSharesByView),
	}
	if c.Scope != snapshot.ScopeEnvironment && c.hasUnseenViews() {
		parts = append(parts, c.sectionPart(snapshot.SectionViews, c.readAuditorViews))
	}
	return parts, nil
}

// unseenViewRound reads the shares of views that only the auditor sees, if the integration user's list
// of views was not read.
func (c *collection) unseenViewRound() ([]part, error) {
	views := c.unsharedRequiredViews(c.auditorViews)
	if len(views) == 0 {
		return nil, nil
	}
	return []part{c.sectionPart(snapshot.SectionShares, func(ctx context.Context) error { return c.readSharesOfViews(ctx, views) })}, nil
}

package collector

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *collection) readPrivileges(ctx context.Context) (err error) {
	names := append(visibilityPrivileges(), c.group.union(func(m *collection) []string { return m.Privileges })...)
	c.definitions, err = PrivilegeDefinitions().filteredRows(ctx, c.reader, Read{section: snapshot.SectionPrivileges, Label: "privileges"}, textConditions("name", names))
	c.privilegeNames = map[string]string{}
	for _, d := range c.definitions {
		c.privilegeNames[d.ID] = strings.ToLower(d.name)
	}
	c.definitions = slices.DeleteFunc(c.definitions, func(d privilegeDefinition) bool { return c.spellings[strings.ToLower(d.name)] == "" })
	seen := map[string]bool{}
	for i := range c.definitions {
		d := &c.definitions[i]
		d.name = c.profileSpelling(d.name)
		if seen[d.name] {
			return fmt.Errorf("privileges: %s is defined twice", d.name)
		}
		seen[d.name] = true
	}
	return err
}

// profileSpelling returns a privilege's name as the profile spells it. Environments differ in case.
func (c *collection) profileSpelling(name string) string {
	if spelling, ok := c.spellings[strings.ToLower(name)]; ok {
		return spelling
	}
	return name
}

// hasRequiredRole reports whether the required role is assigned to the user directly. That role is
// then judged, even if other roles have the same name.
func (c *collection) hasRequiredRole() bool {
	return c.user != nil && slices.ContainsFunc(c.user.roles, func(r role) bool {
		return !r.inactive && c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
}

// readRolesByName reads the roles with a matching name; in the scope of the environment, also all
// unmanaged roles. It requests root roles, because a role may have thousands of copies in
// business units.
func (c *collection) readRolesByName(ctx context.Context) error {
	if c.Requirement.Role == "" && c.Pattern == "" && c.Scope != snapshot.ScopeEnvironment {
		return nil
	}
	var names, patterns []string
	for _, m := range c.group.members {
		if m.Requirement.Role != "" {
			names = append(names, m.Requirement.Role)
		} else {
			patterns = append(patterns, m.Pattern)
		}
	}
	var either []dataverse.Expr
	if c.Scope == snapshot.ScopeEnvironment {
		either = append(either, dataverse.EqBool("ismanaged", false))
	}
	either = append(either, textConditions("name", names)...)
	for _, pattern := range distinct(patterns) {
		either = append(either, dataverse.Contains("name", pattern))
	}
	matches := dataverse.Or(either...)
	read := Read{section: snapshot.SectionRoles, Label: "roles by name"}
	found, err := Roles().Where(dataverse.EqNull("_parentroleid_value")).Where(matches).Rows(ctx, c.reader, read)
	if IsUnsupported(err) {
		found, err = Roles().Where(matches).Rows(ctx, c.reader, read)
	}
	c.rolesByName = slices.DeleteFunc(found, func(r role) bool {
		return r.id != r.RootID || c.Scope != snapshot.ScopeEnvironment && !c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
	return err
}

// assignedRoles returns the known roles of the relevant users, by id: those that are assigned
// directly, and those of teams.
func (c *collection) assignedRoles() (direct, throughTeams map[string]role) {
	direct, throughTeams = map[string]role{}, map[string]role{}
	add := func(to map[string]role, roles []role) {
		for _, r := range roles {
			if _, known := to[r.id]; !known && !r.inactive {
				to[r.id] = r
			}
		}
	}
	members := map[string]bool{}
	for _, u := range c.relevantUsers() {
		add(direct, u.roles)
		for _, t := range u.teams {
			members[t.id] = true
		}
	}
	for _, t := range c.teams {
		if members[t.id] || c.Scope == snapshot.ScopeEnvironment {
			add(throughTeams, t.roles)
		}
	}
	return direct, throughTeams
}

// knownRoles returns all roles that matter so far, by id, as each was first read.
func (c *collection) knownRoles() map[string]role {
	direct, throughTeams := c.assignedRoles()
	all := map[string]role{}
	for _, r := range c.rolesByName {
		if !r.inactive {
			all[r.id] = r
		}
	}
	maps.Copy(all, throughTeams)
	maps.Copy(all, direct)
	return all
}

// rootsToRead returns the root roles with privileges that are needed and were not requested yet:
// those of the user's roles, and the configured role. If no role is configured and the user's
// roles grant nothing of the minimum, it adds the custom roles with a matching name.
func (c *collection) rootsToRead() []string {
	wanted := map[string]bool{}
	direct, throughTeams := c.assignedRoles()
	grantsSome := false // of the minimum
	// Roles by name are not read while a role that probably grants the minimum is unread.
	unread := !c.teamRolesRequested && c.user != nil && len(c.user.teams) > 0
	for _, roles := range []map[string]role{direct, throughTeams} {
		for id, r := range roles {
			wanted[r.RootID] = true
			if r.TemplateID != "" {
				continue
			}
			_, isDirect := direct[id]
			likely := isDirect || c.Requirement.MatchesRole(r.Name, c.Pattern)
			unread = unread || likely && !c.requestedRoots[r.RootID]
			grantsSome = grantsSome || slices.ContainsFunc(c.Privileges, c.grants[r.RootID].includes)
		}
	}
	all := c.Scope == snapshot.ScopeEnvironment || c.Requirement.Role != ""
	for _, r := range c.rolesByName {
		if !r.inactive && (all || !grantsSome && !unread && r.TemplateID == "") {
			wanted[r.RootID] = true
		}
	}
	for root := range c.requestedRoots {
		delete(wanted, root)
	}
	return sortedKeys(wanted)
}

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
	c.definitions, err = PrivilegeDefinitions().filteredRows(ctx, c.StrictReader, Read{section: snapshot.SectionPrivileges, Label: "privileges"}, textConditions("name", names))
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

// profileSpelling is a privilege's name as the profile spells it, if it does: environments differ in
// case.
func (c *collection) profileSpelling(name string) string {
	if spelling, ok := c.spellings[strings.ToLower(name)]; ok {
		return spelling
	}
	return name
}

// hasRequiredRole reports whether the required role is assigned to the user directly. Then it
// is judged, whatever other roles have its name.
func (c *collection) hasRequiredRole() bool {
	return c.user != nil && slices.ContainsFunc(c.user.roles, func(r role) bool {
		return !r.inactive && c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
}

// readRolesByName reads the roles with a matching name; in the wide scope, all unmanaged roles
// too. It asks for root roles: each may have thousands of copies in business units.
func (c *collection) readRolesByName(ctx context.Context) error {
	if c.Requirement.Role == "" && c.Pattern == "" && c.Scope != snapshot.ScopeEnvironment {
		return nil
	}
	var names, parts []string
	for _, m := range c.group.members {
		if m.Requirement.Role != "" {
			names = append(names, m.Requirement.Role)
		} else {
			parts = append(parts, m.Pattern)
		}
	}
	var either []dataverse.Expr
	if c.Scope == snapshot.ScopeEnvironment {
		either = append(either, dataverse.EqBool("ismanaged", false))
	}
	either = append(either, textConditions("name", names)...)
	for _, part := range distinct(parts) {
		either = append(either, dataverse.Contains("name", part))
	}
	fits := dataverse.Or(either...)
	a := Read{section: snapshot.SectionRoles, Label: "roles by name"}
	a.where = []dataverse.Expr{dataverse.EqNull("_parentroleid_value"), fits}
	found, err := Roles().rows(ctx, c.StrictReader, a)
	if isUnsupported(err) {
		a.where = []dataverse.Expr{fits}
		found, err = Roles().rows(ctx, c.StrictReader, a)
	}
	c.rolesByName = slices.DeleteFunc(found, func(r role) bool {
		return r.id != r.RootID || c.Scope != snapshot.ScopeEnvironment && !c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
	return err
}

// assignedRoles is the known roles of the users that matter, by how they are assigned.
func (c *collection) assignedRoles() (direct, through map[string]role) {
	direct, through = map[string]role{}, map[string]role{}
	add := func(to map[string]role, roles []role) {
		for _, o := range roles {
			if _, known := to[o.id]; !known && !o.inactive {
				to[o.id] = o
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
			add(through, t.roles)
		}
	}
	return direct, through
}

// knownRoles are the rows of all roles that matter so far, as each was first read.
func (c *collection) knownRoles() map[string]role {
	direct, through := c.assignedRoles()
	all := map[string]role{}
	for _, o := range c.rolesByName {
		if !o.inactive {
			all[o.id] = o
		}
	}
	maps.Copy(all, through)
	maps.Copy(all, direct)
	return all
}

// rootsToRead are the roots of the roles with privileges that are needed and not read yet: those
// of the user and the configured one. If none is configured and none of the user's
// roles grants any of the minimum, they are the custom roles with a matching name.
func (c *collection) rootsToRead() []string {
	wanted := map[string]bool{}
	assigned, through := c.assignedRoles()
	useful := false
	// Roles by name wait while a role that is probably useful is unread.
	waiting := !c.teamRolesRequested && c.user != nil && len(c.user.teams) > 0
	for _, known := range []map[string]role{assigned, through} {
		for id, o := range known {
			wanted[o.RootID] = true
			if o.TemplateID != "" {
				continue
			}
			_, direct := assigned[id]
			likely := direct || c.Requirement.MatchesRole(o.Name, c.Pattern)
			waiting = waiting || likely && !c.requestedRoots[o.RootID]
			useful = useful || c.grantsAny(o.RootID)
		}
	}
	byName := c.Scope == snapshot.ScopeEnvironment || c.Requirement.Role != ""
	for _, o := range c.rolesByName {
		if !o.inactive && (byName || !useful && !waiting && o.TemplateID == "") {
			wanted[o.RootID] = true
		}
	}
	for root := range c.requestedRoots {
		delete(wanted, root)
	}
	return sortedKeys(wanted)
}

// grantsAny reports whether a role is known to grant some of the minimum.
func (c *collection) grantsAny(root string) bool {
	return slices.ContainsFunc(c.Privileges, c.grants[root].includes)
}

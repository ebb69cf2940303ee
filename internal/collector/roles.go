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
	names := append(sightNames(), c.company.all(func(m *collection) []string { return m.Privileges })...)
	c.definitions, err = PrivilegeDefinitions().filtered(ctx, c.StrictReader, Read{section: snapshot.SectionPrivileges, Label: "privileges"}, eachText("name", names))
	c.sightIDs = map[string]string{}
	for _, d := range c.definitions {
		c.sightIDs[d.ID] = strings.ToLower(d.name)
	}
	c.definitions = slices.DeleteFunc(c.definitions, func(d definition) bool { return c.spelling[strings.ToLower(d.name)] == "" })
	seen := map[string]bool{}
	for i := range c.definitions {
		d := &c.definitions[i]
		d.name = c.spell(d.name)
		if seen[d.name] {
			return fmt.Errorf("privileges: %s is defined twice", d.name)
		}
		seen[d.name] = true
	}
	return err
}

// spell is a privilege's name as the profile spells it, if it does: environments differ in
// case.
func (c *collection) spell(name string) string {
	if spelling, ok := c.spelling[strings.ToLower(name)]; ok {
		return spelling
	}
	return name
}

// holdsNamedRole reports whether the required role is assigned to the user directly. Then it
// is judged, whatever other roles have its name.
func (c *collection) holdsNamedRole() bool {
	return c.user != nil && slices.ContainsFunc(c.user.roles, func(r role) bool {
		return !r.void && c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
}

// readNamedRoles reads the roles with a matching name; in the wide scope, all unmanaged roles
// too. It asks for root roles: each may have thousands of copies in business units.
func (c *collection) readNamedRoles(ctx context.Context) error {
	if c.Requirement.Role == "" && c.Pattern == "" && c.Scope != snapshot.ScopeEnvironment {
		return nil
	}
	var names, parts []string
	for _, m := range c.company.members {
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
	either = append(either, eachText("name", names)...)
	for _, part := range eachOnce(parts) {
		either = append(either, dataverse.Contains("name", part))
	}
	fits := dataverse.Or(either...)
	a := Read{section: snapshot.SectionRoles, Label: "roles by name"}
	a.where = []dataverse.Expr{dataverse.EqNull("_parentroleid_value"), fits}
	found, err := Roles().rows(ctx, c.StrictReader, a)
	if refused(err) {
		a.where = []dataverse.Expr{fits}
		found, err = Roles().rows(ctx, c.StrictReader, a)
	}
	c.named = slices.DeleteFunc(found, func(r role) bool {
		return r.id != r.RootID || c.Scope != snapshot.ScopeEnvironment && !c.Requirement.MatchesRole(r.Name, c.Pattern)
	})
	return err
}

// reach is the known roles of the users that matter, by how they are assigned.
func (c *collection) reach() (direct, through map[string]role) {
	direct, through = map[string]role{}, map[string]role{}
	add := func(to map[string]role, roles []role) {
		for _, o := range roles {
			if _, known := to[o.id]; !known && !o.void {
				to[o.id] = o
			}
		}
	}
	members := map[string]bool{}
	for _, u := range c.holders() {
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

// firstSeen are the rows of all roles that matter so far, as each was first read.
func (c *collection) firstSeen() map[string]role {
	direct, through := c.reach()
	all := map[string]role{}
	for _, o := range c.named {
		if !o.void {
			all[o.id] = o
		}
	}
	maps.Copy(all, through)
	maps.Copy(all, direct)
	return all
}

// wantedRoots are the roots of the roles with privileges that are needed and not read yet: those
// of the user and the configured one. If none is configured and none of the user's
// roles grants any of the minimum, they are the custom roles with a matching name.
func (c *collection) wantedRoots() []string {
	wanted := map[string]bool{}
	assigned, through := c.reach()
	useful := false
	// Roles by name wait while a role that is probably useful is unread.
	waiting := !c.teamsKnown && c.user != nil && len(c.user.teams) > 0
	for _, known := range []map[string]role{assigned, through} {
		for id, o := range known {
			wanted[o.RootID] = true
			if o.TemplateID != "" {
				continue
			}
			_, direct := assigned[id]
			likely := direct || c.Requirement.MatchesRole(o.Name, c.Pattern)
			waiting = waiting || likely && !c.asked[o.RootID]
			useful = useful || c.grantsAny(o.RootID)
		}
	}
	byName := c.Scope == snapshot.ScopeEnvironment || c.Requirement.Role != ""
	for _, o := range c.named {
		if !o.void && (byName || !useful && !waiting && o.TemplateID == "") {
			wanted[o.RootID] = true
		}
	}
	for root := range c.asked {
		delete(wanted, root)
	}
	return sortedKeys(wanted)
}

// grantsAny reports whether a role is known to grant some of the minimum.
func (c *collection) grantsAny(root string) bool {
	return slices.ContainsFunc(c.Privileges, c.grants[root].names)
}

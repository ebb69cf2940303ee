package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *comparison) compareOrganization() {
	if c.canCompare(snapshot.SectionOrganization) {
		r := row{"organization", c.newer.Organization.ID, c.newer.Organization.Name}
		c.addIfChanged(VerbChanged, r, "record ownership across business units",
			c.older.Organization.OwnershipAcrossBusinessUnits.String(), c.newer.Organization.OwnershipAcrossBusinessUnits.String())
	}
}

func (c *comparison) compareBusinessUnits() {
	compareRows(c, c.canCompare(snapshot.SectionBusinessUnits), "business unit", c.older.BusinessUnits, c.newer.BusinessUnits, func(u snapshot.BusinessUnit) string { return u.Name },
		func(r row, old, current snapshot.BusinessUnit) {
			c.addSwitch(r, VerbDisabled, VerbEnabled, old.Disabled, current.Disabled)
			c.addIfChanged(VerbMoved, r, "parent", c.unitName(old.ParentID), c.unitName(current.ParentID))
		})
}

func (c *comparison) unitName(id string) string {
	return cmp.Or(c.newer.BusinessUnits[id].Name, c.older.BusinessUnits[id].Name, id)
}

func (c *comparison) comparePrivileges() {
	if !c.canCompare(snapshot.SectionPrivileges) {
		return
	}
	for _, name := range unionKeys(c.older.Privileges, c.newer.Privileges) {
		old, inOld := c.older.Privileges[name]
		current, inNew := c.newer.Privileges[name]
		r := row{"privilege", cmp.Or(current.ID, old.ID), name}
		c.addSwitch(r, VerbAdded, VerbRemoved, inOld, inNew)
		if inOld && inNew {
			c.addIfChanged(VerbChanged, r, "access levels", joinNames(old.Depths), joinNames(current.Depths))
		}
	}
}

func joinNames[T fmt.Stringer](list []T) string { return strings.Join(names(list), ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (c *comparison) compareRoles() {
	compareRows(c, c.canCompare(snapshot.SectionRoles), "role", c.older.Roles, c.newer.Roles, func(r snapshot.Role) string { return r.Name },
		func(r row, old, current snapshot.Role) {
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(old.BusinessUnitID), c.unitName(current.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "customizable", yesNo(old.Customizable), yesNo(current.Customizable))
			c.addIfChanged(VerbChanged, r, "managed", yesNo(old.Managed), yesNo(current.Managed))
			c.addIfChanged(VerbChanged, r, "inherited by team members", yesNo(old.Inherited), yesNo(current.Inherited))
		})
}

func (c *comparison) roleName(id string) string {
	role, ok := c.newer.Roles[id]
	if !ok {
		role = c.older.Roles[id]
	}
	name := cmp.Or(role.Name, id)
	if unit := c.unitName(role.BusinessUnitID); unit != "" {
		name += " (" + unit + ")"
	}
	return name
}

func (c *comparison) compareGrants() {
	if !c.canCompare(snapshot.SectionRolePrivileges) {
		return
	}
	for _, id := range unionKeys(c.older.RolePrivileges, c.newer.RolePrivileges) {
		oldGrants, inOld := c.older.RolePrivileges[id]
		newGrants, inNew := c.newer.RolePrivileges[id]
		r := row{"role", id, cmp.Or(c.newer.Roles[id].Name, c.older.Roles[id].Name, id)}
		if !inOld || !inNew {
			c.addOneSidedGrants(r, inOld)
			continue
		}
		for _, name := range unionKeys(oldGrants, newGrants) {
			old, current := oldGrants[name], newGrants[name]
			verb := VerbShallower
			switch {
			case old == audit.DepthNone:
				verb = VerbGranted
			case current == audit.DepthNone:
				verb = VerbRevoked
			case current > old:
				verb = VerbDeeper
			}
			c.addIfChanged(verb, r, name, old.String(), current.String())
		}
	}
}

// addOneSidedGrants adds a role that both snapshots contain, but with grants in only one of them: a
// snapshot contains the grants of the roles that the integration user has.
func (c *comparison) addOneSidedGrants(r row, inOld bool) {
	if _, ok := c.older.Roles[r.id]; !ok {
		return
	}
	if _, ok := c.newer.Roles[r.id]; !ok {
		return
	}
	side := "older"
	if inOld {
		side = "newer"
	}
	c.addIncomparable(fmt.Sprintf("what the role %q grants", r.name), "the "+side+" snapshot does not contain it", false)
}

func (c *comparison) compareUsersAndTeams() {
	users, teams := c.canCompare(snapshot.SectionUsers), c.canCompare(snapshot.SectionTeams)
	compareRows(c, users, "user", c.older.Users, c.newer.Users, func(u snapshot.User) string { return u.Name },
		func(r row, old, current snapshot.User) {
			c.addSwitch(r, VerbDisabled, VerbEnabled, old.Disabled, current.Disabled)
			c.addSwitch(r, VerbDeleted, VerbRestored, old.Deleted, current.Deleted)
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(old.BusinessUnitID), c.unitName(current.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "application id", old.ApplicationID, current.ApplicationID)
			c.addIfChanged(VerbChanged, r, "user name", old.DomainName, current.DomainName)
			c.addIfChanged(VerbChanged, r, "object id", old.ObjectID, current.ObjectID)
			c.addIfChanged(VerbChanged, r, "licensed", yesNo(old.Licensed), yesNo(current.Licensed))
			c.compareMembers(r, VerbAssigned, VerbUnassigned, old.Roles, current.Roles, c.roleName)
			if teams {
				c.compareMembers(r, VerbJoined, VerbLeft, old.Teams, current.Teams, c.principalName)
			}
		})
	compareRows(c, teams, "team", c.older.Teams, c.newer.Teams, func(t snapshot.Team) string { return t.Name },
		func(r row, old, current snapshot.Team) {
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(old.BusinessUnitID), c.unitName(current.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "type", fmt.Sprint(old.Type), fmt.Sprint(current.Type))
			c.compareMembers(r, VerbAssigned, VerbUnassigned, old.Roles, current.Roles, c.roleName)
		})
}

func (c *comparison) compareViews() {
	// Both sections contain views. A view of a section that only one side read would look new.
	userViews, ownerViews := c.canCompare(snapshot.SectionUserViews), c.canCompare(snapshot.SectionViews)
	older, newer := maps.Clone(c.older.Views), maps.Clone(c.newer.Views)
	if !userViews || !ownerViews {
		maps.DeleteFunc(older, func(id string, _ snapshot.View) bool { _, ok := c.newer.Views[id]; return !ok })
		maps.DeleteFunc(newer, func(id string, _ snapshot.View) bool { _, ok := older[id]; return !ok })
	}
	compareRows(c, userViews || ownerViews, "view", older, newer, func(v snapshot.View) string { return v.Name },
		func(r row, old, current snapshot.View) {
			c.addSwitch(r, VerbEnabled, VerbDisabled, old.Active, current.Active)
			c.addIfChanged(VerbAssigned, r, "owner", c.principalName(old.OwnerID), c.principalName(current.OwnerID))
			c.addIfChanged(VerbChanged, r, "table", old.Table, current.Table)
			if userViews && ownerViews {
				c.compareMembers(r, VerbSeen, VerbUnseen, names(old.SeenBy), names(current.SeenBy), func(s string) string { return s })
			}
		})
}

func names[T fmt.Stringer](list []T) []string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return texts
}

func (c *comparison) compareSystemViews() {
	compareRows(c, c.canCompare(snapshot.SectionSystemViews), "system view", c.older.SystemViews, c.newer.SystemViews, func(v snapshot.SystemView) string { return v.Name },
		func(r row, old, current snapshot.SystemView) {
			c.addSwitch(r, VerbEnabled, VerbDisabled, old.Active, current.Active)
			c.addIfChanged(VerbChanged, r, "table", old.Table, current.Table)
		})
}

func (c *comparison) principalName(id string) string {
	return cmp.Or(c.newer.Users[id].Name, c.older.Users[id].Name, c.newer.Teams[id].Name, c.older.Teams[id].Name, id)
}

func (c *comparison) compareShares() {
	if !c.canCompare(snapshot.SectionShares) {
		return
	}
	for _, principal := range unionKeys(c.older.Shares, c.newer.Shares) {
		oldShares, inOld := c.older.Shares[principal]
		newShares, inNew := c.newer.Shares[principal]
		if (!inOld || !inNew) && !c.sameScope() {
			continue
		}
		for _, id := range unionKeys(oldShares, newShares) {
			old, current := oldShares[id].Rights, newShares[id].Rights
			r := row{"view", id, cmp.Or(c.newer.Views[id].Name, c.older.Views[id].Name, id)}
			verb := VerbNarrowed
			switch {
			case len(old) == 0:
				verb = VerbShared
			case len(current) == 0:
				verb = VerbUnshared
			case slices.ContainsFunc(current, func(right snapshot.Right) bool { return !slices.Contains(old, right) }):
				verb = VerbWidened
			}
			c.addIfChanged(verb, r, "with "+c.principalName(principal), joinNames(old), joinNames(current))
		}
	}
}

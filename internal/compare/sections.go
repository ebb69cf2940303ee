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
		func(r row, was, now snapshot.BusinessUnit) {
			c.addSwitch(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.addIfChanged(VerbMoved, r, "parent", c.unitName(was.ParentID), c.unitName(now.ParentID))
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
		young, inNew := c.newer.Privileges[name]
		r := row{"privilege", cmp.Or(young.ID, old.ID), name}
		c.addSwitch(r, VerbAdded, VerbRemoved, inOld, inNew)
		if inOld && inNew {
			c.addIfChanged(VerbChanged, r, "access levels", joinNames(old.Depths), joinNames(young.Depths))
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
		func(r row, was, now snapshot.Role) {
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(was.BusinessUnitID), c.unitName(now.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "customizable", yesNo(was.Customizable), yesNo(now.Customizable))
			c.addIfChanged(VerbChanged, r, "managed", yesNo(was.Managed), yesNo(now.Managed))
			c.addIfChanged(VerbChanged, r, "inherited by team members", yesNo(was.Inherited), yesNo(now.Inherited))
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
		old, inOld := c.older.RolePrivileges[id]
		young, inNew := c.newer.RolePrivileges[id]
		r := row{"role", id, cmp.Or(c.newer.Roles[id].Name, c.older.Roles[id].Name, id)}
		if !inOld || !inNew {
			c.addOneSidedGrants(r, inOld)
			continue
		}
		for _, name := range unionKeys(old, young) {
			was, now := old[name], young[name]
			verb := VerbShallower
			switch {
			case was == audit.DepthNone:
				verb = VerbGranted
			case now == audit.DepthNone:
				verb = VerbRevoked
			case now > was:
				verb = VerbDeeper
			}
			c.addIfChanged(verb, r, name, was.String(), now.String())
		}
	}
}

// addOneSidedGrants notes a role of both sides with grants on only one, because only there the
// integration user has it.
func (c *comparison) addOneSidedGrants(r row, inOld bool) {
	_, before := c.older.Roles[r.id]
	_, after := c.newer.Roles[r.id]
	if !before || !after {
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
		func(r row, was, now snapshot.User) {
			c.addSwitch(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.addSwitch(r, VerbDeleted, VerbRestored, was.Deleted, now.Deleted)
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(was.BusinessUnitID), c.unitName(now.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "application id", was.ApplicationID, now.ApplicationID)
			c.addIfChanged(VerbChanged, r, "user name", was.DomainName, now.DomainName)
			c.addIfChanged(VerbChanged, r, "object id", was.ObjectID, now.ObjectID)
			c.addIfChanged(VerbChanged, r, "licensed", yesNo(was.Licensed), yesNo(now.Licensed))
			c.compareMembers(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.roleName)
			if teams {
				c.compareMembers(r, VerbJoined, VerbLeft, was.Teams, now.Teams, c.principalName)
			}
		})
	compareRows(c, teams, "team", c.older.Teams, c.newer.Teams, func(t snapshot.Team) string { return t.Name },
		func(r row, was, now snapshot.Team) {
			c.addIfChanged(VerbMoved, r, "business unit", c.unitName(was.BusinessUnitID), c.unitName(now.BusinessUnitID))
			c.addIfChanged(VerbChanged, r, "type", fmt.Sprint(was.Type), fmt.Sprint(now.Type))
			c.compareMembers(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.roleName)
		})
}

func (c *comparison) compareViews() {
	// Either section shows views, and what one side alone read would look new.
	mine, others := c.canCompare(snapshot.SectionUserViews), c.canCompare(snapshot.SectionViews)
	was, now := maps.Clone(c.older.Views), maps.Clone(c.newer.Views)
	if !mine || !others {
		maps.DeleteFunc(was, func(id string, _ snapshot.View) bool { _, ok := c.newer.Views[id]; return !ok })
		maps.DeleteFunc(now, func(id string, _ snapshot.View) bool { _, ok := was[id]; return !ok })
	}
	compareRows(c, mine || others, "view", was, now, func(v snapshot.View) string { return v.Name },
		func(r row, was, now snapshot.View) {
			c.addSwitch(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.addIfChanged(VerbAssigned, r, "owner", c.principalName(was.OwnerID), c.principalName(now.OwnerID))
			c.addIfChanged(VerbChanged, r, "table", was.Table, now.Table)
			if mine && others {
				c.compareMembers(r, VerbSeen, VerbUnseen, names(was.SeenBy), names(now.SeenBy), func(s string) string { return s })
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
		func(r row, was, now snapshot.SystemView) {
			c.addSwitch(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.addIfChanged(VerbChanged, r, "table", was.Table, now.Table)
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
		old, inOld := c.older.Shares[principal]
		young, inNew := c.newer.Shares[principal]
		if (!inOld || !inNew) && !c.sameScope() {
			continue
		}
		for _, id := range unionKeys(old, young) {
			was, now := old[id].Rights, young[id].Rights
			r := row{"view", id, cmp.Or(c.newer.Views[id].Name, c.older.Views[id].Name, id)}
			with := "with " + c.principalName(principal)
			from, to := joinNames(was), joinNames(now)
			verb := VerbNarrowed
			switch {
			case len(was) == 0:
				verb = VerbShared
			case len(now) == 0:
				verb = VerbUnshared
			case slices.ContainsFunc(now, func(right snapshot.Right) bool { return !slices.Contains(was, right) }):
				verb = VerbWidened
			}
			c.addIfChanged(verb, r, with, from, to)
		}
	}
}

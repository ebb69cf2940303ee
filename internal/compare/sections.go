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

func (c *comparison) organization() {
	if c.compares(snapshot.SectionOrganization) {
		r := row{"organization", c.now.Organization.ID, c.now.Organization.Name}
		c.differs(VerbChanged, r, "record ownership across business units",
			c.was.Organization.OwnershipAcrossBusinessUnits.String(), c.now.Organization.OwnershipAcrossBusinessUnits.String())
	}
}

func (c *comparison) businessUnits() {
	rows(c, c.compares(snapshot.SectionBusinessUnits), "business unit", c.was.BusinessUnits, c.now.BusinessUnits, func(u snapshot.BusinessUnit) string { return u.Name },
		func(r row, was, now snapshot.BusinessUnit) {
			c.switched(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.differs(VerbMoved, r, "parent", c.unit(was.ParentID), c.unit(now.ParentID))
		})
}

func (c *comparison) unit(id string) string {
	return cmp.Or(c.now.BusinessUnits[id].Name, c.was.BusinessUnits[id].Name, id)
}

func (c *comparison) privileges() {
	if !c.compares(snapshot.SectionPrivileges) {
		return
	}
	for _, name := range union(c.was.Privileges, c.now.Privileges) {
		old, inOld := c.was.Privileges[name]
		young, inNew := c.now.Privileges[name]
		r := row{"privilege", cmp.Or(young.ID, old.ID), name}
		c.switched(r, VerbAdded, VerbRemoved, inOld, inNew)
		if inOld && inNew {
			c.differs(VerbChanged, r, "access levels", joined(old.Depths), joined(young.Depths))
		}
	}
}

func joined[T fmt.Stringer](list []T) string { return strings.Join(names(list), ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (c *comparison) roles() {
	rows(c, c.compares(snapshot.SectionRoles), "role", c.was.Roles, c.now.Roles, func(r snapshot.Role) string { return r.Name },
		func(r row, was, now snapshot.Role) {
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "customizable", yesNo(was.Customizable), yesNo(now.Customizable))
			c.differs(VerbChanged, r, "managed", yesNo(was.Managed), yesNo(now.Managed))
			c.differs(VerbChanged, r, "inherited by team members", yesNo(was.Inherited), yesNo(now.Inherited))
		})
}

func (c *comparison) role(id string) string {
	role, ok := c.now.Roles[id]
	if !ok {
		role = c.was.Roles[id]
	}
	name := cmp.Or(role.Name, id)
	if unit := c.unit(role.BusinessUnitID); unit != "" {
		name += " (" + unit + ")"
	}
	return name
}

func (c *comparison) grants() {
	if !c.compares(snapshot.SectionRolePrivileges) {
		return
	}
	for _, id := range union(c.was.RolePrivileges, c.now.RolePrivileges) {
		old, inOld := c.was.RolePrivileges[id]
		young, inNew := c.now.RolePrivileges[id]
		r := row{"role", id, cmp.Or(c.now.Roles[id].Name, c.was.Roles[id].Name, id)}
		if !inOld || !inNew {
			c.grantsOfOneSide(r, inOld)
			continue
		}
		for _, name := range union(old, young) {
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
			c.differs(verb, r, name, was.String(), now.String())
		}
	}
}

// grantsOfOneSide notes a role of both sides with grants on only one, because only there the
// integration user has it.
func (c *comparison) grantsOfOneSide(r row, inOld bool) {
	_, before := c.was.Roles[r.id]
	_, after := c.now.Roles[r.id]
	if !before || !after {
		return
	}
	side := "older"
	if inOld {
		side = "newer"
	}
	c.lacks(fmt.Sprintf("what the role %q grants", r.name), "the "+side+" snapshot does not contain it", false)
}

func (c *comparison) usersAndTeams() {
	users, teams := c.compares(snapshot.SectionUsers), c.compares(snapshot.SectionTeams)
	rows(c, users, "user", c.was.Users, c.now.Users, func(u snapshot.User) string { return u.Name },
		func(r row, was, now snapshot.User) {
			c.switched(r, VerbDisabled, VerbEnabled, was.Disabled, now.Disabled)
			c.switched(r, VerbDeleted, VerbRestored, was.Deleted, now.Deleted)
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "application id", was.ApplicationID, now.ApplicationID)
			c.differs(VerbChanged, r, "user name", was.DomainName, now.DomainName)
			c.differs(VerbChanged, r, "object id", was.ObjectID, now.ObjectID)
			c.differs(VerbChanged, r, "licensed", yesNo(was.Licensed), yesNo(now.Licensed))
			c.members(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.role)
			if teams {
				c.members(r, VerbJoined, VerbLeft, was.Teams, now.Teams, c.principal)
			}
		})
	rows(c, teams, "team", c.was.Teams, c.now.Teams, func(t snapshot.Team) string { return t.Name },
		func(r row, was, now snapshot.Team) {
			c.differs(VerbMoved, r, "business unit", c.unit(was.BusinessUnitID), c.unit(now.BusinessUnitID))
			c.differs(VerbChanged, r, "type", fmt.Sprint(was.Type), fmt.Sprint(now.Type))
			c.members(r, VerbAssigned, VerbUnassigned, was.Roles, now.Roles, c.role)
		})
}

func (c *comparison) views() {
	// Either section shows views, and what one side alone read would look new.
	mine, others := c.compares(snapshot.SectionUserViews), c.compares(snapshot.SectionViews)
	was, now := maps.Clone(c.was.Views), maps.Clone(c.now.Views)
	if !mine || !others {
		maps.DeleteFunc(was, func(id string, _ snapshot.View) bool { _, ok := c.now.Views[id]; return !ok })
		maps.DeleteFunc(now, func(id string, _ snapshot.View) bool { _, ok := was[id]; return !ok })
	}
	rows(c, mine || others, "view", was, now, func(v snapshot.View) string { return v.Name },
		func(r row, was, now snapshot.View) {
			c.switched(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.differs(VerbAssigned, r, "owner", c.principal(was.OwnerID), c.principal(now.OwnerID))
			c.differs(VerbChanged, r, "table", was.Table, now.Table)
			if mine && others {
				c.members(r, VerbSeen, VerbUnseen, names(was.SeenBy), names(now.SeenBy), func(s string) string { return s })
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

func (c *comparison) systemViews() {
	rows(c, c.compares(snapshot.SectionSystemViews), "system view", c.was.SystemViews, c.now.SystemViews, func(v snapshot.SystemView) string { return v.Name },
		func(r row, was, now snapshot.SystemView) {
			c.switched(r, VerbEnabled, VerbDisabled, was.Active, now.Active)
			c.differs(VerbChanged, r, "table", was.Table, now.Table)
		})
}

func (c *comparison) principal(id string) string {
	return cmp.Or(c.now.Users[id].Name, c.was.Users[id].Name, c.now.Teams[id].Name, c.was.Teams[id].Name, id)
}

func (c *comparison) shares() {
	if !c.compares(snapshot.SectionShares) {
		return
	}
	for _, principal := range union(c.was.Shares, c.now.Shares) {
		old, inOld := c.was.Shares[principal]
		young, inNew := c.now.Shares[principal]
		if (!inOld || !inNew) && !c.wide() {
			continue
		}
		for _, id := range union(old, young) {
			was, now := old[id].Rights, young[id].Rights
			r := row{"view", id, cmp.Or(c.now.Views[id].Name, c.was.Views[id].Name, id)}
			with := "with " + c.principal(principal)
			from, to := joined(was), joined(now)
			verb := VerbNarrowed
			switch {
			case len(was) == 0:
				verb = VerbShared
			case len(now) == 0:
				verb = VerbUnshared
			case slices.ContainsFunc(now, func(right snapshot.Right) bool { return !slices.Contains(was, right) }):
				verb = VerbWidened
			}
			c.differs(verb, r, with, from, to)
		}
	}
}

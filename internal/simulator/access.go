package simulator

import (
	"cmp"
	"slices"
)

// An assignment is one way in which a user has a role: directly or through a team.
type assignment struct {
	role  *role
	team  *team // nil if the role is assigned to the user directly
	depth Depth // of the privilege that was asked for, from the role's business unit
}

// basicTeam returns the team to whose rows the Basic depth is limited, or nil if it is not limited.
func (a assignment) basicTeam() *team {
	if a.role.TeamPrivilegesOnly {
		return a.team
	}
	return nil
}

// coversOwner reports whether the assignment of a role to u covers the rows of an owner: the user or one
// of its teams. owner is an id.
func (a assignment) coversOwner(u *user, owner string) bool {
	only := a.basicTeam()
	if owner == u.ID {
		return only == nil
	}
	return slices.ContainsFunc(u.enabledTeams(), func(t *team) bool { return t.ID == owner && (only == nil || only.ID == owner) })
}

// assignments lists the ways in which a user has roles. It omits the copy of another unit, which stays
// assigned when record ownership across units is turned off but grants nothing.
func (db *database) assignments(u *user) []assignment {
	var all []assignment
	add := func(roles []*role, home *unit, t *team) {
		for _, r := range roles {
			if r.unit == home || db.allowsOwnershipAcrossUnits() {
				all = append(all, assignment{role: r, team: t})
			}
		}
	}
	add(u.roles, u.unit, nil)
	for _, t := range u.enabledTeams() {
		add(t.roles, t.unit, t)
	}
	return all
}

func (db *database) assignmentsGranting(u *user, p *privilege) []assignment {
	var all []assignment
	for _, a := range db.assignments(u) {
		if a.depth = a.role.depth(p); a.depth != DepthNone {
			all = append(all, a)
		}
	}
	return all
}

func (db *database) isAdministrator(u *user) bool {
	return slices.ContainsFunc(db.assignments(u), func(a assignment) bool { return a.role.isAdministrator() })
}

// A caller is the user as whom a request is carried out.
type caller struct {
	user         *user
	impersonator *user // the user who signed in, if the request impersonates another one
	// permissions is the database that the caller's privileges come from. It is older than the current one
	// while the server's permissions are stale.
	permissions *database
}

// assignmentsGranting returns the assignments through which the caller has a privilege. With
// impersonation, the caller has it only if the impersonator has it too: "if and only if both have the
// privilege".
func (c *call) assignmentsGranting(name string) []assignment {
	if by := c.caller.impersonator; by != nil && len(c.assignmentsOf(by, name)) == 0 {
		return nil
	}
	return c.assignmentsOf(c.caller.user, name)
}

func (c *call) assignmentsOf(u *user, name string) []assignment {
	permissions := c.caller.permissions
	u, p := lookup[user](permissions, u.ID), c.db.cat.privilege(name)
	if u == nil || p == nil {
		return nil
	}
	return permissions.assignmentsGranting(u, p)
}

func (c *call) covers(assignments []assignment, row ownership) bool {
	return slices.ContainsFunc(assignments, func(a assignment) bool {
		return row.unit == nil || a.depth == DepthGlobal || a.coversOwner(c.caller.user, row.owner) ||
			a.depth == DepthLocal && row.unit.ID == a.role.unit.ID || a.depth == DepthDeep && row.unit.isWithin(a.role.unit)
	})
}

// requirePrivilege returns an error if the caller does not have a privilege at any depth.
func (c *call) requirePrivilege(name string) error {
	u := c.caller.user
	switch {
	case len(c.assignmentsGranting(name)) > 0:
		return nil
	case len(c.assignmentsOf(u, name)) > 0:
		u = c.caller.impersonator
	}
	return c.missingPrivilege(u, name)
}

func (c *call) missingPrivilege(u *user, name string) error {
	id, table := deriveID("", "privilege", name), &table{logicalName: "none", label: "None"}
	if p := c.db.cat.privilege(name); p != nil {
		id, table = p.ID, cmp.Or(p.table, table)
	}
	count := 0
	for _, p := range c.db.cat.privileges {
		if len(c.db.assignmentsGranting(u, p)) > 0 {
			count++
		}
	}
	return forbidden(codePrivilegeDenied,
		"Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode=%d), is missing %s privilege (Id=%s) on OTC=%d for entity '%s' (LocalizedName='%s'). context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		u.ID, len(c.db.assignments(u)), count, u.accessMode(), name, id, table.objectTypeCode, table.logicalName, table.label, c.caller.user.ID)
}

func (c *call) requirePrivilegeOn(name string, row ownership, logicalName, id string) error {
	if err := c.requirePrivilege(name); err != nil {
		return err
	}
	if !c.covers(c.assignmentsGranting(name), row) {
		return c.accessDenied(row, logicalName, id, name)
	}
	return nil
}

func (c *call) accessDenied(row ownership, logicalName, id, right string) error {
	code, home := 0, cmp.Or(row.unit, c.db.units[0])
	if t := c.db.cat.tables[logicalName]; t != nil {
		code = t.objectTypeCode
	}
	return forbidden(codeAccessDenied,
		"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s, OwnerIdType: 8 and CallingUser: %s. ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %s",
		id, row.owner, c.caller.user.ID, code, home.ID, right)
}

// viewRights returns the rights that the caller has on a personal view. A share cannot give more than the
// roles do: each right also needs the privilege for it.
func (c *call) viewRights(v *personalView) Rights {
	var rights Rights
	for right, verb := range map[Rights]string{RightRead: "Read", RightWrite: "Write", RightDelete: "Delete", RightShare: "Share", RightAssign: "Assign"} {
		assignments := c.assignmentsGranting("prv" + verb + "UserQuery")
		shared := slices.ContainsFunc(v.Shares, func(s Share) bool {
			return s.rights()&right != 0 &&
				slices.ContainsFunc(assignments, func(a assignment) bool { return a.coversOwner(c.caller.user, s.Principal) })
		})
		if shared || c.covers(assignments, v.ownership()) {
			rights |= right
		}
	}
	return rights
}

func (c *call) viewAccessDenied(v *personalView, right string) error {
	return c.accessDenied(v.ownership(), "userquery", v.ID, right)
}

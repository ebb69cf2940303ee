package simulator

import (
	"cmp"
	"slices"
)

// A holding is one way in which a user has a privilege: through a role. The depth is measured from the
// role's business unit.
type holding struct {
	role  *role
	via   *team // nil: the role is assigned to the user
	depth Depth
}

// team owns the rows that Basic depth covers; nil if the user owns them.
func (h holding) team() *team {
	if h.role.TeamPrivilegesOnly {
		return h.via
	}
	return nil
}

// assignments lists the ways in which a user has roles. A copy of another unit, which remains after
// record ownership across units was turned off, grants nothing.
func (w *world) assignments(u *user) []holding {
	var all []holding
	add := func(roles []*role, home *unit, via *team) {
		for _, r := range roles {
			if r.unit == home || w.acrossUnits() {
				all = append(all, holding{role: r, via: via})
			}
		}
	}
	add(u.roles, u.unit, nil)
	for _, t := range u.liveTeams() {
		add(t.roles, t.unit, t)
	}
	return all
}

func (w *world) holdings(u *user, p *privilege) []holding {
	var all []holding
	for _, h := range w.assignments(u) {
		if h.depth = h.role.depth(p); h.depth != DepthNone {
			all = append(all, h)
		}
	}
	return all
}

func (w *world) administrator(u *user) bool {
	return slices.ContainsFunc(w.assignments(u), func(h holding) bool { return h.role.administrator() })
}

// A caller is the user as whom a request is carried out.
type caller struct {
	user         *user
	impersonator *user // who signed in, if the request impersonates another user
	// permissions is the world that the caller's privileges come from: an older one while the server's
	// cache is stale.
	permissions *world
}

// holdings are the ways in which the caller has a privilege. With impersonation, the caller has it only if
// the impersonator has it too: "if and only if both have the privilege".
func (c *call) holdings(name string) []holding {
	if by := c.caller.impersonator; by != nil && len(c.holdingsOf(by, name)) == 0 {
		return nil
	}
	return c.holdingsOf(c.caller.user, name)
}

func (c *call) holdingsOf(u *user, name string) []holding {
	then, p := lookup[user](c.caller.permissions, u.ID), c.world.cat.privilege(name)
	if then == nil || p == nil {
		return nil
	}
	return c.caller.permissions.holdings(then, p)
}

// A placement is where a row is in the organization: what depth is measured against.
type placement struct {
	unit  *unit  // nil: owned by the organization
	owner string // id of the owning user or team, or of the user that the row is
}

// reaches reports whether one of the caller's holdings covers a row.
func (c *call) reaches(holdings []holding, at placement) bool {
	return slices.ContainsFunc(holdings, func(h holding) bool {
		return at.unit == nil || h.depth == DepthGlobal || c.caller.user.holdsAs(at.owner, h) ||
			h.depth == DepthLocal && at.unit.ID == h.role.unit.ID || h.depth == DepthDeep && at.unit.within(h.role.unit)
	})
}

// need refuses a caller who does not hold a privilege at all.
func (c *call) need(name string) error {
	lacking := c.caller.user
	switch {
	case len(c.holdings(name)) > 0:
		return nil
	case len(c.holdingsOf(lacking, name)) > 0:
		lacking = c.caller.impersonator
	}
	return c.missing(lacking, name)
}

// missing is the refusal of a user who does not hold a privilege, in the platform's words.
func (c *call) missing(u *user, name string) error {
	id, table := deriveID("", "privilege", name), &table{logicalName: "none", label: "None"}
	if p := c.world.cat.privilege(name); p != nil {
		id, table = p.ID, cmp.Or(p.table, table)
	}
	held := 0
	for _, p := range c.world.cat.privileges {
		if len(c.world.holdings(u, p)) > 0 {
			held++
		}
	}
	return forbidden(codePrivilegeDenied,
		"Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode=%d), is missing %s privilege (Id=%s) on OTC=%d for entity '%s' (LocalizedName='%s'). context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		u.ID, len(c.world.assignments(u)), held, u.accessMode(), name, id, table.objectTypeCode, table.logicalName, table.label, c.caller.user.ID)
}

// needAt refuses a caller whose privilege does not cover a row.
func (c *call) needAt(name string, at placement, logicalName, id string) error {
	if err := c.need(name); err != nil {
		return err
	}
	if !c.reaches(c.holdings(name), at) {
		return c.denied(at, logicalName, id, name)
	}
	return nil
}

// denied is the refusal for one row, where the caller's privilege is too shallow for it.
func (c *call) denied(at placement, logicalName, id, right string) error {
	code, home := 0, cmp.Or(at.unit, c.world.units[0])
	if t := c.world.cat.tables[logicalName]; t != nil {
		code = t.objectTypeCode
	}
	return forbidden(codeAccessDenied,
		"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s, OwnerIdType: 8 and CallingUser: %s. ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %s",
		id, at.owner, c.caller.user.ID, code, home.ID, right)
}

// viewRights are the rights that the caller has on a personal view. A share has an effect only with the
// privilege for it: it cannot give more than the roles do.
func (c *call) viewRights(v *personalView) Rights {
	var rights Rights
	for right, verb := range map[Rights]string{RightRead: "Read", RightWrite: "Write", RightDelete: "Delete", RightShare: "Share", RightAssign: "Assign"} {
		holdings := c.holdings("prv" + verb + "UserQuery")
		shared := slices.ContainsFunc(v.Shares, func(s Share) bool {
			return s.rights()&right != 0 &&
				slices.ContainsFunc(holdings, func(h holding) bool { return c.caller.user.holdsAs(s.Principal, h) })
		})
		if shared || c.reaches(holdings, v.place()) {
			rights |= right
		}
	}
	return rights
}

func (c *call) viewDenied(v *personalView, right string) error {
	return c.denied(v.place(), "userquery", v.ID, right)
}

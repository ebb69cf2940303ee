package simulator

import "slices"

// A holding is one way in which a user has a privilege.
type holding struct {
	depth Depth
	unit  *unit // from where the depth is measured
	// team is set where Basic depth means the rows of that team, not the user's own.
	team *team
	role *role
	// direct says that the role is assigned to the user, not to a team.
	direct bool
}

// assignments lists the ways in which a user has roles, directly and through teams. Another unit's
// copy, left over from when record ownership across units was on, grants nothing.
func (w *world) assignments(u *user) []holding {
	var all []holding
	add := func(roles []*role, home *unit, t *team) {
		for _, r := range roles {
			if r.unit != home && !w.acrossUnits() {
				continue
			}
			h := holding{unit: r.unit, role: r, direct: t == nil}
			if r.TeamPrivilegesOnly {
				h.team = t // elsewhere it is as if the user held it
			}
			all = append(all, h)
		}
	}
	add(u.roles, u.unit, nil)
	for _, t := range u.liveTeams() {
		add(t.roles, t.unit, t)
	}
	return all
}

// holdings lists the ways in which a user has a privilege.
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

// A caller is who a request is done as.
type caller struct {
	user *user
	// impersonator is who signed in, where the request asks to be done as somebody else.
	impersonator *user
	// permissions is the world that the caller's privileges are taken from: an older one while the
	// server's cache of them is stale.
	permissions *world
}

// holdings are those of the caller, and, of an impersonated caller, only those privileges that the
// impersonator holds as well: "if and only if both have the privilege".
func (c *caller) holdings(p *privilege) []holding {
	all := c.reach(c.user, p)
	if c.impersonator != nil && len(c.reach(c.impersonator, p)) == 0 {
		return nil
	}
	return all
}

func (c *caller) reach(u *user, p *privilege) []holding {
	then := lookup[user](c.permissions, u.ID)
	if then == nil || p == nil {
		return nil
	}
	return c.permissions.holdings(then, p)
}

func (c *caller) has(p *privilege) bool { return len(c.holdings(p)) > 0 }

// A placement is where a row is in the organization: what depth is measured against.
type placement struct {
	unit  *unit  // nil: owned by the organization
	owner string // id of the owning user or team, or of the user that the row is
}

// reaches says whether any of the holdings covers a row.
func (c *caller) reaches(holdings []holding, at placement) bool {
	return slices.ContainsFunc(holdings, func(h holding) bool {
		return at.unit == nil || h.depth == DepthGlobal || c.user.holdsAs(at.owner, h) ||
			h.depth == DepthLocal && at.unit.ID == h.unit.ID || h.depth == DepthDeep && at.unit.within(h.unit)
	})
}

// need says whether the caller holds a privilege at all; if not, in the platform's own words.
func (c *caller) need(w *world, name string) error {
	p := w.cat.privilege(name)
	if c.has(p) {
		return nil
	}
	lacking := c.user
	if c.impersonator != nil && len(c.reach(c.user, p)) > 0 {
		lacking = c.impersonator
	}
	return missingPrivilege(w, lacking, c.user, name, p)
}

func missingPrivilege(w *world, lacking, acting *user, name string, p *privilege) error {
	id, code, logical, label := deriveID("", "privilege", name), 0, "none", "None"
	if p != nil {
		id = p.ID
		if p.table != nil {
			code, logical, label = p.table.objectTypeCode, p.table.logicalName, p.table.label
		}
	}
	held := 0
	for _, p := range w.cat.privileges {
		if len(w.holdings(lacking, p)) > 0 {
			held++
		}
	}
	return forbidden(codePrivilegeDenied,
		"Principal user (Id=%s, type=8, roleCount=%d, privilegeCount=%d, accessMode=%d), is missing %s privilege (Id=%s) on OTC=%d for entity '%s' (LocalizedName='%s'). context.Caller=%s. Consider adding missed privilege to one of the principal (user/team) roles.",
		lacking.ID, len(w.assignments(lacking)), held, lacking.accessMode(), name, id, code, logical, label, acting.ID)
}

// needAt says whether the caller's privilege covers a row.
func (c *caller) needAt(w *world, name string, at placement, set, id string) error {
	if err := c.need(w, name); err != nil {
		return err
	}
	if !c.reaches(c.holdings(w.cat.privilege(name)), at) {
		return accessDenied(w, c.user, at, set, id, name)
	}
	return nil
}

// accessDenied is the refusal for one row, where the caller's privilege is too shallow for it.
func accessDenied(w *world, u *user, at placement, logical, id, right string) error {
	code, unitID := 0, w.units[0].ID
	if t := w.cat.tables[logical]; t != nil {
		code = t.objectTypeCode
	}
	if at.unit != nil {
		unitID = at.unit.ID
	}
	return forbidden(codeAccessDenied,
		"SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: %s, OwnerId: %s, OwnerIdType: 8 and CallingUser: %s. ObjectTypeCode: %d, objectBusinessUnitId: %s, AccessRights: %s",
		id, at.owner, u.ID, code, unitID, right)
}

// viewRights are the rights that a caller has on a personal view. A share is of use only with the
// privilege that it needs: it cannot give more than the roles do.
func (w *world) viewRights(c *caller, v *personalView) Rights {
	var rights Rights
	for right, verb := range map[Rights]string{RightRead: "Read", RightWrite: "Write", RightDelete: "Delete", RightShare: "Share", RightAssign: "Assign"} {
		holdings := c.holdings(w.cat.privilege("prv" + verb + "UserQuery"))
		shared := slices.ContainsFunc(v.Shares, func(s Share) bool {
			return s.rights()&right != 0 &&
				slices.ContainsFunc(holdings, func(h holding) bool { return c.user.holdsAs(s.Principal, h) })
		})
		if shared || c.reaches(holdings, v.place()) {
			rights |= right
		}
	}
	return rights
}

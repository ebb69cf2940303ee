package simulator

import (
	"net/http"
	"slices"
	"strings"
)

type roleBody struct {
	Name string `json:"name"`
	Unit string `json:"businessunitid@odata.bind"`
}

func (c *call) createRole(body roleBody) (err error) {
	home := c.caller.user.unit
	if body.Unit != "" {
		if home, err = c.unit(body.Unit); err != nil {
			return err
		}
	}
	id := c.newRowID("role")
	if err := c.requirePrivilegeOn("prvCreateRole", home.ownership(), "role", id); err != nil {
		return err
	}
	for _, other := range c.db.roles {
		if other.unit == home && sameRef(other.Name, body.Name) {
			return invalidRequest(codeRoleExists, "A role with the specified name '%s' already exists on business unit %s and Solution Id %s. Role id: %s", body.Name, home.ID, zeroGUID, other.id)
		}
	}
	c.db.env.Roles = append(c.db.env.Roles, Role{Name: body.Name, ID: id, BusinessUnit: home.ID, PlatformDefaults: true})
	return nil
}

// roleOperation returns an operation that calls do with a role that the caller may edit. The caller needs the
// privilege. Nobody can edit the System Administrator role, a copy of a role, or a role that its solution
// locks.
func roleOperation[B any](privilege string, do func(c *call, r *role, body B) error) operation {
	return rowOperation("roles", func(c *call, r *role, body B) error {
		switch {
		case r.root != r:
			return invalidRequest(codeInheritedRole, "Inherited roles cannot be modified.")
		case r.NotCustomizable || r.isAdministrator():
			return forbidden(codeNone, "The role '%s' is managed, and its iscustomizable is false, or it is the System Administrator's: it cannot be edited.", r.Name)
		}
		if err := c.requirePrivilegeOn(privilege, r.ownership(), "role", r.id); err != nil {
			return err
		}
		return do(c, r, body)
	})
}

func (c *call) updateRole(r *role, body struct {
	Name string `json:"name"`
},
) error {
	r.Name = body.Name
	return nil
}

func (c *call) deleteRole(r *role, _ noBody) error {
	env := c.db.env
	env.Roles = slices.DeleteFunc(env.Roles, func(o Role) bool { return o.ID == r.id })
	walkAssignments(env, func(roles *[]RoleAssignment, _ string) {
		*roles = slices.DeleteFunc(*roles, func(a RoleAssignment) bool { return a.Role == r.id })
	})
	return nil
}

// addPrivileges handles AddPrivilegesRole, which always restores the SharePoint privileges.
func (c *call) addPrivileges(r *role, body struct{ Privileges []grantRow }) error {
	grants := Grants{}
	for _, g := range body.Privileges {
		p, depth := c.db.cat.byID[strings.ToLower(g.PrivilegeID)], parseDepth(g.Depth)
		switch {
		case p == nil:
			return invalidRequest(codeNoSuchPrivilege, "The privilege id is invalid or missing: '%s'.", g.PrivilegeID)
		case !p.Allows(depth):
			return forbidden(codeInvalidDepth, "Invalid privilege depth for user. %s cannot be granted at depth '%s'.", p.Name, g.Depth)
		}
		if err := c.requireDepth(p, depth, r.unit); err != nil {
			return err
		}
		grants[p.Name] = depth
	}
	for _, name := range defaultPrivileges()[5:] {
		if c.db.cat.privilege(name) != nil {
			grants[name] = DepthGlobal
		}
	}
	for name, depth := range grants {
		r.Privileges[name] = depth
		r.clearSpecialGrant(name)
	}
	return nil
}

// requireDepth returns an error if the caller does not have a privilege at least at a depth, measured from a
// business unit.
func (c *call) requireDepth(p *privilege, depth Depth, from *unit) error {
	for _, a := range c.assignmentsGranting(p.Name) {
		switch {
		case a.depth < depth:
		case a.depth == DepthGlobal, depth == DepthBasic, from.ID == a.role.unit.ID,
			a.depth == DepthDeep && from.isWithin(a.role.unit):
			return nil
		}
	}
	return c.missingPrivilege(c.caller.user, p.Name)
}

func (c *call) removePrivilege(r *role, body struct {
	Privilege struct {
		Type string `json:"@odata.type"`
		ID   string `json:"privilegeid"`
	}
},
) error {
	p := c.db.cat.byID[strings.ToLower(body.Privilege.ID)]
	if p == nil {
		return invalidRequest(codeNoSuchPrivilege, "The privilege id is invalid or missing.")
	}
	delete(r.Privileges, p.Name)
	r.clearSpecialGrant(p.Name)
	return nil
}

// assignRole handles POST systemusers(ID)/systemuserroles_association/$ref.
func (c *call) assignRole(u *user, body struct {
	Role string `json:"@odata.id"`
},
) error {
	set, id, ok := parseReference(body.Role, c.serviceRoot)
	if !ok || set != "roles" || !strings.HasPrefix(body.Role, c.serviceRoot) {
		return badRequest("Invalid URI: @odata.id must be the absolute address of the role, below %s.", c.serviceRoot)
	}
	r, err := c.assignableRole(id)
	if err == nil {
		err = c.checkAssignment(u, r)
	}
	if err == nil {
		u.Roles = append(u.Roles, RoleAssignment{Role: r.root.id, BusinessUnit: r.unit.ID})
	}
	return err
}

func (c *call) assignableRole(id string) (*role, error) {
	r, err := readableRowOf[*role](c, "roles", id)
	if err == nil {
		err = c.requirePrivilegeOn("prvAssignRole", r.ownership(), "role", id)
	}
	return r, err
}

// checkAssignment returns an error for the assignments that Dataverse refuses: the copy of another business
// unit, a role of a disabled user, a role that the user has already, and privileges that the caller lacks.
func (c *call) checkAssignment(u *user, r *role) error {
	switch {
	case r.unit != u.unit && !c.db.allowsOwnershipAcrossUnits():
		return invalidRequest(codeNone, "The role '%s' belongs to business unit '%s' and cannot be assigned to a principal in business unit '%s'.", r.Name, r.unit.Name, u.unit.Name)
	case u.Disabled:
		return invalidRequest(codeUserNotEnabled, "The specified user is either disabled or is not a member of any business unit.")
	case slices.Contains(u.roles, r):
		return &apiError{http.StatusPreconditionFailed, codeDuplicate, "Cannot insert duplicate key."}
	case c.db.isAdministrator(c.caller.user) && c.caller.impersonator == nil:
		return nil
	}
	for _, p := range c.db.privilegesOf(r) {
		if err := c.requireDepth(p, r.depth(p), r.unit); err != nil {
			return err
		}
	}
	return nil
}

// unassignRole handles DELETE systemusers(ID)/systemuserroles_association(ROLE)/$ref.
func (c *call) unassignRole(u *user, _ noBody) error {
	id, err := keyOf(c.server.types["roles"], c.path[1])
	if err != nil {
		return err
	}
	r, err := c.assignableRole(id)
	switch {
	case err != nil:
		return err
	case !slices.Contains(u.roles, r):
		return rowNotFound("role", id)
	}
	u.Roles = slices.DeleteFunc(u.Roles, func(a RoleAssignment) bool { return c.db.roleCopy(a, u.unit) == r })
	return nil
}

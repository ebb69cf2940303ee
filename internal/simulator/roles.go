package simulator

import (
	"net/http"
	"slices"
	"strings"
)

type roleBody struct {
	Name      string `json:"name"`
	Inherited *int   `json:"isinherited"`
	Unit      string `json:"businessunitid@odata.bind"`
}

func (c *call) createRole(_ string, body roleBody) (err error) {
	home := c.caller.user.unit
	if body.Unit != "" {
		if home, err = c.unit(body.Unit); err != nil {
			return err
		}
	}
	id := c.newID("role")
	if err := c.needAt("prvCreateRole", home.place(), "role", id); err != nil {
		return err
	}
	for _, other := range c.world.roles {
		if other.unit == home && same(other.Name, body.Name) {
			return invalid(codeRoleExists, "A role with the specified name '%s' already exists on business unit %s and Solution Id %s. Role id: %s", body.Name, home.ID, zeroGUID, other.id)
		}
	}
	c.world.env.Roles = append(c.world.env.Roles, Role{
		Name: body.Name, ID: id, BusinessUnit: home.ID, PlatformDefaults: true,
		TeamPrivilegesOnly: body.Inherited != nil && *body.Inherited == 0,
	})
	return nil
}

// editing makes an operation of a function that edits a role. The caller needs the privilege. The System
// Administrator's role, inherited copies, and roles that their solution locks cannot be edited.
func editing[B any](privilege string, do func(c *call, r *role, body B) error) operation {
	return changing("roles", func(c *call, r *role, body B) error {
		switch {
		case r.root != r:
			return invalid(codeInheritedRole, "Inherited roles cannot be modified.")
		case r.NotCustomizable || r.administrator():
			return forbidden(codeNone, "The role '%s' is managed, and its iscustomizable is false, or it is the System Administrator's: it cannot be edited.", r.Name)
		}
		if err := c.needAt(privilege, r.place(), "role", r.id); err != nil {
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

func (c *call) deleteRole(r *role, _ nothing) error {
	env := c.world.env
	env.Roles = slices.DeleteFunc(env.Roles, func(o Role) bool { return o.ID == r.id })
	eachHolder(env, func(roles *[]RoleAssignment, _ string) {
		*roles = slices.DeleteFunc(*roles, func(a RoleAssignment) bool { return a.Role == r.id })
	})
	return nil
}

// addPrivileges carries out AddPrivilegesRole, which always restores the SharePoint defaults.
func (c *call) addPrivileges(r *role, body struct{ Privileges []grantRow }) error {
	grants := Grants{}
	for _, g := range body.Privileges {
		p, depth := c.world.cat.byID[strings.ToLower(g.PrivilegeID)], parseDepth(g.Depth)
		switch {
		case p == nil:
			return invalid(codeNoSuchPrivilege, "The privilege id is invalid or missing: '%s'.", g.PrivilegeID)
		case !p.Allows(depth):
			return forbidden(codeInvalidDepth, "Invalid privilege depth for user. %s cannot be granted at depth '%s'.", p.Name, g.Depth)
		}
		if err := c.holds(p, depth, r.unit); err != nil {
			return err
		}
		grants[p.Name] = depth
	}
	for _, name := range platformDefaults()[5:] {
		if c.world.cat.privilege(name) != nil {
			grants[name] = DepthGlobal
		}
	}
	for name, depth := range grants {
		r.Privileges[name] = depth
		r.plain(name)
	}
	return nil
}

// holds checks that the caller holds a privilege at least at a depth from a business unit.
func (c *call) holds(p *privilege, depth Depth, from *unit) error {
	for _, h := range c.holdings(p.Name) {
		switch {
		case h.depth < depth:
		case h.depth == DepthGlobal, depth == DepthBasic, from.ID == h.role.unit.ID,
			h.depth == DepthDeep && from.within(h.role.unit):
			return nil
		}
	}
	return c.missing(c.caller.user, p.Name)
}

// removePrivilege removes a privilege from a role. The body has the key of the privilege's row.
func (c *call) removePrivilege(r *role, body struct {
	Privilege struct {
		Type string `json:"@odata.type"`
		ID   string `json:"privilegeid"`
	}
},
) error {
	p := c.world.cat.byID[strings.ToLower(body.Privilege.ID)]
	if p == nil {
		return invalid(codeNoSuchPrivilege, "The privilege id is invalid or missing.")
	}
	delete(r.Privileges, p.Name)
	r.plain(p.Name)
	return nil
}

func (c *call) assign(u *user, body struct {
	Role string `json:"@odata.id"`
},
) error {
	set, id, ok := parseReference(body.Role, c.root)
	if !ok || set != "roles" || !strings.HasPrefix(body.Role, c.root) {
		return badRequest("Invalid URI: @odata.id must be the absolute address of the role, below %s.", c.root)
	}
	r, err := c.assignable(id)
	if err == nil {
		err = c.mayHold(u, r)
	}
	if err == nil {
		u.Roles = append(u.Roles, RoleAssignment{Role: r.root.id, BusinessUnit: r.unit.ID})
	}
	return err
}

// assignable finds a role that the caller may assign to a user or remove from one.
func (c *call) assignable(id string) (*role, error) {
	r, err := find[*role](c, "roles", id)
	if err == nil {
		err = c.needAt("prvAssignRole", r.place(), "role", id)
	}
	return r, err
}

// mayHold refuses the assignments that the platform refuses: the copy of another business unit, a
// disabled user, a role that the user has, privileges that the caller does not have.
func (c *call) mayHold(u *user, r *role) error {
	switch {
	case r.unit != u.unit && !c.world.acrossUnits():
		return invalid(codeNone, "The role '%s' belongs to business unit '%s' and cannot be assigned to a principal in business unit '%s'.", r.Name, r.unit.Name, u.unit.Name)
	case u.Disabled:
		return invalid(codeUserNotEnabled, "The specified user is either disabled or is not a member of any business unit.")
	case slices.Contains(u.roles, r):
		return &apiError{http.StatusPreconditionFailed, codeDuplicate, "Cannot insert duplicate key."}
	case c.world.administrator(c.caller.user) && c.caller.impersonator == nil:
		return nil
	}
	for _, p := range c.world.granted(r) {
		if err := c.holds(p, r.depth(p), r.unit); err != nil {
			return err
		}
	}
	return nil
}

// unassign removes a role from a user: DELETE systemusers(ID)/systemuserroles_association(ROLE)/$ref.
func (c *call) unassign(u *user, _ nothing) error {
	id, err := keyOf(c.server.types["roles"], c.path[1])
	if err != nil {
		return err
	}
	r, err := c.assignable(id)
	switch {
	case err != nil:
		return err
	case !slices.Contains(u.roles, r):
		return noRow("role", id)
	}
	u.Roles = slices.DeleteFunc(u.Roles, func(a RoleAssignment) bool { return c.world.copyFor(a, u.unit) == r })
	return nil
}

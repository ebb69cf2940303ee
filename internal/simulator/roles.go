package simulator

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// createRole makes a role, under a given id where a PATCH asks for one that is not there.
func (c *call) createRole(id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	t := c.server.schema.byName["role"]
	if err := c.knownProperties(p, t, "name", "roleid", "isinherited", "description", "businessunitid@odata.bind"); err != nil {
		return answer{}, err
	}
	var name string
	var inherited *int
	if _, err := p.read("name", &name); err != nil {
		return answer{}, err
	}
	if _, err := p.read("isinherited", &inherited); err != nil {
		return answer{}, err
	}
	if name == "" {
		return answer{}, badRequest("Entity 'role' must have a name.")
	}
	err = c.change(func(tx *transaction) error {
		if id, err = c.chosenID(p, t, id); err != nil {
			return err
		}
		unitID, ok, err := c.bind(p, "businessunitid", c.server.schema.byName["businessunit"])
		if err != nil {
			return err
		}
		if !ok {
			unitID = c.caller.user.unit.ID
		}
		home := tx.world.unitByID[unitID]
		if err := c.caller.needAt(tx.world, "prvCreateRole", placement{unit: home}, "role", id); err != nil {
			return err
		}
		for _, other := range tx.world.roles {
			if other.unit == home && same(other.Name, name) {
				return invalid(codeRoleExists, "A role with the specified name '%s' already exists on business unit %s and Solution Id %s. Role id: %s", name, unitID, zeroGUID, other.id)
			}
		}
		tx.env.Roles = append(tx.env.Roles, Role{
			Name: name, ID: id, BusinessUnit: unitID, PlatformDefaults: true,
			TeamPrivilegesOnly: inherited != nil && *inherited == 0, Created: c.creation(),
		})
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return c.made(t, id)
}

// creation is that of a row that the caller makes now.
func (c *call) creation() Creation { return Creation{c.caller.user.ID, c.server.options.Now()} }

// chosenID is the id that a new row gets: that of the address, that of the body, or a new one.
func (c *call) chosenID(p payload, t *entityType, id string) (string, error) {
	var given string
	if _, err := p.read(t.key, &given); err != nil {
		return "", err
	}
	if given == "" && id == "" {
		return c.newID(t.logicalName), nil
	}
	chosen, ok := parseGUID(cmp.Or(id, given))
	if !ok {
		return "", badRequest("'%s' is no id.", given)
	}
	if t.find(c.world, chosen) != nil {
		return "", &apiError{http.StatusPreconditionFailed, codeDuplicate, "A record with matching key values already exists."}
	}
	return chosen, nil
}

// editable finds a role that the caller may change: not the System Administrator's, no inherited
// copy, and none that its solution has closed.
func (c *call) editable(id, privilege string) (*role, error) {
	row, err := c.rowFor(c.server.schema.byName["role"], id)
	if err != nil {
		return nil, err
	}
	r := row.(*role)
	if err := c.caller.needAt(c.world, privilege, placement{unit: r.unit}, "role", id); err != nil {
		return nil, err
	}
	switch {
	case r.administrator():
		return nil, forbidden(codeNone, "The System Administrator role cannot be modified.")
	case r.root != r:
		return nil, invalid(codeInheritedRole, "Inherited roles cannot be modified.")
	case r.NotCustomizable:
		return nil, forbidden(codeNone, "The role '%s' is managed, and its iscustomizable is false: it cannot be edited.", r.Name)
	}
	return r, nil
}

func (c *call) updateRole(t *entityType, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := c.knownProperties(p, t, "name", "isinherited"); err != nil {
		return answer{}, err
	}
	err = c.change(func(*transaction) error {
		r, err := c.editable(id, "prvWriteRole")
		if err != nil {
			return err
		}
		if err := c.checkMatch(t, r); err != nil {
			return err
		}
		if _, err := p.read("name", &r.Name); err != nil {
			return err
		}
		var inherited int
		if ok, err := p.read("isinherited", &inherited); err != nil {
			return err
		} else if ok {
			r.TeamPrivilegesOnly = inherited == 0
		}
		if r.Name == "" {
			return badRequest("Entity 'role' must have a name.")
		}
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return c.changed(t, id)
}

func (c *call) deleteRole(t *entityType, id string) (answer, error) {
	return answer{}, c.change(func(tx *transaction) error {
		row, err := c.rowFor(t, id)
		if err != nil {
			return err
		}
		if r := row.(*role); r.root != r {
			return invalid(codeInheritedDelete, "Cannot delete a role that is inherited from a parent business.")
		}
		r, err := c.editable(id, "prvDeleteRole")
		if err != nil {
			return err
		}
		if err := c.checkMatch(t, r); err != nil {
			return err
		}
		tx.env.Roles = slices.DeleteFunc(tx.env.Roles, func(o Role) bool { return o.ID == r.id })
		eachHolder(tx.env, func(roles *[]RoleAssignment) {
			*roles = slices.DeleteFunc(*roles, func(a RoleAssignment) bool { return a.Role == r.id })
		})
		return nil
	})
}

// eachHolder visits the role assignments of every user and team.
func eachHolder(env *Environment, visit func(*[]RoleAssignment)) {
	for i := range env.Users {
		visit(&env.Users[i].Roles)
	}
	for i := range env.ApplicationUsers {
		visit(&env.ApplicationUsers[i].Roles)
	}
	for i := range env.Teams {
		visit(&env.Teams[i].Roles)
	}
}

// A grantRequest is a RolePrivilege of a request.
type grantRequest struct {
	PrivilegeID            string          `json:"PrivilegeId"`
	Depth                  json.RawMessage `json:"Depth"`
	BusinessUnitID         string          `json:"BusinessUnitId"`
	PrivilegeName          string          `json:"PrivilegeName"`
	RecordFilterID         string          `json:"RecordFilterId"`
	RecordFilterUniqueName string          `json:"RecordFilterUniqueName"`
}

func (c *call) roleAction(action, id string) (answer, error) {
	switch action {
	case "AddPrivilegesRole", "ReplacePrivilegesRole":
		return c.grantPrivileges(action, id)
	case "RemovePrivilegeRole":
		return c.removePrivilege(action, id)
	default:
		return answer{}, noSegment("Microsoft.Dynamics.CRM." + action)
	}
}

// grantPrivileges carries out AddPrivilegesRole, which always brings the SharePoint defaults back, and
// ReplacePrivilegesRole, which drops what is not listed.
func (c *call) grantPrivileges(action, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := p.only(action, "Privileges"); err != nil {
		return answer{}, err
	}
	var requests []grantRequest
	if ok, err := p.read("Privileges", &requests); err != nil {
		return answer{}, err
	} else if !ok {
		return answer{}, badRequest("The parameter 'Privileges' of the operation '%s' is missing.", action)
	}
	return answer{}, c.change(func(*transaction) error {
		r, err := c.editable(id, "prvWriteRole")
		if err != nil {
			return err
		}
		grants := Grants{}
		for _, g := range requests {
			if err := c.readGrant(g, r, grants); err != nil {
				return err
			}
		}
		if action == "ReplacePrivilegesRole" {
			for _, name := range sharePointDefaults() {
				if depth, held := r.Privileges[name]; held && grants[name] == DepthNone {
					grants[name] = depth
				}
			}
			r.Privileges, r.RecordFilters, r.DepthWords = grants, nil, nil
			return nil
		}
		for _, name := range sharePointDefaults() {
			if c.world.cat.privilege(name) != nil {
				grants[name] = DepthGlobal
			}
		}
		if r.Privileges == nil {
			r.Privileges = Grants{}
		}
		for name, depth := range grants {
			r.Privileges[name] = depth
			r.plain(name)
		}
		return nil
	})
}

// readGrant checks one privilege that a request gives to a role: that it is there, that it allows the
// depth, and that the caller, who cannot give what it does not have, holds it as deeply.
func (c *call) readGrant(g grantRequest, r *role, into Grants) error {
	id, ok := parseGUID(g.PrivilegeID)
	p := c.world.cat.byID[id]
	if !ok || p == nil {
		return invalid(codeNoSuchPrivilege, "The privilege id is invalid or missing: '%s'.", g.PrivilegeID)
	}
	depth, ok := parseWireDepth(strings.Trim(string(g.Depth), `"`))
	if !ok {
		return badRequest("Error identified in Payload provided by the user: '%s' is no PrivilegeDepth.", g.Depth)
	}
	if !p.Allows(depth) {
		return forbidden(codeInvalidDepth, "Invalid privilege depth for user. %s cannot be granted at depth %s.", p.Name, depth.wire())
	}
	if err := c.holds(p, depth, r.unit); err != nil {
		return err
	}
	into[p.Name] = depth
	return nil
}

// holds says whether the caller holds a privilege at least at a depth from a business unit.
func (c *call) holds(p *privilege, depth Depth, from *unit) error {
	for _, h := range c.caller.holdings(p) {
		switch {
		case h.depth < depth:
		case h.depth == DepthGlobal, depth == DepthBasic:
			return nil
		case from.ID == h.unit.ID, h.depth == DepthDeep && from.within(c.world.unitByID[h.unit.ID]):
			return nil
		}
	}
	return missingPrivilege(c.world, c.caller.user, c.caller.user, p.Name, p)
}

// removePrivilege takes one privilege from a role. It is named by a reference to the privilege's row.
func (c *call) removePrivilege(action, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	if err := p.only(action, "Privilege"); err != nil {
		return answer{}, err
	}
	logicalName, privilegeID, err := c.entityParameter(p, "Privilege", "privilege")
	if err != nil {
		return answer{}, err
	}
	held := c.world.cat.byID[privilegeID]
	if logicalName != "privilege" || held == nil {
		return answer{}, invalid(codeNoSuchPrivilege, "The privilege id is invalid or missing.")
	}
	return answer{}, c.change(func(*transaction) error {
		r, err := c.editable(id, "prvWriteRole")
		if err != nil {
			return err
		}
		delete(r.Privileges, held.Name)
		r.plain(held.Name)
		return nil
	})
}

// entityParameter reads a parameter that is a row: by @odata.id, or by its type and key. untyped is
// the type of a row that names none.
func (c *call) entityParameter(p payload, name, untyped string) (logicalName, id string, err error) {
	var ref map[string]any
	ok, err := p.read(name, &ref)
	if err != nil {
		return "", "", err
	}
	if !ok {
		return "", "", badRequest("The parameter '%s' is missing.", name)
	}
	if address, ok := ref["@odata.id"].(string); ok {
		set, id, valid := parseReference(address, c.root)
		t := c.server.schema.bySet[set]
		if !valid || t == nil {
			return "", "", noRow(set, id)
		}
		return t.logicalName, id, nil
	}
	kind, _ := ref["@odata.type"].(string)
	kind = strings.TrimPrefix(strings.TrimPrefix(kind, "#"), "Microsoft.Dynamics.CRM.")
	t := c.server.schema.byName[cmp.Or(kind, untyped)]
	if t == nil {
		return "", "", badRequest("Error identified in Payload provided by the user: '%s' needs an @odata.type that is known.", name)
	}
	key, _ := ref[t.key].(string)
	id, valid := parseGUID(key)
	if !valid {
		return "", "", badRequest("Error identified in Payload provided by the user: '%s' needs the key '%s'.", name, t.key)
	}
	return t.logicalName, id, nil
}

// assign gives a role to a user or a team.
func (c *call) assign(t *entityType, id string) (answer, error) {
	p, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	var address string
	if _, err := p.read("@odata.id", &address); err != nil {
		return answer{}, err
	}
	if !strings.HasPrefix(address, c.root) && !strings.HasPrefix(address, c.origin+"/api/data/v9.") {
		return answer{}, badRequest("Invalid URI: @odata.id must be the absolute address of the role, below %s.", c.root)
	}
	set, roleID, ok := parseReference(strings.TrimPrefix(address, c.origin+"/"), c.root)
	if !ok || set != "roles" {
		return answer{}, badRequest("Invalid URI: @odata.id must be the absolute address of a role.")
	}
	return answer{}, c.change(func(*transaction) error {
		holder, err := c.holder(t, id)
		if err != nil {
			return err
		}
		r, err := c.assignable(roleID)
		if err != nil {
			return err
		}
		if err := c.mayHold(holder, r); err != nil {
			return err
		}
		if slices.Contains(holder.held, r) {
			return &apiError{http.StatusPreconditionFailed, codeDuplicate, "Cannot insert duplicate key."}
		}
		*holder.assignments = append(*holder.assignments, RoleAssignment{Role: r.root.id, BusinessUnit: r.unit.ID})
		return nil
	})
}

// A holder is a user or a team, as a holder of roles.
type holder struct {
	unit        *unit
	held        []*role
	assignments *[]RoleAssignment
	user        *user
	team        *team
}

func (c *call) holder(t *entityType, id string) (holder, error) {
	row, err := c.rowFor(t, id)
	if err != nil {
		return holder{}, err
	}
	switch row := row.(type) {
	case *user:
		return holder{row.unit, row.roles, &row.Roles, row, nil}, nil
	case *team:
		return holder{row.unit, row.roles, &row.Roles, nil, row}, nil
	default:
		return holder{}, noSegment(t.entitySet)
	}
}

// assignable finds a role that the caller may give or take away.
func (c *call) assignable(id string) (*role, error) {
	row, err := c.rowFor(c.server.schema.byName["role"], id)
	if err != nil {
		return nil, err
	}
	r := row.(*role)
	return r, c.caller.needAt(c.world, "prvAssignRole", placement{unit: r.unit}, "role", id)
}

// mayHold refuses what the platform refuses to give: the copy of another business unit, roles for
// those who are disabled, privileges that the giver does not hold.
func (c *call) mayHold(h holder, r *role) error {
	switch {
	case r.unit != h.unit && !c.world.acrossUnits():
		return invalid(codeNone, "The role '%s' belongs to business unit '%s' and cannot be assigned to a principal in business unit '%s'.", r.Name, r.unit.Name, h.unit.Name)
	case h.user != nil && h.user.Disabled:
		return invalid(codeUserNotEnabled, "The specified user is either disabled or is not a member of any business unit.")
	case h.team != nil && h.team.Type == TeamAccess:
		return invalid(codeNone, "A security role cannot be assigned to an access team.")
	case h.team != nil && (h.team.Type == TeamSecurityGroup || h.team.Type == TeamOfficeGroup) && r.TeamPrivilegesOnly:
		return invalid("0x80048350", "Cannot assign security role with \"Team Privileges only\" Inheritance to AAD Group or Office Group teams. (TeamId = %s)", h.team.ID)
	}
	if c.world.administrator(c.caller.user) && c.caller.impersonator == nil {
		return nil
	}
	for _, p := range c.world.cat.privileges {
		if depth := r.depth(p); depth != DepthNone {
			if err := c.holds(p, depth, r.unit); err != nil {
				return err
			}
		}
	}
	return nil
}

// unassign takes a role from a user or a team: DELETE …/association(role)/$ref, or
// …/association/$ref?$id=ROLE.
func (c *call) unassign() (answer, error) {
	first, second := c.path[0], c.path[1]
	t := c.server.schema.bySet[first.name]
	if t == nil {
		return answer{}, noSegment(first.name)
	}
	if second.name != assignmentNav(t) {
		return answer{}, noSegment(second.name)
	}
	id, err := keyOf(t, first)
	if err != nil {
		return answer{}, err
	}
	roleType := c.server.schema.byName["role"]
	var roleID string
	if second.hasParens {
		if roleID, err = keyOf(roleType, second); err != nil {
			return answer{}, err
		}
	} else {
		address := c.query.options["$id"]
		set, id, ok := parseReference(strings.TrimPrefix(address, c.origin+"/"), c.root)
		if !ok || set != "roles" || !strings.HasPrefix(address, c.origin+"/") {
			return answer{}, badURL("The $id option must be the absolute address of a role.")
		}
		roleID = id
	}
	return answer{}, c.change(func(tx *transaction) error {
		h, err := c.holder(t, id)
		if err != nil {
			return err
		}
		r, err := c.assignable(roleID)
		if err != nil {
			return err
		}
		if !slices.Contains(h.held, r) {
			return noRow("role", roleID)
		}
		*h.assignments = slices.DeleteFunc(*h.assignments, func(a RoleAssignment) bool { return tx.world.copyFor(a, h.unit) == r })
		return nil
	})
}

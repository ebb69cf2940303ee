package simulator

import (
	"cmp"
	"net/http"
	"strings"
)

type unbound func(c *call, s segment) (answer, error)

// unboundFunction finds a function that stands by itself, nil if there is none of the name.
func unboundFunction(name string) unbound {
	switch name {
	case "WhoAmI":
		return (*call).whoAmI
	case "RetrieveVersion":
		return (*call).retrieveVersion
	case "RetrieveRolePrivilegesRole":
		return (*call).retrieveRolePrivileges
	case "RetrieveSharedPrincipalsAndAccess":
		return (*call).retrieveSharedPrincipals
	case "RetrieveAccessOrigin":
		return (*call).retrieveAccessOrigin
	default:
		return nil
	}
}

type bound func(c *call, s segment, row any) (answer, error)

// boundFunction finds a function that is bound to a table, nil if there is none of the name.
func boundFunction(logicalName, name string) bound {
	switch logicalName + "." + name {
	case "systemuser.RetrieveUserPrivileges":
		return (*call).retrieveUserPrivileges
	case "systemuser.RetrieveUserSetOfPrivilegesByNames":
		return (*call).retrieveUserPrivilegesByNames
	case "systemuser.RetrievePrincipalAccess", "team.RetrievePrincipalAccess":
		return (*call).retrievePrincipalAccess
	case "team.RetrieveTeamPrivileges":
		return (*call).retrieveTeamPrivileges
	default:
		return nil
	}
}

func (c *call) response(name string, members ...member) answer {
	return answer{body: append(object{{"@odata.context", c.root + "$metadata#Microsoft.Dynamics.CRM." + name}}, members...)}
}

func (c *call) whoAmI(s segment) (answer, error) {
	if _, err := c.query.parameters(s); err != nil {
		return answer{}, err
	}
	u, organization := c.caller.user, c.world.env.Organization.ID
	if c.world.env.has(OtherOrganization) {
		organization = deriveID("organization", organization)
	}
	return c.response("WhoAmIResponse",
		member{"BusinessUnitId", u.unit.ID}, member{"UserId", u.ID}, member{"OrganizationId", organization}), nil
}

func (c *call) retrieveVersion(s segment) (answer, error) {
	if _, err := c.query.parameters(s); err != nil {
		return answer{}, err
	}
	return c.response("RetrieveVersionResponse", member{"Version", c.world.env.Organization.Version}), nil
}

// grantRow is a RolePrivilege of an answer.
func grantRow(p *privilege, depth Depth, unit string) object {
	return object{
		{"Depth", depth.wire()},
		{"PrivilegeId", p.ID},
		{"BusinessUnitId", unit},
		{"PrivilegeName", p.Name},
		{"RecordFilterId", zeroGUID},
		{"RecordFilterUniqueName", ""},
	}
}

// grantRow is a role's own grant, as its answers have it.
func (r *role) grantRow(p *privilege, unit string) object {
	row := grantRow(p, r.depth(p), unit)
	for i, m := range row {
		switch m.name {
		case "Depth":
			row[i].value = cmp.Or(r.depthWord(p), r.depth(p).wire())
		case "RecordFilterId":
			row[i].value = cmp.Or(r.recordFilter(p), zeroGUID)
		}
	}
	return row
}

// retrieveRolePrivileges answers for any copy of a role, in one answer however long.
func (c *call) retrieveRolePrivileges(s segment) (answer, error) {
	values, err := c.query.parameters(s, "RoleId")
	if err != nil {
		return answer{}, err
	}
	id, ok := parseGUID(values["RoleId"])
	if !ok {
		return answer{}, badURL("Bad Request - Error in query syntax.")
	}
	row, err := c.rowFor(c.server.schema.byName["role"], id)
	if err != nil {
		return answer{}, err
	}
	r := row.(*role)
	rows := []object{}
	for _, p := range c.world.cat.privileges {
		if depth := r.depth(p); depth != DepthNone {
			rows = append(rows, r.grantRow(p, r.unit.ID))
		}
	}
	rows = c.withFilters(rows, r.unit.ID)
	return c.response("RetrieveRolePrivilegesRoleResponse", member{"RolePrivileges", rows}), nil
}

// userGrants are the privileges that reach a user, each at its deepest, and each that a
// role grants for some records only besides.
func (c *call) userGrants(u *user, wanted func(*privilege) bool) []object {
	w := c.caller.permissions
	then := w.userByID[u.ID]
	rows := []object{}
	if then == nil {
		return rows
	}
	unnamed := lowerSet(c.world.env.UnnamedPrivileges)
	for _, p := range w.cat.privileges {
		if !wanted(p) || unnamed[strings.ToLower(p.Name)] {
			continue
		}
		deepest := DepthNone
		for _, h := range w.holdings(then, p) {
			switch {
			case h.team != nil && h.depth == DepthBasic: // the team's own
			case h.role.odd(p):
				rows = append(rows, h.role.grantRow(p, u.unit.ID))
			default:
				deepest = max(deepest, h.depth)
			}
		}
		if deepest != DepthNone {
			rows = append(rows, grantRow(p, deepest, u.unit.ID))
		}
	}
	return rows
}

func (c *call) retrieveUserPrivileges(s segment, row any) (answer, error) {
	if _, err := c.query.parameters(s); err != nil {
		return answer{}, err
	}
	rows := c.withFilters(c.userGrants(row.(*user), func(*privilege) bool { return true }), row.(*user).unit.ID)
	return c.response("RetrieveUserPrivilegesResponse", member{"RolePrivileges", rows}), nil
}

func (c *call) retrieveUserPrivilegesByNames(s segment, row any) (answer, error) {
	if c.world.env.has(NoPrivilegesByNames) {
		return answer{}, noSegment(s.name)
	}
	values, err := c.query.parameters(s, "PrivilegeNames")
	if err != nil {
		return answer{}, err
	}
	var names []string
	if !parseJSONParameter(values["PrivilegeNames"], &names) {
		return answer{}, badURL("Bad Request - Error in query syntax.")
	}
	if c.world.env.has(FewNames) && len(names) > fewNames {
		return answer{}, invalid(codeInvalidArgument, "No more than %d privilege names can be passed.", fewNames)
	}
	set := lowerSet(names)
	rows := c.userGrants(row.(*user), func(p *privilege) bool { return set[strings.ToLower(p.Name)] })
	return c.response("RetrieveUserSetOfPrivilegesByNamesResponse", member{"RolePrivileges", rows}), nil
}

func (c *call) retrieveTeamPrivileges(s segment, row any) (answer, error) {
	if _, err := c.query.parameters(s); err != nil {
		return answer{}, err
	}
	t := row.(*team)
	rows := []object{}
	for i := range c.world.cat.privileges {
		// Not in the order of the role's answer.
		p := c.world.cat.privileges[len(c.world.cat.privileges)-1-i]
		deepest := DepthNone
		for _, r := range t.roles {
			deepest = max(deepest, r.depth(p))
		}
		if deepest != DepthNone {
			rows = append(rows, grantRow(p, deepest, t.unit.ID))
		}
	}
	return c.response("RetrieveTeamPrivilegesResponse", member{"RolePrivileges", rows}), nil
}

// targetView reads a parameter that names a row, and finds the personal view that it is. A wrong
// entity set is answered as a missing row is.
func (c *call) targetView(text string) (*personalView, error) {
	var ref map[string]any
	if !parseJSONParameter(text, &ref) {
		return nil, badURL("Bad Request - Error in query syntax.")
	}
	address, _ := ref["@odata.id"].(string)
	set, id, ok := parseReference(address, c.root)
	if !ok {
		return nil, badURL("Bad Request - Error in query syntax.")
	}
	switch set {
	case "userqueries":
	case "savedqueries":
		return nil, invalid(codeViewNotSharable, "The view is not sharable.")
	default:
		return nil, noRow("userquery", id)
	}
	row, err := c.rowFor(c.server.schema.byName["userquery"], id)
	if err != nil {
		return nil, err
	}
	return row.(*personalView), nil
}

func (c *call) principalRef(id string) object {
	if c.world.env.has(PrincipalsByReference) {
		set := "systemusers"
		if c.world.teamByID[id] != nil {
			set = "teams"
		}
		return object{{"@odata.id", c.root + set + "(" + id + ")"}}
	}
	if t := c.world.teamByID[id]; t != nil {
		return object{{"@odata.type", "#Microsoft.Dynamics.CRM.team"}, {"teamid", id}, {"ownerid", id}}
	}
	return object{{"@odata.type", "#Microsoft.Dynamics.CRM.systemuser"}, {"systemuserid", id}, {"ownerid", id}}
}

func (c *call) retrieveSharedPrincipals(s segment) (answer, error) {
	values, err := c.query.parameters(s, "Target")
	if err != nil {
		return answer{}, err
	}
	v, err := c.targetView(values["Target"])
	if err != nil {
		return answer{}, err
	}
	list := []object{}
	for _, sh := range v.shares {
		if sh.access != 0 {
			list = append(list, object{{"AccessMask", sh.access.wire()}, {"Principal", c.principalRef(sh.principal)}})
		}
	}
	return c.response("RetrieveSharedPrincipalsAndAccessResponse", member{"PrincipalAccesses", list}), nil
}

// retrievePrincipalAccess answers for the access of a user or a team to a view that the caller sees.
func (c *call) retrievePrincipalAccess(s segment, row any) (answer, error) {
	values, err := c.query.parameters(s, "Target")
	if err != nil {
		return answer{}, err
	}
	v, err := c.targetView(values["Target"])
	if err != nil {
		return answer{}, err
	}
	var rights Rights
	switch principal := row.(type) {
	case *user:
		rights = c.world.viewRights(&caller{user: principal, permissions: c.caller.permissions}, v)
	case *team:
		for _, sh := range v.shares {
			if sh.principal == principal.ID {
				rights |= sh.access
			}
		}
	}
	return c.response("RetrievePrincipalAccessResponse", member{"AccessRights", rights.wire()}), nil
}

// retrieveAccessOrigin answers in prose, and with 200 whatever it is asked about.
func (c *call) retrieveAccessOrigin(s segment) (answer, error) {
	values, err := c.query.parameters(s, "ObjectId", "LogicalName", "PrincipalId")
	if err != nil {
		return answer{}, err
	}
	object, ok1 := parseGUID(values["ObjectId"])
	table, ok2 := parseString(values["LogicalName"])
	principal, ok3 := parseGUID(values["PrincipalId"])
	if !ok1 || !ok2 || !ok3 {
		return answer{}, badURL("Bad Request - Error in query syntax.")
	}
	text := "PrincipalId does not have access to the record or the record does not exist."
	if v := c.world.viewByID[object]; v != nil && table == "userquery" {
		if v.ownerID() == principal {
			text = "PrincipalId is owner of this record."
		}
		for _, sh := range v.shares {
			if sh.principal == principal && sh.access != 0 {
				text = "PrincipalId has access to this record because it was shared with it directly."
			}
		}
	}
	return c.response("RetrieveAccessOriginResponse", member{"Response", text}), nil
}

// notAllowed answers for a verb that a resource does not take.
func notAllowed(method, name string) error {
	return &apiError{http.StatusMethodNotAllowed, codeBadURL, "The HTTP method '" + method + "' is not supported for the resource '" + name + "'."}
}

package simulator

import (
	"cmp"
	"strings"
)

// A function is an OData function: a GET that does not return rows.
type function struct {
	parameter string // "" if the function has none
	handle    func(c *call, argument string) (response, error)
}

// functions returns all functions by their path without keys and parameters.
func functions() map[string]function {
	return map[string]function{
		"WhoAmI":                                 {"", (*call).whoAmI},
		"WhoAmI()":                               {"", (*call).whoAmI},
		"RetrieveVersion":                        {"", (*call).retrieveVersion},
		"RetrieveRolePrivilegesRole()":           {"RoleId", (*call).retrieveRolePrivileges},
		"RetrieveSharedPrincipalsAndAccess()":    {"Target", (*call).retrieveSharedPrincipals},
		"systemusers()/RetrieveUserPrivileges()": {"", userFunction((*call).retrieveUserPrivileges)},
		"systemusers()/RetrieveUserSetOfPrivilegesByNames()": {"PrivilegeNames", userFunction((*call).retrieveUserPrivilegesByNames)},
	}
}

// userFunction returns the handler of a function that is bound to the user at the beginning of the path.
func userFunction(handle func(c *call, u *user, argument string) (response, error)) func(*call, string) (response, error) {
	return func(c *call, argument string) (response, error) {
		id, err := keyOf(c.server.types["systemusers"], c.path[0])
		if err != nil {
			return response{}, err
		}
		u, err := readableRowOf[*user](c, "systemusers", id)
		if err != nil {
			return response{}, err
		}
		return handle(c, u, argument)
	}
}

// invoke calls the function with the argument in the path, or with the value of the argument's alias.
func (f function) invoke(c *call) (response, error) {
	if f.parameter == "" {
		return f.handle(c, "")
	}
	s := c.path[len(c.path)-1]
	argument, ok := strings.CutPrefix(s.argument, f.parameter+"=")
	if strings.HasPrefix(argument, "@") {
		argument = c.query.Get(argument)
	}
	if !ok || argument == "" {
		return response{}, resourceNotFound(strings.TrimPrefix(s.name, "Microsoft.Dynamics.CRM."))
	}
	return f.handle(c, argument)
}

func (c *call) functionResponse(name string, members ...member) response {
	return response{body: append(object{{"@odata.context", c.serviceRoot + "$metadata#Microsoft.Dynamics.CRM." + name}}, members...)}
}

func (c *call) whoAmI(string) (response, error) {
	u, organization := c.caller.user, c.db.env.Organization.ID
	if c.db.env.hasContradiction(OtherOrganization) {
		organization = deriveID("organization", organization)
	}
	return c.functionResponse("WhoAmIResponse",
		member{"BusinessUnitId", u.unit.ID}, member{"UserId", u.ID}, member{"OrganizationId", organization}), nil
}

func (c *call) retrieveVersion(string) (response, error) {
	return c.functionResponse("RetrieveVersionResponse", member{"Version", c.db.env.Organization.Version}), nil
}

// A grantRow is a RolePrivilege of a request or a response.
type grantRow struct {
	Depth                  string
	PrivilegeID            string `json:"PrivilegeId"`
	BusinessUnitID         string `json:"BusinessUnitId"`
	PrivilegeName          string
	RecordFilterID         string `json:"RecordFilterId"`
	RecordFilterUniqueName string
}

func newGrantRow(p *privilege, depth Depth, unit string) grantRow {
	return grantRow{Depth: depth.wireName(), PrivilegeID: p.ID, BusinessUnitID: unit, PrivilegeName: p.Name, RecordFilterID: zeroGUID}
}

// toGrantRow returns a role's grant of a privilege, with its record filter and its word for the depth.
func (r *role) toGrantRow(p *privilege, unit string) grantRow {
	row := newGrantRow(p, r.depth(p), unit)
	row.Depth = cmp.Or(r.DepthWords[p.Name], row.Depth)
	row.RecordFilterID = cmp.Or(r.recordFilter(p), zeroGUID)
	return row
}

func (c *call) privilegesResponse(name string, rows []grantRow, unit string) response {
	if c.db.env.hasContradiction(RecordFilters) {
		rows = append(rows, recordFilterPrivilege(unit))
	}
	return c.functionResponse(name, member{"RolePrivileges", rows})
}

// retrieveRolePrivileges returns the privileges of a role, which may be any copy. It has no pages.
func (c *call) retrieveRolePrivileges(id string) (response, error) {
	r, err := readableRowOf[*role](c, "roles", strings.ToLower(id))
	if err != nil {
		return response{}, err
	}
	rows := mapSlice(c.db.privilegesOf(r), func(p *privilege) grantRow { return r.toGrantRow(p, r.unit.ID) })
	return c.privilegesResponse("RetrieveRolePrivilegesRoleResponse", rows, r.unit.ID), nil
}

// userPrivileges returns the privileges of a user that match: one row for the greatest depth of each, and a
// further row for each special grant.
func (c *call) userPrivileges(u *user, match func(*privilege) bool) []grantRow {
	db, unit := c.caller.permissions, u.unit.ID
	u = cmp.Or(lookup[user](db, u.ID), u)
	rows := []grantRow{}
	unnamed := lowerSet(c.db.env.UnnamedPrivileges)
	for _, p := range db.cat.privileges {
		if !match(p) || unnamed[strings.ToLower(p.Name)] {
			continue
		}
		deepest := DepthNone
		for _, a := range db.assignmentsGranting(u, p) {
			switch {
			case a.basicTeam() != nil && a.depth == DepthBasic: // covers only the team's rows
			case a.role.isSpecialGrant(p):
				rows = append(rows, a.role.toGrantRow(p, unit))
			default:
				deepest = max(deepest, a.depth)
			}
		}
		if deepest != DepthNone {
			rows = append(rows, newGrantRow(p, deepest, unit))
		}
	}
	return rows
}

func (c *call) retrieveUserPrivileges(u *user, _ string) (response, error) {
	if c.db.env.hasContradiction(NoUserPrivileges) {
		return response{}, resourceNotFound("RetrieveUserPrivileges")
	}
	rows := c.userPrivileges(u, func(*privilege) bool { return true })
	return c.privilegesResponse("RetrieveUserPrivilegesResponse", rows, u.unit.ID), nil
}

func (c *call) retrieveUserPrivilegesByNames(u *user, list string) (response, error) {
	var names []string
	switch {
	case c.db.env.hasContradiction(NoPrivilegesByNames):
		return response{}, resourceNotFound("RetrieveUserSetOfPrivilegesByNames")
	case !parseJSONParameter(list, &names):
		return response{}, querySyntaxError()
	case c.db.env.hasContradiction(FewNames) && len(names) > maxPrivilegeNames:
		return response{}, invalidRequest(codeInvalidArgument, "No more than %d privilege names can be passed.", maxPrivilegeNames)
	}
	set := lowerSet(names)
	rows := c.userPrivileges(u, func(p *privilege) bool { return set[strings.ToLower(p.Name)] })
	return c.functionResponse("RetrieveUserSetOfPrivilegesByNamesResponse", member{"RolePrivileges", rows}), nil
}

func (c *call) principalObject(id string) object {
	t := principalType(c.db.byID[id])
	if c.db.env.hasContradiction(PrincipalsByReference) {
		return object{{"@odata.id", c.serviceRoot + t + "s(" + id + ")"}}
	}
	return object{{"@odata.type", "#Microsoft.Dynamics.CRM." + t}, {t + "id", id}, {"ownerid", id}}
}

// retrieveSharedPrincipals returns the shares of a personal view. For a row of another entity set it
// reports that the view does not exist.
func (c *call) retrieveSharedPrincipals(target string) (response, error) {
	var ref struct {
		Address string `json:"@odata.id"`
	}
	parsed := parseJSONParameter(target, &ref)
	set, id, ok := parseReference(ref.Address, c.serviceRoot)
	switch {
	case !parsed || !ok:
		return response{}, querySyntaxError()
	case set != "userqueries":
		return response{}, rowNotFound("userquery", id)
	}
	v, err := readableRowOf[*personalView](c, "userqueries", id)
	if err != nil {
		return response{}, err
	}
	list := []object{}
	for _, sh := range v.Shares {
		if sh.rights() != 0 {
			list = append(list, object{{"AccessMask", sh.rights().wireName()}, {"Principal", c.principalObject(sh.Principal)}})
		}
	}
	return c.functionResponse("RetrieveSharedPrincipalsAndAccessResponse", member{"PrincipalAccesses", list}), nil
}

package simulator

import (
	"cmp"
	"strings"
)

// A function answers a GET with something other than rows. It gets the value of its parameter.
type function struct {
	parameter string // "" for none
	answer    func(c *call, value string) (answer, error)
}

// functions are all of them, by path without keys and parameters.
func functions() map[string]function {
	return map[string]function{
		"WhoAmI":                                 {"", (*call).whoAmI},
		"WhoAmI()":                               {"", (*call).whoAmI},
		"RetrieveVersion":                        {"", (*call).retrieveVersion},
		"RetrieveRolePrivilegesRole()":           {"RoleId", (*call).retrieveRolePrivileges},
		"RetrieveSharedPrincipalsAndAccess()":    {"Target", (*call).retrieveSharedPrincipals},
		"systemusers()/RetrieveUserPrivileges()": {"", ofUser((*call).retrieveUserPrivileges)},
		"systemusers()/RetrieveUserSetOfPrivilegesByNames()": {"PrivilegeNames", ofUser((*call).retrieveUserPrivilegesByNames)},
	}
}

// ofUser makes a function about the user at the beginning of the path.
func ofUser(about func(c *call, u *user, value string) (answer, error)) func(*call, string) (answer, error) {
	return func(c *call, value string) (answer, error) {
		id, err := keyOf(c.server.types["systemusers"], c.path[0])
		if err != nil {
			return answer{}, err
		}
		u, err := find[*user](c, "systemusers", id)
		if err != nil {
			return answer{}, err
		}
		return about(c, u, value)
	}
}

// call reads the parameter, or the value of its alias, and calls the function.
func (f function) call(c *call) (answer, error) {
	if f.parameter == "" {
		return f.answer(c, "")
	}
	s := c.path[len(c.path)-1]
	value, ok := strings.CutPrefix(s.argument, f.parameter+"=")
	if strings.HasPrefix(value, "@") {
		value = c.query.Get(value)
	}
	if !ok || value == "" {
		return answer{}, noSegment(strings.TrimPrefix(s.name, "Microsoft.Dynamics.CRM."))
	}
	return f.answer(c, value)
}

func (c *call) response(name string, members ...member) answer {
	return answer{body: append(object{{"@odata.context", c.root + "$metadata#Microsoft.Dynamics.CRM." + name}}, members...)}
}

func (c *call) whoAmI(string) (answer, error) {
	u, organization := c.caller.user, c.world.env.Organization.ID
	if c.world.env.has(OtherOrganization) {
		organization = deriveID("organization", organization)
	}
	return c.response("WhoAmIResponse",
		member{"BusinessUnitId", u.unit.ID}, member{"UserId", u.ID}, member{"OrganizationId", organization}), nil
}

func (c *call) retrieveVersion(string) (answer, error) {
	return c.response("RetrieveVersionResponse", member{"Version", c.world.env.Organization.Version}), nil
}

// A grantRow is a RolePrivilege, of an answer or of a request.
type grantRow struct {
	Depth                  string
	PrivilegeID            string `json:"PrivilegeId"`
	BusinessUnitID         string `json:"BusinessUnitId"`
	PrivilegeName          string
	RecordFilterID         string `json:"RecordFilterId"`
	RecordFilterUniqueName string
}

func newGrantRow(p *privilege, depth Depth, unit string) grantRow {
	return grantRow{Depth: depth.wire(), PrivilegeID: p.ID, BusinessUnitID: unit, PrivilegeName: p.Name, RecordFilterID: zeroGUID}
}

// grantRow is a role's own grant, as its answers have it.
func (r *role) grantRow(p *privilege, unit string) grantRow {
	row := newGrantRow(p, r.depth(p), unit)
	row.Depth = cmp.Or(r.DepthWords[p.Name], row.Depth)
	row.RecordFilterID = cmp.Or(r.recordFilter(p), zeroGUID)
	return row
}

// grants answers with a list of privileges.
func (c *call) grants(name string, rows []grantRow, unit string) answer {
	if c.world.env.has(RecordFilters) {
		rows = append(rows, filteredRow(unit))
	}
	return c.response(name, member{"RolePrivileges", rows})
}

// retrieveRolePrivileges answers for any copy of a role, without paging.
func (c *call) retrieveRolePrivileges(id string) (answer, error) {
	r, err := find[*role](c, "roles", strings.ToLower(id))
	if err != nil {
		return answer{}, err
	}
	rows := each(c.world.granted(r), func(p *privilege) grantRow { return r.grantRow(p, r.unit.ID) })
	return c.grants("RetrieveRolePrivilegesRoleResponse", rows, r.unit.ID), nil
}

// userGrants are a user's privileges, each at its greatest depth, and those for some records only.
func (c *call) userGrants(u *user, wanted func(*privilege) bool) []grantRow {
	w := c.caller.permissions
	then := cmp.Or(lookup[user](w, u.ID), u)
	rows := []grantRow{}
	unnamed := lowerSet(c.world.env.UnnamedPrivileges)
	for _, p := range w.cat.privileges {
		if !wanted(p) || unnamed[strings.ToLower(p.Name)] {
			continue
		}
		deepest := DepthNone
		for _, h := range w.holdings(then, p) {
			switch {
			case h.team() != nil && h.depth == DepthBasic: // the team's own
			case h.role.odd(p):
				rows = append(rows, h.role.grantRow(p, u.unit.ID))
			default:
				deepest = max(deepest, h.depth)
			}
		}
		if deepest != DepthNone {
			rows = append(rows, newGrantRow(p, deepest, u.unit.ID))
		}
	}
	return rows
}

func (c *call) retrieveUserPrivileges(u *user, _ string) (answer, error) {
	if c.world.env.has(NoUserPrivileges) {
		return answer{}, noSegment("RetrieveUserPrivileges")
	}
	rows := c.userGrants(u, func(*privilege) bool { return true })
	return c.grants("RetrieveUserPrivilegesResponse", rows, u.unit.ID), nil
}

func (c *call) retrieveUserPrivilegesByNames(u *user, list string) (answer, error) {
	var names []string
	switch {
	case c.world.env.has(NoPrivilegesByNames):
		return answer{}, noSegment("RetrieveUserSetOfPrivilegesByNames")
	case !parseJSONParameter(list, &names):
		return answer{}, badSyntax()
	case c.world.env.has(FewNames) && len(names) > fewNames:
		return answer{}, invalid(codeInvalidArgument, "No more than %d privilege names can be passed.", fewNames)
	}
	set := lowerSet(names)
	rows := c.userGrants(u, func(p *privilege) bool { return set[strings.ToLower(p.Name)] })
	return c.response("RetrieveUserSetOfPrivilegesByNamesResponse", member{"RolePrivileges", rows}), nil
}

func (c *call) principalRef(id string) object {
	t := principalType(c.world.byID[id])
	if c.world.env.has(PrincipalsByReference) {
		return object{{"@odata.id", c.root + t + "s(" + id + ")"}}
	}
	return object{{"@odata.type", "#Microsoft.Dynamics.CRM." + t}, {t + "id", id}, {"ownerid", id}}
}

// retrieveSharedPrincipals answers for a personal view. A wrong entity set counts as a missing row.
func (c *call) retrieveSharedPrincipals(target string) (answer, error) {
	var ref struct {
		Address string `json:"@odata.id"`
	}
	parsed := parseJSONParameter(target, &ref)
	set, id, ok := parseReference(ref.Address, c.root)
	switch {
	case !parsed || !ok:
		return answer{}, badSyntax()
	case set == "savedqueries":
		return answer{}, invalid(codeViewNotSharable, "The view is not sharable.")
	case set != "userqueries":
		return answer{}, noRow("userquery", id)
	}
	v, err := find[*personalView](c, "userqueries", id)
	if err != nil {
		return answer{}, err
	}
	list := []object{}
	for _, sh := range v.Shares {
		if sh.rights() != 0 {
			list = append(list, object{{"AccessMask", sh.rights().wire()}, {"Principal", c.principalRef(sh.Principal)}})
		}
	}
	return c.response("RetrieveSharedPrincipalsAndAccessResponse", member{"PrincipalAccesses", list}), nil
}

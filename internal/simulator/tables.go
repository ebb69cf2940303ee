package simulator

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// The functions of this file describe the tables, one each. Columns are those of the table reference
// and of published $metadata documents; what the simulator has nothing to say about is null.

func organizationType() *entityType {
	t := &entityType{
		logicalName: "organization", entitySet: "organizations", key: "organizationid",
		privileges: []string{"prvReadOrganization"},
		rows:       func(w *world) []any { return []any{&w.env.Organization} },
		place:      func(*world, any) placement { return placement{} },
	}
	type row = *Organization
	id := func(r any) string { return r.(row).ID }
	t.columns = slices.Concat([]column{
		guidCol("organizationid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		stringCol("orgdborgsettings", orgSettings),
		boolCol("sharetopreviousowneronassign", func(*world, row) bool { return false }),
		constant("languagecode", kindInt, int64(1033)),
		constant("localeid", kindInt, int64(1033)),
		boolCol("isauditenabled", func(*world, row) bool { return true }),
		boolCol("issharinginorgallowed", func(*world, row) bool { return true }),
	}, audit(id))
	return t
}

// orgSettings is the orgdborgsettings column: an XML document with what the administrator has set.
func orgSettings(_ *world, o *Organization) string {
	setting := ""
	if across := o.RecordOwnershipAcrossBusinessUnits; across != Absent {
		setting = "<EnableOwnershipAcrossBusinessUnits>" + strconv.FormatBool(across == On) + "</EnableOwnershipAcrossBusinessUnits>"
	}
	if keep := o.KeepRolesOnMove; keep != Absent {
		setting += "<DoNotRemoveRolesOnChangeBusinessUnit>" + strconv.FormatBool(keep == On) + "</DoNotRemoveRolesOnChangeBusinessUnit>"
	}
	return "<OrgSettings><IsRetentionEnabled>true</IsRetentionEnabled><CanCreateApplicationStubUser>false</CanCreateApplicationStubUser>" +
		setting + "<AllowRoleAssignmentOnDisabledUsers>false</AllowRoleAssignmentOnDisabledUsers></OrgSettings>"
}

func businessUnitType() *entityType {
	t := &entityType{
		logicalName: "businessunit", entitySet: "businessunits", key: "businessunitid",
		privileges: []string{"prvReadBusinessUnit"},
		rows:       func(w *world) []any { return anys(w.units) },
		byID:       func(w *world, id string) any { return orNothing(w.unitByID[id]) },
		place:      func(_ *world, r any) placement { return placement{unit: r.(*unit)} },
	}
	type row = *unit
	id := func(r any) string { return r.(row).ID }
	parent, parentNav := lookupCol("_parentbusinessunitid_value", "parentbusinessunitid", "businessunit",
		func(_ *world, r row) any { return orNothing(r.parent) }, unitRef)
	t.columns = slices.Concat([]column{
		guidCol("businessunitid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		boolCol("isdisabled", func(_ *world, r row) bool { return r.Disabled }),
		parent,
		guidCol("_organizationid_value", func(w *world, _ row) string { return w.env.Organization.ID }),
		constant("inheritancemask", kindInt, int64(1023)),
		boolCol("workflowsuspended", func(*world, row) bool { return false }),
	}, empty(kindString, "divisionname", "description", "disabledreason", "emailaddress", "costcenter", "websiteurl", "fileasname"), audit(id))
	t.navs = []nav{
		parentNav,
		many("business_unit_parent_business_unit", "businessunit", func(w *world, r row) []any {
			return pick(w.units, func(u *unit) bool { return u.parent == r })
		}),
		many("business_unit_roles", "role", func(w *world, r row) []any {
			return pick(w.roles, func(o *role) bool { return o.unit == r })
		}),
		many("business_unit_teams", "team", func(w *world, r row) []any {
			return pick(w.teams, func(o *team) bool { return o.unit == r })
		}),
		many("business_unit_system_users", "systemuser", func(w *world, r row) []any {
			return pick(w.users, func(o *user) bool { return o.unit == r })
		}),
	}
	return t
}

func roleType() *entityType {
	t := &entityType{
		logicalName: "role", entitySet: "roles", key: "roleid",
		privileges: []string{"prvReadRole"},
		rows:       func(w *world) []any { return anys(w.roles) },
		byID:       func(w *world, id string) any { return orNothing(w.roleByID[id]) },
		place:      func(_ *world, r any) placement { return placement{unit: r.(*role).unit} },
		stampID:    func(r any) string { return r.(*role).root.id },
	}
	type row = *role
	unitCol, unitNav := lookupCol("_businessunitid_value", "businessunitid", "businessunit",
		func(_ *world, r row) any { return r.unit }, unitRef)
	parent, parentNav := lookupCol("_parentroleid_value", "parentroleid", "role",
		func(_ *world, r row) any { return orNothing(r.parent) }, roleRef)
	root, rootNav := lookupCol("_parentrootroleid_value", "parentrootroleid", "role",
		func(_ *world, r row) any { return r.root }, roleRef)
	template, templateNav := lookupCol("_roletemplateid_value", "roletemplateid", "roletemplate",
		func(_ *world, r row) any { return templateByID(r.Template) }, func(r any) (string, string) { return r.(roleTemplate).id, r.(roleTemplate).name })
	customizable := managedCol("iscustomizable", "iscustomizableanddeletable", func(r row) bool { return !r.NotCustomizable })
	known := customizable.get
	customizable.get = func(w *world, r any) any {
		if r.(row).CustomizableUnknown {
			return nil
		}
		return known(w, r)
	}
	// A template that is none of the well-known ones still has an id.
	template.get = func(_ *world, r any) any { return orNil(r.(row).Template) }
	t.columns = slices.Concat([]column{
		guidCol("roleid", func(_ *world, r row) string { return r.id }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		unitCol, parent, root, template,
		boolCol("ismanaged", func(_ *world, r row) bool { return r.Managed }),
		customizable,
		managedCol("canbedeleted", "canbedeleted", func(r row) bool { return !r.NotCustomizable }),
		intCol("isinherited", func(_ *world, r row) int { return asInt(!r.TeamPrivilegesOnly) }),
		intCol("componentstate", func(_ *world, r row) int { return stateNumber(r.State) }),
		constant("overwritetime", kindTime, zeroTime()),
		constant("isautoassigned", kindInt, int64(0)),
		boolCol("issytemgenerated", func(*world, row) bool { return false }),
		guidCol("organizationid", func(w *world, _ row) string { return w.env.Organization.ID }),
		guidCol("roleidunique", func(_ *world, r row) string { return deriveID(r.id, "unique") }),
		guidCol("solutionid", func(*world, row) string { return deriveID("", "solution", "active") }),
	}, empty(kindString, "description", "appliesto", "summaryofcoretablepermissions"), empty(kindGUID, "applicationid"), made(audit(t.stampID), func(r row) Creation { return r.Created }))
	t.navs = []nav{
		unitNav, parentNav, rootNav, templateNav,
		many("role_parent_role", "role", func(w *world, r row) []any {
			return pick(w.roles, func(o *role) bool { return o.parent == r })
		}),
		many("role_parent_root_role", "role", func(w *world, r row) []any {
			return pick(w.roles, func(o *role) bool { return o.root == r })
		}),
		many("roleprivileges_association", "privilege", func(w *world, r row) []any {
			return pick(w.cat.privileges, func(p *privilege) bool { return r.depth(p) != DepthNone })
		}),
		many("systemuserroles_association", "systemuser", func(w *world, r row) []any {
			return pick(w.users, func(u *user) bool { return slices.Contains(u.roles, r) })
		}),
		many("teamroles_association", "team", func(w *world, r row) []any {
			return pick(w.teams, func(o *team) bool { return slices.Contains(o.roles, r) })
		}),
	}
	return t
}

func roleTemplateType() *entityType {
	t := &entityType{
		logicalName: "roletemplate", entitySet: "roletemplates", key: "roletemplateid",
		rows:  func(*world) []any { return anys(roleTemplates()) },
		place: func(*world, any) placement { return placement{} },
	}
	t.columns = []column{
		guidCol("roletemplateid", func(_ *world, r roleTemplate) string { return r.id }),
		stringCol("name", func(_ *world, r roleTemplate) string { return r.name }),
	}
	t.navs = []nav{many("role_template_roles", "role", func(w *world, r roleTemplate) []any {
		return pick(w.roles, func(o *role) bool { return o.Template == r.id })
	})}
	return t
}

func templateByID(id string) any {
	for _, t := range roleTemplates() {
		if t.id == id {
			return t
		}
	}
	return nil
}

// A rolePrivilege is a row of the roleprivileges table.
type rolePrivilege struct {
	role      *role
	privilege *privilege
}

func rolePrivilegesType() *entityType {
	t := &entityType{
		logicalName: "roleprivileges", entitySet: "roleprivilegescollection", key: "roleprivilegeid",
		privileges: []string{"prvReadRole"},
		place:      func(_ *world, r any) placement { return placement{unit: r.(rolePrivilege).role.unit} },
	}
	t.rows = func(w *world) []any {
		var rows []any
		for _, r := range w.roles {
			if r.root != r {
				continue // rows stand on the root copy alone
			}
			for _, p := range w.cat.privileges {
				if r.depth(p) != DepthNone {
					rows = append(rows, rolePrivilege{r, p})
				}
			}
		}
		return rows
	}
	type row = rolePrivilege
	t.columns = []column{
		guidCol("roleprivilegeid", func(_ *world, r row) string { return deriveID(r.role.id, r.privilege.ID) }),
		guidCol("roleid", func(_ *world, r row) string { return r.role.id }),
		guidCol("privilegeid", func(_ *world, r row) string { return r.privilege.ID }),
		intCol("privilegedepthmask", func(_ *world, r row) int { return r.role.depthMask(r.privilege) }),
		guidCol("recordfilterid", func(_ *world, r row) string { return cmp.Or(r.role.recordFilter(r.privilege), zeroGUID) }),
		intCol("componentstate", func(*world, row) int { return 0 }),
		boolCol("ismanaged", func(_ *world, r row) bool { return r.role.Managed }),
		managedCol("canbedeleted", "canbedeleted", func(row) bool { return true }),
		constant("overwritetime", kindTime, zeroTime()),
		guidCol("roleprivilegeidunique", func(_ *world, r row) string { return deriveID(r.role.id, r.privilege.ID, "unique") }),
		guidCol("solutionid", func(*world, row) string { return deriveID("", "solution", "active") }),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	return t
}

func privilegeType() *entityType {
	t := &entityType{
		logicalName: "privilege", entitySet: "privileges", key: "privilegeid",
		rows:  func(w *world) []any { return anys(w.cat.privileges) },
		byID:  func(w *world, id string) any { return orNothing(w.cat.byID[id]) },
		place: func(*world, any) placement { return placement{} },
	}
	type row = *privilege
	t.columns = []column{
		guidCol("privilegeid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		intCol("accessright", func(_ *world, r row) int { return r.accessRight() }),
		boolCol("canbebasic", func(_ *world, r row) bool { return r.Allows(DepthBasic) }),
		boolCol("canbelocal", func(_ *world, r row) bool { return r.Allows(DepthLocal) }),
		boolCol("canbedeep", func(_ *world, r row) bool { return r.Allows(DepthDeep) }),
		boolCol("canbeglobal", func(_ *world, r row) bool { return r.Allows(DepthGlobal) }),
		boolCol("canbeentityreference", func(*world, row) bool { return false }),
		boolCol("canbeparententityreference", func(*world, row) bool { return false }),
		intCol("componentstate", func(*world, row) int { return 0 }),
		boolCol("ismanaged", func(*world, row) bool { return true }),
		constant("introducedversion", kindString, nil),
		constant("overwritetime", kindTime, zeroTime()),
		guidCol("privilegerowid", func(_ *world, r row) string { return deriveID(r.ID, "row") }),
		guidCol("solutionid", func(*world, row) string { return deriveID("", "solution", "active") }),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	t.navs = []nav{many("roleprivileges_association", "role", func(w *world, r row) []any {
		return pick(w.roles, func(o *role) bool { return o.depth(r) != DepthNone })
	})}
	return t
}

func systemUserType() *entityType {
	t := &entityType{
		logicalName: "systemuser", entitySet: "systemusers", key: "systemuserid",
		privileges: []string{"prvReadUser"},
		rows:       func(w *world) []any { return anys(w.users) },
		byID:       func(w *world, id string) any { return orNothing(w.userByID[id]) },
		place:      func(_ *world, r any) placement { return placement{r.(*user).unit, r.(*user).ID} },
	}
	type row = *user
	id := func(r any) string { return r.(row).ID }
	unitCol, unitNav := lookupCol("_businessunitid_value", "businessunitid", "businessunit",
		func(_ *world, r row) any { return r.unit }, unitRef)
	t.columns = slices.Concat([]column{
		guidCol("systemuserid", func(_ *world, r row) string { return r.ID }),
		guidCol("ownerid", func(_ *world, r row) string { return r.ID }),
		stringCol("fullname", func(_ *world, r row) string { return r.Name }),
		stringCol("firstname", func(_ *world, r row) string { first, _, _ := strings.Cut(r.Name, " "); return first }),
		stringCol("lastname", func(_ *world, r row) string { _, last, _ := strings.Cut(r.Name, " "); return last }),
		stringCol("yomifullname", func(_ *world, r row) string { return r.Name }),
		stringCol("domainname", func(_ *world, r row) string { return domainName(r) }),
		stringCol("windowsliveid", func(_ *world, r row) string { return r.UPN }),
		stringCol("internalemailaddress", func(_ *world, r row) string { return domainName(r) }),
		guidCol("applicationid", func(_ *world, r row) string { return r.ApplicationID }),
		guidCol("azureactivedirectoryobjectid", func(_ *world, r row) string { return r.EntraObjectID }),
		intCol("accessmode", func(_ *world, r row) int { return r.accessMode() }),
		boolCol("isdisabled", func(_ *world, r row) bool { return r.Disabled }),
		boolCol("islicensed", func(_ *world, r row) bool { return r.Licensed }),
		intCol("userlicensetype", func(_ *world, r row) int { return 38 * asInt(r.Licensed) }),
		intCol("caltype", func(_ *world, r row) int { return 7 * asInt(r.Licensed) }),
		unitCol,
		boolCol("isintegrationuser", func(*world, row) bool { return false }),
		boolCol("setupuser", func(*world, row) bool { return false }),
		intCol("azurestate", func(_ *world, r row) int { return r.entraState() }),
		intCol("deletedstate", func(_ *world, r row) int { return asInt(r.SoftDeleted) }),
		intCol("systemmanagedusertype", func(*world, row) int { return 0 }),
		guidCol("organizationid", func(w *world, _ row) string { return w.env.Organization.ID }),
		boolCol("issyncwithdirectory", func(_ *world, r row) bool { return !r.application }),
		intCol("invitestatuscode", func(*world, row) int { return 0 }),
		boolCol("defaultfilterspopulated", func(*world, row) bool { return false }),
		boolCol("displayinserviceviews", func(*world, row) bool { return false }),
		boolCol("isemailaddressapprovedbyo365admin", func(*world, row) bool { return false }),
		intCol("emailrouteraccessapproval", func(*world, row) int { return 2 }),
		intCol("incomingemaildeliverymethod", func(*world, row) int { return 2 }),
		intCol("outgoingemaildeliverymethod", func(*world, row) int { return 2 }),
		intCol("preferredaddresscode", func(*world, row) int { return 1 }),
		intCol("preferredemailcode", func(*world, row) int { return 1 }),
		intCol("preferredphonecode", func(*world, row) int { return 1 }),
	}, empty(kindString, "applicationiduri", "disabledreason", "title", "jobtitle", "middlename", "nickname", "salutation",
		"personalemailaddress", "mobilealertemail", "mobilephone", "homephone", "address1_telephone1", "address1_city",
		"address1_country", "employeeid", "governmentid", "photourl", "sharepointemailaddress", "yammeremailaddress", "userpuid", "skills"),
		empty(kindTime, "azuredeletedon"),
		empty(kindGUID, "_parentsystemuserid_value", "_positionid_value", "_queueid_value", "_territoryid_value", "_siteid_value",
			"_defaultmailbox_value", "_calendarid_value", "_transactioncurrencyid_value", "_mobileofflineprofileid_value"),
		made(audit(id), func(r row) Creation { return r.Created }))
	t.navs = []nav{
		unitNav,
		many("systemuserroles_association", "role", func(_ *world, r row) []any { return anys(r.roles) }),
		many("teammembership_association", "team", func(_ *world, r row) []any { return anys(r.teams) }),
		many("systemuserprofiles_association", "fieldsecurityprofile", func(_ *world, r row) []any { return anys(r.profiles) }),
	}
	return t
}

// domainName is a person's user principal name; that of an application user is made up of its id.
func domainName(u *user) string {
	if u.application {
		return u.ApplicationID + "@applicationuser.invalid"
	}
	return u.UPN
}

// A userRole is a row of the systemuserroles table; a teamRole and a membership are its siblings.
type userRole struct {
	user *user
	role *role
}

func systemUserRolesType() *entityType {
	type row = userRole
	t := &entityType{
		logicalName: "systemuserroles", entitySet: "systemuserrolescollection", key: "systemuserroleid",
		privileges: []string{"prvReadUser", "prvReadRole"},
		place:      func(_ *world, r any) placement { return placement{r.(row).user.unit, r.(row).user.ID} },
	}
	t.rows = func(w *world) []any {
		var rows []any
		for _, u := range w.users {
			for _, r := range u.roles {
				rows = append(rows, row{u, r})
			}
		}
		return rows
	}
	t.columns = []column{
		guidCol("systemuserroleid", func(_ *world, r row) string { return deriveID(r.user.ID, r.role.id) }),
		guidCol("systemuserid", func(_ *world, r row) string { return r.user.ID }),
		guidCol("roleid", func(_ *world, r row) string { return r.role.id }),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	return t
}

func teamType() *entityType {
	t := &entityType{
		logicalName: "team", entitySet: "teams", key: "teamid",
		privileges: []string{"prvReadTeam"},
		rows:       func(w *world) []any { return anys(w.teams) },
		byID:       func(w *world, id string) any { return orNothing(w.teamByID[id]) },
		place:      func(_ *world, r any) placement { return placement{r.(*team).unit, r.(*team).ID} },
	}
	type row = *team
	id := func(r any) string { return r.(row).ID }
	unitCol, unitNav := lookupCol("_businessunitid_value", "businessunitid", "businessunit",
		func(_ *world, r row) any { return r.unit }, unitRef)
	t.columns = slices.Concat([]column{
		guidCol("teamid", func(_ *world, r row) string { return r.ID }),
		guidCol("ownerid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		intCol("teamtype", func(_ *world, r row) int { return max(0, slices.Index(teamTypes(), r.Type)) }),
		intCol("membershiptype", func(*world, row) int { return 0 }),
		boolCol("isdefault", func(_ *world, r row) bool { return r.Default }),
		boolCol("systemmanaged", func(_ *world, r row) bool { return r.Default }),
		unitCol,
		guidCol("organizationid", func(w *world, _ row) string { return w.env.Organization.ID }),
	}, empty(kindString, "description", "emailaddress", "yominame"),
		empty(kindGUID, "azureactivedirectoryobjectid", "_administratorid_value", "_queueid_value", "_teamtemplateid_value",
			"_regardingobjectid_value", "_transactioncurrencyid_value"), audit(id))
	t.navs = []nav{
		unitNav,
		many("teamroles_association", "role", func(_ *world, r row) []any { return anys(r.roles) }),
		many("teammembership_association", "systemuser", func(_ *world, r row) []any { return anys(r.members) }),
		many("teamprofiles_association", "fieldsecurityprofile", func(_ *world, r row) []any { return anys(r.profiles) }),
	}
	return t
}

type teamRole struct {
	team *team
	role *role
}

func teamRolesType() *entityType {
	type row = teamRole
	t := &entityType{
		logicalName: "teamroles", entitySet: "teamrolescollection", key: "teamroleid",
		privileges: []string{"prvReadTeam", "prvReadRole"},
		place:      func(_ *world, r any) placement { return placement{r.(row).team.unit, r.(row).team.ID} },
	}
	t.rows = func(w *world) []any {
		var rows []any
		for _, o := range w.teams {
			for _, r := range o.roles {
				rows = append(rows, row{o, r})
			}
		}
		return rows
	}
	t.columns = []column{
		guidCol("teamroleid", func(_ *world, r row) string { return deriveID(r.team.ID, r.role.id) }),
		guidCol("teamid", func(_ *world, r row) string { return r.team.ID }),
		guidCol("roleid", func(_ *world, r row) string { return r.role.id }),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	return t
}

type membership struct {
	team *team
	user *user
}

func teamMembershipType() *entityType {
	type row = membership
	t := &entityType{
		logicalName: "teammembership", entitySet: "teammemberships", key: "teammembershipid",
		privileges: []string{"prvReadTeam", "prvReadUser"},
		place:      func(_ *world, r any) placement { return placement{r.(row).team.unit, r.(row).team.ID} },
	}
	t.rows = func(w *world) []any {
		var rows []any
		for _, o := range w.teams {
			for _, u := range o.members {
				rows = append(rows, row{o, u})
			}
		}
		return rows
	}
	t.columns = []column{
		guidCol("teammembershipid", func(_ *world, r row) string { return deriveID(r.team.ID, r.user.ID) }),
		guidCol("teamid", func(_ *world, r row) string { return r.team.ID }),
		guidCol("systemuserid", func(_ *world, r row) string { return r.user.ID }),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	return t
}

func userQueryType() *entityType {
	t := &entityType{
		logicalName: "userquery", entitySet: "userqueries", key: "userqueryid",
		privileges: []string{"prvReadUserQuery"},
		rows:       func(w *world) []any { return anys(w.views) },
		byID:       func(w *world, id string) any { return orNothing(w.viewByID[id]) },
		place: func(_ *world, r any) placement {
			return placement{r.(*personalView).ownerUnit(), r.(*personalView).ownerID()}
		},
		visible: func(w *world, c *caller, r any) bool {
			return w.viewRights(c, r.(*personalView))&RightRead != 0 || w.env.has(ViewsOfEverybody) && c.impersonator == nil
		},
	}
	type row = *personalView
	id := func(r any) string { return r.(row).ID }
	owningUser, owningUserNav := lookupCol("_owninguser_value", "owninguser", "systemuser",
		func(_ *world, r row) any { return orNothing(r.ownerUser) }, userRef)
	owningTeam, owningTeamNav := lookupCol("_owningteam_value", "owningteam", "team",
		func(_ *world, r row) any { return orNothing(r.ownerTeam) }, teamRef)
	owningUnit, owningUnitNav := lookupCol("_owningbusinessunit_value", "owningbusinessunit", "businessunit",
		func(_ *world, r row) any { return r.ownerUnit() }, unitRef)
	owner := guidCol("_ownerid_value", func(_ *world, r row) string { return r.ownerID() })
	owner.nav = "ownerid"
	owner.lookup = func(w *world, r any) (string, string) {
		if logical, name := owningTeam.lookup(w, r); logical != "" {
			return logical, name
		}
		return owningUser.lookup(w, r)
	}
	t.columns = slices.Concat([]column{
		guidCol("userqueryid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		stringCol("returnedtypecode", func(_ *world, r row) string { return r.Table }),
		intCol("querytype", func(*world, row) int { return 0 }),
		intCol("statecode", func(_ *world, r row) int { return asInt(r.Inactive) }),
		intCol("statuscode", func(_ *world, r row) int { return 1 + asInt(r.Inactive) }),
		owner, owningUser, owningTeam, owningUnit,
		stringCol("fetchxml", func(_ *world, r row) string { return viewFetch(r.Table) }),
	}, empty(kindString, "description", "layoutxml", "layoutjson", "columnsetxml", "conditionalformatting", "advancedgroupby", "offlinesqlquery"),
		empty(kindGUID, "_parentqueryid_value"), audit(id))
	t.navs = []nav{owningUserNav, owningTeamNav, owningUnitNav}
	return t
}

func savedQueryType() *entityType {
	t := &entityType{
		logicalName: "savedquery", entitySet: "savedqueries", key: "savedqueryid",
		privileges: []string{"prvReadQuery"},
		rows:       func(w *world) []any { return anys(w.queries) },
		byID:       func(w *world, id string) any { return orNothing(w.queryByID[id]) },
		place:      func(*world, any) placement { return placement{} },
	}
	type row = *SystemView
	id := func(r any) string { return r.(row).ID }
	t.columns = slices.Concat([]column{
		guidCol("savedqueryid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		stringCol("returnedtypecode", func(_ *world, r row) string { return r.Table }),
		intCol("querytype", func(_ *world, r row) int { return 4 * asInt(r.QuickFind) }),
		intCol("statecode", func(_ *world, r row) int { return asInt(r.Inactive) }),
		intCol("statuscode", func(_ *world, r row) int { return 1 + asInt(r.Inactive) }),
		boolCol("isdefault", func(_ *world, r row) bool { return r.Default }),
		boolCol("isquickfindquery", func(_ *world, r row) bool { return r.QuickFind }),
		boolCol("ismanaged", func(*world, row) bool { return true }),
		boolCol("isuserdefined", func(*world, row) bool { return false }),
		boolCol("iscustom", func(*world, row) bool { return false }),
		managedCol("iscustomizable", "iscustomizable", func(row) bool { return true }),
		managedCol("canbedeleted", "canbedeleted", func(row) bool { return false }),
		intCol("componentstate", func(*world, row) int { return 0 }),
		guidCol("_organizationid_value", func(w *world, _ row) string { return w.env.Organization.ID }),
		guidCol("savedqueryidunique", func(_ *world, r row) string { return deriveID(r.ID, "unique") }),
		guidCol("solutionid", func(*world, row) string { return deriveID("", "solution", "active") }),
		stringCol("fetchxml", func(_ *world, r row) string { return viewFetch(r.Table) }),
		constant("overwritetime", kindTime, zeroTime()),
	}, empty(kindString, "description", "layoutxml", "layoutjson", "columnsetxml", "conditionalformatting", "advancedgroupby", "introducedversion"), audit(id))
	return t
}

func viewFetch(table string) string {
	return `<fetch version="1.0" mapping="logical"><entity name="` + table + `"><attribute name="` + table + `id" /></entity></fetch>`
}

// A poa is a row of the share table: what a view gives to a principal.
type poa struct {
	view  *personalView
	share share
}

func principalObjectAccessType() *entityType {
	type row = poa
	t := &entityType{
		logicalName: "principalobjectaccess", entitySet: "principalobjectaccessset", key: "principalobjectaccessid",
		privileges: []string{"prvReadUser", "prvReadTeam"}, anyPrivilege: true,
	}
	t.rows = func(w *world) []any {
		var rows []any
		for _, v := range w.views {
			for _, s := range v.shares {
				rows = append(rows, row{v, s})
			}
		}
		return rows
	}
	t.visible = func(w *world, c *caller, r any) bool {
		if w.env.has(SharesInPart) && !c.user.isOrJoins(r.(row).share.principal) {
			return false
		}
		if o := w.teamByID[r.(row).share.principal]; o != nil {
			return c.reaches(c.holdings(w.cat.privilege("prvReadTeam")), placement{o.unit, o.ID})
		}
		u := w.userByID[r.(row).share.principal]
		return c.reaches(c.holdings(w.cat.privilege("prvReadUser")), placement{u.unit, u.ID})
	}
	t.columns = []column{
		guidCol("principalobjectaccessid", func(_ *world, r row) string { return deriveID(r.view.ID, r.share.principal) }),
		guidCol("principalid", func(_ *world, r row) string { return r.share.principal }),
		stringCol("principaltypecode", func(_ *world, r row) string {
			if r.share.team {
				return "team"
			}
			return "systemuser"
		}),
		guidCol("objectid", func(_ *world, r row) string { return r.view.ID }),
		stringCol("objecttypecode", func(*world, row) string { return "userquery" }),
		intCol("accessrightsmask", func(_ *world, r row) int { return int(r.share.own) }),
		intCol("inheritedaccessrightsmask", func(_ *world, r row) int { return int(r.share.inherited) }),
		constant("changedon", kindTime, baseTime()),
		constant("timezoneruleversionnumber", kindInt, nil),
		constant("utcconversiontimezonecode", kindInt, nil),
		constant("versionnumber", kindInt, int64(baseVersion)),
	}
	return t
}

func fieldSecurityProfileType() *entityType {
	type row = *profile
	t := &entityType{
		logicalName: "fieldsecurityprofile", entitySet: "fieldsecurityprofiles", key: "fieldsecurityprofileid",
		privileges: []string{"prvReadFieldSecurityProfile"},
		rows:       func(w *world) []any { return anys(w.profiles) },
		place:      func(*world, any) placement { return placement{} },
	}
	id := func(r any) string { return r.(row).ID }
	t.columns = slices.Concat([]column{
		guidCol("fieldsecurityprofileid", func(_ *world, r row) string { return r.ID }),
		stringCol("name", func(_ *world, r row) string { return r.Name }),
		boolCol("ismanaged", func(*world, row) bool { return false }),
		intCol("componentstate", func(*world, row) int { return 0 }),
		guidCol("_organizationid_value", func(w *world, _ row) string { return w.env.Organization.ID }),
		guidCol("fieldsecurityprofileidunique", func(_ *world, r row) string { return deriveID(r.ID, "unique") }),
		guidCol("solutionid", func(*world, row) string { return deriveID("", "solution", "active") }),
		constant("overwritetime", kindTime, zeroTime()),
	}, empty(kindString, "description"), audit(id))
	t.navs = []nav{
		many("systemuserprofiles_association", "systemuser", func(_ *world, r row) []any { return anys(r.members) }),
		many("teamprofiles_association", "team", func(_ *world, r row) []any { return anys(r.teams) }),
	}
	return t
}

func fieldPermissionType() *entityType {
	type row = fieldPermission
	t := &entityType{
		logicalName: "fieldpermission", entitySet: "fieldpermissions", key: "fieldpermissionid",
		privileges: []string{"prvReadFieldSecurityProfile"},
		place:      func(*world, any) placement { return placement{} },
	}
	t.rows = func(w *world) []any {
		var all []any
		for _, p := range w.profiles {
			all = append(all, anys(p.permissions())...)
		}
		return all
	}
	part := func(column string, i int) string { return strings.SplitN(column, ".", 2)[i] }
	allowed := func(yes bool) int { return 4 * asInt(yes) }
	t.columns = []column{
		guidCol("fieldpermissionid", func(_ *world, r row) string { return deriveID(r.profile.ID, r.column, strconv.FormatBool(r.read)) }),
		guidCol("_fieldsecurityprofileid_value", func(_ *world, r row) string { return r.profile.ID }),
		stringCol("entityname", func(_ *world, r row) string { return part(r.column, 0) }),
		stringCol("attributelogicalname", func(_ *world, r row) string { return part(r.column, 1) }),
		intCol("canread", func(_ *world, r row) int { return allowed(r.read) }),
		intCol("cancreate", func(*world, row) int { return 0 }),
		intCol("canupdate", func(*world, row) int { return 0 }),
		intCol("canreadunmasked", func(*world, row) int { return 0 }),
	}
	return t
}

// settings is a row of the usersettings table: one for each user.
type settings struct{ user *user }

func userSettingsType() *entityType {
	type row = settings
	t := &entityType{
		logicalName: "usersettings", entitySet: "usersettingscollection", key: "systemuserid",
		privileges: []string{"prvReadUserSettings"},
		place:      func(_ *world, r any) placement { return placement{r.(row).user.unit, r.(row).user.ID} },
	}
	t.rows = func(w *world) []any {
		rows := make([]any, len(w.users))
		for i, u := range w.users {
			rows[i] = row{u}
		}
		return rows
	}
	t.columns = slices.Concat([]column{
		guidCol("systemuserid", func(_ *world, r row) string { return r.user.ID }),
		guidCol("businessunitid", func(_ *world, r row) string { return r.user.unit.ID }),
		constant("uilanguageid", kindInt, int64(1033)),
		constant("localeid", kindInt, int64(1033)),
		constant("timezonecode", kindInt, int64(85)),
		constant("paginglimit", kindInt, int64(50)),
	}, audit(func(r any) string { return r.(row).user.ID }))
	return t
}

func unitRef(r any) (id, label string) { return r.(*unit).ID, r.(*unit).Name }
func roleRef(r any) (id, label string) { return r.(*role).id, r.(*role).Name }
func userRef(r any) (id, label string) { return r.(*user).ID, r.(*user).Name }
func teamRef(r any) (id, label string) { return r.(*team).ID, r.(*team).Name }

func stateNumber(s ComponentState) int { return max(0, slices.Index(componentStates(), s)) }

// orNothing turns a nil pointer into no row: an interface that holds one is not nil.
func orNothing[T any](row *T) any {
	if row == nil {
		return nil
	}
	return row
}

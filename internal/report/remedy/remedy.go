// Package remedy turns a proposed fix, which is data, into what a person can do
// about it: a sentence, clicks in the portal, Web API requests and commands.
//
// Nothing here is carried out. The strings hold names as the environment has them:
// bodies are JSON, filters are quoted and percent-encoded and command arguments are
// quoted for a POSIX shell, but whoever prints a string still has to escape it for
// where it is printed. An id that the fix does not carry appears as a {placeholder}
// which an earlier request of the same remedy shows how to find.
//
// The clicks follow Microsoft's pages "Create or edit a security role to manage
// access", "Manage application users in the Power Platform admin center" and
// "Manage users in Power Platform"; the requests follow the "Dataverse Web API
// Reference" and "Use Web API functions" and "actions".
package remedy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Remedy is a fix in a person's terms. Parts that make no sense for the kind of
// fix are empty.
type Remedy struct {
	// Summary is one short sentence.
	Summary string
	// Portal is what to click, step by step.
	Portal []string
	// Requests are Web API requests, in order.
	Requests []Request
	// Commands are command lines, in order.
	Commands []string
}

// A Request is one Web API request.
type Request struct {
	// Purpose says what the request is for.
	Purpose string
	Method  string
	URL     string
	// Body is indented JSON; empty where there is none.
	Body string
}

// listed is how many requests or steps stand for a long list of privileges: the
// rest goes the same way and is named in the summary's count.
const listed = 10

// For describes the fix in the environment.
func For(f audit.Fix, env audit.Environment) Remedy {
	m := newMaker(f, env)
	r := Remedy{Summary: m.summary(), Portal: m.portal(), Requests: m.requests()}
	r.Commands = m.commands()
	return r
}

// Summary is the sentence of [For] alone.
func Summary(f audit.Fix) string {
	return newMaker(f, audit.Environment{}).summary()
}

type maker struct {
	fix audit.Fix
	env audit.Environment
}

// newMaker drops references that refer to nothing, so that one nil stands for
// "the fix doesn't say".
func newMaker(f audit.Fix, env audit.Environment) maker {
	for _, ref := range []**audit.Reference{&f.Role, &f.User, &f.Team, &f.View, &f.Owner, &f.BusinessUnit} {
		if *ref != nil && (*ref).ID == "" && (*ref).Name == "" {
			*ref = nil
		}
	}
	return maker{fix: f, env: env}
}

func (m maker) summary() string {
	f := m.fix
	switch f.Kind {
	case audit.FixCreateRole:
		return fmt.Sprintf("Create the security role %s%s.", name(f.Role, "for the integration"), with(f.Privileges))
	case audit.FixAddPrivilege:
		return fmt.Sprintf("Grant %s to the role %s.", grants(f.Privileges, true), name(f.Role, "of the integration"))
	case audit.FixRaiseDepth:
		return fmt.Sprintf("Raise %s in the role %s.", grants(f.Privileges, true), name(f.Role, "of the integration"))
	case audit.FixRemovePrivilege:
		return fmt.Sprintf("Take %s from the role %s.", grants(f.Privileges, false), name(f.Role, "of the integration"))
	case audit.FixCreateApplicationUser:
		return fmt.Sprintf("Create the application user%s%s.", forApplication(f.ApplicationID), inUnit(f.BusinessUnit))
	case audit.FixEnableUser:
		return fmt.Sprintf("Enable the user %s.", name(f.User, "of the integration"))
	case audit.FixAssignRole:
		return fmt.Sprintf("Assign the role %s to the user %s.", name(f.Role, "of the integration"), name(f.User, "of the integration"))
	case audit.FixUnassignRole:
		return fmt.Sprintf("Take the role %s from the user %s.", name(f.Role, "in question"), name(f.User, "of the integration"))
	case audit.FixShareView:
		return fmt.Sprintf("Share the view %s with %s, Read only%s.", name(f.View, "in question"), name(f.User, "the integration user"), byOwner(f.Owner))
	case audit.FixReduceShare:
		return fmt.Sprintf("Reduce the share of the view %s to Read%s%s.", name(f.View, "in question"), forPrincipals(f.Principals), byOwner(f.Owner))
	case audit.FixInstallApp:
		return fmt.Sprintf("Install the app that brings %s: no grant can repair what the environment does not define.", brought(f))
	case audit.FixReplaceRole:
		return fmt.Sprintf("Give the integration a custom role of its own in place of %s.", name(f.Role, "the built-in one"))
	case audit.FixReplaceUser:
		return fmt.Sprintf("Have the integration run as an application user in place of %s.", name(f.User, "a person's account"))
	case audit.FixRemoveDuplicateUser:
		return fmt.Sprintf("Leave one user%s, and disable and delete the others.", forApplication(f.ApplicationID))
	case audit.FixMoveUser:
		return fmt.Sprintf("Move the user %s to the business unit %s.", name(f.User, "of the integration"), name(f.BusinessUnit, "that the configuration names"))
	case audit.FixRemoveFromTeam:
		return fmt.Sprintf("Take the user %s out of the team %s%s.", name(f.User, "of the integration"), name(f.Team, "in question"), orRole(f.Role))
	case audit.FixFindView:
		return fmt.Sprintf("Create the view %s%s, or name its owner in the configuration so that it can be looked at.", name(f.View, "that is required"), ofTable(f.Table))
	case audit.FixActivateView:
		return fmt.Sprintf("Activate the view %s%s.", name(f.View, "in question"), byOwner(f.Owner))
	case audit.FixCorrectConfiguration:
		return fmt.Sprintf("Correct the configuration: it asks for %s, which cannot be met as it stands.", asked(f))
	case audit.FixUnknown:
	}
	return "See the control's page for how to fix this."
}

// Level is the access level of a depth as the security-role editor names it; an
// unknown depth is returned as it is.
func Level(depth string) string {
	switch depth {
	case "none":
		return "None"
	case "basic":
		return "User"
	case "local":
		return "Business Unit"
	case "deep":
		return "Parent: Child Business Units"
	case "global":
		return "Organization"
	}
	return depth
}

// Rights lists the rights that a privilege to a table can give, in the order of
// the security-role editor's columns.
func Rights() []string {
	return []string{"Create", "Read", "Write", "Delete", "Append", "Append To", "Assign", "Share"}
}

// Split takes the name of a privilege apart into the right and the row of the
// security-role editor, such as "Append To" and "Lead". The right of a privilege
// without a table is empty.
func Split(privilege string) (right, row string) {
	rest, ok := cutPrefixFold(privilege, "prv")
	if !ok {
		return "", privilege
	}
	best := ""
	for _, r := range Rights() {
		verb := strings.ReplaceAll(r, " ", "")
		// AppendTo begins with Append: the longest verb wins.
		if after, ok := cutPrefixFold(rest, verb); ok && after != "" && len(r) > len(best) {
			best = r
		}
	}
	if best == "" {
		return "", label(rest)
	}
	return best, label(rest[len(strings.ReplaceAll(best, " ", "")):])
}

// label is the editor's name for a table where it differs from the schema name
// that privileges are named after.
func label(schema string) string {
	switch strings.ToLower(schema) {
	case "userquery":
		return "Saved View"
	case "query":
		return "View"
	case "attribute":
		return "Field"
	case "workflow":
		return "Process"
	case "asyncoperation":
		return "System Job"
	case "transactioncurrency":
		return "Currency"
	case "customeropportunityrole":
		return "Opportunity Relationship"
	case "list":
		return "Marketing List"
	case "bulkedit":
		return "Bulk Edit"
	case "usersettings":
		return "User Settings"
	case "attributemap":
		return "Attribute Map"
	case "entitymap":
		return "Entity Map"
	}
	return schema
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

func name(r *audit.Reference, otherwise string) string {
	switch {
	case r == nil:
		return otherwise
	case r.Name != "":
		return `"` + r.Name + `"`
	case r.ID != "":
		return r.ID
	}
	return otherwise
}

func grants(gs []audit.Grant, depth bool) string {
	const shown = 3
	if len(gs) == 0 {
		return "the missing privileges"
	}
	var names []string
	for i, g := range gs {
		if i == shown {
			break
		}
		n := g.Name
		if depth && g.Depth != "" {
			n += " (" + Level(g.Depth) + ")"
		}
		names = append(names, n)
	}
	if more := len(gs) - len(names); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), more)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

func with(gs []audit.Grant) string {
	switch len(gs) {
	case 0:
		return ""
	case 1:
		return " with " + gs[0].Name
	}
	return fmt.Sprintf(" with %d privileges", len(gs))
}

func forApplication(id string) string {
	if id == "" {
		return ""
	}
	return " of the application " + id
}

func inUnit(bu *audit.Reference) string {
	if bu == nil {
		return ""
	}
	return " in the business unit " + name(bu, "of the integration")
}

func byOwner(owner *audit.Reference) string {
	if owner == nil {
		return ""
	}
	return ", as its owner " + name(owner, "")
}

func forPrincipals(ps []audit.Reference) string {
	switch len(ps) {
	case 0:
		return ""
	case 1:
		return " for " + name(&ps[0], "whom it is shared with")
	}
	return fmt.Sprintf(" for %s and %d more", name(&ps[0], "one"), len(ps)-1)
}

func brought(f audit.Fix) string {
	switch {
	case f.Table != "" && len(f.Privileges) > 0:
		return fmt.Sprintf("the table %s and %s", f.Table, grants(f.Privileges, false))
	case f.Table != "":
		return "the table " + f.Table
	}
	return grants(f.Privileges, false)
}

func orRole(role *audit.Reference) string {
	if role == nil {
		return ""
	}
	return ", or the role " + name(role, "in question") + " from the team"
}

func ofTable(table string) string {
	if table == "" {
		return ""
	}
	return " of the table " + table
}

func asked(f audit.Fix) string {
	switch {
	case f.View != nil:
		return "the view " + name(f.View, "in question") + ofTable(f.Table)
	case f.Role != nil:
		return "the role " + name(f.Role, "in question")
	case f.User != nil:
		return "the user " + name(f.User, "in question")
	}
	return "something"
}

// admin is the step that leads to a page of the environment's settings.
func (m maker) admin(page string) string {
	return fmt.Sprintf("Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > %s > Settings > Users + permissions > %s.", m.place(), page)
}

// place is what the portal's list of environments has to be searched for.
func (m maker) place() string {
	return orElse(m.env.URL, orElse(m.env.Name, "the environment"))
}

func (m maker) portal() []string {
	f := m.fix
	role := name(f.Role, "of the integration")
	user := name(f.User, "of the integration")
	view := name(f.View, "in question")
	switch f.Kind {
	case audit.FixCreateRole:
		steps := []string{
			m.admin("Security roles"),
			fmt.Sprintf("Choose + New role, name it %s, choose the root business unit, and save.", role),
		}
		return append(steps, m.setLevels()...)
	case audit.FixAddPrivilege, audit.FixRaiseDepth:
		return append([]string{m.admin("Security roles"), fmt.Sprintf("Open the role %s.", role)}, m.setLevels()...)
	case audit.FixRemovePrivilege:
		return append([]string{m.admin("Security roles"), fmt.Sprintf("Open the role %s.", role)}, m.setLevels()...)
	case audit.FixCreateApplicationUser:
		steps := []string{
			m.admin("Application users"),
			"Choose + New app user, then + Add an app, select the app registration" + forApplication(f.ApplicationID) + ", and choose Add.",
			"Choose the business unit" + unitName(f.BusinessUnit) + ".",
		}
		if f.Role != nil {
			steps = append(steps, fmt.Sprintf("Choose the pencil beside Security roles, select %s, and save.", role))
		} else {
			steps = append(steps, "Choose the pencil beside Security roles, select the integration's role, and save.")
		}
		return append(steps, "Choose Create.")
	case audit.FixEnableUser:
		return []string{
			m.admin("Application users (for a person's account: Users)"),
			fmt.Sprintf("Select %s and choose Activate (for a person's account: assign a license in the Microsoft 365 admin center, and add the user to the environment).", user),
		}
	case audit.FixAssignRole:
		return []string{
			m.admin("Application users (for a person's account: Users)"),
			fmt.Sprintf("Select %s and choose Edit security roles (for a person's account: Manage security roles).", user),
			fmt.Sprintf("Select %s%s, and save.", role, inUnit(f.BusinessUnit)),
		}
	case audit.FixUnassignRole:
		return []string{
			m.admin("Application users (for a person's account: Users)"),
			fmt.Sprintf("Select %s and choose Edit security roles (for a person's account: Manage security roles).", user),
			fmt.Sprintf("Clear %s, and save.", role),
		}
	case audit.FixShareView:
		return []string{
			"Sign in to the environment" + at(m.env.URL) + asOwner(f.Owner) + ".",
			"Open the list of the table" + tableName(f.Table) + ", then the drop-down beside the name of the view > Manage and share views.",
			fmt.Sprintf("Find %s, choose the three dots beside it, and choose Share.", view),
			fmt.Sprintf("Search for %s, select it, tick Read and nothing else, and choose Share.", name(f.User, "the integration user")),
		}
	case audit.FixReduceShare:
		return []string{
			"Sign in to the environment" + at(m.env.URL) + asOwner(f.Owner) + ".",
			"Open the list of the table" + tableName(f.Table) + ", then the drop-down beside the name of the view > Manage and share views.",
			fmt.Sprintf("Find %s, choose the three dots beside it, and choose Share.", view),
			"Select " + principalNames(f.Principals) + ", leave Read ticked and clear the rest, and choose Share.",
		}
	case audit.FixInstallApp:
		return []string{
			"Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > " + m.place() + " > Resources > Dynamics 365 apps.",
			"Choose Install app, select the app that brings " + brought(f) + " (Dynamics 365 Sales for leads, opportunities, campaigns and marketing lists), and install it.",
			"Scan again: the privileges can be granted once they exist.",
		}
	case audit.FixReplaceRole:
		return []string{
			m.admin("Security roles"),
			"Choose + New role and grant it the profile's minimum (dbaudit profile show lists it); a built-in or locked role cannot be made to fit.",
			m.admin("Application users"),
			fmt.Sprintf("Select the integration user, choose Edit security roles, select the new role, clear %s, and save.", role),
		}
	case audit.FixReplaceUser:
		return []string{
			"In Microsoft Entra, register an application for the integration" + forApplication(f.ApplicationID) + ".",
			m.admin("Application users"),
			"Choose + New app user, add the application, choose the business unit and the integration's role, and create it.",
			fmt.Sprintf("Connect the vendor's product anew with the application, then take the role from %s.", user),
		}
	case audit.FixRemoveDuplicateUser:
		return []string{
			m.admin("Application users"),
			"Decide which user" + forApplication(f.ApplicationID) + " stays: the one that holds the role and owns the records.",
			"For each other: reassign its records, choose Deactivate, then Delete; a soft-deleted user is deleted a second time to remove it for good.",
		}
	case audit.FixMoveUser:
		return []string{
			m.admin("Application users (for a person's account: Users)"),
			fmt.Sprintf("Select %s and choose Change business unit.", user),
			fmt.Sprintf("Choose %s, and OK. Unless record ownership across business units is on, the move takes the roles away: assign the integration's role again.", name(f.BusinessUnit, "the business unit that the configuration names")),
		}
	case audit.FixRemoveFromTeam:
		return []string{
			m.admin("Teams"),
			fmt.Sprintf("Select the team %s.", name(f.Team, "in question")),
			fmt.Sprintf("Choose Manage team members and remove %s; or, if the whole team should lose it, Manage security roles and clear %s.", user, name(f.Role, "the role")),
		}
	case audit.FixFindView:
		return []string{
			"Ask who uses the view " + view + ofTable(f.Table) + ": a personal view is seen by its owner and by those it is shared with, by nobody else.",
			"If it is there, name its owner under views in the configuration, or have the owner share it with the integration user.",
			"If it is not, create it: open the list of the table" + tableName(f.Table) + ", set the filters, and save the view under this name.",
		}
	case audit.FixActivateView:
		if f.Owner == nil { // a system view has none
			return []string{
				"Sign in to https://make.powerapps.com and choose the environment" + at(m.env.URL) + ".",
				"Open the table" + tableName(f.Table) + " in an unmanaged solution, then Views.",
				"Choose More commands beside " + view + ", then Turn on (formerly Activate view).",
			}
		}
		return []string{
			"Sign in to the environment" + at(m.env.URL) + asOwner(f.Owner) + ".",
			"Open the table" + tableName(f.Table) + ", then Advanced Find > Saved Views, select " + view + ", and choose Activate.",
		}
	case audit.FixCorrectConfiguration:
		return []string{"Open the configuration and correct the entry of " + asked(f) + "."}
	case audit.FixUnknown:
	}
	return nil
}

// setLevels are the steps in the editor of a role that has been opened.
func (m maker) setLevels() []string {
	var steps []string
	remove := m.fix.Kind == audit.FixRemovePrivilege
	for i, g := range m.fix.Privileges {
		if i == listed {
			steps = append(steps, fmt.Sprintf("Do the same for the other %d privileges.", len(m.fix.Privileges)-listed))
			break
		}
		level := Level(g.Depth)
		if remove || level == "" {
			level = "None"
		}
		if !remove && g.Depth == "" {
			level = "the deepest level it allows"
		}
		right, row := Split(g.Name)
		if right == "" {
			steps = append(steps, fmt.Sprintf("On the tab Miscellaneous privileges, set %s (%s) to %s.", row, g.Name, level))
			continue
		}
		steps = append(steps, fmt.Sprintf("On the tab Tables, show all tables, find %s, and set %s (%s) to %s.", row, right, g.Name, level))
	}
	return append(steps, "Choose Save + close.")
}

func (m maker) requests() []Request {
	f := m.fix
	role := id(f.Role, "{roleid}")
	user := id(f.User, "{systemuserid}")
	view := id(f.View, "{userqueryid}")
	unit := id(f.BusinessUnit, "{businessunitid}")
	var rs []Request
	switch f.Kind {
	case audit.FixCreateRole:
		rs = append(rs, m.find(f.BusinessUnit, "the root business unit", "businessunits?$select=businessunitid&$filter=", "parentbusinessunitid eq null")...)
		rs = append(rs, m.send("create the role; the answer's header OData-EntityId names its id", "POST", "roles", object{
			{"name", refName(f.Role)}, {"businessunitid@odata.bind", "businessunits(" + unit + ")"},
		}))
		if len(f.Privileges) > 0 {
			rs = append(rs, m.privilegeIDs()...)
			rs = append(rs, m.addPrivileges("{roleid}", unit))
		}
	case audit.FixAddPrivilege, audit.FixRaiseDepth:
		rs = append(rs, m.findRole()...)
		if f.BusinessUnit == nil {
			rs = append(rs, m.get("the role's business unit", "roles("+role+")?$select=name,_businessunitid_value"))
		}
		rs = append(rs, m.privilegeIDs()...)
		rs = append(rs, m.addPrivileges(role, unit))
	case audit.FixRemovePrivilege:
		rs = append(rs, m.findRole()...)
		rs = append(rs, m.privilegeIDs()...)
		for i, g := range f.Privileges {
			if i == listed {
				break
			}
			rs = append(rs, m.send("take "+g.Name+" from the role", "POST", "roles("+role+")/Microsoft.Dynamics.CRM.RemovePrivilegeRole", object{
				{"Privilege", object{{"@odata.type", "Microsoft.Dynamics.CRM.privilege"}, {"privilegeid", orElse(g.ID, "{privilegeid}")}}},
			}))
		}
	case audit.FixCreateApplicationUser:
		rs = append(rs, m.find(f.BusinessUnit, "the root business unit", "businessunits?$select=businessunitid&$filter=", "parentbusinessunitid eq null")...)
		rs = append(rs, m.send("create the application user", "POST", "systemusers", object{
			{"applicationid", orElse(f.ApplicationID, "{application (client) id}")},
			{"accessmode", 4},
			{"isdisabled", false},
			{"businessunitid@odata.bind", "/businessunits(" + unit + ")"},
		}))
	case audit.FixEnableUser:
		body := object{{"isdisabled", false}}
		if f.ApplicationID != "" {
			body = append(body, member{"applicationid", f.ApplicationID})
		}
		rs = append(rs, m.findUser()...)
		rs = append(rs, m.send("enable the user (with If-Match: *)", "PATCH", "systemusers("+user+")", body))
	case audit.FixAssignRole:
		rs = append(rs, m.findUser()...)
		filter := "_parentrootroleid_value eq " + role
		if role == "{roleid}" {
			filter = "name eq " + quote(refName(f.Role))
		}
		if f.BusinessUnit != nil {
			filter += " and _businessunitid_value eq " + unit
		}
		rs = append(rs, m.get("the copy of the role in the user's business unit", "roles?$select=roleid,_businessunitid_value&$filter="+escape(filter)))
		rs = append(rs, m.send("assign it", "POST", "systemusers("+user+")/systemuserroles_association/$ref", object{
			{"@odata.id", m.api("roles({roleid})")},
		}))
	case audit.FixUnassignRole:
		rs = append(rs, m.findUser()...)
		rs = append(rs, m.get("which copy of the role the user holds", "systemusers("+user+")/systemuserroles_association?$select=roleid,name,_parentrootroleid_value"))
		rs = append(rs, m.send("take it away", "DELETE", "systemusers("+user+")/systemuserroles_association({roleid})/$ref", nil))
	case audit.FixShareView:
		rs = append(rs, m.findUser()...)
		rs = append(rs, m.findView()...)
		rs = append(rs, m.send("share the view"+callerNote(f.Owner), "POST", "GrantAccess", object{
			{"Target", target("userquery", "userqueryid", view)},
			{"PrincipalAccess", object{{"AccessMask", "ReadAccess"}, {"Principal", target("systemuser", "systemuserid", user)}}},
		}))
	case audit.FixReduceShare:
		rs = append(rs, m.findView()...)
		principals := f.Principals
		if len(principals) == 0 {
			principals = []audit.Reference{{}}
		}
		for i, p := range principals {
			if i == listed {
				break
			}
			kind := orElse(p.Kind, "systemuser")
			rs = append(rs, m.send("reduce the share"+callerNote(f.Owner), "POST", "ModifyAccess", object{
				{"Target", target("userquery", "userqueryid", view)},
				{"PrincipalAccess", object{{"AccessMask", "ReadAccess"}, {"Principal", target(kind, kind+"id", orElse(p.ID, "{"+kind+"id}"))}}},
			}))
		}
	case audit.FixMoveUser:
		rs = append(rs, m.findUser()...)
		if f.BusinessUnit != nil && f.BusinessUnit.ID == "" && f.BusinessUnit.Name != "" {
			rs = append(rs, m.get("the business unit", "businessunits?$select=businessunitid,name&$filter="+escape("name eq "+quote(f.BusinessUnit.Name))))
		}
		rs = append(rs, m.send("move the user (with If-Match: *)", "PATCH", "systemusers("+user+")", object{
			{"businessunitid@odata.bind", "/businessunits(" + unit + ")"},
		}))
	case audit.FixRemoveFromTeam:
		rs = append(rs, m.send("take the user out of the team", "DELETE",
			"teams("+id(f.Team, "{teamid}")+")/teammembership_association("+user+")/$ref", nil))
	case audit.FixActivateView:
		if f.Owner == nil {
			rs = append(rs, m.send("activate the system view (with If-Match: *)", "PATCH", "savedqueries("+id(f.View, "{savedqueryid}")+")", object{
				{"statecode", 0}, {"statuscode", 1},
			}))
			break
		}
		rs = append(rs, m.findView()...)
		rs = append(rs, m.send("activate the view (with If-Match: *)"+callerNote(f.Owner), "PATCH", "userqueries("+view+")", object{
			{"statecode", 0}, {"statuscode", 1},
		}))
	case audit.FixRemoveDuplicateUser:
		if f.ApplicationID != "" {
			rs = append(rs, m.get("the users of the application", "systemusers?$select=systemuserid,fullname,isdisabled,deletedstate&$filter="+escape("applicationid eq "+f.ApplicationID)))
		}
		rs = append(rs,
			m.send("disable each user that does not stay (with If-Match: *)", "PATCH", "systemusers({systemuserid})", object{{"isdisabled", true}}),
			m.send("delete it", "DELETE", "systemusers({systemuserid})", nil))
	case audit.FixInstallApp, audit.FixReplaceRole, audit.FixReplaceUser, audit.FixFindView,
		audit.FixCorrectConfiguration, audit.FixUnknown:
		// Work of other services, or of a person's judgement.
	}
	return rs
}

func (m maker) commands() []string {
	f := m.fix
	var cs []string
	switch f.Kind {
	case audit.FixAssignRole:
		if f.ApplicationID != "" && refName(f.Role) != "" && m.env.URL != "" {
			c := "pac admin assign-user --environment " + shell(m.env.URL) + " --user " + shell(f.ApplicationID) + " --role " + shell(refName(f.Role)) + " --application-user"
			if f.BusinessUnit != nil && f.BusinessUnit.ID != "" {
				c += " --business-unit " + shell(f.BusinessUnit.ID)
			}
			cs = append(cs, c)
		}
	case audit.FixInstallApp:
		if m.env.URL != "" {
			cs = append(cs,
				"pac application list --environment "+shell(m.env.URL),
				"pac application install --environment "+shell(m.env.URL)+" --application-name APPLICATION")
		}
	case audit.FixReplaceRole:
		cs = append(cs, "dbaudit profile show demandbase")
	case audit.FixFindView, audit.FixCorrectConfiguration:
		cs = append(cs, "dbaudit scan"+m.urlFlag())
	default:
	}
	if f.Kind.Automatic() {
		cs = append(cs, "dbaudit plan"+m.urlFlag()+" -o plan.json", "dbaudit apply plan.json")
	}
	return cs
}

func (m maker) urlFlag() string {
	if m.env.URL == "" {
		return ""
	}
	return " --url " + shell(m.env.URL)
}

// api is the absolute address of a Web API resource.
func (m maker) api(resource string) string {
	return strings.TrimSuffix(m.env.URL, "/") + "/api/data/v9.2/" + resource
}

func (m maker) get(purpose, resource string) Request {
	return Request{Purpose: "find " + purpose, Method: "GET", URL: m.api(resource)}
}

func (m maker) send(purpose, method, resource string, body object) Request {
	r := Request{Purpose: purpose, Method: method, URL: m.api(resource)}
	if body != nil {
		r.Body = body.indented()
	}
	return r
}

// find looks a row up where the reference does not name its id.
func (m maker) find(ref *audit.Reference, purpose, resource, filter string) []Request {
	if ref != nil && ref.ID != "" {
		return nil
	}
	if ref != nil && ref.Name != "" {
		filter = "name eq " + quote(ref.Name)
	}
	return []Request{m.get(purpose, resource+escape(filter))}
}

func (m maker) findRole() []Request {
	if r := m.fix.Role; r == nil || r.ID != "" || r.Name == "" {
		return nil
	}
	return []Request{m.get("the root copy of the role", "roles?$select=roleid,_parentrootroleid_value&$filter="+escape("name eq "+quote(m.fix.Role.Name)+" and parentroleid eq null"))}
}

func (m maker) findUser() []Request {
	switch u := m.fix.User; {
	case u != nil && u.ID != "":
		return nil
	case m.fix.ApplicationID != "":
		return []Request{m.get("the user", "systemusers?$select=systemuserid,fullname&$filter="+escape("applicationid eq "+m.fix.ApplicationID+" and deletedstate eq 0"))}
	case u != nil && u.Name != "":
		return []Request{m.get("the user", "systemusers?$select=systemuserid,fullname&$filter="+escape("fullname eq "+quote(u.Name)))}
	}
	return nil
}

func (m maker) findView() []Request {
	v := m.fix.View
	if v == nil || v.ID != "" || v.Name == "" {
		return nil
	}
	filter := "name eq " + quote(v.Name)
	if m.fix.Table != "" {
		filter += " and returnedtypecode eq " + quote(m.fix.Table)
	}
	return []Request{m.get("the view"+callerNote(m.fix.Owner), "userqueries?$select=userqueryid,name,_ownerid_value&$filter="+escape(filter))}
}

// privilegeIDs looks up the privileges whose id the fix does not carry.
func (m maker) privilegeIDs() []Request {
	var terms []string
	for i, g := range m.fix.Privileges {
		if i == listed {
			break
		}
		if g.ID == "" {
			terms = append(terms, "name eq "+quote(g.Name))
		}
	}
	if terms == nil {
		return nil
	}
	return []Request{m.get("the privileges' ids", "privileges?$select=privilegeid,name&$filter="+escape(strings.Join(terms, " or ")))}
}

func (m maker) addPrivileges(role, unit string) Request {
	list := make([]object, 0, len(m.fix.Privileges))
	for _, g := range m.fix.Privileges {
		list = append(list, object{
			{"PrivilegeId", orElse(g.ID, "{privilegeid of "+g.Name+"}")},
			{"Depth", depthName(g.Depth)},
			{"BusinessUnitId", unit},
			{"PrivilegeName", g.Name},
		})
	}
	return m.send("grant", "POST", "roles("+role+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", object{{"Privileges", list}})
}

// depthName is the Web API's name of a depth.
func depthName(depth string) string {
	switch depth {
	case "basic":
		return "Basic"
	case "local":
		return "Local"
	case "deep":
		return "Deep"
	case "global":
		return "Global"
	}
	return "{Basic, Local, Deep or Global}"
}

func target(table, key, id string) object {
	return object{{"@odata.type", "Microsoft.Dynamics.CRM." + table}, {key, id}}
}

func id(r *audit.Reference, otherwise string) string {
	if r == nil {
		return otherwise
	}
	return orElse(r.ID, otherwise)
}

func refName(r *audit.Reference) string {
	if r == nil {
		return ""
	}
	return r.Name
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func at(host string) string {
	if host == "" {
		return ""
	}
	return " at " + host
}

func asOwner(owner *audit.Reference) string {
	if owner == nil {
		return " as the owner of the view"
	}
	return " as the owner of the view, " + name(owner, "")
}

func callerNote(owner *audit.Reference) string {
	if owner == nil || owner.ID == "" {
		return " (as the view's owner)"
	}
	return " (as its owner: header MSCRMCallerID: " + owner.ID + ")"
}

func unitName(bu *audit.Reference) string {
	if n := name(bu, ""); n != "" {
		return " " + n
	}
	return ""
}

func tableName(table string) string {
	if table == "" {
		return ""
	}
	return " " + table
}

func principalNames(ps []audit.Reference) string {
	if len(ps) == 0 {
		return "whom it is shared with"
	}
	var names []string
	for i, p := range ps {
		if i == listed {
			names = append(names, fmt.Sprintf("%d more", len(ps)-listed))
			break
		}
		names = append(names, name(&p, "the principal"))
	}
	return strings.Join(names, ", ")
}

// quote makes an OData string literal.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// escape percent-encodes a query option's value; spaces become %20, which, unlike
// a plus sign, every OData server takes for a space.
func escape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// shell quotes an argument for a POSIX shell.
func shell(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) indented() string {
	// Strings, numbers, booleans and objects of these always encode.
	doc, err := o.MarshalJSON()
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", "  "); err != nil {
		return ""
	}
	return b.String()
}

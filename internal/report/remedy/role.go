package remedy

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func (f fix) createRole() Remedy {
	unit := id(f.BusinessUnit, "{businessunitid}")
	requests := append(f.lookUpUnit(), f.send("create the role; the answer's header OData-EntityId names its id", "POST", "roles", object{
		{"name", refName(f.Role)}, {"businessunitid@odata.bind", "businessunits(" + unit + ")"},
	}))
	if len(f.Privileges) > 0 {
		requests = append(append(requests, f.lookUpPrivileges()...), f.addPrivileges("{roleid}", unit))
	}
	return Remedy{
		Summary: fmt.Sprintf("Create the security role %s%s.", name(f.Role, "for the integration"), with(f.Privileges)),
		Portal: append([]string{
			f.admin("Security roles"),
			fmt.Sprintf("Choose + New role, name it %s, choose the root business unit, and save.", name(f.Role, "of the integration")),
		}, f.setLevels()...),
		Requests: requests,
	}
}

// grant is for what a role lacks, and for what it has too shallow.
func (f fix) grant() Remedy {
	verb, to := "Grant", "to"
	if f.Kind == audit.FixRaiseDepth {
		verb, to = "Raise", "in"
	}
	role := id(f.Role, "{roleid}")
	requests := f.lookUpRole()
	if f.BusinessUnit == nil {
		requests = append(requests, f.get("the role's business unit", "roles("+role+")?$select=name,_businessunitid_value"))
	}
	requests = append(requests, f.lookUpPrivileges()...)
	return Remedy{
		Summary:  fmt.Sprintf("%s %s %s the role %s.", verb, grants(f.Privileges, true), to, name(f.Role, "of the integration")),
		Portal:   f.editRole(),
		Requests: append(requests, f.addPrivileges(role, id(f.BusinessUnit, "{businessunitid}"))),
	}
}

func (f fix) removePrivilege() Remedy {
	requests := append(f.lookUpRole(), f.lookUpPrivileges()...)
	for i, g := range f.Privileges {
		if i == listed {
			break
		}
		requests = append(requests, f.send("take "+g.Name+" from the role", "POST", "roles("+id(f.Role, "{roleid}")+")/Microsoft.Dynamics.CRM.RemovePrivilegeRole", object{
			{"Privilege", row("privilege", "privilegeid", orElse(g.ID, "{privilegeid}"))},
		}))
	}
	return Remedy{
		Summary:  fmt.Sprintf("Take %s from the role %s.", grants(f.Privileges, false), name(f.Role, "of the integration")),
		Portal:   f.editRole(),
		Requests: requests,
	}
}

func (f fix) replaceRole() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Give the integration a custom role of its own in place of %s.", name(f.Role, "the built-in one")),
		Portal: []string{
			f.admin("Security roles"),
			"Choose + New role and grant it the profile's minimum (dbaudit profile show lists it); a built-in or locked role cannot be made to fit.",
			f.admin("Application users"),
			fmt.Sprintf("Select the integration user, choose Edit security roles, select the new role, clear %s, and save.", name(f.Role, "of the integration")),
		},
		Commands: []string{"dbaudit profile show demandbase"},
	}
}

func (f fix) assignRole() Remedy {
	role, unit := id(f.Role, "{roleid}"), id(f.BusinessUnit, "{businessunitid}")
	filter := "_parentrootroleid_value eq " + role
	if role == "{roleid}" {
		filter = "name eq " + quote(refName(f.Role))
	}
	if f.BusinessUnit != nil {
		filter += " and _businessunitid_value eq " + unit
	}
	var commands []string
	if f.ApplicationID != "" && refName(f.Role) != "" && f.env.URL != "" {
		c := "pac admin assign-user --environment " + shell(f.env.URL) + " --user " + shell(f.ApplicationID) + " --role " + shell(refName(f.Role)) + " --application-user"
		if f.BusinessUnit != nil && f.BusinessUnit.ID != "" {
			c += " --business-unit " + shell(f.BusinessUnit.ID)
		}
		commands = append(commands, c)
	}
	return Remedy{
		Summary: fmt.Sprintf("Assign the role %s to the user %s.", name(f.Role, "of the integration"), name(f.User, "of the integration")),
		Portal: append(f.editRolesOfUser(),
			fmt.Sprintf("Select %s%s, and save.", name(f.Role, "of the integration"), inUnit(f.BusinessUnit))),
		Requests: append(f.lookUpUser(),
			f.get("the copy of the role in the user's business unit", "roles?$select=roleid,_businessunitid_value&$filter="+escape(filter)),
			f.send("assign it", "POST", "systemusers("+id(f.User, "{systemuserid}")+")/systemuserroles_association/$ref", object{
				{"@odata.id", f.api("roles({roleid})")},
			})),
		Commands: commands,
	}
}

func (f fix) unassignRole() Remedy {
	held := "systemusers(" + id(f.User, "{systemuserid}") + ")/systemuserroles_association"
	return Remedy{
		Summary: fmt.Sprintf("Take the role %s from the user %s.", name(f.Role, "in question"), name(f.User, "of the integration")),
		Portal:  append(f.editRolesOfUser(), fmt.Sprintf("Clear %s, and save.", name(f.Role, "of the integration"))),
		Requests: append(f.lookUpUser(),
			f.get("which copy of the role the user holds", held+"?$select=roleid,name,_parentrootroleid_value"),
			f.send("take it away", "DELETE", held+"({roleid})/$ref", nil)),
	}
}

func (f fix) removeFromTeam() Remedy {
	orRole := ""
	if f.Role != nil {
		orRole = ", or the role " + name(f.Role, "in question") + " from the team"
	}
	return Remedy{
		Summary: fmt.Sprintf("Take the user %s out of the team %s%s.", name(f.User, "of the integration"), name(f.Team, "in question"), orRole),
		Portal: []string{
			f.admin("Teams"),
			fmt.Sprintf("Select the team %s.", name(f.Team, "in question")),
			fmt.Sprintf("Choose Manage team members and remove %s; or, if the whole team should lose it, Manage security roles and clear %s.",
				name(f.User, "of the integration"), name(f.Role, "the role")),
		},
		Requests: []Request{f.send("take the user out of the team", "DELETE",
			"teams("+id(f.Team, "{teamid}")+")/teammembership_association("+id(f.User, "{systemuserid}")+")/$ref", nil)},
	}
}

// editRole is how to set a role's access levels.
func (f fix) editRole() []string {
	return append([]string{f.admin("Security roles"), fmt.Sprintf("Open the role %s.", name(f.Role, "of the integration"))}, f.setLevels()...)
}

// setLevels are the steps in the editor of a role that has been opened.
func (f fix) setLevels() []string {
	var steps []string
	remove := f.Kind == audit.FixRemovePrivilege
	for i, g := range f.Privileges {
		if i == listed {
			steps = append(steps, fmt.Sprintf("Do the same for the other %d privileges.", len(f.Privileges)-listed))
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

// lookUpRole finds the role that is to be changed: its root copy, from which the
// others follow.
func (f fix) lookUpRole() []Request {
	if f.Role == nil || f.Role.ID != "" {
		return nil
	}
	return []Request{f.get("the root copy of the role", "roles?$select=roleid,_parentrootroleid_value&$filter="+escape("name eq "+quote(f.Role.Name)+" and parentroleid eq null"))}
}

// addPrivileges grants all of the fix's privileges in one request.
func (f fix) addPrivileges(role, unit string) Request {
	list := make([]object, 0, len(f.Privileges))
	for _, g := range f.Privileges {
		list = append(list, object{
			{"PrivilegeId", orElse(g.ID, "{privilegeid of "+g.Name+"}")},
			{"Depth", depthName(g.Depth)},
			{"BusinessUnitId", unit},
			{"PrivilegeName", g.Name},
		})
	}
	return f.send("grant", "POST", "roles("+role+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", object{{"Privileges", list}})
}

package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func (f fix) createRole() Remedy {
	unit := id(f.BusinessUnit, unitID)
	create := f.post("create the role", "roles", object{
		{"name", foreign(refName(f.Role))}, {"businessunitid@odata.bind", "/businessunits(" + unit + ")"},
	})
	requests := append(f.lookUpUnit(), create)
	if len(f.Privileges) > 0 {
		made := &requests[len(requests)-1]
		made.Headers = []Header{{"Prefer", "return=representation"}}
		made.Column, made.Placeholder = "roleid", roleID
		requests = append(append(requests, f.lookUpPrivileges()...), f.addPrivileges(roleID, unit))
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

// grant is for privileges that a role lacks, or grants at too low a level.
func (f fix) grant() Remedy {
	verb, level, to := "Grant", "at", "to"
	if f.Kind == RaiseDepth {
		verb, level, to = "Raise", "to", "in"
	}
	role := id(f.Role, roleID)
	requests := f.lookUpRole()
	if f.BusinessUnit != nil {
		requests = append(requests, f.lookUpUnit()...)
	} else {
		requests = append(requests, f.lookUp("the role's business unit", "_businessunitid_value", unitID, "roles("+role+")?$select=name,_businessunitid_value"))
	}
	requests = append(requests, f.lookUpPrivileges()...)
	var commands []string
	if file := f.env.Name; f.Kind == AddPrivilege && f.env.URL == "" && file != "" && !strings.Contains(file, "!/") {
		commands = append(commands, "dbaudit lint --fix "+shell(file))
	}
	r := Remedy{
		Summary:  fmt.Sprintf("%s %s %s the role %s.", verb, rights(f.Privileges, level), to, name(f.Role, "of the integration")),
		Portal:   f.editRole(),
		Requests: append(requests, f.addPrivileges(role, id(f.BusinessUnit, unitID))),
		Commands: commands,
	}
	if f.User != nil {
		assign := f.assignRole()
		r.Summary = fmt.Sprintf("%s, and assign the role to the user %s: the team that has it does not pass on its User level rights.",
			strings.TrimSuffix(r.Summary, "."), name(f.User, "of the integration"))
		r.Portal, r.Requests = append(r.Portal, assign.Portal...), append(r.Requests, assign.Requests...)
		r.Commands = append(r.Commands, assign.Commands...)
	}
	return r
}

func (f fix) removePrivilege() Remedy {
	requests := f.lookUpRole()
	for i, g := range f.Privileges {
		if i == listed {
			requests[len(requests)-1].Purpose += fmt.Sprintf(", and the other %d in the same way", len(f.Privileges)-listed)
			break
		}
		requests = append(requests, f.lookUpPrivilege(g)...)
		requests = append(requests, f.post("remove "+g.Name+" from the role", "roles("+id(f.Role, roleID)+")/Microsoft.Dynamics.CRM.RemovePrivilegeRole", object{
			{"Privilege", row("privilege", "privilegeid", privilegeOf(g))},
		}))
	}
	return Remedy{
		Summary:   fmt.Sprintf("Remove %s from the role %s.", rights(f.Privileges, ""), name(f.Role, "of the integration")),
		Portal:    f.editRole(),
		Requests:  requests,
		planFlags: " --least-privilege",
	}
}

func (f fix) replaceRole() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Give the integration a custom role instead of %s.", name(f.Role, "the built-in one")),
		Portal: []string{
			f.admin("Security roles"),
			"Choose + New role and grant it the profile's minimum (dbaudit profile show lists it); a built-in or locked role cannot be adapted.",
			f.admin("Application users"),
			fmt.Sprintf("Select the integration user, choose Edit security roles, select the new role, clear %s, and save.", name(f.Role, "of the integration")),
		},
		Commands: []string{"dbaudit profile show " + shell(f.profile)},
	}
}

func (f fix) assignRole() Remedy {
	user, unit := id(f.User, userID), id(f.BusinessUnit, unitID)
	requests := f.lookUpUser()
	if f.BusinessUnit != nil {
		requests = append(requests, f.lookUpUnit()...)
	} else {
		requests = append(requests, f.lookUp("the user's business unit", "_businessunitid_value", unitID, "systemusers("+user+")?$select=fullname,_businessunitid_value"))
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
		Requests: append(requests,
			f.lookUp("the copy of the role in the user's business unit", "roleid", roleID,
				"roles?$select=roleid,name&$filter="+f.copies()+escape(" and _businessunitid_value eq ")+unit),
			f.post("assign it", "systemusers("+user+")/systemuserroles_association/$ref", object{
				{"@odata.id", f.api("roles(" + roleID + ")")},
			})),
		Commands: commands,
	}
}

func (f fix) unassignRole() Remedy {
	held := "systemusers(" + id(f.User, userID) + ")/systemuserroles_association"
	return Remedy{
		Summary: fmt.Sprintf("Remove the role %s from the user %s.", name(f.Role, "in question"), name(f.User, "of the integration")),
		Portal:  append(f.editRolesOfUser(), fmt.Sprintf("Clear %s, and save.", name(f.Role, "of the integration"))),
		Requests: append(f.lookUpUser(),
			f.lookUp("the copy of the role that the user has", "roleid", roleID, held+"?$select=roleid,name&$filter="+f.copies()),
			f.remove("remove it", held+"("+roleID+")/$ref")),
		planFlags: " --unassign-administrator",
	}
}

func (f fix) removeFromTeam() Remedy {
	orRole := ""
	if f.Role != nil {
		orRole = ", or the role " + name(f.Role, "in question") + " from the team"
	}
	return Remedy{
		Summary: fmt.Sprintf("Remove the user %s from the team %s%s.", name(f.User, "of the integration"), name(f.Team, "in question"), orRole),
		Portal: []string{
			f.admin("Teams"),
			fmt.Sprintf("Select the team %s.", name(f.Team, "in question")),
			fmt.Sprintf("Choose Manage team members and remove %s; or, if the whole team should lose it, Manage security roles and clear %s.",
				name(f.User, "of the integration"), name(f.Role, "the role")),
		},
		Requests: slices.Concat(f.lookUpUser(), f.lookUpTeam(), []Request{f.remove("remove the user from the team",
			"teams("+id(f.Team, teamID)+")/teammembership_association("+id(f.User, userID)+")/$ref")}),
	}
}

func (f fix) lookUpTeam() []Request {
	if f.Team == nil || f.Team.ID != "" {
		return nil
	}
	return []Request{f.lookUp("the team", "teamid", teamID, "teams?$select=teamid,name&$filter="+named(f.Team.Name))}
}

// copies is the filter for the copies of the role, one in each business unit.
func (f fix) copies() string {
	if f.Role == nil || f.Role.ID == "" {
		return named(refName(f.Role))
	}
	return escape("_parentrootroleid_value eq ") + key(f.Role.ID)
}

// editRole is how to set a role's access levels.
func (f fix) editRole() []string {
	return append([]string{f.admin("Security roles"), fmt.Sprintf("Open the role %s.", name(f.Role, "of the integration"))}, f.setLevels()...)
}

// setLevels are the steps in the editor of an open role.
func (f fix) setLevels() []string {
	var steps []string
	remove := f.Kind == RemovePrivilege
	for i, g := range f.Privileges {
		if i == listed {
			steps = append(steps, fmt.Sprintf("Do the same for the other %d privileges.", len(f.Privileges)-listed))
			break
		}
		level := audit.Level(g.Depth)
		if remove || level == "" {
			level = "None"
		}
		if !remove && g.Depth == "" {
			level = "the highest level it allows"
		}
		right, row := audit.SplitPrivilege(g.Name)
		if right == "" {
			steps = append(steps, fmt.Sprintf("On the tab Miscellaneous privileges, set %s (%s) to %s.", row, g.Name, level))
			continue
		}
		steps = append(steps, fmt.Sprintf("On the tab Tables, show all tables, find %s, and set %s (%s) to %s.", row, right, g.Name, level))
	}
	return append(steps, "Choose Save + close.")
}

// lookUpRole finds the role to change: its root copy, which the other copies follow.
func (f fix) lookUpRole() []Request {
	if f.Role == nil || f.Role.ID != "" {
		return nil
	}
	return []Request{f.lookUp("the root copy of the role", "roleid", roleID,
		"roles?$select=roleid,name&$filter="+named(f.Role.Name)+escape(" and _parentroleid_value eq null"))}
}

// lookUpPrivileges finds the ids of privileges that the fix does not contain.
func (f fix) lookUpPrivileges() []Request {
	var requests []Request
	for _, g := range f.Privileges {
		requests = append(requests, f.lookUpPrivilege(g)...)
	}
	return requests
}

func (f fix) lookUpPrivilege(g audit.Grant) []Request {
	if g.ID != "" {
		return nil
	}
	return []Request{f.lookUp(g.Name, "privilegeid", privilegeOf(g), "privileges?$select=privilegeid,name&$filter="+named(g.Name))}
}

// privilegeOf is the id of a privilege, or the placeholder for it.
func privilegeOf(g audit.Grant) string {
	return keyOr(g.ID, "{privilegeid of "+escape(g.Name)+"}")
}

// addPrivileges grants all of the fix's privileges in one request.
func (f fix) addPrivileges(role, unit string) Request {
	list := make([]object, 0, len(f.Privileges))
	for _, g := range f.Privileges {
		list = append(list, object{
			{"PrivilegeId", privilegeOf(g)},
			{"Depth", depthName(g.Depth)},
			{"BusinessUnitId", unit},
			{"PrivilegeName", foreign(g.Name)},
		})
	}
	what := "privileges"
	if len(list) == 1 {
		what = "privilege"
	}
	return f.post("grant the "+what, "roles("+role+")/Microsoft.Dynamics.CRM.AddPrivilegesRole", object{{"Privileges", list}})
}

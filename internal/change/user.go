package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func userKinds() []kind {
	return []kind{
		{
			name: CreateApplicationUser,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{ApplicationID: all.ApplicationID, BusinessUnit: all.BusinessUnit}
			},
			summary: "Create the application user[ of the application {application}][ in the business unit {unit}].",
			portal: []string{
				"{settings} > Application users.",
				"Choose + New app user, then + Add an app, select the app registration[ of the application {application}], and choose Add.",
				"Choose the business unit[ {unit}. If the list does not have it, correct business_unit in dbaudit.yaml, or create or enable the unit first].",
				"Choose the pencil beside Security roles, select {role|the integration's role}, and save.",
				"Choose Create.",
			},
			requests: func(f fix) []Call {
				return append(f.lookUpUnit(), f.newCall("create the application user", createUserRequest()))
			},
			automation: automation{
				target: TargetUser, from: State{AttrUser: Absent}, to: State{AttrUser: Enabled}, risk: RiskMedium,
				summary: "create the application user for {application} in the business unit {unit}",
				note:    constantNote("Anyone with the application's credentials can then sign in to the environment. The user's name comes from the app registration."),
			},
		},
		{
			name:    EnableUser,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
			summary: "Enable the user {user|of the integration}.",
			portal: []string{
				usersPage,
				"Select {user|of the integration} and choose Activate (for a person's account: assign a license in the Microsoft 365 admin center, and add the user to the environment).",
			},
			requests: func(f fix) []Call {
				return append(f.lookUpUser(), f.newCall("enable the user", setDisabledRequest(false, f.ApplicationID != "")))
			},
			automation: automation{
				target: TargetUser, from: State{AttrUser: Disabled}, to: State{AttrUser: Enabled}, risk: RiskMedium,
				summary: "enable the user {user}", note: constantNote("Somebody may have disabled it on purpose."),
			},
		},
	}
}

func constantNote(note string) func(Action, []string) string {
	return func(Action, []string) string { return note }
}

// userTransitions returns the transitions of a user. A user must be disabled before it can be
// deleted. The first deletion is soft, and the second is permanent.
func (t Target) userTransitions() []transition {
	isApplication := t.ApplicationID != ""
	return []transition{
		{Absent, Enabled, Enabled, createUserRequest()},
		{Disabled, Enabled, Enabled, setDisabledRequest(false, isApplication)},
		{Enabled, Disabled, Disabled, setDisabledRequest(true, isApplication)},
		{Enabled, Absent, Disabled, setDisabledRequest(true, isApplication)},
		{Disabled, Absent, Deleted, deleteUserRequest()},
		{Deleted, Absent, Absent, deleteUserRequest()},
	}
}

func createUserRequest() Request {
	return post("systemusers", `{"accessmode":4,"applicationid":"{application}","businessunitid@odata.bind":"/businessunits({unit})","isdisabled":false}`)
}

// setDisabledRequest enables or disables a user. For an application user, it must repeat the
// application id.
func setDisabledRequest(disabled, isApplication bool) Request {
	if isApplication {
		return patch("systemusers({user})", `{"applicationid":"{application}","isdisabled":%t}`, disabled)
	}
	return patch("systemusers({user})", `{"isdisabled":%t}`, disabled)
}

func deleteUserRequest() Request { return del("systemusers({user})") }

// assignmentKinds returns the kinds of fix that assign a role to a user, or remove it.
func assignmentKinds() []kind {
	return []kind{
		{
			name:     AssignRole,
			example:  func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role, User: all.User} },
			summary:  "Assign the role {role|of the integration} to the user {user|of the integration}.",
			portal:   []string{usersPage, rolesOfUser, "Select {role|of the integration}[ in the business unit {unit}], and save."},
			requests: fix.assignCalls, commands: fix.pacCommand,
			automation: automation{
				target: TargetAssignment, limit: Limits.checkAssignment, from: State{AttrAssigned: No}, to: State{AttrAssigned: Yes}, risk: RiskMedium,
				summary: "assign the role {role} to the user {user} (its copy in the business unit {unit})", note: assignNote,
			},
		},
		{
			name: UnassignRole, flag: "--unassign-administrator",
			example: func(all audit.Fix) audit.Fix { return audit.Fix{Role: administratorRole(), User: all.User} },
			summary: "Remove the role {role|in question} from the user {user|of the integration}.",
			portal:  []string{usersPage, rolesOfUser, "Clear {role|of the integration}, and save."},
			requests: func(f fix) []Call {
				held := "systemusers(" + idOr(f.User, userID) + ")/systemuserroles_association"
				return append(f.lookUpUser(),
					f.lookUp("the copy of the role that the user has", "roleid", roleID, held+"?$select=roleid,name&$filter="+f.copiesFilter()),
					f.newCall("remove it", unassignRequest()))
			},
			automation: automation{
				target: TargetAssignment, from: State{AttrAssigned: Yes}, to: State{AttrAssigned: No}, risk: RiskHigh,
				summary: "remove the role {role} from the user {user}", note: constantNote("Whatever works only because of this role stops working."),
			},
		},
	}
}

func (f fix) assignCalls() []Call {
	calls := f.lookUpUser()
	if f.BusinessUnit != nil {
		calls = append(calls, f.lookUpUnit()...)
	} else {
		calls = append(calls, f.lookUp("the user's business unit", "_businessunitid_value", unitID,
			"systemusers("+idOr(f.User, userID)+")?$select=fullname,_businessunitid_value"))
	}
	return append(calls,
		f.lookUp("the copy of the role in the user's business unit", "roleid", roleID,
			"roles?$select=roleid,name&$filter="+f.copiesFilter()+escapeQuery(" and _businessunitid_value eq ")+idOr(f.BusinessUnit, unitID)),
		f.newCall("assign it", assignRequest()))
}

// pacCommand returns the command of the Power Platform CLI that assigns a role to an application
// user.
func (f fix) pacCommand() []string {
	if f.ApplicationID == "" || refName(f.Role) == "" || f.Environment.URL == "" {
		return nil
	}
	command := "pac admin assign-user --environment " + QuoteShell(f.Environment.URL) + " --user " + QuoteShell(f.ApplicationID) +
		" --role " + QuoteShell(refName(f.Role)) + " --application-user"
	if f.BusinessUnit != nil && f.BusinessUnit.ID != "" {
		command += " --business-unit " + QuoteShell(f.BusinessUnit.ID)
	}
	return []string{command}
}

// copiesFilter returns the filter for the copies of the role, one in each business unit.
func (f fix) copiesFilter() string {
	if f.Role == nil || f.Role.ID == "" {
		return nameFilter(refName(f.Role))
	}
	return escapeQuery("_parentrootroleid_value eq ") + escapeID(f.Role.ID)
}

func assignRequest() Request {
	return post("systemusers({user})/systemuserroles_association/$ref", `{"@odata.id":"{api}/roles({copy})"}`)
}

func unassignRequest() Request {
	return del("systemusers({user})/systemuserroles_association({copy})/$ref")
}

func assignNote(a Action, allow []string) string {
	t := a.Target
	if t.Role.MadeBy != "" {
		return "The user gets everything that the role grants."
	}
	note := fmt.Sprintf("The user gets everything that the role grants: %s.", text.Count(len(t.Grants), "privilege"))
	allowed := slices.DeleteFunc(t.Grants.Names(), func(name string) bool { return !containsFold(allow, name) })
	if len(allowed) > 0 {
		note += " The configuration allows these beyond the minimum: " + strings.Join(allowed, ", ") + "."
	}
	return note
}

// AssignedGrants returns the privileges that the role of an assignment grants once the actions are done. For
// a role that the actions create, they are the ones of each new role and the ones that the actions grant.
func AssignedGrants(t Target, actions []Action) Depths {
	if t.Role.MadeBy == "" {
		return t.Grants
	}
	grants := Depths{}
	for _, name := range NewRolePrivileges() {
		grants[name] = audit.DepthGlobal
	}
	for _, a := range actions {
		if a.Target.Kind == TargetGrants && a.Target.Role.MadeBy == t.Role.MadeBy {
			for name, depth := range a.After {
				grants[name] = max(grants[name], DepthOf(depth))
			}
		}
	}
	return grants
}

// Surplus returns the privileges that a role grants beyond the planned ones. The ones that the platform
// grants to each new role do not count.
func Surplus(planned, now Depths) []string {
	lower := Depths{}
	for name, depth := range planned {
		lower[strings.ToLower(name)] = depth
	}
	return slices.DeleteFunc(now.Names(), func(name string) bool {
		return now[name] <= lower[strings.ToLower(name)] || containsFold(NewRolePrivileges(), name)
	})
}

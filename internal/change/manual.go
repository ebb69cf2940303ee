package change

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// administrators names the people who can change both the app registration and its user.
const administrators = "an administrator of the Entra tenant and one of the environment"

// manualKinds returns the kinds of fix that are always manual steps.
func manualKinds() []kind {
	return []kind{
		{
			name: InstallApp, who: "a Power Platform administrator who may install apps",
			example: func(all audit.Fix) audit.Fix { return audit.Fix{Table: all.Table, Privileges: all.Privileges} },
			summary: "Install the app that contains {contents}: a role cannot grant what the environment does not define.",
			portal: []string{
				"Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > {place} > Resources > Dynamics 365 apps.",
				"Choose Install app, select the app that contains {contents} (Dynamics 365 Sales for leads, opportunities, campaigns and marketing lists), and install it.",
				"Scan again: the privileges can be granted once they exist.",
			},
			commands: func(f fix) []string {
				if f.Environment.URL == "" {
					return nil
				}
				return []string{
					"pac application list --environment " + QuoteShell(f.Environment.URL),
					"pac application install --environment " + QuoteShell(f.Environment.URL) + " --application-name APPLICATION",
				}
			},
		},
		{
			name:    ReplaceRole,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role} },
			summary: "Give the integration a custom role instead of {role|the built-in one}.",
			portal: []string{
				"{settings} > Security roles.",
				"Choose + New role and grant it the profile's minimum (dbaudit profile show lists it); a built-in or locked role cannot be adapted.",
				"{settings} > Application users.",
				"Select the integration user, choose Edit security roles, select the new role, clear {role|of the integration}, and save.",
			},
			commands: func(f fix) []string { return []string{"dbaudit profile show " + QuoteShell(f.Profile)} },
		},
		{
			name: ReplaceUser, who: administrators,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
			summary: "Have the integration run as an application user instead of {user|a person's account}.",
			portal: []string{
				"In Microsoft Entra, register an application for the integration.",
				"{settings} > Application users.",
				"Choose + New app user, add the application, choose the business unit and the integration's role, and create it.",
				"Reconnect the vendor's product with the application, then remove the role from {user|of the integration}.",
			},
		},
		{
			name: RemoveDuplicateUser, remedy: fix.removeDuplicateUser,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{ApplicationID: all.ApplicationID} },
		},
		{
			name:    MoveUser,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User, BusinessUnit: all.BusinessUnit} },
			summary: "Move the user {user|of the integration} to the business unit {unit|that the configuration names}.",
			portal: []string{
				usersPage,
				"Select {user|of the integration}, choose Edit security roles (for a person's account: Manage security roles), and note the roles: the move removes them, whether or not record ownership across business units is on, unless the environment setting DoNotRemoveRolesOnChangeBusinessUnit is set.",
				"Choose Change business unit, then {unit|the business unit that the configuration names}, and OK.",
				"Assign the noted roles again, as their copies in the new business unit.",
			},
			requests: func(f fix) []Call {
				var unit []Call
				if f.BusinessUnit != nil {
					unit = f.lookUpUnit()
				}
				return slices.Concat(f.lookUpUser(), unit, []Call{
					f.list("the roles to assign again after the move", "systemusers("+idOr(f.User, userID)+")/systemuserroles_association?$select=roleid,name,_parentrootroleid_value"),
					f.newCall("move the user", patch("systemusers({user})", `{"businessunitid@odata.bind":"/businessunits({unit})"}`)),
				})
			},
		},
		{
			name: RemoveFromTeam,
			example: func(all audit.Fix) audit.Fix {
				return audit.Fix{Role: administratorRole(), User: all.User, Team: all.Team}
			},
			summary: "Remove the user {user|of the integration} from the team {team|in question}[, or the role {role} from the team].",
			portal: []string{
				"{settings} > Teams.",
				"Select the team {team|in question}.",
				"Choose Manage team members and remove {user|of the integration}; or, if the whole team should lose it, Manage security roles and clear {role|the role}.",
			},
			requests: func(f fix) []Call {
				calls := f.lookUpUser()
				if f.Team != nil {
					calls = append(calls, f.lookUpPrincipal("team", *f.Team)...)
				}
				return append(calls, f.newCall("remove the user from the team", del("teams("+idOr(f.Team, teamID)+")/teammembership_association({user})/$ref")))
			},
		},
		{
			name:    EnableBusinessUnit,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User, BusinessUnit: all.BusinessUnit} },
			summary: "Enable the business unit {unit|of the user}.",
			portal: []string{
				"{settings} > Business units.",
				"Select {unit|the business unit} and choose Enable. Its users, and those of the business units below it, can then sign in again.",
				"If it is disabled on purpose, move the user {user|of the integration} to an enabled business unit, and assign the integration's role again.",
			},
		},
		{
			name:    SetAccessMode,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
			summary: "Set the access mode of the user {user|of the integration} to Non-interactive.",
			portal: []string{
				usersPage,
				"Open {user|the user}, then Manage user in Dynamics 365, and set Access Mode, under Client Access License (CAL) Information, to Non-interactive (for a person's account: Read-Write).",
			},
			requests: func(f fix) []Call {
				return append(f.lookUpUser(), f.newCall("set the access mode", patch("systemusers({user})", `{"accessmode":4}`)))
			},
		},
		{
			name: RestoreIdentity, who: administrators,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
			summary: "Restore the identity of the user {user|of the integration} in Microsoft Entra.",
			portal: []string{
				"In Microsoft Entra, look under App registrations, Deleted applications (for a person's account: under Users, Deleted users), and restore it; this is possible for 30 days.",
				"If it is permanently deleted, register a new application, add an application user for it with the integration's role, and reconnect the vendor's product.",
				usersPage,
				"Then deactivate {user|the old user} and delete it.",
			},
		},
		{
			name: FindView, who: viewOwner,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{View: all.View, User: all.User, Table: all.Table} },
			summary: "Create the view {view|that is required}[ of the table {table}], or name its owner in the configuration so that dbaudit can read it.",
			portal: []string{
				"Ask who uses the view {view|in question}[ of the table {table}]: only its owner and those it is shared with can see a personal view.",
				"If it exists, name its owner under views in the configuration, or have the owner share it with the integration user.",
				"If it does not exist, create it: open the list of the table[ {table}], set the filters, and save the view under this name.",
			},
			commands: fix.scanCommand,
		},
		{
			name: ActivateView, remedy: fix.activateView, who: viewOwner,
			example: func(all audit.Fix) audit.Fix { return audit.Fix{View: all.View, Owner: all.Owner} },
		},
		{
			name: CorrectConfiguration, remedy: fix.correctConfiguration, who: Maintainer,
		},
	}
}

func (f fix) scanCommand() []string { return []string{"dbaudit scan" + f.Arguments()} }

// correctConfiguration corrects an entry that the environment cannot meet. A missing business
// unit can also be created.
func (f fix) correctConfiguration() Remedy {
	r := Remedy{Commands: f.scanCommand()}
	if f.BusinessUnit != nil {
		r.Summary = f.render("Correct business_unit in dbaudit.yaml, or create or enable the business unit {unit}.")
		r.Portal = f.renderSteps("If {unit} is misspelled or was renamed, correct business_unit in dbaudit.yaml, and scan again.",
			"If the name is correct, continue: {settings} > Business units.",
			"Create the business unit {unit}, or enable it and those above it. Then scan again.")
		return r
	}
	r.Summary = f.render("Correct the configuration: it requires {required|something}, which cannot be met.")
	r.Portal = f.renderSteps("Open the configuration and correct the entry of {required|something}.")
	return r
}

// appContents describes the table and the privileges that an app adds.
func (f fix) appContents() string {
	switch {
	case f.Table == "":
		return formatPrivileges(f.Privileges, "")
	case len(f.Privileges) == 0:
		return "the table " + f.Table
	}
	return "the table " + f.Table + " and " + formatPrivileges(f.Privileges, "")
}

// removeDuplicateUser leaves one of several users. If the fix names a user, there are no others:
// the user is soft-deleted, and reserves the application id until it is permanently deleted.
func (f fix) removeDuplicateUser() Remedy {
	if f.User != nil {
		return Remedy{
			Summary: f.render("Permanently delete the soft-deleted user {user}, and create the application user again."),
			Portal: f.renderSteps(
				"{settings} > Application users.",
				"Select {user}, which is soft-deleted, and choose Delete: until then, no other user can have its application id.",
				"Run dbaudit plan again: it creates the application user[ of the application {application}].",
			),
			Requests: append(f.lookUpUserBy("deletedstate ne 0"), f.newCall("permanently delete the user", deleteUserRequest())),
		}
	}
	var calls []Call
	if f.ApplicationID != "" {
		calls = append(calls, f.list("the users of the application",
			"systemusers?$select=systemuserid,fullname,isdisabled,deletedstate&$filter="+escapeQuery("applicationid eq ")+escapeID(f.ApplicationID)))
	}
	return Remedy{
		Summary: f.render("Leave one user[ of the application {application}], and disable and delete the others."),
		Portal: f.renderSteps(
			"{settings} > Application users.",
			"Decide which user[ of the application {application}] stays: the one that has the role and owns the records.",
			"For each other: reassign its records, choose Deactivate, then Delete; delete the soft-deleted user again to remove it permanently.",
		),
		Requests: append(calls,
			f.newCall("disable each user that does not stay", setDisabledRequest(true, false)),
			f.newCall("delete it", deleteUserRequest())),
	}
}

func (f fix) activateView() Remedy {
	r := Remedy{Summary: f.render("Activate the view {view|in question}[, as its owner {owner}].")}
	active := func(row string) Request { return patch(row, `{"statecode":0,"statuscode":1}`) }
	if f.Owner == nil { // a system view
		r.Portal = f.renderSteps(
			"Sign in to https://make.powerapps.com and choose the environment[ at {url}].",
			"Open the table[ {table}] in an unmanaged solution, then Views.",
			"Choose More commands next to {view|in question}, then Turn on (formerly Activate view).",
		)
		r.Requests = []Call{f.newCall("activate the system view", active("savedqueries("+idOr(f.View, "{savedqueryid}")+")"))}
		return r
	}
	r.Portal = f.renderSteps(asOwnerPage, "Open the table[ {table}], then Advanced Find > Saved Views, select {view|in question}, and choose Activate.")
	r.Requests = slices.Concat(f.lookUpOwner(), f.lookUpView(), []Call{
		f.impersonateOwner(f.newCall("activate the view", active("userqueries({view})"))),
	})
	return r
}

// unmetRequirement describes what the configuration requires; empty if the fix does not say.
func (f fix) unmetRequirement() string {
	switch {
	case f.View != nil && f.Table != "":
		return "the view " + quotedName(f.View) + " of the table " + f.Table
	case f.View != nil:
		return "the view " + quotedName(f.View)
	case f.Role != nil:
		return "the role " + quotedName(f.Role)
	case f.User != nil:
		return "the user " + quotedName(f.User)
	}
	return ""
}

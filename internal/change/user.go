package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// ofUsers are the kinds of fix that change a user.
func ofUsers() []kind {
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
				"Choose the business unit[ {unit}].",
				"Choose the pencil beside Security roles, select {role|the integration's role}, and save.",
				"Choose Create.",
			},
			requests: func(f fix) []Call { return append(f.lookUpUnit(), f.call("create the application user", newUser())) },
			act: act{
				target: TargetUser, from: State{AttrUser: Absent}, to: State{AttrUser: Enabled}, risk: RiskMedium,
				words: func(a Action, _ []string) (string, string) {
					return fmt.Sprintf("create the application user for %s in the business unit %s", a.Target.ApplicationID, a.Target.BusinessUnit.Name),
						"Anyone with the application's credentials can then sign in to the environment. The user's name comes from the app registration."
				},
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
				return append(f.lookUpUser(), f.call("enable the user", setDisabled(false, f.ApplicationID != "")))
			},
			act: act{
				target: TargetUser, from: State{AttrUser: Disabled}, to: State{AttrUser: Enabled}, risk: RiskMedium,
				words: func(a Action, _ []string) (string, string) {
					return fmt.Sprintf("enable the user %q", a.Target.User.Name), "Somebody may have disabled it on purpose."
				},
			},
		},
	}
}

// userSteps create, enable and disable a user, and delete it permanently: a user must be
// disabled before it can be deleted, first softly and then again.
func (t Target) userSteps() []transition {
	named := t.ApplicationID != ""
	return []transition{
		{Absent, Enabled, Enabled, newUser()},
		{Disabled, Enabled, Enabled, setDisabled(false, named)},
		{Enabled, Disabled, Disabled, setDisabled(true, named)},
		{Enabled, Absent, Disabled, setDisabled(true, named)},
		{Disabled, Absent, Deleted, deleteUser()},
		{Deleted, Absent, Absent, deleteUser()},
	}
}

func newUser() Request {
	return post("systemusers", `{"accessmode":4,"applicationid":"{application}","businessunitid@odata.bind":"/businessunits({unit})","isdisabled":false}`)
}

// setDisabled repeats the application id of an application user.
func setDisabled(disabled, application bool) Request {
	if application {
		return patch("systemusers({user})", `{"applicationid":"{application}","isdisabled":%t}`, disabled)
	}
	return patch("systemusers({user})", `{"isdisabled":%t}`, disabled)
}

func deleteUser() Request { return del("systemusers({user})") }

package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// CreateApplicationUser creates the application user.
const CreateApplicationUser audit.FixKind = "create-application-user"

func createApplicationUser() kind {
	return kind{name: CreateApplicationUser, remedy: fix.createApplicationUser, example: func(all audit.Fix) audit.Fix {
		return audit.Fix{ApplicationID: all.ApplicationID, BusinessUnit: all.BusinessUnit}
	}, act: &act{
		target: TargetUser, from: State{AttrUser: Absent}, to: State{AttrUser: Enabled},
		words: func(a Action, _ []string) (string, Risk, string) {
			return fmt.Sprintf("create the application user for %s in the business unit %s", a.Target.ApplicationID, a.Target.BusinessUnit.Name), RiskMedium,
				"Anyone with the application's credentials can then sign in to the environment. The user's name comes from the app registration."
		},
	}}
}

// EnableUser enables a disabled user.
const EnableUser audit.FixKind = "enable-user"

func enableUser() kind {
	return kind{
		name: EnableUser, remedy: fix.enableUser,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
		act: &act{
			target: TargetUser, from: State{AttrUser: Disabled}, to: State{AttrUser: Enabled},
			words: func(a Action, _ []string) (string, Risk, string) {
				return fmt.Sprintf("enable the user %q", a.Target.User.Name), RiskMedium, "Somebody may have disabled it on purpose."
			},
		},
	}
}

func (f fix) createApplicationUser() Remedy {
	role := "the integration's role"
	if f.Role != nil {
		role = name(f.Role, "")
	}
	return Remedy{
		Summary: fmt.Sprintf("Create the application user%s%s.", lead(" of the application ", f.ApplicationID), lead(" in the business unit ", name(f.BusinessUnit, ""))),
		Portal: []string{
			f.admin("Application users"),
			"Choose + New app user, then + Add an app, select the app registration" + lead(" of the application ", f.ApplicationID) + ", and choose Add.",
			"Choose the business unit" + lead(" ", name(f.BusinessUnit, "")) + ".",
			fmt.Sprintf("Choose the pencil beside Security roles, select %s, and save.", role),
			"Choose Create.",
		},
		Requests: append(f.lookUpUnit(), f.call("create the application user", newUser())),
	}
}

func (f fix) enableUser() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Enable the user %s.", name(f.User, "of the integration")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Select %s and choose Activate (for a person's account: assign a license in the Microsoft 365 admin center, and add the user to the environment).", name(f.User, "of the integration")),
		},
		Requests: append(f.lookUpUser(), f.call("enable the user", setDisabled(false, f.ApplicationID != ""))),
	}
}

// nextUser creates, enables and disables a user, and deletes it permanently: a user must be
// disabled before it can be deleted, first softly and then again.
func (t Target) nextUser(from, to string) (Step, bool) {
	named := t.ApplicationID != ""
	switch {
	case from == Absent && to == Enabled:
		return Step{newUser(), State{AttrUser: Enabled}}, true
	case from == Disabled && to == Enabled:
		return Step{setDisabled(false, named), State{AttrUser: Enabled}}, true
	case from == Enabled && (to == Disabled || to == Absent):
		return Step{setDisabled(true, named), State{AttrUser: Disabled}}, true
	case from == Disabled && to == Absent:
		return Step{deleteUser(), State{AttrUser: Deleted}}, true
	case from == Deleted && to == Absent:
		return Step{deleteUser(), State{AttrUser: Absent}}, true
	}
	return Step{}, false
}

func newUser() Request {
	return Request{Method: "POST", Path: "systemusers", Body: body(
		`{"accessmode":4,"applicationid":"{application}","businessunitid@odata.bind":"/businessunits({unit})","isdisabled":false}`)}
}

// setDisabled repeats the application id of an application user.
func setDisabled(disabled, application bool) Request {
	if application {
		return patch("systemusers({user})", `{"applicationid":"{application}","isdisabled":%t}`, disabled)
	}
	return patch("systemusers({user})", `{"isdisabled":%t}`, disabled)
}

func deleteUser() Request { return Request{Method: "DELETE", Path: "systemusers({user})"} }

package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func (f fix) createApplicationUser() Remedy {
	role := "the integration's role"
	if f.Role != nil {
		role = name(f.Role, "")
	}
	return Remedy{
		Summary: fmt.Sprintf("Create the application user%s%s.", forApplication(f.ApplicationID), inUnit(f.BusinessUnit)),
		Portal: []string{
			f.admin("Application users"),
			"Choose + New app user, then + Add an app, select the app registration" + forApplication(f.ApplicationID) + ", and choose Add.",
			"Choose the business unit" + after(name(f.BusinessUnit, "")) + ".",
			fmt.Sprintf("Choose the pencil beside Security roles, select %s, and save.", role),
			"Choose Create.",
		},
		Requests: append(f.lookUpUnit(), f.post("create the application user", "systemusers", object{
			{"applicationid", keyOr(f.ApplicationID, "{application (client) id}")},
			{"accessmode", 4},
			{"isdisabled", false},
			{"businessunitid@odata.bind", "/businessunits(" + id(f.BusinessUnit, unitID) + ")"},
		})),
	}
}

func (f fix) enableUser() Remedy {
	body := object{{"isdisabled", false}}
	if f.ApplicationID != "" {
		body = append(body, member{"applicationid", key(f.ApplicationID)})
	}
	return Remedy{
		Summary: fmt.Sprintf("Enable the user %s.", name(f.User, "of the integration")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Select %s and choose Activate (for a person's account: assign a license in the Microsoft 365 admin center, and add the user to the environment).", name(f.User, "of the integration")),
		},
		Requests: append(f.lookUpUser(), f.patch("enable the user", "systemusers("+id(f.User, userID)+")", body)),
	}
}

func (f fix) moveUser() Remedy {
	requests := f.lookUpUser()
	if f.BusinessUnit != nil {
		requests = append(requests, f.lookUpUnit()...)
	}
	return Remedy{
		Summary: fmt.Sprintf("Move the user %s to the business unit %s.", name(f.User, "of the integration"), name(f.BusinessUnit, "that the configuration names")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Select %s, choose Edit security roles (for a person's account: Manage security roles), and note the roles: the move removes them, whether or not record ownership across business units is on, unless the environment setting DoNotRemoveRolesOnChangeBusinessUnit is set.", name(f.User, "of the integration")),
			fmt.Sprintf("Choose Change business unit, then %s, and OK.", name(f.BusinessUnit, "the business unit that the configuration names")),
			"Assign the noted roles again, as their copies in the new business unit.",
		},
		Requests: append(requests,
			f.list("the roles to assign again after the move", "systemusers("+id(f.User, userID)+")/systemuserroles_association?$select=roleid,name,_parentrootroleid_value"),
			f.patch("move the user", "systemusers("+id(f.User, userID)+")", object{
				{"businessunitid@odata.bind", "/businessunits(" + id(f.BusinessUnit, unitID) + ")"},
			})),
	}
}

func (f fix) enableBusinessUnit() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Enable the business unit %s.", name(f.BusinessUnit, "of the user")),
		Portal: []string{
			f.admin("Business units"),
			fmt.Sprintf("Select %s and choose Enable. Its users, and those of the business units below it, can then sign in again.", name(f.BusinessUnit, "the business unit")),
			fmt.Sprintf("If it is disabled on purpose, move the user %s to an enabled business unit, and assign the integration's role again.", name(f.User, "of the integration")),
		},
	}
}

func (f fix) setAccessMode() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Set the access mode of the user %s to Non-interactive.", name(f.User, "of the integration")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Open %s, then Manage user in Dynamics 365, and set Access Mode, under Client Access License (CAL) Information, to Non-interactive (for a person's account: Read-Write).", name(f.User, "the user")),
		},
		Requests: append(f.lookUpUser(), f.patch("set the access mode", "systemusers("+id(f.User, userID)+")", object{{"accessmode", 4}})),
	}
}

func (f fix) restoreIdentity() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Restore the identity of the user %s in Microsoft Entra.", name(f.User, "of the integration")),
		Portal: []string{
			"In Microsoft Entra, look under App registrations, Deleted applications (for a person's account: under Users, Deleted users), and restore it; this is possible for 30 days.",
			"If it is permanently deleted, register a new application, add an application user for it with the integration's role, and reconnect the vendor's product.",
			f.users(),
			fmt.Sprintf("Then deactivate %s and delete it.", name(f.User, "the old user")),
		},
	}
}

func (f fix) replaceUser() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Have the integration run as an application user instead of %s.", name(f.User, "a person's account")),
		Portal: []string{
			"In Microsoft Entra, register an application for the integration" + forApplication(f.ApplicationID) + ".",
			f.admin("Application users"),
			"Choose + New app user, add the application, choose the business unit and the integration's role, and create it.",
			fmt.Sprintf("Reconnect the vendor's product with the application, then remove the role from %s.", name(f.User, "of the integration")),
		},
	}
}

func (f fix) removeDuplicateUser() Remedy {
	if f.User != nil {
		return f.purgeUser()
	}
	var requests []Request
	if f.ApplicationID != "" {
		requests = append(requests, f.list("the users of the application", "systemusers?$select=systemuserid,fullname,isdisabled,deletedstate&$filter="+escape("applicationid eq ")+key(f.ApplicationID)))
	}
	return Remedy{
		Summary: fmt.Sprintf("Leave one user%s, and disable and delete the others.", forApplication(f.ApplicationID)),
		Portal: []string{
			f.admin("Application users"),
			"Decide which user" + forApplication(f.ApplicationID) + " stays: the one that has the role and owns the records.",
			"For each other: reassign its records, choose Deactivate, then Delete; delete the soft-deleted user again to remove it permanently.",
		},
		Requests: append(requests,
			f.patch("disable each user that does not stay", "systemusers("+userID+")", object{{"isdisabled", true}}),
			f.remove("delete it", "systemusers("+userID+")")),
	}
}

// purgeUser frees the application id of a soft-deleted user.
func (f fix) purgeUser() Remedy {
	who := name(f.User, "of the application")
	return Remedy{
		Summary: fmt.Sprintf("Permanently delete the soft-deleted user %s, and create the application user again.", who),
		Portal: []string{
			f.admin("Application users"),
			fmt.Sprintf("Select %s, which is soft-deleted, and choose Delete: until then, no other user can have its application id.", who),
			"Run dbaudit plan again: it creates the application user" + forApplication(f.ApplicationID) + ".",
		},
		Requests: append(f.lookUpUser(), f.remove("permanently delete the user", "systemusers("+id(f.User, userID)+")")),
	}
}

// users is the step that opens the page for the user's kind.
func (f fix) users() string { return f.admin("Application users (for a person's account: Users)") }

// editRolesOfUser opens the page where the user's roles are chosen.
func (f fix) editRolesOfUser() []string {
	return []string{
		f.users(),
		fmt.Sprintf("Select %s and choose Edit security roles (for a person's account: Manage security roles).", name(f.User, "of the integration")),
	}
}

// lookUpUser finds the user by what the fix says about it.
func (f fix) lookUpUser() []Request {
	switch {
	case f.User != nil && f.User.ID != "":
		return nil
	case f.ApplicationID != "":
		return []Request{f.lookUp("the user", "systemuserid", userID, "systemusers?$select=systemuserid,fullname&$filter="+escape("applicationid eq ")+key(f.ApplicationID)+escape(" and deletedstate eq 0"))}
	case f.User != nil:
		return []Request{f.lookUp("the user", "systemuserid", userID, "systemusers?$select=systemuserid,fullname&$filter="+escape("fullname eq "+quote(f.User.Name)))}
	}
	return nil
}

// lookUpUnit finds the business unit that the fix names, else the root.
func (f fix) lookUpUnit() []Request {
	what, filter := "the root business unit", escape("_parentbusinessunitid_value eq null")
	switch {
	case f.BusinessUnit == nil:
	case f.BusinessUnit.ID != "":
		return nil
	default:
		what, filter = "the business unit", named(f.BusinessUnit.Name)
	}
	return []Request{f.lookUp(what, "businessunitid", unitID, "businessunits?$select=businessunitid,name&$filter="+filter)}
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

package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// RemoveDuplicateUser leaves one user of an application id.
const RemoveDuplicateUser audit.FixKind = "remove-duplicate-user"

func removeDuplicateUser() kind {
	return kind{name: RemoveDuplicateUser, remedy: fix.removeDuplicateUser, example: func(all audit.Fix) audit.Fix { return audit.Fix{ApplicationID: all.ApplicationID} }}
}

func (f fix) removeDuplicateUser() Remedy {
	if f.User != nil {
		return f.purgeUser()
	}
	var calls []Call
	if f.ApplicationID != "" {
		calls = append(calls, f.list("the users of the application", "systemusers?$select=systemuserid,fullname,isdisabled,deletedstate&$filter="+escape("applicationid eq ")+key(f.ApplicationID)))
	}
	return Remedy{
		Summary: fmt.Sprintf("Leave one user%s, and disable and delete the others.", lead(" of the application ", f.ApplicationID)),
		Portal: []string{
			f.admin("Application users"),
			"Decide which user" + lead(" of the application ", f.ApplicationID) + " stays: the one that has the role and owns the records.",
			"For each other: reassign its records, choose Deactivate, then Delete; delete the soft-deleted user again to remove it permanently.",
		},
		Requests: append(calls,
			f.call("disable each user that does not stay", setDisabled(true, false)),
			f.call("delete it", deleteUser())),
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
			"Run dbaudit plan again: it creates the application user" + lead(" of the application ", f.ApplicationID) + ".",
		},
		Requests: append(f.lookUpUserBy("deletedstate ne 0"), f.call("permanently delete the user", deleteUser())),
	}
}

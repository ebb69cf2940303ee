package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// MoveUser moves a user to another business unit.
const MoveUser audit.FixKind = "move-user"

func moveUser() kind {
	return kind{
		name: MoveUser, remedy: fix.moveUser,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User, BusinessUnit: all.BusinessUnit} },
	}
}

func (f fix) moveUser() Remedy {
	calls := f.lookUpUser()
	if f.BusinessUnit != nil {
		calls = append(calls, f.lookUpUnit()...)
	}
	return Remedy{
		Summary: fmt.Sprintf("Move the user %s to the business unit %s.", name(f.User, "of the integration"), name(f.BusinessUnit, "that the configuration names")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Select %s, choose Edit security roles (for a person's account: Manage security roles), and note the roles: the move removes them, whether or not record ownership across business units is on, unless the environment setting DoNotRemoveRolesOnChangeBusinessUnit is set.", name(f.User, "of the integration")),
			fmt.Sprintf("Choose Change business unit, then %s, and OK.", name(f.BusinessUnit, "the business unit that the configuration names")),
			"Assign the noted roles again, as their copies in the new business unit.",
		},
		Requests: append(calls,
			f.list("the roles to assign again after the move", "systemusers("+id(f.User, userID)+")/systemuserroles_association?$select=roleid,name,_parentrootroleid_value"),
			f.call("move the user", patch("systemusers({user})", `{"businessunitid@odata.bind":"/businessunits({unit})"}`))),
	}
}

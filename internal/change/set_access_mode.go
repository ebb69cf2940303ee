package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// SetAccessMode gives a user an access mode in which it can work.
const SetAccessMode audit.FixKind = "set-access-mode"

func setAccessMode() kind {
	return kind{
		name: SetAccessMode, remedy: fix.setAccessMode,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} },
	}
}

func (f fix) setAccessMode() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Set the access mode of the user %s to Non-interactive.", name(f.User, "of the integration")),
		Portal: []string{
			f.users(),
			fmt.Sprintf("Open %s, then Manage user in Dynamics 365, and set Access Mode, under Client Access License (CAL) Information, to Non-interactive (for a person's account: Read-Write).", name(f.User, "the user")),
		},
		Requests: append(f.lookUpUser(), f.call("set the access mode", patch("systemusers({user})", `{"accessmode":4}`))),
	}
}

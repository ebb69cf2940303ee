package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// ReplaceUser replaces a person's account by an application user.
const ReplaceUser audit.FixKind = "replace-user"

func replaceUser() kind {
	return kind{name: ReplaceUser, remedy: fix.replaceUser, who: whoever(administrators), example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} }}
}

const administrators = "an administrator of the Entra tenant and one of the environment"

func (f fix) replaceUser() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Have the integration run as an application user instead of %s.", name(f.User, "a person's account")),
		Portal: []string{
			"In Microsoft Entra, register an application for the integration" + lead(" of the application ", f.ApplicationID) + ".",
			f.admin("Application users"),
			"Choose + New app user, add the application, choose the business unit and the integration's role, and create it.",
			fmt.Sprintf("Reconnect the vendor's product with the application, then remove the role from %s.", name(f.User, "of the integration")),
		},
	}
}

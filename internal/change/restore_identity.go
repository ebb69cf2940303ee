package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// RestoreIdentity restores what a user signs in with in Microsoft Entra.
const RestoreIdentity audit.FixKind = "restore-identity"

func restoreIdentity() kind {
	return kind{name: RestoreIdentity, remedy: fix.restoreIdentity, who: whoever(administrators), example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User} }}
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

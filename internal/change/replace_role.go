package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// ReplaceRole replaces a built-in or locked role by a custom one.
const ReplaceRole audit.FixKind = "replace-role"

func replaceRole() kind {
	return kind{
		name: ReplaceRole, remedy: fix.replaceRole,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{Role: all.Role} },
	}
}

func (f fix) replaceRole() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Give the integration a custom role instead of %s.", name(f.Role, "the built-in one")),
		Portal: []string{
			f.admin("Security roles"),
			"Choose + New role and grant it the profile's minimum (dbaudit profile show lists it); a built-in or locked role cannot be adapted.",
			f.admin("Application users"),
			fmt.Sprintf("Select the integration user, choose Edit security roles, select the new role, clear %s, and save.", name(f.Role, "of the integration")),
		},
		Commands: []string{"dbaudit profile show " + Shell(f.profile)},
	}
}

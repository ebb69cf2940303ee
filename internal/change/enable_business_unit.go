package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// EnableBusinessUnit enables a business unit; its users cannot sign in while it is disabled.
const EnableBusinessUnit audit.FixKind = "enable-business-unit"

func enableBusinessUnit() kind {
	return kind{
		name: EnableBusinessUnit, remedy: fix.enableBusinessUnit,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{User: all.User, BusinessUnit: all.BusinessUnit} },
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

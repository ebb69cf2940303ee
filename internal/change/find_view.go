package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// FindView makes a required view visible: it is created, or its owner is named.
const FindView audit.FixKind = "find-view"

func findView() kind {
	return kind{
		name: FindView, remedy: fix.findView, who: owner,
		example: func(all audit.Fix) audit.Fix { return audit.Fix{View: all.View, User: all.User, Table: all.Table} },
	}
}

func (f fix) findView() Remedy {
	return Remedy{
		Summary: fmt.Sprintf("Create the view %s%s, or name its owner in the configuration so that dbaudit can read it.", name(f.View, "that is required"), lead(" of the table ", f.Table)),
		Portal: []string{
			"Ask who uses the view " + name(f.View, "in question") + lead(" of the table ", f.Table) + ": only its owner and those it is shared with can see a personal view.",
			"If it exists, name its owner under views in the configuration, or have the owner share it with the integration user.",
			"If it does not exist, create it: open the list of the table" + lead(" ", f.Table) + ", set the filters, and save the view under this name.",
		},
		Commands: []string{"dbaudit scan" + f.at.Arguments()},
	}
}

package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// CorrectConfiguration changes what the configuration asks for.
const CorrectConfiguration audit.FixKind = "correct-configuration"

func correctConfiguration() kind {
	return kind{name: CorrectConfiguration, remedy: fix.correctConfiguration, who: whoever(Maintainer)}
}

func (f fix) correctConfiguration() Remedy {
	asked := "something"
	switch {
	case f.View != nil:
		asked = "the view " + name(f.View, "") + lead(" of the table ", f.Table)
	case f.Role != nil:
		asked = "the role " + name(f.Role, "")
	case f.User != nil:
		asked = "the user " + name(f.User, "")
	}
	return Remedy{
		Summary:  fmt.Sprintf("Correct the configuration: it requires %s, which cannot be met.", asked),
		Portal:   []string{"Open the configuration and correct the entry of " + asked + "."},
		Commands: []string{"dbaudit scan" + f.at.Arguments()},
	}
}

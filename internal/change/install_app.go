package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// InstallApp installs the app that contains a table and its privileges.
const InstallApp audit.FixKind = "install-app"

func installApp() kind {
	return kind{name: InstallApp, remedy: fix.installApp, who: whoever("a Power Platform administrator who may install apps"), example: func(all audit.Fix) audit.Fix { return audit.Fix{Table: all.Table, Privileges: all.Privileges} }}
}

func (f fix) installApp() Remedy {
	var commands []string
	if f.env.URL != "" {
		commands = []string{
			"pac application list --environment " + Shell(f.env.URL),
			"pac application install --environment " + Shell(f.env.URL) + " --application-name APPLICATION",
		}
	}
	brought := rights(f.Privileges, "")
	switch {
	case f.Table != "" && len(f.Privileges) > 0:
		brought = fmt.Sprintf("the table %s and %s", f.Table, brought)
	case f.Table != "":
		brought = "the table " + f.Table
	}
	return Remedy{
		Summary: fmt.Sprintf("Install the app that contains %s: a role cannot grant what the environment does not define.", brought),
		Portal: []string{
			"Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > " + f.place() + " > Resources > Dynamics 365 apps.",
			"Choose Install app, select the app that contains " + brought + " (Dynamics 365 Sales for leads, opportunities, campaigns and marketing lists), and install it.",
			"Scan again: the privileges can be granted once they exist.",
		},
		Commands: commands,
	}
}

package change

import "fmt"

func (f fix) installApp() Remedy {
	var commands []string
	if f.env.URL != "" {
		commands = []string{
			"pac application list --environment " + shell(f.env.URL),
			"pac application install --environment " + shell(f.env.URL) + " --application-name APPLICATION",
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

func (f fix) correctConfiguration() Remedy {
	asked := "something"
	switch {
	case f.View != nil:
		asked = "the view " + name(f.View, "") + ofTable(f.Table)
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

// admin is the step that opens a page of the environment's settings.
func (f fix) admin(page string) string {
	return fmt.Sprintf("Sign in to https://admin.powerplatform.microsoft.com, then Manage > Environments > %s > Settings > Users + permissions > %s.", f.place(), page)
}

// place is the environment as in the portal's list: its display name, and its address if
// several have the same name.
func (f fix) place() string {
	switch {
	case f.env.URL == "":
		return "the environment"
	case f.env.OrganizationName == "":
		return "the environment with the URL " + f.env.URL
	}
	return `"` + f.env.OrganizationName + `" (` + f.env.URL + ")"
}

func at(host string) string {
	if host == "" {
		return ""
	}
	return " at " + host
}

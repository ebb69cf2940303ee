package change

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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

// users is the step that opens the page for the user's kind.
func (f fix) users() string { return f.admin("Application users (for a person's account: Users)") }

// editRole is how to set a role's access levels.
func (f fix) editRole() []string {
	return append([]string{f.admin("Security roles"), fmt.Sprintf("Open the role %s.", name(f.Role, "of the integration"))}, f.setLevels()...)
}

// setLevels are the steps in the editor of an open role.
func (f fix) setLevels() []string {
	var steps []string
	remove := f.Kind == RemovePrivilege
	for i, g := range f.Privileges {
		if i == listed {
			steps = append(steps, fmt.Sprintf("Do the same for the other %d privileges.", len(f.Privileges)-listed))
			break
		}
		level := g.Depth.Level()
		switch {
		case remove:
			level = audit.DepthNone.Level()
		case g.Depth == audit.DepthNone:
			level = "the highest level it allows"
		}
		right, row := audit.SplitPrivilege(g.Name)
		if right == "" {
			steps = append(steps, fmt.Sprintf("On the tab Miscellaneous privileges, set %s (%s) to %s.", row, g.Name, level))
			continue
		}
		steps = append(steps, fmt.Sprintf("On the tab Tables, show all tables, find %s, and set %s (%s) to %s.", row, right, g.Name, level))
	}
	return append(steps, "Choose Save + close.")
}

// editRolesOfUser opens the page where the user's roles are chosen.
func (f fix) editRolesOfUser() []string {
	return []string{
		f.users(),
		fmt.Sprintf("Select %s and choose Edit security roles (for a person's account: Manage security roles).", name(f.User, "of the integration")),
	}
}

// openShares opens the dialog of the view's shares.
func (f fix) openShares() []string {
	return []string{
		f.signInAsOwner(),
		"Open the list of the table" + lead(" ", f.Table) + ", then the drop-down next to the name of the view > Manage and share views.",
		fmt.Sprintf("Find %s, choose the three dots next to it, and choose Share.", name(f.View, "in question")),
	}
}

func (f fix) signInAsOwner() string {
	who := " as the owner of the view"
	if f.Owner != nil {
		who += ", " + name(f.Owner, "")
	}
	return "Sign in to the environment" + lead(" at ", f.env.URL) + who + "."
}

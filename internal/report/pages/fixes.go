package pages

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// fixes are the fixes that the rule proposes, for objects as they are in the
// examples. A rule that proposes none has only its remediation.
func (p controlPage) fixes() []audit.Fix {
	var fixes []audit.Fix
	grants := slices.Contains(p.rule.Fixes, change.AddPrivilege)
	for _, kind := range p.rule.Fixes {
		switch {
		case kind == change.RaiseDepth: // the steps are those of a grant
		case grants && (kind == change.CreateRole || kind == change.ReplaceRole): // another rule's page has them
		case kind == change.InstallApp && !ofAnApp(p.control.Table):
		default:
			fixes = append(fixes, p.example(kind))
		}
	}
	return fixes
}

// example is a fix of a kind.
func (p controlPage) example(kind audit.FixKind) audit.Fix {
	role := &audit.Reference{Name: p.profile.RoleName}
	user := &audit.Reference{Kind: "systemuser", Name: p.profile.RoleName}
	owner := &audit.Reference{Kind: "systemuser", Name: "jane@contoso.com"}
	view := &audit.Reference{Name: "Demandbase Leads"}
	unit := &audit.Reference{Name: "Contoso"}
	fix := audit.Fix{Kind: kind}
	switch kind {
	case change.CreateRole, change.AddPrivilege, change.RaiseDepth:
		fix.Role = role
		for _, name := range p.control.Privileges {
			fix.Privileges = append(fix.Privileges, audit.Grant{Name: name, Depth: p.depth(name)})
		}
		if fix.Privileges == nil {
			fix.Privileges = []audit.Grant{{Name: "prvReadLead", Depth: "global"}}
		}
	case change.InstallApp:
		fix.Table, fix.Privileges = p.control.Table, []audit.Grant{{Name: p.control.Privileges[0]}}
	case change.RemovePrivilege:
		surplus := "prvDeleteAccount"
		if p.ofFiles() {
			surplus = "prvActOnBehalfOfAnotherUser"
		}
		fix.Role, fix.Privileges = role, []audit.Grant{{Name: surplus, Depth: "global"}}
	case change.ReplaceRole:
		fix.Role = role
	case change.AssignRole:
		fix.Role, fix.User = role, user
	case change.UnassignRole, change.RemoveFromTeam:
		fix.Role, fix.User = &audit.Reference{Name: "System Administrator"}, user
		if kind == change.RemoveFromTeam {
			fix.Team = &audit.Reference{Kind: "team", Name: "Integrations"}
		}
	case change.CreateApplicationUser:
		fix.ApplicationID, fix.BusinessUnit = "{application id}", unit
	case change.RemoveDuplicateUser:
		fix.ApplicationID = "{application id}"
	case change.EnableBusinessUnit, change.MoveUser:
		fix.User, fix.BusinessUnit = user, unit
	case change.EnableUser, change.SetAccessMode, change.RestoreIdentity, change.ReplaceUser:
		fix.User = user
	case change.ShareView:
		fix.View, fix.User, fix.Owner, fix.Table = view, user, owner, "lead"
	case change.FindView:
		fix.View, fix.User, fix.Table = view, user, "lead"
	case change.ActivateView:
		fix.View, fix.Owner = view, owner
	case change.ReduceShare:
		fix.View, fix.Owner, fix.Principals = view, owner, []audit.Reference{*user}
	case change.CorrectConfiguration:
		if p.rule.ID == "view/table" {
			fix.View, fix.Table = view, "opportunity"
		}
	case "":
	}
	return fix
}

// ofAnApp reports whether a table comes with an app and is not in every
// environment.
func ofAnApp(table string) bool {
	switch table {
	case "lead", "opportunity", "customeropportunityrole", "campaign", "list":
		return true
	}
	return false
}

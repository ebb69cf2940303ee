package pages

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// fixes are the fixes that the rule proposes, for objects as they are in the
// examples. A rule that proposes none has only its remediation.
func (p controlPage) fixes() []audit.Fix {
	var fixes []audit.Fix
	grants := slices.Contains(p.rule.Fixes, audit.FixAddPrivilege)
	for _, kind := range p.rule.Fixes {
		switch {
		case kind == audit.FixRaiseDepth: // the steps are those of a grant
		case grants && (kind == audit.FixCreateRole || kind == audit.FixReplaceRole): // another rule's page has them
		case kind == audit.FixInstallApp && !ofAnApp(p.control.Table):
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
	case audit.FixCreateRole, audit.FixAddPrivilege, audit.FixRaiseDepth:
		fix.Role = role
		for _, name := range p.control.Privileges {
			fix.Privileges = append(fix.Privileges, audit.Grant{Name: name, Depth: p.depth(name)})
		}
		if fix.Privileges == nil {
			fix.Privileges = []audit.Grant{{Name: "prvReadLead", Depth: "global"}}
		}
	case audit.FixInstallApp:
		fix.Table, fix.Privileges = p.control.Table, []audit.Grant{{Name: p.control.Privileges[0]}}
	case audit.FixRemovePrivilege:
		surplus := "prvDeleteAccount"
		if p.ofFiles() {
			surplus = "prvActOnBehalfOfAnotherUser"
		}
		fix.Role, fix.Privileges = role, []audit.Grant{{Name: surplus, Depth: "global"}}
	case audit.FixReplaceRole:
		fix.Role = role
	case audit.FixAssignRole:
		fix.Role, fix.User = role, user
	case audit.FixUnassignRole, audit.FixRemoveFromTeam:
		fix.Role, fix.User = &audit.Reference{Name: "System Administrator"}, user
		if kind == audit.FixRemoveFromTeam {
			fix.Team = &audit.Reference{Kind: "team", Name: "Integrations"}
		}
	case audit.FixCreateApplicationUser:
		fix.ApplicationID, fix.BusinessUnit = "{application id}", unit
	case audit.FixRemoveDuplicateUser:
		fix.ApplicationID = "{application id}"
	case audit.FixEnableBusinessUnit, audit.FixMoveUser:
		fix.User, fix.BusinessUnit = user, unit
	case audit.FixEnableUser, audit.FixSetAccessMode, audit.FixRestoreIdentity, audit.FixReplaceUser:
		fix.User = user
	case audit.FixShareView:
		fix.View, fix.User, fix.Owner, fix.Table = view, user, owner, "lead"
	case audit.FixFindView:
		fix.View, fix.User, fix.Table = view, user, "lead"
	case audit.FixActivateView:
		fix.View, fix.Owner = view, owner
	case audit.FixReduceShare:
		fix.View, fix.Owner, fix.Principals = view, owner, []audit.Reference{*user}
	case audit.FixCorrectConfiguration:
		if p.rule.ID == "view/table" {
			fix.View, fix.Table = view, "opportunity"
		}
	case audit.FixUnknown:
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

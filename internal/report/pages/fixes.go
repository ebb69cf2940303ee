package pages

import (
	"github.com/dbaudit/dbaudit/internal/audit"
)

// fixes are the fixes that the rule proposes, for objects as they are in the
// examples. A rule that proposes none has only its remediation.
func (p controlPage) fixes() []audit.Fix {
	role := &audit.Reference{Name: p.profile.RoleName}
	user := &audit.Reference{Kind: "systemuser", Name: p.profile.RoleName}
	owner := &audit.Reference{Kind: "systemuser", Name: "jane@contoso.com"}
	view := &audit.Reference{Name: "Demandbase Leads"}
	unit := &audit.Reference{Name: "Contoso"}
	team := &audit.Reference{Kind: "team", Name: "Integrations"}
	application := "{application id}"
	var grants []audit.Grant
	for _, name := range p.control.Privileges {
		grants = append(grants, audit.Grant{Name: name, Depth: p.depth(name)})
	}
	one := audit.Grant{Name: "prvReadLead", Depth: "global"}
	switch p.rule.ID {
	case "role/privileges":
		fixes := []audit.Fix{{Kind: audit.FixAddPrivilege, Role: role, Privileges: grants}}
		if ofAnApp(p.control.Table) {
			fixes = append(fixes, audit.Fix{Kind: audit.FixInstallApp, Table: p.control.Table, Privileges: []audit.Grant{{Name: p.control.Privileges[0]}}})
		}
		return append(fixes, audit.Fix{Kind: audit.FixAssignRole, Role: role, User: user})
	case "role/complete":
		return []audit.Fix{{Kind: audit.FixAddPrivilege, Role: role, Privileges: []audit.Grant{one}}}
	case "role/exists":
		return []audit.Fix{{Kind: audit.FixCreateRole, Role: role, Privileges: []audit.Grant{one}}}
	case "role/custom":
		return []audit.Fix{{Kind: audit.FixReplaceRole, Role: role}}
	case "role/least-privilege":
		surplus := audit.Grant{Name: "prvDeleteAccount", Depth: "global"}
		return []audit.Fix{
			{Kind: audit.FixRemovePrivilege, Role: role, Privileges: []audit.Grant{surplus}},
			{Kind: audit.FixReplaceRole, Role: role},
		}
	case "lint/administrator", "lint/dangerous":
		danger := audit.Grant{Name: "prvActOnBehalfOfAnotherUser", Depth: "global"}
		return []audit.Fix{{Kind: audit.FixRemovePrivilege, Role: role, Privileges: []audit.Grant{danger}}}
	case "user/exists":
		return []audit.Fix{
			{Kind: audit.FixCreateApplicationUser, ApplicationID: application, BusinessUnit: unit},
			{Kind: audit.FixRemoveDuplicateUser, ApplicationID: application},
			{Kind: audit.FixCorrectConfiguration},
		}
	case "user/enabled":
		return []audit.Fix{
			{Kind: audit.FixEnableUser, User: user},
			{Kind: audit.FixEnableBusinessUnit, User: user, BusinessUnit: unit},
			{Kind: audit.FixSetAccessMode, User: user},
			{Kind: audit.FixRestoreIdentity, User: user},
		}
	case "user/dedicated":
		return []audit.Fix{{Kind: audit.FixReplaceUser, User: user}}
	case "user/role":
		return []audit.Fix{{Kind: audit.FixAssignRole, Role: role, User: user}}
	case "user/business-unit":
		return []audit.Fix{{Kind: audit.FixMoveUser, User: user, BusinessUnit: unit}}
	case "user/no-administrator":
		administrator := &audit.Reference{Name: "System Administrator"}
		return []audit.Fix{
			{Kind: audit.FixUnassignRole, Role: administrator, User: user},
			{Kind: audit.FixRemoveFromTeam, Role: administrator, User: user, Team: team},
		}
	case "view/shared":
		return []audit.Fix{
			{Kind: audit.FixShareView, View: view, User: user, Owner: owner, Table: "lead"},
			{Kind: audit.FixFindView, View: view, User: user, Table: "lead"},
		}
	case "view/table":
		return []audit.Fix{{Kind: audit.FixCorrectConfiguration, View: view, Table: "opportunity"}}
	case "view/active":
		return []audit.Fix{{Kind: audit.FixActivateView, View: view, Owner: owner}}
	case "view/least-access":
		return []audit.Fix{{Kind: audit.FixReduceShare, View: view, Owner: owner, Principals: []audit.Reference{*user}}}
	}
	return nil
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

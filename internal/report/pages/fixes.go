package pages

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// fixes returns the fixes that the rule proposes, with example objects.
func (p rulePage) fixes() []audit.Fix {
	var fixes []audit.Fix
	grants := slices.Contains(p.rule.Fixes, change.AddPrivilege)
	for _, kind := range p.rule.Fixes {
		switch {
		case kind == change.RaiseDepth: // has the same steps as a grant
		case grants && (kind == change.CreateRole || kind == change.ReplaceRole): // on the page of another rule
		case kind == change.InstallApp && !belongsToApp(p.control.Table):
		default:
			fixes = append(fixes, p.example(kind))
		}
	}
	return fixes
}

// example returns a fix of a kind with example objects.
func (p rulePage) example(kind audit.FixKind) audit.Fix {
	user := &audit.Reference{Kind: "systemuser", Name: p.profile.RoleName}
	all := audit.Fix{
		Role: &audit.Reference{Name: p.profile.RoleName}, User: user, Team: &audit.Reference{Kind: "team", Name: "Integrations"},
		View: &audit.Reference{Name: "Demandbase Leads"}, Owner: &audit.Reference{Kind: "systemuser", Name: "jane@contoso.com"},
		BusinessUnit: &audit.Reference{Name: "Contoso"}, ApplicationID: "{application id}", Table: "lead",
	}
	for _, name := range p.control.Privileges {
		all.Privileges = append(all.Privileges, audit.Grant{Name: name, Depth: p.depth(name)})
	}
	switch {
	case kind == change.InstallApp:
		all.Table, all.Privileges = p.control.Table, []audit.Grant{{Name: p.control.Privileges[0]}}
	case kind == change.RemovePrivilege && p.judgesFiles():
		all.Privileges = []audit.Grant{{Name: privileges.Impersonate, Depth: audit.DepthGlobal}}
	case kind == change.RemovePrivilege:
		all.Privileges = []audit.Grant{{Name: "prvDeleteAccount", Depth: audit.DepthGlobal}}
	case all.Privileges == nil:
		all.Privileges = []audit.Grant{{Name: "prvReadLead", Depth: audit.DepthGlobal}}
	}
	fix := change.Example(kind, all)
	if p.rule.ID == "view/table" {
		fix.View, fix.Table = all.View, "opportunity"
	}
	return fix
}

// belongsToApp reports whether a table belongs to an app that not every environment has.
func belongsToApp(table string) bool {
	return slices.Contains([]string{"lead", "opportunity", "customeropportunityrole", "campaign", "list"}, table)
}

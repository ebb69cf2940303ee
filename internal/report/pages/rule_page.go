package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// A rulePage is the page of a rule, with a control as the example.
type rulePage struct {
	profile    profile.Profile
	control    profile.Control
	rule       audit.Rule
	privileges *solution.PrivilegeTable
}

func (p rulePage) severity() audit.Severity { return cmp.Or(p.control.Severity, p.rule.Severity) }

// tableRow returns the row of the control in the table of its profile. Reports link to its anchor.
func (p rulePage) tableRow() string {
	requires := p.control.Title
	if len(p.control.Privileges) > 0 {
		var names []string
		for _, name := range p.control.Privileges {
			names = append(names, fmt.Sprintf("`%s` (%s)", name, p.depth(name).Level()))
		}
		requires += ": " + strings.Join(names, ", ")
	}
	source := "–"
	if c := p.control.Citation; c != nil {
		source = c.Tab + ": " + c.Line
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	return fmt.Sprintf("| <a id=%q></a>%s | %s | [%s](%s) | %s | %s |\n", audit.Anchor(p.control.ID), p.control.ID, p.severity(),
		p.rule.ID, rulePageName(p.rule.ID), cell(requires), cell(source))
}

func (p rulePage) markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s\n# %s: %s\n", pageMark, p.rule.ID, p.rule.Title)
	line("severity **%s** unless the profile says otherwise · [all controls](README.md)\n", p.rule.Severity)
	line("## What it requires\n\n%s", p.rule.Description)
	line("\n## What breaks without it\n\n%s", p.rule.Consequence)
	line("\n## How to fix it\n\n%s", p.rule.Remediation)
	fixes := p.fixes()
	if len(fixes) > 0 {
		line("\nThe example is %s of the profile `%s`.", p.control.ID, p.profile.Name)
	}
	for _, fix := range fixes {
		p.writeFix(&b, fix, len(fixes) > 1)
	}
	p.writeWaiver(&b)
	if len(p.rule.Resources) > 0 {
		line("\n## See also\n")
		for _, r := range p.rule.Resources {
			line("- [%s](%s)", cmp.Or(r.Title, r.URL), r.URL)
		}
	}
	return b.String()
}

func (p rulePage) judgesFiles() bool { return strings.HasPrefix(p.rule.ID, "lint/") }

func depthNote(p profile.Profile) string {
	if p.Depth == "deepest" {
		return "The source does not state access levels. By default, dbaudit requires the highest level that each privilege allows; " +
			"lower it with `depth:` in `dbaudit.yaml`."
	}
	return "The access levels are those of the source or of the profile; `depth:` in `dbaudit.yaml` changes them."
}

// depth returns the depth at which a privilege must be granted.
func (p rulePage) depth(privilege string) audit.Depth {
	if depth, ok := p.profile.Depths[privilege]; ok {
		return depth
	}
	if depths := p.privileges.Depths(privilege); len(depths) > 0 {
		return depths[len(depths)-1]
	}
	return audit.DepthGlobal
}

// writeFix writes the portal's steps and the commands of a fix and, folded, its requests and scripts.
func (p rulePage) writeFix(b *strings.Builder, f audit.Fix, heading bool) {
	env := audit.Environment{URL: "https://contoso.crm.dynamics.com", OrganizationName: "Contoso"}
	if p.judgesFiles() {
		env = audit.Environment{Name: "src/Roles/" + p.profile.RoleName + ".xml"}
	}
	r := change.RemedyFor(f, change.Place{Environment: env, Profile: p.profile.Name})
	if heading {
		fmt.Fprintf(b, "\n### %s\n", r.Summary)
	}
	if len(r.Portal) > 0 {
		b.WriteString("\n**In the portal**\n\n")
		for i, step := range r.Portal {
			fmt.Fprintf(b, "%d. %s\n", i+1, step)
		}
	}
	if len(r.Commands) > 0 {
		b.WriteString("\n**By a command**\n\n```sh\n" + strings.Join(r.Commands, "\n") + "\n```\n")
	}
	folded := func(title, language, text string) {
		if text != "" {
			fmt.Fprintf(b, "\n<details><summary><b>%s</b></summary>\n\n```%s\n%s\n```\n\n</details>\n", title, language, text)
		}
	}
	var requests []string
	for _, q := range r.Requests {
		requests = append(requests, fmt.Sprintf("### to %s\n%s", q.Purpose, q))
	}
	folded("By the Web API", "http", strings.Join(requests, "\n\n"))
	folded("With curl and jq", "sh", strings.Join(r.CurlScript(), "\n"))
	folded("With PowerShell", "powershell", strings.Join(r.PowerShellScript(), "\n"))
}

// writeWaiver writes how to accept that a control fails.
func (p rulePage) writeWaiver(b *strings.Builder) {
	command, privilege := "dbaudit scan", ""
	if p.judgesFiles() {
		command = "dbaudit lint src"
	}
	if len(p.control.Privileges) > 0 {
		privilege = " --privilege " + change.QuoteShell(p.control.Privileges[0])
	}
	fmt.Fprintf(b, `
## How to waive it

`+"```sh"+`
%s -f json -o result.json
dbaudit waiver add result.json --control %s%s --kind accepted-risk \
  --owner jane@contoso.com --reason "why it is accepted" --days 90
`+"```"+`

The waiver expires on its last day, at most 366 days ahead. The control is
then waived, not passed: every report keeps its original outcome and says who
accepted it.
`, command, p.control.ID, privilege)
	if slices.Contains(p.rule.Fixes, change.RemovePrivilege) && !p.judgesFiles() {
		b.WriteString("\nIf the role may keep a privilege permanently, list it under `allow:` in `dbaudit.yaml` instead:\n" +
			"a waiver of this control would cover whatever else is granted later.\n")
	}
}

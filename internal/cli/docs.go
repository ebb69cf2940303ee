package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/remedy"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

func newPolicyDocsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "docs DIR",
		Short: "write a page for each rule, and a table of each built-in profile",
		Long: `Writes the pages that reports link to, made from the rules' METADATA and the
profiles: a table of each profile's controls with the words of the source, and for
each rule what it requires, how to fix what it finds, and how to accept it. Pages of
rules that no longer exist are removed. The reference of dbaudit.yaml is written
beside the folder, as configuration.md.`,
		Example: "  dbaudit policy docs docs/controls",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pages, err := controlPages(cmd.Context())
			if err != nil {
				return err
			}
			if err := writePages(args[0], pages); err != nil {
				return err
			}
			page, err := configurationPage()
			if err != nil {
				return err
			}
			return console.WriteFile(filepath.Join(filepath.Dir(filepath.Clean(args[0])), "configuration.md"), []byte(page))
		},
	}
}

// writePages makes a folder hold the pages, and no other page that was made.
func writePages(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("writing the pages: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return fmt.Errorf("writing the pages: %w", err)
	}
	for _, name := range old {
		if _, ok := pages[filepath.Base(name)]; ok {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("writing the pages: %w", err)
		}
		if strings.HasPrefix(string(data), pageMark) {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("writing the pages: %w", err)
			}
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // the pages are for everybody
			return fmt.Errorf("writing the pages: %w", err)
		}
	}
	return nil
}

// pageMark begins each page that is made.
const pageMark = "<!-- Made by `make docs` from the rules' METADATA and the profiles. Change those. -->\n"

// controlPages makes the pages by file name: an index with the controls of the built-in
// profiles, and a page for each rule that one of them names.
func controlPages(ctx context.Context) (map[string]string, error) {
	e, err := engine.Load(ctx, policy.Files)
	if err != nil {
		return nil, err
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		return nil, err
	}
	standard := solution.NewStandard()
	rules := map[string]engine.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r
	}
	pages := map[string]string{}
	index := &strings.Builder{}
	index.WriteString(pageMark + "\n# Controls\n\nEach control of a profile names the rule that judges it. The page of a rule says how to fix what it finds.\n")
	for _, p := range profiles {
		fmt.Fprintf(index, "\n## %s\n\nProfile `%s`, from [%s](%s). %s\n\n| control | severity | rule | requires | the words of the source |\n| --- | --- | --- | --- | --- |\n",
			p.Title, p.Name, p.Source.Title, p.Source.URL, depthNote(p))
		for _, c := range p.Controls {
			rule, ok := rules[c.Rule]
			if !ok {
				return nil, fmt.Errorf("the control %s of the profile %s names the rule %q, which does not exist", c.ID, p.Name, c.Rule)
			}
			page := controlPage{profile: p, control: c, rule: rule, standard: standard}
			index.WriteString(page.row())
			// The example of a rule's page is the control of the profile that comes first.
			if _, ok := pages[rulePage(rule.ID)]; !ok || c.ID == exampleControl {
				pages[rulePage(rule.ID)] = page.text()
			}
		}
	}
	pages["README.md"] = index.String()
	return pages, nil
}

// exampleControl is the control that the page of its rule takes for an example.
const exampleControl = "DB-PRIV-QUEUE"

// rulePage is the file of a rule's page.
func rulePage(rule string) string { return strings.ReplaceAll(rule, "/", "-") + ".md" }

// A controlPage is all that the page of a control is made from.
type controlPage struct {
	profile  profile.Profile
	control  profile.Control
	rule     engine.Rule
	standard *solution.Standard
}

func (p controlPage) severity() audit.Severity {
	if p.control.Severity != audit.SeverityInvalid {
		return p.control.Severity
	}
	return p.rule.Severity
}

// row is the control's row in the table of its profile. The anchor is where reports link
// to.
func (p controlPage) row() string {
	requires := p.control.Title
	if len(p.control.Privileges) > 0 {
		var names []string
		for _, name := range p.control.Privileges {
			names = append(names, fmt.Sprintf("`%s` (%s)", name, p.level(name)))
		}
		requires += ": " + strings.Join(names, ", ")
	}
	source := "–"
	if c := p.control.Citation; c != nil {
		source = c.Tab + ": " + c.Line
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	return fmt.Sprintf("| <a id=%q></a>%s | %s | [%s](%s) | %s | %s |\n", audit.Anchor(p.control.ID), p.control.ID, p.severity(),
		p.rule.ID, rulePage(p.rule.ID), cell(requires), cell(source))
}

func (p controlPage) text() string {
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
		p.fix(&b, fix, len(fixes) > 1)
	}
	p.waiving(&b)
	if len(p.rule.Resources) > 0 {
		line("\n## See also\n")
		for _, r := range p.rule.Resources {
			line("- [%s](%s)", cmp.Or(r.Title, r.URL), r.URL)
		}
	}
	return b.String()
}

// ofFiles reports whether the rule judges files, and no environment.
func (p controlPage) ofFiles() bool { return strings.HasPrefix(p.rule.ID, "lint/") }

func depthNote(p profile.Profile) string {
	if p.Depth == "deepest" {
		return "The source names no access level. That each privilege must be granted at the deepest one that it allows is dbaudit's own default; " +
			"`depth:` in `dbaudit.yaml` asks for less."
	}
	return "The access levels are those of the source or of the profile; `depth:` in `dbaudit.yaml` changes them."
}

// level is the access level that a privilege must be granted at.
func (p controlPage) level(privilege string) string { return audit.Level(p.depth(privilege)) }

func (p controlPage) depth(privilege string) string {
	if depth, ok := p.profile.Depths[privilege]; ok {
		return depth.String()
	}
	if depths := p.standard.Depths(privilege); len(depths) > 0 {
		return depths[len(depths)-1].String()
	}
	return "global"
}

// fix writes one way of mending a finding: in the portal and by a command, and, folded,
// by the Web API and by scripts.
func (p controlPage) fix(b *strings.Builder, f audit.Fix, several bool) {
	env := audit.Environment{URL: "https://contoso.crm.dynamics.com", OrganizationName: "Contoso"}
	if p.ofFiles() {
		env = audit.Environment{Name: "src/Roles/" + p.profile.RoleName + ".xml"}
	}
	r := remedy.For(f, remedy.Place{Environment: env, Profile: p.profile.Name})
	if several {
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
	folded("With curl and jq", "sh", strings.Join(r.Curl(), "\n"))
	folded("With PowerShell", "powershell", strings.Join(r.PowerShell(), "\n"))
}

// waiving says how to accept that the control is not met.
func (p controlPage) waiving(b *strings.Builder) {
	judged, privilege := "dbaudit scan", ""
	if p.ofFiles() {
		judged = "dbaudit lint src"
	}
	if len(p.control.Privileges) > 0 {
		privilege = " --privilege " + p.control.Privileges[0]
	}
	fmt.Fprintf(b, `
## How to waive it

`+"```sh"+`
%s -f json -o result.json
dbaudit waiver add result.json --control %s%s --kind accepted-risk \
  --owner jane@contoso.com --reason "why it is accepted" --days 90
`+"```"+`

The waiver counts until its last day, at most 366 days off. The control is then
waived, not passed: every report keeps its original outcome, and says who accepted it.
`, judged, p.control.ID, privilege)
	if p.rule.ID == "role/least-privilege" {
		b.WriteString("Where the role may keep a privilege for good, name it under `allow:` in `dbaudit.yaml` instead:\na waiver of this control would cover whatever else is granted later.\n")
	}
}

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

// staleIn compares the pages with those of a folder and names what differs.
func staleIn(dir string, pages map[string]string) ([]string, error) {
	var stale []string
	for name, text := range pages {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if string(data) != text {
			stale = append(stale, name)
		}
	}
	slices.Sort(stale)
	return stale, nil
}

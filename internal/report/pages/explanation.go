package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// An Explanation is what is known about a control, a rule or a privilege.
type Explanation struct {
	Format     string          `json:"format"`
	Kind       string          `json:"kind"` // control, rule or privilege
	ID         string          `json:"id"`
	Title      string          `json:"title"`
	Severity   string          `json:"severity,omitempty"`
	Rule       string          `json:"rule,omitempty"`
	Requires   string          `json:"requires,omitempty"`
	Privileges []string        `json:"privileges,omitempty"`
	Levels     []string        `json:"levels,omitempty"`
	Controls   []string        `json:"controls,omitempty"`
	Why        string          `json:"why,omitempty"`
	Impact     string          `json:"impact,omitempty"`
	Fix        string          `json:"fix,omitempty"`
	Portal     []string        `json:"portal,omitempty"`
	Profile    string          `json:"profile"`
	Citation   *audit.Citation `json:"citation,omitempty"`
	Source     *audit.Source   `json:"source,omitempty"`
	SeeAlso    []audit.Source  `json:"see_also,omitempty"`
	Page       string          `json:"page,omitempty"`
}

const explanationFormat = "dbaudit.explanation/v1"

// ExplainControl explains a control of a profile. The rule is the one that judges it.
func ExplainControl(p profile.Profile, c profile.Control, rule audit.Rule, privileges *solution.PrivilegeTable) Explanation {
	page := rulePage{profile: p, control: c, rule: rule, privileges: privileges}
	return Explanation{
		Format: explanationFormat, Kind: "control", ID: string(c.ID), Title: c.Title, Severity: page.severity().String(),
		Rule: c.Rule, Requires: rule.Description, Privileges: c.Privileges, Why: c.Why, Impact: rule.Consequence,
		Fix: rule.Remediation, Portal: page.portalSteps(), Profile: p.Name, Citation: c.Citation,
		Source: &audit.Source{Title: p.Source.Title, URL: p.Source.URL}, SeeAlso: seeAlso(rule), Page: audit.HelpURL(c.ID),
	}
}

// ExplainRule explains a rule. The example of how to fix it is the first control of the profile that
// the rule judges.
func ExplainRule(p profile.Profile, rule audit.Rule, privileges *solution.PrivilegeTable) Explanation {
	e := Explanation{
		Format: explanationFormat, Kind: "rule", ID: rule.ID, Title: rule.Title, Severity: rule.Severity.String(),
		Requires: rule.Description, Impact: rule.Consequence, Fix: rule.Remediation, Profile: p.Name, SeeAlso: seeAlso(rule),
	}
	for _, c := range p.Controls {
		if c.Rule != rule.ID {
			continue
		}
		if e.Controls == nil {
			e.Portal = rulePage{profile: p, control: c, rule: rule, privileges: privileges}.portalSteps()
		}
		e.Controls = append(e.Controls, string(c.ID))
	}
	return e
}

// ExplainPrivilege explains a privilege: its name in the role editor, the access levels that it
// allows, and the control that requires it.
func ExplainPrivilege(p profile.Profile, privileges *solution.PrivilegeTable, name string) Explanation {
	e := Explanation{Format: explanationFormat, Kind: "privilege", ID: name, Title: audit.PrivilegeLabel(name), Profile: p.Name}
	for _, d := range privileges.Depths(name) {
		e.Levels = append(e.Levels, audit.LevelOf(d.String()))
	}
	i := slices.IndexFunc(p.Controls, func(c profile.Control) bool {
		return slices.ContainsFunc(c.Privileges, func(n string) bool { return strings.EqualFold(n, name) })
	})
	if i >= 0 {
		c := p.Controls[i]
		e.Controls, e.Why, e.Citation, e.Page = []string{string(c.ID)}, c.Why, c.Citation, audit.HelpURL(c.ID)
	}
	return e
}

func seeAlso(rule audit.Rule) []audit.Source {
	var list []audit.Source
	for _, r := range rule.Resources {
		list = append(list, audit.Source{Title: r.Title, URL: r.URL})
	}
	return list
}

// portalSteps returns the steps in the portal of the first fix.
func (p rulePage) portalSteps() []string {
	fixes := p.fixes()
	if len(fixes) == 0 {
		return nil
	}
	env := audit.Environment{URL: "https://ORG.crm.dynamics.com", OrganizationName: "your environment"}
	return change.RemedyFor(fixes[0], change.Place{Environment: env, Profile: p.profile.Name}).Portal
}

// A section is a labeled part of an explanation.
type section struct {
	label      string
	paragraphs []string
}

const portalLabel = "portal"

func (e Explanation) sections() []section {
	var list []section
	add := func(label string, paragraphs ...string) {
		if strings.Join(paragraphs, "") != "" {
			list = append(list, section{label, paragraphs})
		}
	}
	add("severity", e.Severity)
	add("rule", e.Rule)
	add("requires", e.Requires)
	add("privileges", strings.Join(e.Privileges, ", "))
	if e.Kind == "privilege" {
		add("levels", cmp.Or(strings.Join(e.Levels, ", "), "not known"))
	}
	if e.Kind != "control" {
		add("required by", cmp.Or(strings.Join(e.Controls, ", "), "no control")+" of the profile "+e.Profile)
	}
	add("why", e.Why)
	add("impact", e.Impact)
	add("fix", e.Fix)
	var steps, links []string
	for i, step := range e.Portal {
		steps = append(steps, fmt.Sprintf("%d. %s", i+1, step))
	}
	add(portalLabel, steps...)
	if e.Citation != nil {
		add("source", fmt.Sprintf("%s: %q", e.Citation.Tab, e.Citation.Line))
	}
	if e.Source != nil {
		add("article", e.Source.Title, e.Source.URL)
	}
	for _, l := range e.SeeAlso {
		links = append(links, l.Title, l.URL)
	}
	add("see also", links...)
	add("page", e.Page)
	return list
}

// Text returns the explanation for a terminal, wrapped at 80 columns. URLs are not broken.
func (e Explanation) Text() string {
	const labelWidth = 12
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", text.Line(e.ID), text.Line(e.Title))
	for _, s := range e.sections() {
		label, hanging := s.label, ""
		if label == portalLabel {
			hanging = "   " // aligns with the text after the number
		}
		for _, paragraph := range s.paragraphs {
			lines := []string{text.Line(paragraph)}
			if !text.IsWebURL(paragraph) {
				lines = text.Wrap(lines[0], 80-labelWidth-len(hanging))
			}
			indent := ""
			for _, line := range lines {
				fmt.Fprintf(&b, "%-*s%s%s\n", labelWidth, label, indent, line)
				label, indent = "", hanging
			}
		}
	}
	return b.String()
}

// Markdown returns the explanation for a wiki or a comment.
func (e Explanation) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n", text.Markdown(e.ID), text.Markdown(e.Title))
	for _, s := range e.sections() {
		fmt.Fprintf(&b, "\n**%s**\n\n", s.label)
		for i, paragraph := range s.paragraphs {
			switch {
			case s.label == portalLabel:
				fmt.Fprintf(&b, "%d. %s\n", i+1, text.Markdown(e.Portal[i]))
			case text.IsWebURL(paragraph):
				fmt.Fprintf(&b, "<%s>\n", paragraph)
			default:
				fmt.Fprintf(&b, "%s\n", text.Markdown(paragraph))
			}
		}
	}
	return b.String()
}

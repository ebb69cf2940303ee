package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/policy"
)

// reportOptions are what every report of this run has in common.
func (a *app) reportOptions(e *engine.Engine) report.Options {
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r.Rule
	}
	return report.Options{Rules: rules, Verbose: a.global.verbose, InCheckout: a.inCheckout()}
}

func (a *app) explainCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "explain CONTROL-OR-RULE",
		Short: "why a control matters, how to fix it, where it comes from",
		Example: `  dbaudit explain DB-PRIV-LEAD
  dbaudit explain view/shared`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.explicable(cmd.Context(), name), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), name, args[0]) },
	}
	cmd.Flags().StringVar(&name, "profile", defaultProfile, "requirement profile: a `name` or a file")
	return cmd
}

func (a *app) explicable(ctx context.Context, profileName string) []string {
	var words []string
	if p, err := a.profile(profileName); err == nil {
		for _, c := range p.Controls {
			words = append(words, string(c.ID))
		}
	}
	if e, err := a.policies(ctx); err == nil {
		for _, r := range e.Rules() {
			words = append(words, r.ID)
		}
	}
	return words
}

func (a *app) explain(ctx context.Context, profileName, word string) error {
	p, err := a.profile(profileName)
	if err != nil {
		return err
	}
	e, err := a.policies(ctx)
	if err != nil {
		return err
	}
	rules := e.Rules()
	find := func(id string) (engine.Rule, bool) {
		i := slices.IndexFunc(rules, func(r engine.Rule) bool { return r.ID == id })
		if i < 0 {
			return engine.Rule{}, false
		}
		return rules[i], true
	}
	if _, ok := p.Control(word); !ok {
		// What a report names can be asked about without saying which profile it is of.
		if other, ok := profileOf(word); ok {
			p = other
		}
	}
	var b strings.Builder
	if c, ok := p.Control(word); ok {
		rule, _ := find(c.Rule)
		explainControl(&b, p, c, rule)
	} else if rule, ok := find(strings.ToLower(word)); ok {
		explainRule(&b, p, rule)
	} else {
		return usagef("there is no control or rule %q in the profile %s; `dbaudit profile show %s` and `dbaudit policy list` have them", word, p.Name, p.Name)
	}
	return a.put("", []byte(b.String()))
}

// profileOf is the built-in profile that has a control.
func profileOf(control string) (profile.Profile, bool) {
	builtin, err := profile.Builtin(policy.Files)
	if err != nil {
		return profile.Profile{}, false
	}
	for _, p := range builtin {
		if _, ok := p.Control(control); ok {
			return p, true
		}
	}
	return profile.Profile{}, false
}

func explainControl(b *strings.Builder, p profile.Profile, c profile.Control, rule engine.Rule) {
	severity := c.Severity
	if severity == audit.SeverityInvalid {
		severity = rule.Severity
	}
	fmt.Fprintf(b, "%s  %s\n\n", text.Line(string(c.ID)), text.Line(c.Title))
	entry(b, "severity", severity.String())
	entry(b, "rule", c.Rule)
	entry(b, "demands", rule.Description)
	if len(c.Privileges) > 0 {
		entry(b, "privileges", strings.Join(c.Privileges, ", "))
	}
	entry(b, "why", c.Why)
	entry(b, "fix", rule.Remediation)
	if c.Citation != nil {
		entry(b, "source", fmt.Sprintf("%s: %q", c.Citation.Tab, c.Citation.Line))
	}
	entry(b, "article", p.Source.Title)
	entry(b, "", p.Source.URL)
	resources(b, rule)
	entry(b, "page", audit.HelpURL(c.ID))
}

func explainRule(b *strings.Builder, p profile.Profile, rule engine.Rule) {
	fmt.Fprintf(b, "%s  %s\n\n", text.Line(rule.ID), text.Line(rule.Title))
	entry(b, "severity", rule.Severity.String())
	entry(b, "demands", rule.Description)
	entry(b, "without it", rule.Consequence)
	entry(b, "fix", rule.Remediation)
	entry(b, "reads", strings.Join(rule.Requires, ", "))
	var ids []string
	for _, c := range p.Controls {
		if c.Rule == rule.ID {
			ids = append(ids, string(c.ID))
		}
	}
	entry(b, "controls", strings.Join(ids, ", "))
	resources(b, rule)
}

func resources(b *strings.Builder, rule engine.Rule) {
	for i, r := range rule.Resources {
		label := ""
		if i == 0 {
			label = "see also"
		}
		entry(b, label, strings.TrimSpace(r.Title+" "+r.URL))
	}
}

const entryWidth = 12

// entry writes a labelled paragraph, wrapped to be read at 80 columns.
func entry(b *strings.Builder, label, said string) {
	if said == "" {
		return
	}
	lines := text.Wrap(text.Line(said), 80-entryWidth)
	for i, line := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(b, "%-*s%s\n", entryWidth, label, line)
	}
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

// reportOptions are what every report of this run has in common.
func (a *app) reportOptions(e *engine.Engine) report.Options {
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r.Rule
	}
	return report.Options{Rules: rules, Verbose: a.global.verbose, InCheckout: a.inCheckout(), Asked: a.asRun()}
}

func (a *app) explainCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "explain CONTROL|RULE|PRIVILEGE",
		Short: "explain a control, a rule or a privilege",
		Long: `Explains a control, a rule or a privilege: what it requires and why, how to fix it, and
where it comes from. The end of a control's id is enough where only one has it.`,
		Example: `  dbaudit explain DB-PRIV-LEAD
  dbaudit explain LEAD
  dbaudit explain prvReadLead
  dbaudit explain view/shared`,
		Args: arguments(1, 1),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.explicable(cmd.Context(), name), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), name, args[0]) },
	}
	cmd.Flags().StringVar(&name, "profile", run.DefaultProfile, "requirement profile: a `name` or a file")
	return cmd
}

func (a *app) explicable(ctx context.Context, profileName string) []string {
	var words []string
	if p, err := a.runner.Profile(profileName); err == nil {
		for _, c := range p.Controls {
			words = append(words, string(c.ID))
		}
		words = append(words, p.Minimum()...)
	}
	if e, err := a.runner.Engine(ctx); err == nil {
		for _, r := range e.Rules() {
			words = append(words, r.ID)
		}
	}
	return words
}

func (a *app) explain(ctx context.Context, profileName, word string) error {
	p, err := a.runner.Profile(profileName)
	if err != nil {
		return err
	}
	e, err := a.runner.Engine(ctx)
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
	standard, err := solution.ReadStandard()
	if err != nil {
		return err
	}
	var b strings.Builder
	if c, ok := controlOf(p, word); ok {
		rule, _ := find(c.Rule)
		explainControl(&b, p, c, rule)
	} else if rule, ok := find(strings.ToLower(word)); ok {
		explainRule(&b, p, rule)
	} else if name, ok := standard.Spelling(word); ok || strings.HasPrefix(strings.ToLower(word), "prv") && asksFor(p, word) {
		explainPrivilege(&b, p, standard, cmp.Or(name, word))
	} else {
		return usagef("%q is neither a control of the profile %s nor a rule or a standard privilege%s; "+
			"`dbaudit profile show %s` and `dbaudit policy list` list them", word, p.Name, a.meant(ctx, profileName, standard, word), p.Name)
	}
	return a.put("", []byte(b.String()))
}

// controlOf is the control of an id, or the only one whose id ends in a word.
func controlOf(p profile.Profile, word string) (profile.Control, bool) {
	if c, ok := p.Control(word); ok {
		return c, true
	}
	var found []profile.Control
	for _, c := range p.Controls {
		if strings.HasSuffix(string(c.ID), "-"+strings.ToUpper(word)) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		return profile.Control{}, false
	}
	return found[0], true
}

func asksFor(p profile.Profile, privilege string) bool {
	return slices.ContainsFunc(p.Minimum(), func(name string) bool { return strings.EqualFold(name, privilege) })
}

// meant suggests what a word most likely stands for; "" where nothing is near.
func (a *app) meant(ctx context.Context, profileName string, standard *solution.Standard, word string) string {
	best, nearest := len(word)/3+1, standard.Nearest(word)
	for _, other := range a.explicable(ctx, profileName) {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(other)); d < best {
			best, nearest = d, other
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
}

// explainPrivilege says what a privilege is called in the role editor, at which access
// levels it can be granted, and which controls require it.
func explainPrivilege(b *strings.Builder, p profile.Profile, standard *solution.Standard, name string) {
	right, table := audit.SplitPrivilege(name)
	called := table
	if right != "" {
		called = table + " – " + right
	}
	fmt.Fprintf(b, "%s  %s\n\n", name, called)
	var levels []string
	for _, d := range standard.Depths(name) {
		levels = append(levels, audit.Level(d.String()))
	}
	entry(b, "levels", cmp.Or(strings.Join(levels, ", "), "not known"))
	for _, c := range p.Controls {
		if !slices.ContainsFunc(c.Privileges, func(n string) bool { return strings.EqualFold(n, name) }) {
			continue
		}
		entry(b, "required by", fmt.Sprintf("%s (%s) of the profile %s", c.ID, c.Title, p.Name))
		entry(b, "why", c.Why)
		if c.Citation != nil {
			entry(b, "source", fmt.Sprintf("%s: %q", c.Citation.Tab, c.Citation.Line))
		}
		return
	}
	entry(b, "required by", "no control of the profile "+p.Name)
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

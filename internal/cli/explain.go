package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/pages"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

// reportOptions are what every report of this run has in common.
func reportOptions(a *app, e *engine.Engine) report.Options {
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r.Rule
	}
	return report.Options{Rules: rules, Verbose: a.Verbose, InCheckout: inCheckout(a), Asked: asRun(a)}
}

type explainFlags struct {
	profile, format, output string
}

func newExplainCommand(a *app) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain CONTROL|RULE|PRIVILEGE",
		Short: "explain a control, a rule or a privilege",
		Long: `Explains a control, a rule or a privilege: what it requires and why, how to fix it, and
where it comes from. The end of a control's id is enough if it is unique.`,
		Example: `  dbaudit explain DB-PRIV-LEAD
  dbaudit explain LEAD
  dbaudit explain prvReadLead
  dbaudit explain view/shared
  dbaudit explain DB-VIEW-SHARED -f markdown`,
		Args: arguments(1, 1),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return explicable(cmd.Context(), a, f.profile), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error { return explainWord(cmd.Context(), a, f, args[0]) },
	}
	cmd.Flags().StringVar(&f.profile, "profile", run.DefaultProfile, "requirement profile: a `name` or a file")
	addFormat(cmd, &f.format, &f.output, "table, json or markdown")
	return cmd
}

func explicable(ctx context.Context, a *app, profileName string) []string {
	var words []string
	if p, err := a.Profile(profileName); err == nil {
		for _, c := range p.Controls {
			words = append(words, string(c.ID))
		}
		words = append(words, p.Minimum()...)
	}
	if e, err := a.Engine(ctx); err == nil {
		for _, r := range e.Rules() {
			words = append(words, r.ID)
		}
	}
	return words
}

func explainWord(ctx context.Context, a *app, f explainFlags, word string) error {
	switch f.format {
	case "table", "json", "markdown":
	default:
		return usagef("--format %s: want table, json or markdown", f.format)
	}
	profileName := f.profile
	p, err := a.Profile(profileName)
	if err != nil {
		return err
	}
	e, err := a.Engine(ctx)
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
	standard := solution.NewStandard()
	var told pages.Explanation
	if c, ok := controlOf(p, word); ok {
		rule, _ := find(c.Rule)
		told = pages.ExplainControl(p, c, rule, standard)
	} else if rule, ok := find(strings.ToLower(word)); ok {
		told = pages.ExplainRule(p, rule, standard)
	} else if name, ok := standard.Spelling(word); ok || strings.HasPrefix(strings.ToLower(word), "prv") && asksFor(p, word) {
		told = pages.ExplainPrivilege(p, standard, cmp.Or(name, word))
	} else {
		return usagef("%q is neither a control of the profile %s nor a rule or a standard privilege%s; "+
			"`dbaudit profile show %s` and `dbaudit policy list` list them", word, p.Name, meant(ctx, a, profileName, standard, word), p.Name)
	}
	switch f.format {
	case "json":
		return a.PutJSON(f.output, told)
	case "markdown":
		return a.Put(f.output, []byte(told.Markdown()))
	}
	return a.Put(f.output, []byte(told.Text()))
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
func meant(ctx context.Context, a *app, profileName string, standard *solution.Standard, word string) string {
	best, nearest := len(word)/3+1, standard.Nearest(word)
	for _, other := range explicable(ctx, a, profileName) {
		// The end of a control's id is enough to ask, and so to be meant.
		for end, more := other, true; more; _, end, more = strings.Cut(end, "-") {
			if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(end)); d < best {
				best, nearest = d, other
			}
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
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

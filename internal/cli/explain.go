package cli

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/pages"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

type explainFlags struct {
	profile  string
	document documentFlags
}

func (f *explainFlags) define(a *app, cmd *cobra.Command) {
	takesNames(cmd, func(cmd *cobra.Command, args []string) []string {
		p, rules, err := f.load(cmd.Context(), a)
		if err != nil || len(args) > 0 {
			return nil
		}
		return explainableNames(p, rules)
	})
	cmd.Flags().StringVar(&f.profile, "profile", run.DefaultProfile, "requirement profile: a `name` or a file")
	f.document.add(cmd.Flags(), "table", "json", "markdown")
}

func (f explainFlags) load(ctx context.Context, a *app) (profile.Profile, []audit.Rule, error) {
	p, err := a.Profile(f.profile)
	if err != nil {
		return p, nil, err
	}
	e, err := a.LoadEngine(ctx)
	if err != nil {
		return p, nil, err
	}
	return p, e.Rules(), nil
}

func (f explainFlags) run(ctx context.Context, a *app, args []string) error {
	word := args[0]
	p, rules, err := f.load(ctx, a)
	if err != nil {
		return err
	}
	page, ok := explain(p, rules, word)
	if !ok {
		return usagef("%q is neither a control of the profile %s nor a rule or a standard privilege%s; "+
			"`dbaudit profile show %[2]s` and `dbaudit policy list` list them", word, p.Name, suggestion(explainableNames(p, rules), word))
	}
	switch f.document.format {
	case "json":
		return a.WriteJSON(f.document.file, page)
	case "markdown":
		return a.WriteOutput(f.document.file, []byte(page.Markdown()))
	}
	return a.WriteOutput(f.document.file, []byte(page.Text()))
}

func explainableNames(p profile.Profile, rules []audit.Rule) []string {
	var names []string
	for _, c := range p.Controls {
		names = append(names, string(c.ID))
	}
	names = append(names, p.Minimum()...)
	for _, r := range rules {
		names = append(names, r.ID)
	}
	return names
}

// explain explains a control of the profile or of a built-in one, a rule or a privilege. It reports
// whether the word names one.
func explain(p profile.Profile, rules []audit.Rule, word string) (pages.Explanation, bool) {
	rule := func(id string) (audit.Rule, bool) {
		i := slices.IndexFunc(rules, func(r audit.Rule) bool { return r.ID == id })
		if i < 0 {
			return audit.Rule{}, false
		}
		return rules[i], true
	}
	standard := solution.NewPrivilegeTable()
	if p, c, ok := findControl(p, word); ok {
		r, _ := rule(c.Rule)
		return pages.ExplainControl(p, c, r, standard), true
	}
	if r, ok := rule(strings.ToLower(word)); ok {
		return pages.ExplainRule(p, r, standard), true
	}
	name, ok := standard.Spelling(word)
	if ok || slices.ContainsFunc(p.Minimum(), func(name string) bool { return strings.EqualFold(name, word) }) {
		return pages.ExplainPrivilege(p, standard, cmp.Or(name, word)), true
	}
	return pages.Explanation{}, false
}

// findControl returns the control with an id in the profile or in a built-in one, because reports do
// not name the profile of a control; else the profile's only control with an id that ends in the word.
func findControl(p profile.Profile, word string) (profile.Profile, profile.Control, bool) {
	builtin, _ := profile.Builtin(policy.Files)
	for _, candidate := range append([]profile.Profile{p}, builtin...) {
		if c, ok := candidate.Control(word); ok {
			return candidate, c, true
		}
	}
	matches := slices.DeleteFunc(slices.Clone(p.Controls), func(c profile.Control) bool {
		return !strings.HasSuffix(string(c.ID), "-"+strings.ToUpper(word))
	})
	if len(matches) != 1 {
		return p, profile.Control{}, false
	}
	return p, matches[0], true
}

// suggestion returns the end of an error message that suggests the most similar name; "" if no name
// is similar.
func suggestion(names []string, word string) string {
	best, nearest := len(word)/3+1, solution.NewPrivilegeTable().Nearest(word)
	for _, name := range names {
		// The end of a control's id is enough to name it.
		for end, more := name, true; more; _, end, more = strings.Cut(end, "-") {
			if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(end)); d < best {
				best, nearest = d, name
			}
		}
	}
	if nearest == "" {
		return ""
	}
	return "; did you mean " + nearest + "?"
}

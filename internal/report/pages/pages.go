// Package pages generates documentation: a page for each rule, a table of each built-in profile, the
// reference of dbaudit.yaml, and the explanations of dbaudit explain.
package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/solution"
	"github.com/dbaudit/dbaudit/policy"
)

// Write writes the pages into a folder, and removes other generated pages from it.
func Write(dir string, pages map[string]string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, name := range old {
		data, err := os.ReadFile(name)
		if err == nil && pages[filepath.Base(name)] == "" && strings.HasPrefix(string(data), pageMark) {
			err = os.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // the pages are for everybody
			return err
		}
	}
	return nil
}

const pageMark = "<!-- Made by `make docs` from the rules' METADATA and the profiles. Change those. -->\n"

// Controls returns pages by file name: an index with the controls of the built-in profiles, and a page
// for each rule that a control names.
func Controls() (map[string]string, error) {
	e, err := engine.Load(policy.Files)
	if err != nil {
		return nil, err
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(profiles, func(a, b profile.Profile) int {
		switch firstProfile {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	privileges := solution.NewPrivilegeTable()
	rules := map[string]audit.Rule{}
	for _, r := range e.Rules() {
		rules[r.ID] = r
	}
	pages := map[string]string{}
	index := &strings.Builder{}
	index.WriteString(pageMark + "\n# Controls\n\nEach control of a profile names the rule that judges it. The page of a rule says how to fix its findings.\n")
	for _, p := range profiles {
		fmt.Fprintf(index, "\n## %s\n\nProfile `%s`, from [%s](%s). %s\n\n", p.Title, p.Name, p.Source.Title, p.Source.URL, depthNote(p))
		index.WriteString("| control | severity | rule | requires | the words of the source |\n| --- | --- | --- | --- | --- |\n")
		for _, c := range p.Controls {
			rule, ok := rules[c.Rule]
			if !ok {
				return nil, fmt.Errorf("the control %s of the profile %s names the rule %q, which does not exist", c.ID, p.Name, c.Rule)
			}
			page := rulePage{profile: p, control: c, rule: rule, privileges: privileges}
			index.WriteString(page.tableRow())
			// The example on the page of a rule is its first control.
			if _, ok := pages[rulePageName(rule.ID)]; !ok || c.ID == exampleControl {
				pages[rulePageName(rule.ID)] = page.markdown()
			}
		}
	}
	pages["README.md"] = index.String()
	return pages, nil
}

// firstProfile is the first profile of the index. The examples on the pages of its rules are its controls.
const firstProfile = "demandbase"

// exampleControl is the example on the page of its rule, although it is not the first control.
const exampleControl = "DB-PRIV-QUEUE"

func rulePageName(rule string) string { return strings.ReplaceAll(rule, "/", "-") + ".md" }

package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkCustom holds the policies that a user adds to a namespace of the user's
// own: rules are data.dbaudit.rules.category.name with a category that dbaudit
// has no rules in, and libraries stand outside of data.dbaudit. Else a stray file
// could add findings to, or take them from, rules that it does not own. A rule may not be
// where the profiles and the platform's grants are either: it would hide the data of its
// name, and controls that no rule sees find nothing.
func checkCustom(own, foreign map[string]*ast.Module) error {
	reserved := map[string]bool{}
	for _, m := range own {
		if category, ok := ruleCategory(m); ok {
			reserved[category] = true
		}
	}
	var errs []error
	for _, m := range foreign {
		switch rootName(m) {
		case "dbaudit":
		case "profiles", "platform":
			errs = append(errs, fmt.Errorf("%s: the package %s is reserved for dbaudit's data: give it another name", position(m.Package.Location), m.Package.Path))
			continue
		default:
			continue
		}
		category, ok := ruleCategory(m)
		if !ok || reserved[category] {
			errs = append(errs, fmt.Errorf("%s: the package %s is dbaudit's own: name a custom rule %scategory.name with a category of your own, and put a library outside data.dbaudit",
				position(m.Package.Location), m.Package.Path, rulesPrefix))
		}
	}
	errs = append(errs, missingMetadata(foreign)...)
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// missingMetadata are the rules without METADATA. To OPA they are references to nothing,
// and rules that report findings without it would never be heard.
func missingMetadata(foreign map[string]*ast.Module) []error {
	described := map[string]bool{}
	for _, m := range foreign {
		for _, a := range m.Annotations {
			if a.Scope == "package" {
				described[m.Package.Path.String()] = true
			}
		}
	}
	var errs []error
	for _, m := range foreign {
		_, ok := ruleCategory(m)
		if !ok || described[m.Package.Path.String()] || !slices.ContainsFunc(m.Rules, makesRule) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: the rule %s has no METADATA: write the comment \"# METADATA\" above the package, with title, description and custom: severity, requires, consequence, remediation; dbaudit policy new writes such a rule",
			position(m.Package.Location), m.Package.Path))
	}
	return errs
}

// makesRule says that a rule of Rego is what makes its package a rule of dbaudit's.
func makesRule(r *ast.Rule) bool {
	name := r.Head.Ref()[0].String()
	return name == "findings" || name == "metadata"
}

// rootName is the first name of a package behind data.
func rootName(m *ast.Module) string {
	if len(m.Package.Path) < 2 {
		return ""
	}
	name, _ := m.Package.Path[1].Value.(ast.String)
	return string(name)
}

// ruleCategory is the category of a rule's package, data.dbaudit.rules.category.name,
// or of its test's.
func ruleCategory(m *ast.Module) (string, bool) {
	if len(m.Package.Path) != 5 || !strings.HasPrefix(m.Package.Path.String(), rulesPrefix) {
		return "", false
	}
	category, ok := m.Package.Path[3].Value.(ast.String)
	return string(category), ok
}

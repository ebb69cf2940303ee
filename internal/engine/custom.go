package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkCustom returns an error if custom policies use a package that is reserved. A custom rule is
// data.dbaudit.rules.category.name with a category that has no built-in rules, and a library is
// outside data.dbaudit: otherwise a stray file could add findings to a built-in rule, or remove
// them. data.profiles and data.platform are reserved too, because a rule there would hide data.
func checkCustom(builtin, custom map[string]*ast.Module) error {
	reserved := map[string]bool{}
	for _, m := range builtin {
		if category, ok := ruleCategory(m); ok {
			reserved[category] = true
		}
	}
	var errs []error
	for _, m := range custom {
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
	errs = append(errs, missingMetadata(custom)...)
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// missingMetadata returns an error for each rule without METADATA. main.rego finds rules by their
// METADATA, so that the findings of such a rule would be lost.
func missingMetadata(custom map[string]*ast.Module) []error {
	described := map[string]bool{}
	for _, m := range custom {
		for _, a := range m.Annotations {
			if a.Scope == "package" {
				described[m.Package.Path.String()] = true
			}
		}
	}
	var errs []error
	for _, m := range custom {
		_, ok := ruleCategory(m)
		if !ok || described[m.Package.Path.String()] || !slices.ContainsFunc(m.Rules, makesRule) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: the rule %s has no METADATA: write the comment \"# METADATA\" above the package, with title, description and custom: severity, requires, consequence, remediation; dbaudit policy new writes such a rule",
			position(m.Package.Location), m.Package.Path))
	}
	return errs
}

// makesRule reports whether a Rego rule makes its package a rule of dbaudit. Others are helpers.
func makesRule(r *ast.Rule) bool {
	name := r.Head.Ref()[0].String()
	return name == "findings" || name == "metadata"
}

// rootName returns the name after data in the path of a package.
func rootName(m *ast.Module) string {
	if len(m.Package.Path) < 2 {
		return ""
	}
	name, _ := m.Package.Path[1].Value.(ast.String)
	return string(name)
}

// ruleCategory returns the category of the package data.dbaudit.rules.category.name. The package
// of a test ends in _test.
func ruleCategory(m *ast.Module) (string, bool) {
	if len(m.Package.Path) != 5 || !strings.HasPrefix(m.Package.Path.String(), rulesPrefix) {
		return "", false
	}
	category, ok := m.Package.Path[3].Value.(ast.String)
	return string(category), ok
}

package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// metadataLine is the line by which a rule exports its METADATA to policy/dbaudit/main.rego.
const metadataLine = "metadata := rego.metadata.chain()[1].annotations.custom"

// metadata is the custom part of a rule's METADATA.
type metadata struct {
	Severity    audit.Severity     `json:"severity"`
	Requires    []snapshot.Section `json:"requires"`
	Fixes       []audit.FixKind    `json:"fixes"`
	Offline     bool               `json:"offline"`
	Consequence string             `json:"consequence"`
	Remediation string             `json:"remediation"`
}

// readRules returns the rules of the policies by id, or the faults of all rules together.
func readRules(compiler *ast.Compiler) (map[string]audit.Rule, error) {
	rules := map[string]audit.Rule{}
	var faults []error
	for _, ref := range compiler.GetAnnotationSet().Flatten() {
		a := ref.Annotations
		if a.Scope != "package" || !strings.HasPrefix(a.GetTargetPath().String(), rulesPrefix) {
			continue
		}
		id, err := ruleID(a.GetTargetPath())
		if err != nil {
			faults = append(faults, err)
			continue
		}
		rule, problems := parseRule(id, a)
		for _, problem := range problems {
			faults = append(faults, fmt.Errorf("%s: the METADATA of the rule %s: %w", position(a.Location), id, problem))
		}
		if len(compiler.GetRulesExact(a.GetTargetPath().Append(ast.StringTerm("metadata")))) == 0 {
			faults = append(faults, fmt.Errorf("%s: the rule %s does not export its METADATA: write the line %q below its imports",
				position(a.Location), id, metadataLine))
		}
		rules[id] = rule
	}
	return rules, errors.Join(faults...)
}

func ruleID(ref ast.Ref) (string, error) {
	var parts []string
	for _, term := range ref[3:] {
		part, ok := term.Value.(ast.String)
		if !ok {
			return "", fmt.Errorf("the package %s is not a rule: want %scategory.name", ref, rulesPrefix)
		}
		parts = append(parts, string(part))
	}
	if len(parts) != 2 {
		return "", fmt.Errorf("the package %s is not a rule: want %scategory.name", ref, rulesPrefix)
	}
	return strings.Join(parts, "/"), nil
}

func parseRule(id string, a *ast.Annotations) (rule audit.Rule, faults []error) {
	data, err := json.Marshal(a.Custom)
	if err != nil {
		return rule, []error{err}
	}
	var m metadata
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return rule, []error{fmt.Errorf("custom: %w", err)}
	}
	require := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New(problem))
		}
	}
	require(a.Title != "" && a.Description != "", "title or description is missing")
	require(m.Severity != audit.SeverityInvalid, "custom.severity is missing")
	require(len(m.Requires) > 0, "custom.requires is missing: name the sections without which the rule cannot judge")
	require(m.Consequence != "" && m.Remediation != "", "custom.consequence or custom.remediation is missing")
	rule = audit.Rule{
		ID: id, Title: a.Title, Description: strings.TrimSpace(a.Description), Severity: m.Severity, Fixes: m.Fixes,
		Consequence: m.Consequence, Remediation: m.Remediation, Offline: m.Offline,
	}
	for _, kind := range m.Fixes {
		if err := change.ValidateKind(kind); err != nil {
			faults = append(faults, fmt.Errorf("custom.fixes: %w", err))
		}
	}
	for _, section := range m.Requires {
		require(slices.Contains(snapshot.Sections(), section),
			fmt.Sprintf("custom.requires names the unknown section %q: want some of %v", section, snapshot.Sections()))
		rule.Requires = append(rule.Requires, string(section))
	}
	for _, resource := range a.RelatedResources {
		rule.Resources = append(rule.Resources, audit.Resource{Title: resource.Description, URL: resource.Ref.String()})
	}
	return rule, faults
}

// Package engine compiles the policies, builds the catalogue of rules from their
// METADATA, and judges snapshots. It alone imports OPA.
//
// The policies are compiled strictly (dbaudit's own in its tests, a user's in each run),
// against the JSON schema of the snapshot and
// with a reduced set of built-ins: a misspelt field, or a rule that reaches for the
// network, the clock or chance, is a compile error and never an empty set of
// findings. What was not read is not judged: a control whose rule needs a snapshot
// section that was not collected is unknown, and policy/dbaudit/main.rego alone says
// so, once, for all rules, so that stock tools come to the same verdict.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// rulesPrefix is the package below which each rule has a package category.name.
const rulesPrefix = "data.dbaudit.rules."

// An Engine holds compiled policies. It is safe for concurrent use.
type Engine struct {
	compiler *ast.Compiler
	rules    map[string]Rule
	order    []string
	lint     *profile.Profile // nil where the tree has none
	platform any              // the document data.platform
	// judging are the questions that were asked, by the profile's digest: [*question]
	judging sync.Map
	// slots are as many as evaluations may be under way: more only take memory.
	slots chan struct{}
}

// A Rule is the engine's knowledge of one rule.
type Rule struct {
	audit.Rule

	// Offline rules can judge a role from a solution file, which holds no users.
	Offline bool
}

// Load compiles dbaudit's own policies, with the schema in schema/snapshot.json, and
// those of a user's folders. Beside a user's everything is checked. What only checks is
// skipped for dbaudit's own alone, which do not change: TestOwnPolicies holds that they
// pass, and that skipping changes nothing of what is evaluated.
func Load(_ context.Context, own fs.FS, users ...fs.FS) (*Engine, error) {
	modules := map[string]*ast.Module{}
	if err := parse(own, 0, modules); err != nil {
		return nil, err
	}
	for i, user := range users {
		more := map[string]*ast.Module{}
		if err := parse(user, i+1, more); err != nil {
			return nil, err
		}
		if err := checkForeign(modules, more); err != nil {
			return nil, err
		}
		maps.Copy(modules, more)
	}
	var compiler *ast.Compiler
	var err error
	if len(users) > 0 {
		compiler, err = compileChecked(own, modules)
	} else {
		compiler, err = compileOwn(modules)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling the policies: %w", err)
	}
	e := &Engine{compiler: compiler, rules: map[string]Rule{}, slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if err := e.catalogue(); err != nil {
		return nil, err
	}
	if e.lint, err = lintProfile(own); err != nil {
		return nil, err
	}
	if e.platform, err = platform(own); err != nil {
		return nil, err
	}
	return e, nil
}

// platform reads what Dataverse grants by itself, which is data.platform.
func platform(tree fs.FS) (document any, err error) {
	data, err := fs.ReadFile(tree, "platform/roles.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a tree may do without
	}
	if err == nil {
		err = json.Unmarshal(data, &document)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the platform grants: %w", err)
	}
	return document, nil
}

// LintProfile names the profile whose controls are judged beside those of any
// other where a snapshot was made from a solution's files.
const LintProfile = "lint"

func lintProfile(tree fs.FS) (*profile.Profile, error) {
	const name = "profiles/" + LintProfile + ".yaml"
	data, err := fs.ReadFile(tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // a tree may do without
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lint profile: %w", err)
	}
	p, err := profile.Parse(name, data)
	if err != nil {
		return nil, fmt.Errorf("reading the lint profile: %w", err)
	}
	return &p, nil
}

// controls are those of a profile and, for a solution's files, those of the lint
// profile that it does not state itself.
func (e *Engine) controls(s *snapshot.Snapshot, p profile.Profile) []profile.Control {
	if s.Source != snapshot.SourceSolution || e.lint == nil {
		return p.Controls
	}
	all := slices.Clone(p.Controls)
	for _, c := range e.lint.Controls {
		if _, ok := p.Control(string(c.ID)); !ok {
			all = append(all, c)
		}
	}
	return all
}

// parse reads the policies of a tree, without their tests. Parsing is most of what
// a short run does, and each file is parsed for itself.
func parse(tree fs.FS, nth int, into map[string]*ast.Module) error {
	var names []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".rego" && !strings.HasSuffix(name, "_test.rego") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reading the policies: %w", err)
	}
	modules := make([]*ast.Module, len(names))
	errs := make([]error, len(names))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			modules[i], errs[i] = parseFile(tree, name)
			return nil
		})
	}
	_ = group.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("reading the policies: %w", err)
	}
	for i, name := range names {
		key := name
		if nth > 0 {
			key = fmt.Sprintf("%d:%s", nth, name)
		}
		into[key] = modules[i]
	}
	return nil
}

func parseFile(tree fs.FS, name string) (*ast.Module, error) {
	data, err := bounds.ReadFS(bounds.Policy, tree, name)
	if err != nil {
		return nil, err
	}
	m, err := ast.ParseModuleWithOpts(name, string(data), ast.ParserOptions{
		ProcessAnnotation: true,
		RegoVersion:       ast.RegoV1,
	})
	if faults := ast.Errors(nil); errors.As(err, &faults) {
		return nil, placed(faults)
	}
	return m, err
}

// placed are faults of policies, each with the column too, which OPA's own text leaves
// out.
func placed(faults ast.Errors) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		text := fmt.Sprintf("%s: %s: %s", place(f.Location), f.Code, f.Message)
		if f.Location == nil {
			text = fmt.Sprintf("%s: %s", f.Code, f.Message)
		}
		if f.Details != nil {
			for _, line := range f.Details.Lines() {
				text += "\n\t" + line
			}
		}
		errs[i] = errors.New(text)
	}
	return errors.Join(errs...)
}

// place is a position in a policy, as file:line:column.
func place(l *ast.Location) string {
	if l == nil {
		return "a policy"
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}

// metadataLine hands a rule's METADATA on to policy/dbaudit/main.rego.
const metadataLine = "metadata := rego.metadata.chain()[1].annotations.custom"

// metadata is what a rule's METADATA must say beside title and description.
type metadata struct {
	Severity    audit.Severity     `json:"severity"`
	Requires    []snapshot.Section `json:"requires"`
	Fixes       []audit.FixKind    `json:"fixes"`
	Offline     bool               `json:"offline"`
	Consequence string             `json:"consequence"`
	Remediation string             `json:"remediation"`
}

func (e *Engine) catalogue() error {
	for _, ref := range e.compiler.GetAnnotationSet().Flatten() {
		a := ref.Annotations
		if a.Scope != "package" || !strings.HasPrefix(a.GetTargetPath().String(), rulesPrefix) {
			continue
		}
		id, err := ruleID(a.GetTargetPath())
		if err != nil {
			return err
		}
		rule, err := ruleOf(id, a)
		if err != nil {
			return fmt.Errorf("%s: the METADATA of the rule %s: %w", place(a.Location), id, err)
		}
		if len(e.compiler.GetRulesExact(a.GetTargetPath().Append(ast.StringTerm("metadata")))) == 0 {
			return fmt.Errorf("%s: the rule %s does not hand on what it requires: write the line %q below its imports",
				place(a.Location), id, metadataLine)
		}
		e.rules[id] = rule
		e.order = append(e.order, id)
	}
	slices.Sort(e.order)
	return nil
}

// ruleID is category/name of a package data.dbaudit.rules.category.name.
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

func ruleOf(id string, a *ast.Annotations) (Rule, error) {
	data, err := json.Marshal(a.Custom)
	if err != nil {
		return Rule{}, err
	}
	var m metadata
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Rule{}, fmt.Errorf("custom: %w", err)
	}
	switch {
	case a.Title == "" || a.Description == "":
		return Rule{}, errors.New("title or description is missing")
	case m.Severity == audit.SeverityInvalid:
		return Rule{}, errors.New("custom.severity is missing")
	case len(m.Requires) == 0:
		return Rule{}, errors.New("custom.requires is missing: name the sections without which the rule cannot judge")
	case m.Consequence == "" || m.Remediation == "":
		return Rule{}, errors.New("custom.consequence or custom.remediation is missing")
	}
	rule := Rule{Offline: m.Offline, Rule: audit.Rule{
		ID: id, Title: a.Title, Description: strings.TrimSpace(a.Description), Severity: m.Severity, Fixes: m.Fixes,
		Consequence: m.Consequence, Remediation: m.Remediation,
	}}
	for _, kind := range m.Fixes {
		if err := change.Known(kind); err != nil {
			return Rule{}, fmt.Errorf("custom.fixes: %w", err)
		}
	}
	for _, section := range m.Requires {
		if !slices.Contains(snapshot.Sections(), section) {
			return Rule{}, fmt.Errorf("custom.requires names the unknown section %q: want some of %v", section, snapshot.Sections())
		}
		rule.Requires = append(rule.Requires, string(section))
	}
	for _, resource := range a.RelatedResources {
		rule.Resources = append(rule.Resources, audit.Resource{Title: resource.Description, URL: resource.Ref.String()})
	}
	return rule, nil
}

// Rules lists the rules by id.
func (e *Engine) Rules() []Rule {
	rules := make([]Rule, len(e.order))
	for i, id := range e.order {
		rules[i] = e.rules[id]
	}
	return rules
}

// Accepts reports whether the rules that a profile names exist.
func (e *Engine) Accepts(p profile.Profile) error {
	var errs []error
	for _, c := range p.Controls {
		if _, ok := e.rules[c.Rule]; !ok {
			errs = append(errs, p.RuleFault(c.ID, fmt.Sprintf("the control %s names the rule %q, which is not among the policies: %s; the folder of rules of your own is named by --policy",
				c.ID, c.Rule, strings.Join(e.order, ", "))))
		}
	}
	return errors.Join(errs...)
}

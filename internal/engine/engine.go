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
	"cmp"
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
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// reportQuery is the document that policy/dbaudit/main.rego puts together.
const reportQuery = "data.dbaudit.report"

// rulesPrefix is the package below which each rule has a package category.name.
const rulesPrefix = "data.dbaudit.rules."

// An Engine holds compiled policies. It is safe for concurrent use.
type Engine struct {
	compiler *ast.Compiler
	rules    map[string]Rule
	order    []string
	lint     *profile.Profile // nil where the tree has none
	platform any              // the document data.platform
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
	e := &Engine{compiler: compiler, rules: map[string]Rule{}}
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

// Options say how to judge.
type Options struct {
	Tool audit.Tool
	// AsOf is the time that the result carries as its time of evaluation.
	AsOf time.Time
	// Limit is how long judging may take; 0 stands for [DefaultLimit].
	Limit time.Duration
}

// DefaultLimit is how long judging one snapshot may take. A snapshot of a whole
// environment takes a second or two.
const DefaultLimit = time.Minute

// graceTime is how long an evaluation that was called off may take to end by itself.
// Some built-ins do not look up from their work: those are left behind.
const graceTime = 500 * time.Millisecond

// An AmbiguityError says that several users could be the integration's and the
// configuration names none.
type AmbiguityError struct {
	// Users are names with ids.
	Users []string
}

func (e *AmbiguityError) Error() string {
	return fmt.Sprintf("several application users could be the integration's: %s; "+
		"name one by --integration-app-id or integration.app_id", strings.Join(e.Users, ", "))
}

// Evaluate judges a snapshot by a profile, which is to judge its slice. The
// snapshot's requirement must name that profile.
func (e *Engine) Evaluate(ctx context.Context, s *snapshot.Snapshot, p profile.Profile, o Options) (audit.Result, error) {
	if s.Requirement.Profile != p.Name {
		return audit.Result{}, fmt.Errorf("the snapshot is to be judged by the profile %q, not %q", s.Requirement.Profile, p.Name)
	}
	// In the policies a dangling id is undefined, and undefined reads as no finding.
	if err := s.Check(p.Pattern); err != nil {
		return audit.Result{}, err
	}
	s = s.Slice(p.Pattern)
	report, err := e.query(ctx, s, p, o.Limit)
	if err != nil {
		return audit.Result{}, err
	}
	for _, f := range report.Findings {
		if f.Fix == nil {
			continue
		}
		if err := change.Known(f.Fix.Kind); err != nil {
			return audit.Result{}, fmt.Errorf("a policy reports a finding of %s with %w", f.Control, err)
		}
	}
	if len(report.Invalid) > 0 {
		return audit.Result{}, fmt.Errorf("a policy reports what it must not: %s", strings.Join(report.Invalid, "; "))
	}
	if len(report.Ambiguous) > 0 {
		var names []string
		for _, id := range report.Ambiguous {
			names = append(names, fmt.Sprintf("%q (application id %s)", s.Users[id].Name, s.Users[id].ApplicationID))
		}
		slices.Sort(names)
		return audit.Result{}, &AmbiguityError{Users: names}
	}
	return e.assemble(s, p, report, o)
}

// report is the JSON form of [reportQuery].
type report struct {
	Findings      []finding           `json:"findings"`
	NotApplicable map[string][]string `json:"not_applicable"`
	Unknown       map[string][]string `json:"unknown"`
	// UnknownControls are the reasons of single controls, by their ids.
	UnknownControls map[audit.ControlID][]string `json:"unknown_controls"`
	RuleNotes       map[string][]string          `json:"rule_notes"`
	Notes           []string                     `json:"notes"`
	Ambiguous       []string                     `json:"ambiguous"`
	Invalid         []string                     `json:"invalid"`
	Integration     audit.Integration            `json:"integration"`
}

type finding struct {
	Control  audit.ControlID `json:"control"`
	Message  string          `json:"message"`
	Subject  audit.Subject   `json:"subject"`
	Evidence audit.Evidence  `json:"evidence"`
	Fix      *audit.Fix      `json:"fix"`
}

func (e *Engine) query(ctx context.Context, s *snapshot.Snapshot, p profile.Profile, limit time.Duration) (report, error) {
	profiles := map[string]any{p.Name: p.Data()}
	if e.lint != nil && p.Name != e.lint.Name {
		profiles[e.lint.Name] = e.lint.Data()
	}
	var r report
	return r, e.ask(ctx, reportQuery, s, profiles, limit, &r)
}

// ask evaluates a document of the policies on a snapshot, and decodes it.
func (e *Engine) ask(ctx context.Context, document string, s *snapshot.Snapshot, profiles map[string]any, limit time.Duration, into any) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("preparing the policies' input: %w", err)
	}
	input, err := ast.ValueFromReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("preparing the policies' input: %w", err)
	}
	store := inmem.NewFromObject(map[string]any{"profiles": profiles, "platform": e.platform})
	query, err := rego.New(rego.Compiler(e.compiler), rego.Store(store), rego.Query(document), rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return fmt.Errorf("preparing the policies: %w", err)
	}
	results, err := within(ctx, cmp.Or(limit, DefaultLimit), func(ctx context.Context) (rego.ResultSet, error) {
		return query.Eval(ctx, rego.EvalParsedInput(input))
	})
	switch {
	case err != nil:
		return fmt.Errorf("evaluating the policies: %w", err)
	case len(results) != 1 || len(results[0].Expressions) != 1:
		return fmt.Errorf("evaluating the policies: %s is undefined", document)
	}
	value, err := json.Marshal(results[0].Expressions[0].Value)
	if err != nil {
		return fmt.Errorf("reading the policies' report: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("a policy reports what dbaudit does not know: %w", err)
	}
	return nil
}

// within evaluates within a time. What is called off and does not end is left behind,
// so that the caller can go on to report what else was reached.
func within(ctx context.Context, limit time.Duration, evaluate func(context.Context) (rego.ResultSet, error)) (rego.ResultSet, error) {
	type outcome struct {
		results rego.ResultSet
		err     error
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ended := make(chan outcome, 1)
	go func() {
		results, err := evaluate(timed)
		ended <- outcome{results, err}
	}()
	var o outcome
	select {
	case o = <-ended:
	case <-timed.Done():
		o.err = timed.Err()
		select {
		case o = <-ended:
		case <-time.After(graceTime):
		}
	}
	switch {
	case o.err == nil:
		return o.results, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil:
		return nil, fmt.Errorf("it took longer than %s: look for a rule that computes without end, first among those of --policy", limit)
	}
	return nil, o.err
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

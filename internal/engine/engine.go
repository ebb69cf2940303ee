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
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// rulesPrefix is the package below which each rule has a package category.name.
const rulesPrefix = "data.dbaudit.rules."

// An Engine holds compiled policies. It is safe for concurrent use.
type Engine struct {
	compiler    *ast.Compiler
	rules       map[string]Rule
	ruleIDs     []string
	lintProfile *profile.Profile // nil where the tree has none
	platform    any              // the document data.platform
	fixKinds    []audit.FixKind  // that a policy may propose
	// reportQueries are the questions that were asked, by the profile's digest: [*question]
	reportQueries sync.Map
	// codecs are as many as evaluations may be under way: more only take memory.
	codecs chan *codec
	// workers have the stack that an evaluation needs.
	workers workerPool
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
	modules, err := parse(own, "", true, false)
	if err != nil {
		return nil, err
	}
	for i, user := range users {
		more, err := parse(user, fmt.Sprintf("%d:", i+1), false, false)
		if err != nil {
			return nil, err
		}
		if err := checkCustom(modules, more); err != nil {
			return nil, err
		}
		maps.Copy(modules, more)
	}
	var compiler *ast.Compiler
	if len(users) > 0 {
		compiler, err = compileChecked(own, modules)
	} else {
		compiler, err = compileBuiltin(modules)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling the policies: %w", err)
	}
	e := &Engine{compiler: compiler, rules: map[string]Rule{}, fixKinds: change.Kinds(), codecs: newCodecPool(), workers: make(workerPool)}
	if err := e.loadRules(); err != nil {
		return nil, err
	}
	if e.lintProfile, err = readLintProfile(own); err != nil {
		return nil, err
	}
	if e.platform, err = readPlatform(own); err != nil {
		return nil, err
	}
	return e, nil
}

func newCodecPool() chan *codec {
	slots := make(chan *codec, runtime.GOMAXPROCS(0))
	for range cap(slots) {
		slots <- newCodec()
	}
	return slots
}

// readPlatform reads what Dataverse grants by itself, which is data.platform.
func readPlatform(tree fs.FS) (document any, err error) {
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

func readLintProfile(tree fs.FS) (*profile.Profile, error) {
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
	if s.Source != snapshot.SourceSolution || e.lintProfile == nil {
		return p.Controls
	}
	all := append(make([]profile.Control, 0, len(p.Controls)+len(e.lintProfile.Controls)), p.Controls...)
	for _, c := range e.lintProfile.Controls {
		if _, ok := p.Control(string(c.ID)); !ok {
			all = append(all, c)
		}
	}
	return all
}

// Rules lists the rules by id.
func (e *Engine) Rules() []Rule {
	rules := make([]Rule, len(e.ruleIDs))
	for i, id := range e.ruleIDs {
		rules[i] = e.rules[id]
	}
	return rules
}

// CheckProfile reports whether the rules that a profile names exist.
func (e *Engine) CheckProfile(p profile.Profile) error {
	var errs []error
	for _, c := range p.Controls {
		if _, ok := e.rules[c.Rule]; !ok {
			errs = append(errs, p.RuleError(c.ID, fmt.Sprintf("the control %s names the rule %q, which the policies do not contain: %s; pass the folder of custom rules with --policy",
				c.ID, c.Rule, strings.Join(e.ruleIDs, ", "))))
		}
	}
	return errors.Join(errs...)
}

// Package engine compiles the policies, builds the catalogue of rules from their
// METADATA, and judges snapshots. It alone imports OPA.
//
// Policies are compiled in OPA's strict mode, against the JSON schema of the snapshot and
// without the built-ins that read the network, the clock or random numbers. A misspelled
// field or a forbidden built-in is therefore a compile error, and never an empty set of
// findings. The built-in policies are checked by the tests, custom ones in each run.
//
// A control is unknown if its rule needs a section of the snapshot that was not collected.
// policy/dbaudit/main.rego decides this for all rules, so that stock OPA reaches the same
// verdict.
package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// rulesPrefix is the prefix of the package of each rule, which ends in category.name.
const rulesPrefix = "data.dbaudit.rules."

// An Engine holds compiled policies. It is safe for concurrent use.
type Engine struct {
	compiler    *ast.Compiler
	rules       map[string]audit.Rule // by id
	lintProfile profile.Profile
	platform    any // the document data.platform
	// reportQueries maps the digest of a profile to its *preparedQuery.
	reportQueries sync.Map
	// codecs limits how many evaluations run at the same time: more would only take memory.
	codecs  chan *codec
	workers workerPool
}

// Load compiles the built-in policies, with the schema in schema/snapshot.json, and the custom
// policies of each folder. With custom policies it runs every check. Without them it skips the
// checks, because TestBuiltinPolicies proves that the built-in policies pass them.
func Load(builtin fs.FS, custom ...fs.FS) (*Engine, error) {
	modules, err := parsePolicies(builtin, parseOptions{builtin: true})
	if err != nil {
		return nil, err
	}
	for i, folder := range custom {
		more, err := parsePolicies(folder, parseOptions{prefix: fmt.Sprintf("%d:", i+1)})
		if err != nil {
			return nil, err
		}
		if err := checkCustom(modules, more); err != nil {
			return nil, err
		}
		maps.Copy(modules, more)
	}
	var compiler *ast.Compiler
	if len(custom) > 0 {
		compiler, err = compileChecked(builtin, modules)
	} else {
		compiler, err = compileBuiltin(modules)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling the policies: %w", err)
	}
	e := &Engine{compiler: compiler, codecs: newCodecPool(), workers: make(workerPool)}
	if e.rules, err = readRules(compiler); err != nil {
		return nil, err
	}
	if e.lintProfile, _, err = profile.BuiltinNamed(builtin, LintProfile); err != nil {
		return nil, err
	}
	if e.platform, err = readPlatform(builtin); err != nil {
		return nil, err
	}
	return e, nil
}

func newCodecPool() chan *codec {
	pool := make(chan *codec, runtime.GOMAXPROCS(0))
	for range cap(pool) {
		pool <- newCodec()
	}
	return pool
}

// readPlatform reads the document data.platform: what Dataverse grants automatically.
func readPlatform(policies fs.FS) (document any, err error) {
	data, err := fs.ReadFile(policies, "platform/roles.json")
	if err == nil {
		err = json.Unmarshal(data, &document)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what the platform grants: %w", err)
	}
	return document, nil
}

// LintProfile is the name of the profile with controls for solution files. They are judged in
// addition to the controls of another profile.
const LintProfile = "lint"

// controls returns the controls of a profile and, for a solution file, those of the lint profile
// that the profile does not contain.
func (e *Engine) controls(s *snapshot.Snapshot, p profile.Profile) []profile.Control {
	if s.Source != snapshot.SourceSolution {
		return p.Controls
	}
	all := slices.Clone(p.Controls)
	for _, c := range e.lintProfile.Controls {
		if _, ok := p.Control(string(c.ID)); !ok {
			all = append(all, c)
		}
	}
	return all
}

// Rules returns all rules, sorted by id.
func (e *Engine) Rules() []audit.Rule {
	return slices.SortedFunc(maps.Values(e.rules), func(a, b audit.Rule) int { return strings.Compare(a.ID, b.ID) })
}

// ruleNames returns the ids of all rules as a list in a sentence.
func (e *Engine) ruleNames() string { return strings.Join(slices.Sorted(maps.Keys(e.rules)), ", ") }

// CheckProfile returns an error if a profile names a rule that does not exist.
func (e *Engine) CheckProfile(p profile.Profile) error {
	var errs []error
	for _, c := range p.Controls {
		if _, ok := e.rules[c.Rule]; !ok {
			errs = append(errs, p.RuleError(c.ID, fmt.Sprintf("the control %s names the rule %q, which the policies do not contain: %s; pass the folder of custom rules with --policy",
				c.ID, c.Rule, e.ruleNames())))
		}
	}
	return errors.Join(errs...)
}

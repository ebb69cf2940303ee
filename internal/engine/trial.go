package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// A Trial is the outcome of the tests of a user's policies.
type Trial struct {
	Tests []TestResult
	// Coverage is the part of the user's expressions that the tests evaluate, from 0
	// to 100.
	Coverage float64
	// Uncovered are places that no test evaluates, as file:line.
	Uncovered []string
}

// Count counts the tests that ended in one way.
func (t Trial) Count(outcome TestOutcome) int {
	n := 0
	for _, r := range t.Tests {
		if r.Outcome == outcome {
			n++
		}
	}
	return n
}

// A TestResult is one test.
type TestResult struct {
	// Name is the package and the rule, Place its file and line.
	Name, Place string
	Outcome     TestOutcome
	// Detail is the error of a test that could not be evaluated.
	Detail string
}

// A TestOutcome is how a test ended. What did not pass and was not skipped failed.
type TestOutcome int

// The outcomes of a test.
const (
	TestFailed TestOutcome = iota
	TestPassed
	TestSkipped // its name begins with todo_
)

// testTimeout bounds a single test, on a machine that has other things to do.
const testTimeout = time.Minute

// Test runs the tests of a user's policies beside dbaudit's own, compiled as
// strictly as for a verdict. They may use the test data in data.dbaudit.testing.
func Test(ctx context.Context, own, user fs.FS) (Trial, error) {
	mine, err := parse(own, "dbaudit:", true, true)
	if err != nil {
		return Trial{}, err
	}
	theirs, err := parse(user, "", false, true)
	if err != nil {
		return Trial{}, err
	}
	if len(theirs) == 0 {
		return Trial{}, errors.New("there are no policies: no file ends in .rego")
	}
	if err := checkForeign(mine, theirs); err != nil {
		return Trial{}, err
	}
	unrepeated(theirs)
	all := maps.Clone(mine)
	maps.Copy(all, theirs)
	compiler, err := compileStrictly(own, all)
	if err != nil {
		return Trial{}, fmt.Errorf("compiling the policies: %w", err)
	}
	profiles, err := profile.Builtin(own)
	if err != nil {
		return Trial{}, err
	}
	grants, err := platform(own)
	if err != nil {
		return Trial{}, err
	}
	store := documents(grants, profiles...)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return Trial{}, fmt.Errorf("running the tests: %w", err)
	}
	defer store.Abort(ctx, txn)
	r := runner{compiler: compiler, data: store, txn: txn, covered: coverage{}}
	var trial Trial
	for name := range theirs {
		for _, rule := range compiler.Modules[name].Rules {
			test := testOf(rule)
			if test == nil {
				continue
			}
			t := TestResult{Name: rule.Module.Package.Path.String() + "." + test.String(), Place: fmt.Sprintf("%s:%d", rule.Location.File, rule.Location.Row)}
			if t.Outcome, err = r.outcome(ctx, rule, test); err != nil {
				t.Detail = err.Error()
			}
			if err := ctx.Err(); err != nil {
				return Trial{}, err
			}
			trial.Tests = append(trial.Tests, t)
		}
	}
	slices.SortFunc(trial.Tests, func(a, b TestResult) int { return strings.Compare(a.Name, b.Name) })
	trial.Coverage, trial.Uncovered = r.covered.of(theirs)
	return trial, nil
}

// testOf is the part of a rule's name that makes it a test, as in test_x[note]; nil if it is not one.
func testOf(rule *ast.Rule) ast.Ref {
	ref := rule.Head.Ref().GroundPrefix()
	for i, term := range ref {
		if name := nameOf(term); strings.HasPrefix(name, "test_") || strings.HasPrefix(name, "todo_test_") {
			return ref[:i+1]
		}
	}
	return nil
}

func nameOf(term *ast.Term) string { return strings.Trim(term.String(), `"`) }

// unrepeated gives tests of one name a number each, as opa test does. Otherwise one would
// pass for the other.
func unrepeated(modules map[string]*ast.Module) {
	count := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		for _, rule := range m.Rules {
			test := testOf(rule)
			if test == nil {
				continue
			}
			key := m.Package.Path.Extend(test).String()
			if n := count[key]; n > 0 {
				ref := rule.Head.Ref().Copy()
				last := len(test) - 1
				numbered := fmt.Sprintf("%s#%02d", nameOf(ref[last]), n)
				ref[last] = ast.StringTerm(numbered)
				if last == 0 {
					ref[last] = ast.VarTerm(numbered)
				}
				rule.Head.SetRef(ref)
			}
			count[key]++
		}
	}
}

// A runner evaluates tests. OPA's own, of package tester, links what [asking] avoids.
type runner struct {
	compiler *ast.Compiler
	data     storage.Store
	txn      storage.Transaction
	covered  coverage
}

func (r runner) prepared(q *topdown.Query) *topdown.Query {
	return q.WithCompiler(r.compiler).WithStore(r.data).WithTransaction(r.txn)
}

// outcome evaluates a test, unless it is to be skipped.
func (r runner) outcome(ctx context.Context, rule *ast.Rule, test ast.Ref) (TestOutcome, error) {
	if strings.HasPrefix(nameOf(test[len(test)-1]), "todo_") {
		return TestSkipped, nil
	}
	if passed, err := r.passes(ctx, rule, test); err != nil || !passed {
		return TestFailed, err
	}
	return TestPassed, nil
}

// passes evaluates a test. It passes if it is true, or if each of its cases is.
func (r runner) passes(ctx context.Context, rule *ast.Rule, test ast.Ref) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	value, err := answer(ctx, r.prepared(asking(rule.Module.Package.Path.Extend(test))).WithQueryTracer(r.covered))
	if err != nil || value == nil {
		return false, err
	}
	if rule.Head.DocKind() != ast.PartialObjectDoc {
		return isTrue(value), nil
	}
	cases, err := r.begun(ctx, rule, rule.Head.Ref()[len(test):])
	fails := func(c ast.Ref) bool {
		of, err := value.Find(c)
		return err != nil || !isTrue(of)
	}
	return err == nil && !slices.ContainsFunc(cases, fails), err
}

func isTrue(v ast.Value) bool { return v.Compare(ast.Boolean(true)) == 0 }

// begun are the cases that a test has, by what its name has in brackets. A case that fails
// is undefined, so they are found by the part of the rule's body that its name depends on.
func (r runner) begun(ctx context.Context, rule *ast.Rule, keys ast.Ref) ([]ast.Ref, error) {
	end := len(rule.Body) // of what the user wrote: the compiler puts expressions of the name behind it
	for end > 0 && rule.Body[end-1].Generated {
		end--
	}
	naming := rule.Body[end:]
	needed := map[ast.Var]bool{}
	need := func(v ast.Var) bool {
		needed[v] = true
		return false
	}
	ast.WalkVars(keys, need)
	ast.WalkVars(naming, need)
	depends := 0
	for i, expr := range rule.Body[:end] {
		ast.WalkVars(expr, func(v ast.Var) bool {
			if needed[v] {
				depends = i + 1
				delete(needed, v) // where it is bound
			}
			return false
		})
	}
	results, err := run(ctx, r.prepared(topdown.NewQuery(append(slices.Clone(rule.Body[:depends]), naming...))))
	if err != nil {
		return nil, err
	}
	var cases []ast.Ref
	for _, bound := range results {
		c := slices.Clone(keys)
		for i, key := range keys {
			if v, ok := key.Value.(ast.Var); ok {
				c[i] = bound[v]
			}
		}
		cases = append(cases, c)
	}
	return cases, nil
}

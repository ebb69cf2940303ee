package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// A TestReport lists the outcomes of the tests of a user's policies.
type TestReport struct {
	Tests []TestResult
	// Coverage is the percentage of the lines of the user's policies that the tests evaluate.
	Coverage float64
	// Uncovered lists the expressions that no test evaluates, as file:line.
	Uncovered []string
}

// Count returns the number of tests with an outcome.
func (t TestReport) Count(outcome TestOutcome) int {
	n := 0
	for _, r := range t.Tests {
		if r.Outcome == outcome {
			n++
		}
	}
	return n
}

// A TestResult is the outcome of one test.
type TestResult struct {
	// Name is the package and the rule, Place its file and line.
	Name, Place string
	Outcome     TestOutcome
	// Detail is the error of a test that could not be evaluated.
	Detail string
}

// A TestOutcome is the outcome of a test. A test that could not be evaluated failed.
type TestOutcome int

// The outcomes of a test.
const (
	TestFailed TestOutcome = iota
	TestPassed
	TestSkipped // its name begins with todo_
)

// testTimeout bounds a single test, on a machine that has other things to do.
const testTimeout = time.Minute

// RunTests runs the tests of a user's policies beside dbaudit's own, compiled as
// strictly as for a verdict. They may use the test data in data.dbaudit.testing.
func RunTests(ctx context.Context, own, user fs.FS) (TestReport, error) {
	ownModules, err := parsePolicies(own, parseOptions{prefix: "dbaudit:", builtin: true, tests: true})
	if err != nil {
		return TestReport{}, err
	}
	userModules, err := parsePolicies(user, parseOptions{tests: true})
	if err != nil {
		return TestReport{}, err
	}
	if len(userModules) == 0 {
		return TestReport{}, errors.New("there are no policies: no file ends in .rego")
	}
	if err := checkCustom(ownModules, userModules); err != nil {
		return TestReport{}, err
	}
	modules := maps.Clone(ownModules)
	maps.Copy(modules, userModules)
	if _, err := compileStrictly(own, modules); err != nil {
		return TestReport{}, fmt.Errorf("compiling the policies: %w", err)
	}
	compiler, err := strictCompiler(own) // the runner compiles once more, with the cases of a test
	if err != nil {
		return TestReport{}, err
	}
	profiles, err := profile.Builtin(own)
	if err != nil {
		return TestReport{}, err
	}
	grants, err := readPlatform(own)
	if err != nil {
		return TestReport{}, err
	}
	store := newStore(grants, profiles...)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return TestReport{}, fmt.Errorf("running the tests: %w", err)
	}
	defer store.Abort(ctx, txn)
	var packages []ast.Ref
	for _, m := range userModules {
		packages = append(packages, m.Package.Path)
	}
	coverage := cover.New()
	results, err := tester.NewRunner().
		SetTimeout(testTimeout).
		SetCompiler(compiler).
		SetStore(store).
		SetModules(modules).
		SetCoverageQueryTracer(coverage).
		SetPrefixMatchers(packages...).
		RunTests(ctx, txn)
	if err != nil {
		return TestReport{}, fmt.Errorf("running the tests: %w", err)
	}
	var report TestReport
	for r := range results {
		t := TestResult{Name: r.Package + "." + r.Name, Place: fmt.Sprintf("%s:%d", r.Location.File, r.Location.Row)}
		switch {
		case r.Skip:
			t.Outcome = TestSkipped
		case r.Pass():
			t.Outcome = TestPassed
		case r.Error != nil:
			t.Detail = r.Error.Error()
		}
		report.Tests = append(report.Tests, t)
	}
	if err := ctx.Err(); err != nil {
		return TestReport{}, err
	}
	slices.SortFunc(report.Tests, func(a, b TestResult) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Place, b.Place))
	})
	report.measure(coverage, userModules)
	return report, nil
}

// measure sets the coverage of modules by their tests, without the tests themselves.
func (t *TestReport) measure(coverage *cover.Cover, modules map[string]*ast.Module) {
	tested := maps.Clone(modules)
	maps.DeleteFunc(tested, func(name string, _ *ast.Module) bool { return strings.HasSuffix(name, "_test.rego") })
	covered, missed := 0, 0
	for name, file := range coverage.Report(tested).Files {
		if tested[name] == nil { // the tests, and what they use of dbaudit's
			continue
		}
		covered += file.CoveredLines
		missed += file.NotCoveredLines
		for _, r := range file.NotCovered {
			t.Uncovered = append(t.Uncovered, fmt.Sprintf("%s:%d", name, r.Start.Row))
		}
	}
	slices.Sort(t.Uncovered)
	t.Uncovered = slices.Compact(t.Uncovered)
	if covered+missed > 0 {
		t.Coverage = 100 * float64(covered) / float64(covered+missed)
	}
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"

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

// Failed counts the tests that did not pass.
func (t Trial) Failed() int {
	n := 0
	for _, r := range t.Tests {
		if !r.Passed {
			n++
		}
	}
	return n
}

// A TestResult is one test.
type TestResult struct {
	// Name is the package and the rule, Place its file and line.
	Name, Place string
	Passed      bool
	// Detail is the error of a test that could not be evaluated.
	Detail string
}

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
	all := maps.Clone(mine)
	var packages []string
	for name, m := range theirs {
		all[name] = m
		packages = append(packages, regexp.QuoteMeta(m.Package.Path.String())+`\.`)
	}
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
	coverage := cover.New()
	results, err := tester.NewRunner().
		SetTimeout(testTimeout).
		SetCompiler(compiler).
		SetStore(store).
		SetModules(all).
		SetCoverageQueryTracer(coverage).
		Filter("^("+strings.Join(packages, "|")+")").
		RunTests(ctx, txn)
	if err != nil {
		return Trial{}, fmt.Errorf("running the tests: %w", err)
	}
	var trial Trial
	for r := range results {
		t := TestResult{Name: r.Package + "." + r.Name, Passed: r.Pass()}
		if r.Location != nil {
			t.Place = fmt.Sprintf("%s:%d", r.Location.File, r.Location.Row)
		}
		if r.Error != nil {
			t.Detail = r.Error.Error()
		}
		trial.Tests = append(trial.Tests, t)
	}
	slices.SortFunc(trial.Tests, func(a, b TestResult) int { return strings.Compare(a.Name, b.Name) })
	trial.measure(coverage, theirs)
	return trial, nil
}

// measure counts what the tests evaluate of the policies, without the tests themselves.
func (t *Trial) measure(coverage *cover.Cover, modules map[string]*ast.Module) {
	tested := map[string]*ast.Module{}
	for name, m := range modules {
		if !strings.HasSuffix(name, "_test.rego") {
			tested[name] = m
		}
	}
	report := coverage.Report(tested)
	covered, missed := 0, 0
	for name := range tested {
		file := report.Files[name]
		if file == nil {
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

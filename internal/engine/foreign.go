package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// checkForeign holds the policies that a user adds to a namespace of the user's
// own: rules are data.dbaudit.rules.category.name with a category that dbaudit
// has no rules in, and libraries stand outside of data.dbaudit. Else a stray file
// could add findings to, or take them from, rules that it does not own. A rule may not be
// where the profiles and the platform's grants are either: it would hide the data of its
// name, and controls that no rule sees find nothing.
func checkForeign(own, foreign map[string]*ast.Module) error {
	reserved := map[string]bool{}
	for _, m := range own {
		if category, ok := categoryOf(m); ok {
			reserved[category] = true
		}
	}
	var errs []error
	for _, m := range foreign {
		switch root(m) {
		case "dbaudit":
		case "profiles", "platform":
			errs = append(errs, fmt.Errorf("%s: the package %s is where dbaudit's data is: give it another name", place(m.Package.Location), m.Package.Path))
			continue
		default:
			continue
		}
		category, ok := categoryOf(m)
		if !ok || reserved[category] {
			errs = append(errs, fmt.Errorf("%s: the package %s is dbaudit's own: a rule of yours is %scategory.name with a category of your own, a library stands outside of data.dbaudit",
				place(m.Package.Location), m.Package.Path, rulesPrefix))
		}
	}
	errs = append(errs, undescribed(foreign)...)
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// undescribed are the rules without METADATA. To OPA they are references to nothing,
// and rules that report findings without it would never be heard.
func undescribed(foreign map[string]*ast.Module) []error {
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
		_, ok := categoryOf(m)
		if !ok || described[m.Package.Path.String()] || !slices.ContainsFunc(m.Rules, reports) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: the rule %s has no METADATA: above the package there must be the comment \"# METADATA\" with title, description and custom: severity, requires, consequence, remediation; dbaudit policy new writes such a rule",
			place(m.Package.Location), m.Package.Path))
	}
	return errs
}

// reports says that a rule of Rego is what makes its package a rule of dbaudit's.
func reports(r *ast.Rule) bool {
	name := r.Head.Ref()[0].String()
	return name == "findings" || name == "metadata"
}

// root is the first name of a package behind data.
func root(m *ast.Module) string {
	if len(m.Package.Path) < 2 {
		return ""
	}
	name, _ := m.Package.Path[1].Value.(ast.String)
	return string(name)
}

// categoryOf is the category of a rule's package, data.dbaudit.rules.category.name,
// or of its test's.
func categoryOf(m *ast.Module) (string, bool) {
	if len(m.Package.Path) != 5 || !strings.HasPrefix(m.Package.Path.String(), rulesPrefix) {
		return "", false
	}
	category, ok := m.Package.Path[3].Value.(ast.String)
	return string(category), ok
}

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
	schemas, err := inputSchema(own)
	if err != nil {
		return Trial{}, err
	}
	mine, theirs := map[string]*ast.Module{}, map[string]*ast.Module{}
	if err := parseAll(own, mine); err != nil {
		return Trial{}, err
	}
	if err := parseAll(user, theirs); err != nil {
		return Trial{}, err
	}
	if len(theirs) == 0 {
		return Trial{}, errors.New("there are no policies: no file ends in .rego")
	}
	if err := checkForeign(mine, theirs); err != nil {
		return Trial{}, err
	}
	all := map[string]*ast.Module{}
	var packages []string
	for name, m := range mine {
		all["dbaudit:"+name] = m
	}
	for name, m := range theirs {
		all[name] = m
		packages = append(packages, regexp.QuoteMeta(m.Package.Path.String())+`\.`)
	}
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithSchemas(schemas).
		WithUseTypeCheckAnnotations(true).WithStrict(true)
	if compiler.Compile(all); compiler.Failed() {
		return Trial{}, fmt.Errorf("compiling the policies: %w", placed(compiler.Errors))
	}
	profiles, err := profile.Builtin(own)
	if err != nil {
		return Trial{}, err
	}
	grants, err := platform(own)
	if err != nil {
		return Trial{}, err
	}
	documents := map[string]any{}
	for _, p := range profiles {
		documents[p.Name] = p.Data()
	}
	store := inmem.NewFromObject(map[string]any{"profiles": documents, "platform": grants})
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

// parseAll reads the policies of a tree, their tests included.
func parseAll(tree fs.FS, into map[string]*ast.Module) error {
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the policies: %w", err)
		}
		if entry.IsDir() || path.Ext(name) != ".rego" {
			return nil
		}
		m, err := parseFile(tree, name)
		if err != nil {
			return fmt.Errorf("reading the policies: %w", err)
		}
		into[name] = m
		return nil
	})
}

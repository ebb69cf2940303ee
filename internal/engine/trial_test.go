package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/dbaudit/dbaudit/policy"
)

// tried are policies whose tests pass and fail in each way that there is.
const (
	triedPolicy = `package acme

double(n) := 2 * n if n < 5

double(n) := 9 if {
	n >= 5
	n != 7
}

unused := {x |
	some x in [1, 2]
	x > 1
}

cases := [{"note": "a", "in": 1, "want": 2}, {"note": "b", "in": 5, "want": 10}]

boom := 1 / (count(cases) - 2)
`
	triedTests = `package acme_test

import data.acme

test_true if acme.double(1) == 2

test_undefined if acme.double(1) == 3

test_false := acme.double(1) == 3

test_number := 1

test_object := {"a": true}

test_set contains 1

test_error if acme.boom == 1

test_conflict := true if acme.double(1) == 2

test_twice if acme.double(1) == 2

test_twice if acme.double(1) == 3

todo_test_later if acme.double(1) == 2

suite.test_inner if acme.double(2) == 4

test_note[c.note] if {
	some c in acme.cases
	acme.double(c.in) == c.want
}

test_all_pass[c.note] if {
	some c in acme.cases
	c.in < 5
	acme.double(c.in) == c.want
}

test_filtered[note] if {
	some c in acme.cases
	c.in < 5
	note := c.note
	acme.double(c.in) == c.want
}

test_called[sprintf("%s-%d", [upper(c.note), i])] if {
	some i, c in acme.cases
	acme.double(c.in) == c.want
}

test_two[c.note][n] if {
	some c in acme.cases
	some n in [1, 2]
	acme.double(n) == c.want
}

test_value[c.note] := acme.double(c.in) == c.want if some c in acme.cases

test_no_case[c.note] if {
	some c in []
	acme.double(c.in) == 1
}

test_key[note] if {
	some note, n in {"x": 1, "y": 2}
	acme.double(n) == 2 * n
}

helper if acme.double(1) == 2
`
)

// TestTrialIsAsOPAs: a test passes, fails or is skipped, and a line is covered, where OPA's own runner of tests says
// so. Only tests link that: it needs package rego.
func TestTrialIsAsOPAs(t *testing.T) {
	t.Parallel()
	user := fstest.MapFS{"acme.rego": {Data: []byte(triedPolicy)}, "acme_test.rego": {Data: []byte(triedTests)}}
	trial, err := Test(t.Context(), policy.Files, user)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]TestOutcome{}
	for _, r := range trial.Tests {
		got[r.Name] = r.Outcome
	}
	theirs, err := parse(user, "", false, true)
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(theirs)
	compiler, err := compileStrictly(policy.Files, all)
	if err != nil {
		t.Fatal(err)
	}
	coverage := cover.New()
	results, err := tester.NewRunner().SetCompiler(compiler).SetModules(all).SetCoverageQueryTracer(coverage).RunTests(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]TestOutcome{}
	for r := range results {
		name := r.Package + "." + r.Name
		switch {
		case r.Skip:
			want[name] = TestSkipped
		case r.Pass():
			want[name] = TestPassed
		default:
			want[name] = TestFailed
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 20 {
		t.Errorf("%d tests (-opa +ours):\n%s", len(want), diff)
	}
	report := coverage.Report(map[string]*ast.Module{"acme.rego": theirs["acme.rego"]})
	file := report.Files["acme.rego"]
	var uncovered []string
	for _, r := range file.NotCovered {
		uncovered = append(uncovered, fmt.Sprintf("acme.rego:%d", r.Start.Row))
	}
	slices.Sort(uncovered)
	if diff := cmp.Diff(slices.Compact(uncovered), trial.Uncovered); diff != "" || len(uncovered) == 0 {
		t.Errorf("uncovered (-opa +ours):\n%s", diff)
	}
	if trial.Coverage != file.Coverage || trial.Coverage < 50 || trial.Coverage > 95 {
		t.Errorf("the coverage is %f, want %f", trial.Coverage, file.Coverage)
	}
}

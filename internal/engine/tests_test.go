package engine

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/policy"
)

// TestRunTests runs tests that end in each way. dbaudit's own tests do not run, and its policies
// do not count for the coverage.
func TestRunTests(t *testing.T) {
	t.Parallel()
	report, err := RunTests(t.Context(), policy.Files, fstest.MapFS{
		"acme.rego": {Data: []byte(`package acme

double(n) := 2 * n if n < 5

double(n) := 9 if {
	n >= 5
	n != 7
}

cases := [{"note": "a", "in": 1, "want": 2}, {"note": "b", "in": 4, "want": 10}]

boom := 1 / (count(cases) - 2)

unused := 1
`)},
		"acme_test.rego": {Data: []byte(`package acme_test

import data.acme

test_true if acme.double(1) == 2

test_undefined if acme.double(1) == 3

test_false := acme.double(5) == 3

test_error if acme.boom == 1

test_twice if acme.double(1) == 2

test_twice if acme.double(1) == 3

todo_test_later if acme.double(1) == 3

test_cases[c.note] if {
	some c in acme.cases
	acme.double(c.in) == c.want
}
`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []TestResult{
		{Name: "data.acme_test.test_cases", Place: "acme_test.rego:19", Outcome: TestFailed},
		{Name: "data.acme_test.test_error", Place: "acme_test.rego:11", Outcome: TestFailed},
		{Name: "data.acme_test.test_false", Place: "acme_test.rego:9", Outcome: TestFailed},
		{Name: "data.acme_test.test_true", Place: "acme_test.rego:5", Outcome: TestPassed},
		{Name: "data.acme_test.test_twice", Place: "acme_test.rego:13", Outcome: TestPassed},
		{Name: "data.acme_test.test_twice#01", Place: "acme_test.rego:15", Outcome: TestFailed},
		{Name: "data.acme_test.test_undefined", Place: "acme_test.rego:7", Outcome: TestFailed},
		{Name: "data.acme_test.todo_test_later", Place: "acme_test.rego:17", Outcome: TestSkipped},
	}
	if diff := cmp.Diff(want, report.Tests); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"acme.rego:12", "acme.rego:14"}, report.Uncovered); diff != "" || report.Coverage < 50 || report.Coverage > 95 {
		t.Errorf("coverage %f, uncovered (-want +got):\n%s", report.Coverage, diff)
	}
}

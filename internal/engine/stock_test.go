package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/compile"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// stockQuery evaluates what users of stock tools read: the findings with opa eval, the other two
// with conftest.
const stockQuery = `{"findings": data.dbaudit.findings, "deny": data.dbaudit.deny, "warn": data.dbaudit.warn}`

// TestStockTools evaluates the policies without the engine: as opa eval and conftest load them, and
// as a bundle of opa build. Both must have the engine's findings and unjudged controls.
func TestStockTools(t *testing.T) {
	tree := filepath.Join("..", "..", "policy")
	bundle := filepath.Join(t.TempDir(), "bundle.tar.gz")
	file, err := os.Create(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if err := compile.New().WithRegoVersion(ast.RegoV1).WithPaths(tree).WithOutput(file).Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p, e := demandbase(t), load(t)
	inputs := stockInputs(p)
	maps.Copy(inputs, storySnapshots(t))
	for tool, source := range map[string]func(*rego.Rego){
		"opa eval -d policy": rego.Load([]string{tree}, nil),
		"opa build policy":   rego.LoadBundle(bundle),
	} {
		query, err := rego.New(rego.Query(stockQuery), source).PrepareForEval(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", tool, err)
		}
		for name, s := range inputs {
			t.Run(tool+"/"+name, func(t *testing.T) {
				stock := evaluateWithStockOPA(t, query, s)
				ours := verdictOf(evaluate(t, e, s, p))
				if diff := cmp.Diff(ours, stock); diff != "" {
					t.Errorf("-dbaudit +stock:\n%s", diff)
				}
			})
		}
	}
}

// TestStockToolsWithoutTheProfiles proves that a bundle of opa build -b, which lacks the profiles,
// does not look like a pass.
func TestStockToolsWithoutTheProfiles(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "bundle.tar.gz")
	file, err := os.Create(bundle)
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join("..", "..", "policy")
	if err := compile.New().WithRegoVersion(ast.RegoV1).WithAsBundle(true).WithPaths(tree).WithOutput(file).Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	query, err := rego.New(rego.Query("[data.dbaudit.unknown.profile, count(data.dbaudit.deny)]"), rego.LoadBundle(bundle)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	results, err := query.Eval(t.Context(), rego.EvalInput(map[string]any{"requirement": map[string]any{"profile": "demandbase"}}))
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if got := fmt.Sprint(results[0].Expressions[0].Value); got != "[[the profile that the input names is not loaded] 1]" {
		t.Error(got)
	}
}

// stockInputs returns snapshots in which a control fails, is unknown or does not apply.
func stockInputs(p profile.Profile) map[string]*snapshot.Snapshot {
	inputs := map[string]*snapshot.Snapshot{}
	add := func(name string, change func(*snapshot.Snapshot)) {
		s := compliant(p)
		change(s)
		inputs[name] = s
	}
	add("compliant", func(*snapshot.Snapshot) {})
	add("no user", func(s *snapshot.Snapshot) { clear(s.Users) })
	add("no role", func(s *snapshot.Snapshot) {
		clear(s.Roles)
		clear(s.RolePrivileges)
		s.Users[user] = roleless(s.Users[user])
	})
	add("nothing read", func(s *snapshot.Snapshot) { clear(s.Coverage) })
	for _, section := range snapshot.Sections() {
		for _, state := range []snapshot.State{snapshot.StateForbidden, snapshot.StateFailed, snapshot.StateSkipped} {
			add(fmt.Sprintf("%s %s", section, state), func(s *snapshot.Snapshot) {
				s.Coverage[section] = snapshot.Coverage{State: state, Detail: "because"}
				delete(s.RolePrivileges[role], "prvReadLead")
			})
		}
	}
	add("a role of a file", func(s *snapshot.Snapshot) {
		s.Source = snapshot.SourceSolution
		clear(s.Users)
		clear(s.Views)
		clear(s.Shares)
		for _, section := range []snapshot.Section{snapshot.SectionUsers, snapshot.SectionTeams, snapshot.SectionShares} {
			s.Coverage[section] = snapshot.Coverage{State: snapshot.StateInapplicable}
		}
		delete(s.RolePrivileges[role], "prvReadLead")
		s.RoleEntries = map[string][]snapshot.RoleEntry{role: {
			{Name: "prvreadaccount", Level: "Global", Line: 5, Column: 5, Standard: "prvReadAccount"},
			{Name: "prvReadAccount", Level: "Worldwide", Line: 6, Column: 5, Standard: "prvReadAccount"},
		}}
	})
	return inputs
}

// storySnapshots returns the snapshots of the stories in testdata/cases.
func storySnapshots(t *testing.T) map[string]*snapshot.Snapshot {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "cases", "*", "snapshot.json"))
	if err != nil || len(files) < 12 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	stories := map[string]*snapshot.Snapshot{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if stories["the story "+filepath.Base(filepath.Dir(file))], err = snapshot.Decode(data, nil); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return stories
}

func roleless(u snapshot.User) snapshot.User {
	u.Roles = []string{}
	return u
}

// A verdict is what the tools must agree on: the findings as control and message, those of severity
// info, and the controls that were not judged.
type verdict struct{ Findings, Information, Unjudged []string }

func verdictOf(r audit.Result) verdict {
	var v verdict
	for _, c := range r.Controls {
		if c.Outcome == audit.OutcomeUnknown {
			v.Unjudged = append(v.Unjudged, fmt.Sprintf("%s: not judged: %s", c.ID, c.Reason))
		}
		for _, f := range c.Findings {
			v.Findings = append(v.Findings, fmt.Sprintf("%s: %s", c.ID, f.Message))
			if c.Severity == audit.SeverityInfo {
				v.Information = append(v.Information, fmt.Sprintf("%s: %s", c.ID, f.Message))
			}
		}
	}
	slices.Sort(v.Findings)
	slices.Sort(v.Information)
	slices.Sort(v.Unjudged)
	return v
}

func evaluateWithStockOPA(t *testing.T, query rego.PreparedEvalQuery, s *snapshot.Snapshot) verdict {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var input any
	if err := json.Unmarshal(data, &input); err != nil {
		t.Fatal(err)
	}
	results, err := query.Eval(t.Context(), rego.EvalInput(input))
	if err != nil || len(results) != 1 {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if data, err = json.Marshal(results[0].Expressions[0].Value); err != nil {
		t.Fatal(err)
	}
	var value struct {
		Findings   []struct{ Control, Message string }
		Deny, Warn []struct{ Msg, Message string }
	}
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	var v verdict
	var found []string
	for _, f := range value.Findings {
		found = append(found, fmt.Sprintf("%s: %s", f.Control, f.Message))
	}
	for _, f := range value.Warn {
		v.Findings = append(v.Findings, f.Msg)
		v.Information = append(v.Information, f.Msg)
	}
	for _, f := range value.Deny {
		if strings.Contains(f.Msg, ": not judged: ") {
			v.Unjudged = append(v.Unjudged, f.Msg)
		} else {
			v.Findings = append(v.Findings, f.Msg)
		}
	}
	slices.Sort(found)
	slices.Sort(v.Findings)
	slices.Sort(v.Information)
	slices.Sort(v.Unjudged)
	if diff := cmp.Diff(found, v.Findings); diff != "" {
		t.Errorf("opa eval and conftest do not agree (-data.dbaudit.findings +deny and warn):\n%s", diff)
	}
	return v
}

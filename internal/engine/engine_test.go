package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

func load(t testing.TB, sources ...fs.FS) *engine.Engine {
	t.Helper()
	e, err := engine.Load(policy.Files, sources...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func demandbase(t testing.TB) profile.Profile {
	t.Helper()
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(profiles, func(p profile.Profile) bool { return p.Name == "demandbase" })
	return profiles[i]
}

const (
	rootName = "00000000-0000-4000-8000-000000000001"
	user     = "00000000-0000-4000-8000-000000000002"
	role     = "00000000-0000-4000-8000-000000000003"
)

// compliant returns the smallest snapshot that is compliant with a profile.
func compliant(p profile.Profile) *snapshot.Snapshot {
	s := snapshot.New()
	s.Source, s.Scope = snapshot.SourceEnvironment, snapshot.ScopeIntegration
	s.Requirement.Profile = p.Name
	s.Requirement.BusinessUnit = "Contoso"
	s.Requirement.Views = []snapshot.RequiredView{{Table: "account", Name: "Demandbase Accounts"}}
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.BusinessUnits[rootName] = snapshot.BusinessUnit{Name: "Contoso"}
	s.Roles[role] = snapshot.Role{BusinessUnitID: rootName, Customizable: true, Name: "Demandbase Integration", RootID: role}
	s.Users[user] = snapshot.User{
		AccessMode:    snapshot.AccessNonInteractive,
		ApplicationID: user, BusinessUnitID: rootName, Name: "Demandbase", Roles: []string{role}, Teams: []string{},
	}
	grants := map[string]audit.Depth{}
	for _, name := range p.Minimum() {
		s.Privileges[name] = snapshot.Privilege{ID: rootName, Depths: audit.Depths()}
		grants[name] = audit.DepthGlobal
	}
	s.RolePrivileges[role] = grants
	view := "00000000-0000-4000-8000-000000000004"
	s.Views[view] = snapshot.View{
		Active: true, Name: "Demandbase Accounts", OwnerID: rootName, Table: "account",
		SeenBy: []snapshot.Viewer{snapshot.ViewerIntegrationUser},
	}
	s.Shares[user] = map[string]snapshot.Share{view: {Rights: []snapshot.Right{snapshot.RightRead}}}
	return s
}

func evaluate(t testing.TB, e *engine.Engine, s *snapshot.Snapshot, p profile.Profile) audit.Result {
	t.Helper()
	r, err := e.Evaluate(t.Context(), s, p, engine.Options{AsOf: time.Unix(1.7e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func outcomes(r audit.Result, o audit.Outcome) []string {
	var ids []string
	for _, c := range r.Controls {
		if c.Outcome == o {
			ids = append(ids, string(c.ID))
		}
	}
	return ids
}

func TestCompliant(t *testing.T) {
	p := demandbase(t)
	r := evaluate(t, load(t), compliant(p), p)
	if r.Verdict != audit.VerdictCompliant || r.Summary.Pass != 36 || r.Summary.Coverage != 1 {
		t.Errorf("verdict %s, %+v; fails %v, unknown %v", r.Verdict, r.Summary,
			outcomes(r, audit.OutcomeFail), outcomes(r, audit.OutcomeUnknown))
	}
	var ids []string
	for _, c := range p.Controls {
		ids = append(ids, string(c.ID))
	}
	var got []string
	for _, c := range r.Controls {
		got = append(got, string(c.ID))
	}
	if diff := cmp.Diff(ids, got); diff != "" {
		t.Errorf("not every control in the profile's order (-want +got):\n%s", diff)
	}
}

// TestUnreadIsUnknown removes each section with each state. The controls that need it must be
// unknown, with the reason, and no control may fail because of it.
func TestUnreadIsUnknown(t *testing.T) {
	p, e := demandbase(t), load(t)
	needs := map[string][]string{}
	for _, rule := range e.Rules() {
		needs[rule.ID] = rule.Requires
	}
	for _, section := range snapshot.Sections() {
		for _, state := range []snapshot.State{
			snapshot.StateUnknown, snapshot.StateForbidden, snapshot.StateFailed, snapshot.StateSkipped,
		} {
			s := compliant(p)
			s.Coverage[section] = snapshot.Coverage{State: state, Detail: "because"}
			if state == snapshot.StateUnknown {
				delete(s.Coverage, section)
			}
			r := evaluate(t, e, s, p)
			if fails := outcomes(r, audit.OutcomeFail); len(fails) > 0 {
				t.Errorf("%s %s: %v fail", section, state, fails)
			}
			for _, c := range r.Controls {
				needed := slices.Contains(needs[c.Rule], string(section))
				switch {
				case needed && c.Outcome != audit.OutcomeUnknown:
					t.Errorf("%s %s: %s needs it and is %s", section, state, c.ID, c.Outcome)
				case needed && state != snapshot.StateUnknown && !strings.Contains(c.Reason, "because"):
					t.Errorf("%s %s: the reason of %s does not say why: %q", section, state, c.ID, c.Reason)
				}
			}
			if len(outcomes(r, audit.OutcomeUnknown)) > 0 && r.Verdict != audit.VerdictIncomplete {
				t.Errorf("%s %s: the verdict is %s", section, state, r.Verdict)
			}
		}
	}
}

// TestNothingReadIsIncomplete proves that a snapshot without coverage is incomplete, whatever it
// contains.
func TestNothingReadIsIncomplete(t *testing.T) {
	p := demandbase(t)
	s := compliant(p)
	clear(s.Coverage)
	r := evaluate(t, load(t), s, p)
	if r.Verdict != audit.VerdictIncomplete || r.Summary.Pass != 0 || r.Summary.Coverage != 0 {
		t.Errorf("verdict %s, %+v", r.Verdict, r.Summary)
	}
}

// TestMissingUserIsUnknown proves that a missing user is not ignored if the profile does not check
// that the user exists.
func TestMissingUserIsUnknown(t *testing.T) {
	const only = "acme:\n  title: T\n  source: {title: T, url: https://x.example}\n  pattern: demandbase\n  role_name: R\n  controls:\n" +
		"    - {id: ACME-READ, rule: role/privileges, title: T, severity: high, why: W, table: lead, privileges: [prvReadLead]}\n" +
		"    - {id: ACME-ENABLED, rule: user/enabled, title: T, severity: high, why: W}\n"
	p, err := profile.Parse("acme.yaml", []byte(only))
	if err != nil {
		t.Fatal(err)
	}
	s := compliant(demandbase(t))
	s.Requirement.Profile = p.Name
	e := load(t)
	if r := evaluate(t, e, s, p); r.Verdict != audit.VerdictCompliant {
		t.Fatalf("with a user the verdict is %s", r.Verdict)
	}
	clear(s.Users)
	r := evaluate(t, e, s, p)
	if r.Verdict != audit.VerdictIncomplete || r.Controls[1].Outcome != audit.OutcomeUnknown {
		t.Errorf("without a user the verdict is %s: %s, %q", r.Verdict, r.Controls[1].Outcome, r.Controls[1].Reason)
	}
}

// TestSolutionFile proves that only the rules about roles judge a solution file, which contains no
// users and views.
func TestSolutionFile(t *testing.T) {
	p := demandbase(t)
	s := compliant(p)
	s.Source = snapshot.SourceSolution
	clear(s.Users)
	clear(s.Views)
	clear(s.Shares)
	for _, section := range []snapshot.Section{
		snapshot.SectionUsers, snapshot.SectionTeams, snapshot.SectionBusinessUnits, snapshot.SectionUserViews,
		snapshot.SectionViews, snapshot.SectionSystemViews, snapshot.SectionShares, snapshot.SectionOrganization,
	} {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateInapplicable}
	}
	delete(s.RolePrivileges[role], "prvReadLead")
	r := evaluate(t, load(t), s, p)
	if diff := cmp.Diff([]string{"DB-PRIV-LEAD"}, outcomes(r, audit.OutcomeFail)); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	for _, c := range r.Controls {
		if strings.HasPrefix(c.Rule, "lint/") {
			continue // of the lint profile
		}
		offline := strings.HasPrefix(c.Rule, "role/")
		if offline == (c.Outcome == audit.OutcomeNotApplicable) {
			t.Errorf("%s is %s (%s)", c.ID, c.Outcome, c.Reason)
		}
	}
}

func TestAmbiguousUser(t *testing.T) {
	p := demandbase(t)
	s := compliant(p)
	second := s.Users[user]
	second.Name = "Demandbase Sandbox"
	s.Users[rootName] = second
	_, err := load(t).Evaluate(t.Context(), s, p, engine.Options{})
	var ambiguous *engine.AmbiguityError
	if !errors.As(err, &ambiguous) || len(ambiguous.Users) != 2 {
		t.Errorf("got %v, want both users listed", err)
	}
}

func TestFingerprintsAreStable(t *testing.T) {
	p, e := demandbase(t), load(t)
	s := compliant(p)
	delete(s.RolePrivileges[role], "prvReadLead")
	before := evaluate(t, e, s, p)
	s.Environment = snapshot.Environment{Name: "other", URL: "https://other.example"}
	renamed := s.Roles[role]
	renamed.Name = "Demandbase Renamed"
	s.Roles[role] = renamed
	delete(s.RolePrivileges[role], "prvCreateLead")
	after := evaluate(t, e, s, p)
	find := func(r audit.Result) string {
		for _, c := range r.Controls {
			for _, f := range c.Findings {
				if f.Evidence.Text("privilege") == "prvReadLead" {
					return f.Fingerprint
				}
			}
		}
		return ""
	}
	if a, b := find(before), find(after); a != b || a == "" {
		t.Errorf("the fingerprint changed with names, URL and another fault: %q, %q", a, b)
	}
	s.Environment.OrganizationID = rootName
	if find(evaluate(t, e, s, p)) == find(after) {
		t.Error("the same fault in another organization has the same fingerprint")
	}
}

const ruleHead = `# METADATA
# title: A rule
# description: A rule.
# custom:
#   severity: low
#   requires: [users]
#   consequence: None.
#   remediation: None.
package dbaudit.rules.custom.mine

metadata := rego.metadata.chain()[1].annotations.custom

`

// TestRefusedPolicies proves that Load returns an error for typos, forbidden built-ins and incomplete
// METADATA.
func TestRefusedPolicies(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"misspelt section":        {ruleHead + "findings contains 1 if some u in input.userz", "userz"},
		"misspelt keyed field":    {ruleHead + "findings contains 1 if { some u in input.users; u.disbled }", "disbled"},
		"misspelt through lib":    {ruleHead + "import data.dbaudit.integration\nfindings contains 1 if input.users[integration.user].nmae", "nmae"},
		"misspelt nested":         {ruleHead + "findings contains 1 if { some s in input.shares; some v in s; v.rigths }", "rigths"},
		"misspelt rule":           {ruleHead + "import data.dbaudit.integration\nfindings contains 1 if integration.usr", "usr"},
		"misspelt package":        {ruleHead + "import data.dbaudit.integraton\nfindings contains 1 if integraton.user", "integraton"},
		"misspelt library":        {ruleHead + "findings contains 1 if data.acme.lib.prefx", "data.acme.lib.prefx"},
		"data that no file holds": {ruleHead + "import data.acme.list\nfindings contains 1 if list.x", "data.acme.list"},
		"place of the platform's": {"package platform\n\nroles := {}", "reserved for dbaudit's data"},
		"place of the profiles":   {"package profiles\n\ndemandbase := {}", "reserved for dbaudit's data"},
		"place of a profile":      {"package profiles.demandbase\n\ncontrols := []", "reserved for dbaudit's data"},
		"memory":                  {ruleHead + `findings contains 1 if bits.lsh(1, 100000000000) > 1`, "bits.lsh"},
		"network":                 {ruleHead + `findings contains 1 if http.send({"method": "get", "url": "https://x"})`, "http.send"},
		"clock":                   {ruleHead + "findings contains 1 if time.now_ns() > 0", "time.now_ns"},
		"chance":                  {ruleHead + `findings contains 1 if rand.intn("x", 2) == 1`, "rand.intn"},
		"host":                    {ruleHead + "findings contains 1 if opa.runtime().env.HOME", "opa.runtime"},
		"name look-up":            {ruleHead + `findings contains 1 if net.lookup_ip_addr("x")`, "net.lookup_ip_addr"},
		"unused variable":         {ruleHead + "findings contains 1 if x := 1", ":24: rego_compile_error: assigned var x unused"},
		"no severity":             {strings.Replace(ruleHead, "#   severity: low\n", "", 1), "severity"},
		"no sections":             {strings.Replace(ruleHead, "#   requires: [users]\n", "", 1), "requires"},
		"unknown section":         {strings.Replace(ruleHead, "[users]", "[user]", 1), `unknown section "user"`},
		"every fault at once":     {strings.Replace(strings.Replace(ruleHead, "#   severity: low\n", "", 1), "[users]", "[user]", 1), "severity is missing\nbroken.rego:1:1: the METADATA of the rule custom/mine: custom.requires names"},
		"sections kept to itself": {strings.Replace(ruleHead, "metadata :=", "demands :=", 1), "does not export its METADATA: write the line \"metadata := rego.metadata.chain()"},
		"unknown METADATA":        {strings.Replace(ruleHead, "#   consequence", "#   consequense", 1), "consequense"},
		"call within a not":       {ruleHead + "f(x) := 1 if x == \"2\"\nfindings contains 1 if { some u, _ in input.users; not f(u) in {1} }", "the call of the function f within a \"not\""},
		"call in an equality":     {ruleHead + "f(x) := 1 if x == \"2\"\nfindings contains 1 if { some u, _ in input.users; not f(u) == 1 }", "the call of the function f within a \"not\""},
		"look-up within a not":    {ruleHead + "t[u] := {1} if some u, _ in input.users\nfindings contains 1 if { some r, _ in input.roles; not 1 in t[r] }", "the look-up t[r] within a \"not\""},
		"input within a not":      {ruleHead + "findings contains 1 if { some r, _ in input.roles; not r in input.users[r].roles }", "the look-up input.users[r].roles within a \"not\""},
		"undefined within a not":  {ruleHead + "import data.dbaudit.integration\nfindings contains 1 if not startswith(integration.role, \"x\")", "the rule integration.role, which may be undefined, within a \"not\""},
		"no METADATA":             {"package dbaudit.rules.custom.mine\n\n" + ruleHead[strings.Index(ruleHead, "metadata :="):] + "findings := set()", "broken.rego:1:1: the rule data.dbaudit.rules.custom.mine has no METADATA"},
		"findings alone":          {"package dbaudit.rules.custom.mine\n\nfindings := set()", "has no METADATA"},
		"no rule":                 {"package broken\n\nx if {", "broken.rego:3:6: rego_parse_error"},
		"a rule without a place":  {strings.Replace(ruleHead, "custom.mine", "mine", 1), "category.name"},
	} {
		t.Run(name, func(t *testing.T) {
			extra := fstest.MapFS{"broken.rego": {Data: []byte(test.source)}}
			_, err := engine.Load(policy.Files, extra)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error that names %q", err, test.want)
			}
		})
	}
}

// TestAllFaultsOfMetadata checks that Load reports the faults of all rules together.
func TestAllFaultsOfMetadata(t *testing.T) {
	broken := strings.Replace(ruleHead, "#   severity: low\n", "", 1) + "findings := set()\n"
	_, err := engine.Load(policy.Files, fstest.MapFS{
		"one.rego": {Data: []byte(broken)}, "two.rego": {Data: []byte(strings.Replace(broken, "custom.mine", "custom.other", 1))},
	})
	for _, place := range []string{"one.rego:1:1: the METADATA of the rule custom/mine: ", "two.rego:1:1: the METADATA of the rule custom/other: "} {
		if err == nil || !strings.Contains(err.Error(), place+"custom.severity is missing") {
			t.Errorf("got %v, want the fault at %s", err, place)
		}
	}
}

// TestRefusedReports proves that an invalid finding is an error, and is not dropped.
func TestRefusedReports(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte("acme:\n  extends: demandbase\n  controls:\n    - {id: ACME-MINE, rule: custom/mine, title: T, why: W}\n"), demandbase(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ body, want string }{
		"unknown fix":   {`{"control": "ACME-MINE", "message": "m", "subject": {"kind": "user", "id": "", "name": ""}, "evidence": {}, "fix": {"kind": "format-disk"}}`, "format-disk"},
		"unknown kind":  {`{"control": "DB-USER-EXISTS", "message": "m", "subject": {"kind": "thing", "id": "", "name": ""}, "evidence": {}, "fix": null}`, "thing"},
		"unknown field": {`{"control": "DB-USER-EXISTS", "massage": "m"}`, "massage"},
		"another's control": {
			`{"control": "DB-PRIV-LEAD", "message": "m", "subject": {"kind": "user", "id": "", "name": ""}, "evidence": {}, "fix": null}`,
			"the rule custom/mine reports a finding under the control DB-PRIV-LEAD, which is not a control of that rule",
		},
		"no message": {
			`{"control": "ACME-MINE", "message": " ", "subject": {"kind": "user", "id": "", "name": ""}, "evidence": {}, "fix": null}`,
			"the rule custom/mine reports a finding under the control ACME-MINE without a message",
		},
		"unknown control": {`{"control": "DB-NONE", "message": "m", "subject": {"kind": "user", "id": "", "name": ""}, "evidence": {}, "fix": null}`, "DB-NONE"},
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, fstest.MapFS{"mine.rego": {Data: []byte(ruleHead + "findings contains " + test.body)}})
			_, err := e.Evaluate(t.Context(), compliant(p), p, engine.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error that names %q", err, test.want)
			}
		})
	}
}

// TestLimit proves that an evaluation ends at its limit and when it is canceled, also inside a
// built-in that does not check for cancellation.
func TestLimit(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte("acme:\n  extends: demandbase\n  controls:\n    - {id: ACME-MINE, rule: custom/mine, title: T, why: W}\n"), demandbase(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"a loop":     `f if { some i in numbers.range(1, 30000); some j in numbers.range(1, 30000); i == j + 40000; f := i }`,
		"a built-in": `f if { f := count(regex.find_all_string_submatch_n("(a*)*(a*)*(a*)*b", concat("", [x | some _ in numbers.range(1, 400000); x := "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]), -1)) }`,
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, fstest.MapFS{"mine.rego": {Data: []byte(ruleHead + "findings contains " + body)}})
			began := time.Now()
			_, err := e.Evaluate(t.Context(), compliant(p), p, engine.Options{Limit: 200 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), "it took longer than 200ms") {
				t.Errorf("got %v", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if _, err := e.Evaluate(ctx, compliant(p), p, engine.Options{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

var update = flag.Bool("update", false, "rewrite policy/capabilities.json")

// TestCapabilitiesFile proves that policy/capabilities.json, which stock OPA and editors use, has the
// engine's capabilities.
func TestCapabilitiesFile(t *testing.T) {
	// An empty list allows no host, but OPA's own encoding omits it, which would allow every host.
	want, err := json.MarshalIndent(struct {
		*ast.Capabilities
		AllowNet []string `json:"allow_net"`
	}{engine.Capabilities(), []string{}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	file := filepath.Join("..", "..", "policy", "capabilities.json")
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("policy/capabilities.json is not what the engine compiles with: go test ./internal/engine -update")
	}
	if strings.Contains(string(got), `"http.send"`) {
		t.Error("http.send is allowed")
	}
}

// TestRego runs the policies' own tests, each as a subtest.
func TestRego(t *testing.T) {
	tree := os.DirFS(filepath.Join("..", "..", "policy"))
	loaded, err := loader.NewFileLoader().WithFS(tree).WithProcessAnnotation(true).Filtered([]string{"dbaudit", "profiles"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]*ast.Module{}
	for name, file := range loaded.Modules {
		modules[name] = file.Parsed
	}
	// Stock `opa test policy` roots data at the argument; the loader at each path.
	grants := map[string]any{}
	if data, err := policy.Files.ReadFile("platform/roles.json"); err != nil || json.Unmarshal(data, &grants) != nil {
		t.Fatal(err)
	}
	documents := map[string]any{"profiles": map[string]any{}, "platform": grants}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		documents["profiles"].(map[string]any)[p.Name] = p.Data()
	}
	compiler := ast.NewCompiler().WithCapabilities(engine.Capabilities()).WithEnablePrintStatements(true)
	results, err := tester.NewRunner().SetTimeout(time.Minute).SetCompiler(compiler).SetStore(inmem.NewFromObject(documents)).SetModules(modules).Run(t.Context(), modules)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for r := range results {
		count++
		t.Run(strings.TrimPrefix(r.Package, "data.dbaudit.")+"/"+r.Name, func(t *testing.T) {
			if !r.Pass() {
				t.Errorf("%s: %v\n%s", r.Location, r.Error, r.Output)
			}
		})
	}
	if count < 100 {
		t.Errorf("only %d tests ran", count)
	}
}

// TestPolicyConventions proves that each policy has a test file, that titles are unique, and that no
// rule takes time that grows with the square of the input: no rule joins two arrays of the input
// or builds a document of a file's lines two levels deep.
func TestPolicyConventions(t *testing.T) {
	titles := map[string]string{}
	for _, r := range load(t).Rules() {
		if other, ok := titles[r.Title]; ok {
			t.Errorf("%s and %s have the same title", r.ID, other)
		}
		titles[r.Title] = r.ID
	}
	nested := regexp.MustCompile(`(\w+)\[(\w+)\] contains (\w+) if \{[^}]*some (\w+), (\w+) in input\.\w+[^}]*some (\w+)(?:, \w+)? in (\w+)`)
	tree := os.DirFS(filepath.Join("..", "..", "policy", "dbaudit"))
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".rego" || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		if _, err := fs.Stat(tree, strings.TrimSuffix(name, ".rego")+"_test.rego"); err != nil && !strings.HasPrefix(name, "testing/") {
			t.Errorf("%s has no test beside it", name)
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		module, err := ast.ParseModule(name, string(data))
		if err != nil {
			return err
		}
		// The same is true of a set below a key: a role grants thousands of privileges.
		for _, m := range nested.FindAllStringSubmatch(string(data), -1) {
			if m[2] == m[4] && m[3] == m[6] && m[5] == m[7] {
				t.Errorf("%s: the rule %s grows by one element at a time below each %s: make its sets by comprehensions", name, m[1], m[2])
			}
		}
		ast.WalkRules(module, func(rule *ast.Rule) bool {
			// OPA walks the whole document of such a rule to add an element, and a role's file
			// has thousands of lines.
			if keys := rule.Head.Ref()[1:]; strings.HasPrefix(name, "lint/") && !slices.ContainsFunc(keys, (*ast.Term).IsGround) && len(keys) > 1 {
				t.Errorf("%s: the rule %s grows by one element at a time two levels deep: make each value by a comprehension", rule.Location, rule.Head.Ref())
			}
			if arrays := iteratedArrays(rule); len(arrays) > 1 {
				t.Errorf("%s: the rule %s iterates over the arrays %v at once", rule.Location, rule.Head.Ref(), arrays)
			}
			return false
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// iteratedArrays returns the arrays that a rule's body iterates over and that grow with the
// environment.
func iteratedArrays(rule *ast.Rule) []string {
	found := map[string]bool{}
	ast.WalkRefs(rule.Body, func(ref ast.Ref) bool {
		if !ref[0].Equal(ast.InputRootDocument) {
			return false
		}
		// Rows are in objects by id. The long arrays are a user's roles and teams, and a team's
		// roles. Two of them in one body would be a join.
		text := ref.String()
		for _, array := range []string{".roles", ".teams"} {
			if strings.HasSuffix(text, "]"+array) {
				found[text] = true
			}
		}
		return false
	})
	// The roles of a user's teams are one path, not a join.
	paths := map[string]bool{}
	for text := range found {
		if strings.HasPrefix(text, "input.teams[") {
			text = "input.users[user].teams"
		}
		paths[text] = true
	}
	return slices.Sorted(maps.Keys(paths))
}

// TestEvaluationIsLinearInLines proves that judging a role's file takes time in proportion to its
// lines, which its author chooses. It measures the allocated memory: comparing lines with each other
// would take sixteen times as much for four times the lines.
func TestEvaluationIsLinearInLines(t *testing.T) {
	p, e := demandbase(t), load(t)
	for name, entry := range map[string]func(i int) snapshot.RoleEntry{
		"one name": func(int) snapshot.RoleEntry {
			return snapshot.RoleEntry{Name: "prvreadaccount", Standard: "prvReadAccount"}
		},
		"no name":      func(int) snapshot.RoleEntry { return snapshot.RoleEntry{} },
		"each another": func(i int) snapshot.RoleEntry { return snapshot.RoleEntry{Name: fmt.Sprintf("prvReadx%d", i)} },
		"each misspelt": func(i int) snapshot.RoleEntry {
			return snapshot.RoleEntry{Name: fmt.Sprintf("prvReadx%d", i), Nearest: "prvReadLead"}
		},
		"each dangerous": func(i int) snapshot.RoleEntry {
			return snapshot.RoleEntry{Name: fmt.Sprintf("prvDeletex%d", i), Level: "Basic"}
		},
		"each of a level": func(i int) snapshot.RoleEntry { return snapshot.RoleEntry{Name: "prvReadx", Level: strconv.Itoa(i)} },
	} {
		t.Run(name, func(t *testing.T) {
			work := func(lines int) uint64 {
				s := compliant(p)
				s.Source = snapshot.SourceSolution
				clear(s.Users)
				clear(s.Views)
				clear(s.Shares)
				entries := make([]snapshot.RoleEntry, lines)
				for i := range entries {
					entries[i] = entry(i)
					s.RolePrivileges[role][entries[i].Name] = audit.DepthGlobal
				}
				s.RoleEntries = map[string][]snapshot.RoleEntry{role: entries}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				evaluate(t, e, s, p)
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc
			}
			work(1) // caches what depends only on the profile
			least := work(1)
			few, many := work(250)-least, work(1000)-least
			if many > 7*few {
				t.Errorf("four times the lines take %.1f times the work", float64(many)/float64(few))
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	p, e := demandbase(b), load(b)
	s := compliant(p)
	for b.Loop() {
		evaluate(b, e, s, p)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b)
	}
}

// TestConcurrentEvaluation judges different snapshots at the same time with empty caches. CI runs it
// with the race detector.
func TestConcurrentEvaluation(t *testing.T) {
	p, e, fresh := demandbase(t), load(t), load(t)
	inputs := stockInputs(p)
	want := map[string]verdict{}
	for name, s := range inputs {
		want[name] = verdictOf(evaluate(t, fresh, s, p))
	}
	var group errgroup.Group
	for name, s := range inputs {
		group.Go(func() error {
			r, err := e.Evaluate(t.Context(), s, p, engine.Options{})
			if diff := cmp.Diff(want[name], verdictOf(r)); err == nil && diff != "" {
				err = fmt.Errorf("%s: -alone +concurrently\n%s", name, diff)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

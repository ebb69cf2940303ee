package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"
	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// TestSliceHasSameReport evaluates random environments with stock OPA, whole and as the slice that
// dbaudit judges. The reports must be equal.
func TestSliceHasSameReport(t *testing.T) {
	p := demandbase(t)
	query, err := rego.New(rego.Query("data.dbaudit.report"), rego.Load([]string{filepath.Join("..", "..", "policy")}, nil)).
		PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := func(r *rapid.T, s *snapshot.Snapshot) string {
		data, err := s.Encode()
		if err != nil {
			r.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var input any
		if err := dec.Decode(&input); err != nil {
			r.Fatal(err)
		}
		results, err := query.Eval(t.Context(), rego.EvalInput(input))
		if err != nil || len(results) != 1 {
			r.Fatalf("%d results, %v", len(results), err)
		}
		text, err := json.MarshalIndent(results[0].Expressions[0].Value, "", " ")
		if err != nil {
			r.Fatal(err)
		}
		return string(text)
	}
	left := 0
	rapid.Check(t, func(r *rapid.T) {
		s := randomEnvironment(r, p)
		if err := s.Check(p.Pattern); err != nil {
			r.Skip("not consistent")
		}
		part := s.Slice(p.Pattern)
		left += len(s.Users) - len(part.Users) + len(s.Roles) - len(part.Roles)
		if diff := cmp.Diff(report(r, s), report(r, part)); diff != "" {
			r.Errorf("the reports differ: -whole +slice\n%s", diff)
		}
	})
	if left == 0 {
		t.Error("no slice leaves anything out: the test proves nothing")
	}
}

// TestPseudonymsHaveSameOutcomes judges the slices of random environments with their names and with
// pseudonyms. Outcomes, subjects and evidence must be equal, and no name of a person, a view or a
// business unit may remain.
func TestPseudonymsHaveSameOutcomes(t *testing.T) {
	p := demandbase(t)
	e, err := engine.Load(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	judged := func(r *rapid.T, s *snapshot.Snapshot) (lines []string) {
		if err := s.Seal(); err != nil {
			r.Fatal(err)
		}
		result, err := e.Evaluate(t.Context(), s, p, engine.Options{})
		if err != nil {
			return []string{fmt.Sprintf("refused: %T", err)}
		}
		for _, c := range result.Controls {
			lines = append(lines, string(c.ID)+" "+c.Outcome.String())
			for _, f := range c.Findings {
				lines = append(lines, fmt.Sprint(c.ID, f.Subject.Kind, f.Subject.ID, f.Evidence["privilege"], f.Evidence["state"], f.Evidence["actual_depth"]))
			}
		}
		slices.Sort(lines)
		return lines
	}
	findings := 0
	rapid.Check(t, func(r *rapid.T) {
		s := randomEnvironment(r, p)
		if err := s.Check(p.Pattern); err != nil {
			r.Skip("not consistent")
		}
		part := s.Slice(p.Pattern)
		other, err := recording.Pseudonymize(part, p.Pattern)
		if err != nil {
			r.Fatal(err)
		}
		want := judged(r, part)
		findings += len(want)
		if diff := cmp.Diff(want, judged(r, other)); diff != "" {
			r.Errorf("the results differ: -names +pseudonyms\n%s", diff)
		}
		data, err := other.Encode()
		if err != nil {
			r.Fatal(err)
		}
		for _, name := range []string{"Jane", "jane@contoso.com", "JANE@contoso.com", "Demandbase Accounts", "Demandbase Leads", "Unit 0", "Unit 9"} {
			if bytes.Contains(data, []byte(`"`+name+`"`)) {
				r.Errorf("%q remains", name)
			}
		}
	})
	if findings == 0 {
		t.Error("nothing was judged: the test proves nothing")
	}
}

// randomEnvironment returns a small snapshot of a whole environment in which names and ids often
// coincide: the policies may find what they look for never, once or several times.
func randomEnvironment(r *rapid.T, p profile.Profile) *snapshot.Snapshot {
	s := snapshot.New()
	s.Source, s.Scope = snapshot.SourceEnvironment, snapshot.ScopeEnvironment
	for _, section := range snapshot.Sections() {
		state := snapshot.StateCollected
		if rapid.IntRange(0, 30).Draw(r, "unread "+string(section)) == 0 {
			state = snapshot.StateForbidden
		}
		s.Coverage[section] = snapshot.Coverage{State: state}
	}
	s.Organization = snapshot.Organization{OwnershipAcrossBusinessUnits: pick(r, "matrix", snapshot.SettingOff, snapshot.SettingOn)}
	units := ids("unit", rapid.IntRange(1, 3).Draw(r, "units"))
	for i, id := range units {
		unit := snapshot.BusinessUnit{Name: fmt.Sprintf("Unit %d", i), Disabled: i > 0 && rapid.Bool().Draw(r, "unit off")}
		if i > 0 {
			unit.ParentID = units[rapid.IntRange(0, i-1).Draw(r, "parent")]
		}
		s.BusinessUnits[id] = unit
	}
	for _, name := range p.Minimum() {
		s.Privileges[name] = snapshot.Privilege{ID: name, Depths: audit.Depths()}
	}
	var roles []string
	for _, root := range ids("role", rapid.IntRange(0, 5).Draw(r, "roles")) {
		name := pick(r, "role's name", "Demandbase Integration", "DEMANDBASE", "Sales", "Basic User")
		template := pick(r, "template", "", "", "template", "627090ff-40a3-4053-8790-584edc5be201")
		for _, id := range append([]string{root}, ids(root+" copy", rapid.IntRange(0, 2).Draw(r, "copies"))...) {
			s.Roles[id] = snapshot.Role{
				Name: name, RootID: root, TemplateID: template, BusinessUnitID: pick(r, "role's unit", units...),
				Customizable: rapid.Bool().Draw(r, "customizable"), Inherited: rapid.Bool().Draw(r, "inherited"),
			}
			roles = append(roles, id)
		}
		grants := map[string]audit.Depth{}
		missing := rapid.IntRange(0, len(p.Minimum())).Draw(r, "missing")
		for _, name := range append(p.Minimum()[missing:], "prvWriteRole") {
			grants[name] = pick(r, "depth", audit.Depths()...)
		}
		s.RolePrivileges[root] = grants
	}
	var principals []string
	for _, id := range ids("team", rapid.IntRange(0, 3).Draw(r, "teams")) {
		s.Teams[id] = snapshot.Team{Name: id, BusinessUnitID: pick(r, "team's unit", units...), Roles: some(r, roles)}
		principals = append(principals, id)
	}
	teams := principals[:len(principals):len(principals)]
	for _, id := range ids("user", rapid.IntRange(0, 5).Draw(r, "users")) {
		s.Users[id] = snapshot.User{
			Name:          pick(r, "user's name", "Demandbase", "# demandbase sync", "Jane", "Other"),
			ApplicationID: pick(r, "application", "", "", "app-1", "APP-1", "app-2"),
			DomainName:    pick(r, "domain name", "jane@contoso.com", "JANE@contoso.com", "x@contoso.com"),
			Deleted:       rapid.IntRange(0, 5).Draw(r, "deleted") == 0, Disabled: rapid.Bool().Draw(r, "disabled"),
			Licensed: rapid.Bool().Draw(r, "licensed"), BusinessUnitID: pick(r, "user's unit", units...),
			Roles: some(r, roles), Teams: some(r, teams),
		}
		principals = append(principals, id)
	}
	names := []string{"Demandbase Accounts", "Demandbase Leads"}
	for _, id := range ids("view", rapid.IntRange(0, 4).Draw(r, "views")) {
		s.Views[id] = snapshot.View{
			Name: pick(r, "view's name", names...), Table: pick(r, "table", "account", "lead", "task"),
			Active: rapid.Bool().Draw(r, "active"), OwnerID: pick(r, "owner", append(principals, "gone")...),
			OwnerType: pick(r, "owner's type", snapshot.PrincipalUser, snapshot.PrincipalTeam),
			SeenBy:    some(r, []snapshot.Viewer{snapshot.ViewerAuditor, snapshot.ViewerIntegrationUser, snapshot.ViewerOwner}),
		}
		for _, principal := range some(r, principals) {
			if s.Shares[principal] == nil {
				s.Shares[principal] = map[string]snapshot.Share{}
			}
			s.Shares[principal][id] = snapshot.Share{Rights: some(r, snapshot.Rights())}
		}
	}
	// A requirement names an application id or a user, not both.
	identity := pick(r, "required identity", [2]string{}, [2]string{"app-1"}, [2]string{"none"}, [2]string{"", "jane@contoso.com"})
	s.Requirement = snapshot.Requirement{
		Profile: p.Name, ApplicationID: identity[0], User: identity[1], Role: pick(r, "required role", "", "sales", "Demandbase Integration", "None"),
		BusinessUnit: pick(r, "required unit", "", "Unit 0", "Unit 9"),
		Allow:        []string{}, Depth: map[string]audit.Depth{},
		Views: []snapshot.RequiredView{{Table: "account", Name: names[0], Owner: pick(r, "required owner", "", "jane@contoso.com")}},
	}
	return s
}

func ids(kind string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s %d", kind, i)
	}
	return list
}

func pick[V any](r *rapid.T, label string, of ...V) V { return rapid.SampledFrom(of).Draw(r, label) }

// some draws a random part of a list.
func some[V any](r *rapid.T, of []V) []V {
	list := []V{}
	for _, v := range of {
		if rapid.Bool().Draw(r, "taken") {
			list = append(list, v)
		}
	}
	return list
}

// counting is a custom rule with a finding that depends on the size of its input.
const counting = `# METADATA
# title: Counts
# description: Counts users and roles.
# custom:
#   severity: info
#   requires: [users, roles]
#   consequence: None.
#   remediation: None.
package dbaudit.rules.acme.counts

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": "ACME-COUNTS",
	"message": sprintf("%d users, %d roles", [count(input.users), count(input.roles)]),
	"subject": {"kind": "environment", "id": "", "name": ""},
}
`

// TestCustomRuleSeesSlice proves that the input of a custom rule is the slice, in dbaudit and in
// stock OPA.
func TestCustomRuleSeesSlice(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte(`acme:
  extends: demandbase
  controls:
    - {id: ACME-COUNTS, rule: acme/counts, title: Counts, severity: info, why: Ours.}
`), demandbase(t))
	if err != nil {
		t.Fatal(err)
	}
	s := compliant(p)
	s.Scope = snapshot.ScopeEnvironment
	for _, id := range ids("other", 3) {
		s.Roles[id] = snapshot.Role{Name: id, RootID: id}
		s.RolePrivileges[id] = map[string]audit.Depth{}
		s.Users[id] = snapshot.User{Name: id, Roles: []string{id}}
	}
	const want = "ACME-COUNTS: 1 users, 1 roles"
	own := fstest.MapFS{"counts.rego": {Data: []byte(counting)}}
	ours := verdictOf(evaluate(t, load(t, own), s, p))
	if !slices.Contains(ours.Findings, want) {
		t.Errorf("dbaudit finds %q, want %q", ours.Findings, want)
	}
	folder := t.TempDir()
	data, err := json.Marshal(map[string]any{p.Name: p.Data()})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"profiles/acme.json": data, "counts.rego": []byte(counting)} {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	query, err := rego.New(rego.Query(stockQuery), rego.Load([]string{filepath.Join("..", "..", "policy"), folder}, nil)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ours, evaluateWithStockOPA(t, query, s.Slice(p.Pattern))); diff != "" {
		t.Errorf("-dbaudit +stock\n%s", diff)
	}
}

package simulator_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

const tiny = `organization: {name: Tiny}
roles:
  - name: Reader
    platform_defaults: true
    privileges: {global: [prvreadaccount], deepest: [prvReadUserQuery, prvBulkEdit]}
  - name: More
    like: Reader
    privileges: {local: [prvReadUser]}
users:
  - {name: Ada, upn: ada@tiny.example, roles: [Reader]}
application_users:
  - {name: App, application_id: 12345678-1234-4234-8234-123456789abc, roles: [{role: More, business_unit: Tiny}]}
personal_views:
  - name: Mine
    table: account
    owner: ada@tiny.example
    shares: [{principal: App, access: [read, write]}, {principal: Tiny, access: [read, share]}]
`

func TestParseEnvironment(t *testing.T) {
	env, err := simulator.ParseEnvironment("tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	reader, more := env.Role("Reader").Privileges, env.Role("More").Privileges
	if len(reader) != 12 || reader["prvReadAccount"] != simulator.DepthGlobal || reader["prvReadUserQuery"] != simulator.DepthBasic || reader["prvBulkEdit"] != simulator.DepthGlobal {
		t.Errorf("Reader: %v", reader)
	}
	if len(more) != 13 || more["prvReadAccount"] != simulator.DepthGlobal || more["prvReadUser"] != simulator.DepthLocal {
		t.Errorf("More: %v", more)
	}
	if got := env.ApplicationUser("App").Roles; len(got) != 1 || got[0] != (simulator.RoleAssignment{Role: "More"}) {
		t.Errorf("roles %+v, want one without a business unit", got)
	}
	team := env.Team("Tiny")
	if team == nil || !team.Default || env.BusinessUnit("Tiny") == nil {
		t.Errorf("team %+v", team)
	}
	view := env.PersonalView("account", "Mine")
	want := []simulator.Share{{Principal: "App", Access: simulator.RightRead | simulator.RightWrite}, {Principal: "Tiny", Access: simulator.RightRead | simulator.RightShare}}
	if diff := cmp.Diff(want, view.Shares); diff != "" {
		t.Error(diff)
	}
	again, err := simulator.ParseEnvironment("tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(env, again); diff != "" {
		t.Errorf("parsing the same file twice: %s", diff)
	}
}

func TestUndefined(t *testing.T) {
	env, err := simulator.ParseEnvironment("f.yaml", []byte(`organization: {name: A}
undefined_tables: [lead]
undefined_privileges: [prvBulkEdit]
extra_privileges: [{name: prvReadnew_Thing, depths: [basic, global]}]
roles: [{name: R, privileges: {global: [prvReadLead, prvBulkEdit, prvReadAccount, prvReadnew_Thing]}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := simulator.Grants{"prvReadAccount": simulator.DepthGlobal, "prvReadnew_Thing": simulator.DepthGlobal}
	if diff := cmp.Diff(want, env.Role("R").Privileges); diff != "" {
		t.Error(diff)
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	for _, name := range simulator.BuiltinNames() {
		env, err := simulator.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := simulator.Marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		again, err := simulator.ParseEnvironment(name, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(env, again); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	env, err := simulator.Builtin("sample")
	if err != nil {
		t.Fatal(err)
	}
	before, err := simulator.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	c := env.Clone()
	c.Client(auditorID).Federated = append(c.Client(auditorID).Federated, simulator.FederatedCredential{})
	c.Role("Demandbase Integration").Privileges["prvReadLead"] = simulator.DepthBasic
	c.User("jane@contoso.com").Roles[0].Role = "x"
	c.ApplicationUser("dbaudit").Roles[0].Role = "x"
	c.Team("Integrations").Members[0] = "x"
	c.Team("Integrations").Roles[0].Role = "x"
	c.PersonalView("lead", "Demandbase Leads").Shares[0].Access = 0
	c.UndefinedTables[0] = "x"
	c.Suggest.Views[0].Name = "x"
	c.BusinessUnits[0].Name = "x"
	after, err := simulator.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("changing the clone changes the original")
	}
}

func TestBuiltin(t *testing.T) {
	if _, err := simulator.Builtin("nonsense"); err == nil || !strings.Contains(err.Error(), "compliant, sample") {
		t.Errorf("got %v", err)
	}
	for _, name := range simulator.BuiltinNames() {
		env, err := simulator.Builtin(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := env.Suggest
		if env.ApplicationUser(s.ApplicationID) == nil && name == "compliant" || env.Role(s.Role) == nil || env.BusinessUnit(s.BusinessUnit) == nil ||
			env.Client(s.Auditor) == nil || env.Client(s.Administrator) == nil || len(s.Views) != 3 {
			t.Errorf("%s: suggestion %+v", name, s)
		}
		for _, v := range s.Views {
			if env.PersonalView(v.Table, v.Name) == nil || env.User(v.Owner) == nil {
				t.Errorf("%s: view %+v", name, v)
			}
		}
	}
}

// TestCompliantRole checks that the compliant role grants the 44 privileges of the article, each at its deepest
// depth, and the nine platform defaults.
func TestCompliantRole(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	role := env.Role("Demandbase Integration")
	if len(role.Privileges) != 44+9 {
		t.Errorf("%d privileges", len(role.Privileges))
	}
	for _, p := range simulator.StandardPrivileges() {
		if depth, ok := role.Privileges[p.Name]; ok && depth != p.Deepest() {
			t.Errorf("%s at %s, not %s", p.Name, depth, p.Deepest())
		}
	}
}

func TestStandardPrivileges(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range simulator.StandardPrivileges() {
		if seen[p.ID] || seen[p.Name] || p.Deepest() == simulator.DepthNone {
			t.Errorf("privilege %+v", p)
		}
		seen[p.ID], seen[p.Name] = true, true
	}
	for name, id := range map[string]string{
		"prvReadAccount":   "886b280c-6396-4d56-a0a3-2c1b0a50ceb0",
		"prvReadUserQuery": "f3b782a2-e6d5-4b86-9b7d-33f627fe5c5d",
	} {
		if privilegeID(t, name) != id {
			t.Errorf("%s has id %s", name, privilegeID(t, name))
		}
	}
}

func FuzzParseEnvironment(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte("organization: {name: A}\nroles: [{name: R, privileges: {global: [[prvReadLead], prvReadUser]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		env, err := simulator.ParseEnvironment("f.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.yaml") {
				t.Errorf("the error %q does not name the file", err)
			}
			return
		}
		written, err := simulator.Marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		again, err := simulator.ParseEnvironment("f.yaml", written)
		if err != nil {
			t.Fatalf("%v in the output of Marshal:\n%s", err, written)
		}
		if diff := cmp.Diff(fmt.Sprint(env), fmt.Sprint(again)); diff != "" {
			t.Error(diff)
		}
	})
}

package simulator_test

import (
	"bytes"
	"fmt"
	"regexp"
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
  - name: Less
    like: Reader
    without: [prvReadAccount]
    privileges: {local: [prvReadUser]}
users:
  - {name: Ada, upn: ada@tiny.example, roles: [Reader]}
application_users:
  - {name: App, application_id: 12345678-1234-4234-8234-123456789abc, roles: [{role: Less, business_unit: Tiny}]}
personal_views:
  - name: Mine
    table: Account
    owner: ada@tiny.example
    shares: [{principal: App, access: [read]}, {principal: Tiny, access: [read, share]}, {principal: App, access: [write]}]
`

func TestParseEnvironment(t *testing.T) {
	env, err := simulator.ParseEnvironment("tiny.yaml", []byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	reader, less := env.Role("Reader").Privileges, env.Role("Less").Privileges
	if len(reader) != 12 || reader["prvReadAccount"] != simulator.DepthGlobal || reader["prvReadUserQuery"] != simulator.DepthBasic || reader["prvBulkEdit"] != simulator.DepthGlobal {
		t.Errorf("Reader: %v", reader)
	}
	if len(less) != 12 || less["prvReadAccount"] != simulator.DepthNone || less["prvReadUser"] != simulator.DepthLocal {
		t.Errorf("Less: %v", less)
	}
	if got := env.ApplicationUser("App").Roles; len(got) != 1 || got[0] != (simulator.RoleAssignment{Role: "Less"}) {
		t.Errorf("the holder's own business unit is not said: %+v", got)
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
		t.Errorf("the same file gives another environment: %s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"empty", "", "f.yaml: the file is empty"},
		{"no YAML", "a: [", "f.yaml:1: this is no YAML"},
		{"no mapping", "- 1", "f.yaml:1: a mapping of keys is expected here: tenant_id"},
		{"two documents", "organization: {name: A}\n---\norganization: {name: B}", "a second document begins here"},
		{"no organization", "roles: []", "f.yaml:1: the organization needs a name"},
		{"unknown key", "organization: {name: A}\nrolls: []", `f.yaml:2: unknown key "rolls"; known here: tenant_id, organization`},
		{"unknown key below", "organization: {name: A}\nroles:\n  - name: R\n    privilege: {}", `f.yaml:4: unknown key "privilege"`},
		{"unknown key of a share", "organization: {name: A}\npersonal_views:\n  - {name: V, table: t, owner: A, shares: [{principal: A, acces: [read]}]}", `f.yaml:3: unknown key "acces"; known here: principal, access`},
		{"duplicate key", "organization: {name: A}\norganization: {name: B}", `f.yaml:2: `},
		{"duplicate key below", "organization: {name: A}\nroles:\n  - name: R\n    name: S", `f.yaml:4: `},
		{"a role's typo", "organization: {name: A}\nusers:\n  - {name: U, roles: [Redaer]}", `f.yaml:3: there is no role "Redaer"`},
		{"a depth's typo", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      globl: [prvReadAccount]", `f.yaml:5: "globl" is no depth`},
		{"a privilege's typo", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      global:\n        - prvReadAccount\n        - prvReadAcount", `f.yaml:7: role "R": there is no privilege "prvReadAcount"`},
		{"a depth not allowed", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      global: [prvReadUserQuery]", `f.yaml:5: role "R": prvReadUserQuery cannot be granted at depth global`},
		{"granted twice", "organization: {name: A}\nroles:\n  - name: R\n    privileges: {global: [prvReadLead], local: [prvReadLead]}", "f.yaml:4: prvReadLead is granted twice"},
		{"granted twice in another case", "organization: {name: A}\nroles:\n  - name: R\n    privileges: {global: [prvReadLead], local: [prvreadlead]}", "is there twice"},
		{"an access right's typo", "organization: {name: A}\npersonal_views:\n  - {name: V, table: t, owner: A, shares: [{principal: A, access: [reed]}]}", `f.yaml:3: "reed" is no access right`},
		{"a share with nobody", "organization: {name: A}\npersonal_views:\n  - name: V\n    table: t\n    owner: A\n    shares:\n      - {principal: B, access: [read]}", `f.yaml:7: there is no user or team "B"`},
		{"like nothing", "organization: {name: A}\nroles:\n  - {name: R, like: S}", `f.yaml:3: there is no role "S"`},
		{"like itself", "organization: {name: A}\nroles:\n  - {name: R, like: S}\n  - {name: S, like: R}", `is like itself in the end`},
		{"without what is not there", "organization: {name: A}\nroles:\n  - {name: R, without: [prvReadLead]}", `"R" has no prvReadLead to go without`},
		{"a template's typo", "organization: {name: A}\nroles:\n  - {name: R, template: Sysadmin}", `no role template is named "Sysadmin"`},
		{"two roots", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B}]", `both without a parent`},
		{"no root", "organization: {name: A}\nbusiness_units: [{name: A, parent: B}, {name: B, parent: A}]", `no business unit is the root`},
		{"a circle", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B, parent: C}, {name: C, parent: B}]", `go round in a circle`},
		{"no parent", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B, parent: X}]", `there is no business unit "X"`},
		{"no id", "organization: {name: A, id: nonsense}", `f.yaml:1: "nonsense" is no id`},
		{"an id twice", "organization: {name: A}\nroles: [{name: R}, {name: R}]", `two things of the same name need an id each`},
		{"a name of two", "organization: {name: A}\nusers: [{name: U, upn: a@x}, {name: U, upn: b@x}]\nteams: [{name: T, members: [U]}]", `f.yaml:3: "U" could be any of 2`},
		{"an application without id", "organization: {name: A}\napplication_users: [{name: U}]", `application user "U" needs an application_id`},
		{"a person with an application id", "organization: {name: A}\nusers: [{name: U, application_id: 12345678-1234-4234-8234-123456789abc}]", `it belongs under application_users`},
		{"a mode's typo", "organization: {name: A}\nusers: [{name: U, access_mode: red}]", `"red" is not one of read-write, administrative`},
		{"a setting's typo", "organization: {name: A, record_ownership_across_business_units: yes}", `is not one of on, off`},
		{"an access team with roles", "organization: {name: A}\nroles: [{name: R}]\nteams: [{name: T, type: access, roles: [R]}]", `cannot hold roles`},
		{"a default team with members", "organization: {name: A}\nteams: [{name: A, default: true, members: [x]}]", `its members are the users`},
		{"an undefined privilege's typo", "organization: {name: A}\nundefined_privileges: [prvReadLeads]", `f.yaml:2: no standard privilege is named "prvReadLeads"`},
		{"an undefined table's typo", "organization: {name: A}\nundefined_tables: [leads]", `no standard table is named "leads"`},
		{"an extra privilege that is none", "organization: {name: A}\nextra_privileges: [{name: prvReadLead, depths: [global]}]", `is a standard privilege already`},
		{"an extra privilege without depths", "organization: {name: A}\nextra_privileges: [{name: prvReadnew_Thing}]", `needs the depths`},
		{"a client without id", "organization: {name: A}\nclients: [{name: C, application_id: c}]", `client "C" needs an application id`},
		{"a bad certificate", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc, certificate: x}]", `neither "generated" nor a PEM block`},
		{"a bad date", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc, secret_expires: soon}]", `is no date`},
		{"a number for a name", "organization: {name: 1}", `f.yaml:1: a text is expected here: put 1 in quotes`},
		{"a list for a name", "organization: {name: [A]}", `f.yaml:1: a text is expected here`},
		{"a text for a list", "organization: {name: A}\nroles: none", `f.yaml:2: a list is expected here`},
		{"a text for a flag", "organization: {name: A}\nroles: [{name: R, managed: maybe}]", `true or false is expected here`},
		{"grants without a depth", "organization: {name: A}\nroles: [{name: R, privileges: [prvReadLead]}]", `lists of privileges by depth are expected here`},
		{"grants that are no names", "organization: {name: A}\nroles: [{name: R, privileges: {global: [1]}}]", `names of privileges are expected here`},
		{"an assignment of nothing", "organization: {name: A}\nusers: [{name: R, roles: [{business_unit: A}]}]", `the name of a role is expected here`},
		{"access that is no list", "organization: {name: A}\npersonal_views: [{name: V, table: t, owner: A, shares: [{principal: A, access: read}]}]", `a list of access rights is expected here`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := simulator.ParseEnvironment("f.yaml", []byte(tt.yaml))
			if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:") {
				t.Fatalf("got %v", err)
			}
			// The column is not of interest here.
			if got := regexp.MustCompile(`(?m)^(f\.yaml:\d+):\d+:`).ReplaceAllString(err.Error(), "$1:"); !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestUndefined(t *testing.T) {
	env, err := simulator.ParseEnvironment("f.yaml", []byte(`organization: {name: A}
undefined_tables: [lead]
undefined_privileges: [prvBulkEdit]
extra_privileges: [{name: prvReadnew_Thing, table: new_thing, verb: Read, depths: [basic, global]}]
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
		t.Error("changing the clone changed the original")
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

// The compliant role grants the 44 privileges of the article, each as deep as it goes, and the
// platform's nine.
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
				t.Errorf("%q does not name the file", err)
			}
			return
		}
		written, err := simulator.Marshal(env)
		if err != nil {
			t.Fatal(err)
		}
		again, err := simulator.ParseEnvironment("f.yaml", written)
		if err != nil {
			t.Fatalf("%v in what was written:\n%s", err, written)
		}
		if diff := cmp.Diff(fmt.Sprint(env), fmt.Sprint(again)); diff != "" {
			t.Error(diff)
		}
	})
}

package sessions_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestSimulatedExtraPrivilege checks that the file of an environment can define privileges of
// custom tables.
func TestSimulatedExtraPrivilege(t *testing.T) {
	env := builtin(t, "compliant")
	env.ExtraPrivileges = []simulator.Privilege{{Name: "prvDeletenew_Thing", Depths: []simulator.Depth{simulator.DepthBasic, simulator.DepthGlobal}}}
	env.Role("Demandbase Integration").Privileges["prvDeletenew_Thing"] = simulator.DepthGlobal
	data, err := simulator.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	again, err := simulator.ParseEnvironment("custom.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	p := newParallelProcess(t, serve(t, again, simulator.Options{}))
	p.wantContains(p.run("scan", "-f", "json").must(t, 1).stdout, "prvDeletenew_Thing")
}

// TestSimulatedEnvironmentFaults checks that errors in the file of a simulated environment have a
// place, both violations of its schema and references to things that do not exist.
func TestSimulatedEnvironmentFaults(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"empty", "", "f.yaml:1: missing property 'organization'"},
		{"not YAML", "a: [", "f.yaml:1: this is not YAML"},
		{"no mapping", "- 1", "f.yaml:1: got array, want object"},
		{"two documents", "organization: {name: A}\n---\norganization: {name: B}", "a second document begins here"},
		{"no organization", "roles: []", "f.yaml:1: missing property 'organization'"},
		{"unknown key", "organization: {name: A}\nrolls: []", `f.yaml:2: unknown key "rolls"`},
		{"unknown key below", "organization: {name: A}\nroles:\n  - name: R\n    privilege: {}", `f.yaml:4: unknown key "privilege"`},
		{"unknown key of a share", "organization: {name: A}\npersonal_views:\n  - {name: V, table: t, owner: A, shares: [{principal: A, acces: [read]}]}", `f.yaml:3: unknown key "acces" in personal_views.0.shares.0`},
		{"duplicate key", "organization: {name: A}\norganization: {name: B}", `f.yaml:2: `},
		{"duplicate key below", "organization: {name: A}\nroles:\n  - name: R\n    name: S", `f.yaml:4: `},
		{"a role's typo", "organization: {name: A}\nusers:\n  - {name: U, roles: [Redaer]}", `f.yaml:3: there is no role "Redaer"`},
		{"a depth's typo", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      globl: [prvReadAccount]", `f.yaml:5: unknown key "globl" in roles.0.privileges`},
		{"a privilege's typo", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      global:\n        - prvReadAccount\n        - prvReadAcount", `f.yaml:7: role "R": the privilege "prvReadAcount" does not exist`},
		{"a depth not allowed", "organization: {name: A}\nroles:\n  - name: R\n    privileges:\n      global: [prvReadUserQuery]", `f.yaml:5: role "R": prvReadUserQuery cannot be granted at depth global`},
		{"granted twice", "organization: {name: A}\nroles:\n  - name: R\n    privileges: {global: [prvReadLead], local: [prvReadLead]}", "f.yaml:4: prvReadLead is granted twice"},
		{"granted twice in another case", "organization: {name: A}\nroles:\n  - name: R\n    privileges: {global: [prvReadLead], local: [prvreadlead]}", `f.yaml:4: role "R": prvReadLead is granted twice`},
		{"an access right's typo", "organization: {name: A}\npersonal_views:\n  - {name: V, table: t, owner: A, shares: [{principal: A, access: [reed]}]}", `f.yaml:3: personal_views.0.shares.0.access.0: value must be one of 'read', 'write'`},
		{"a share with nobody", "organization: {name: A}\npersonal_views:\n  - name: V\n    table: t\n    owner: A\n    shares:\n      - {principal: B, access: [read]}", `f.yaml:7: there is no user or team "B"`},
		{"like nothing", "organization: {name: A}\nroles:\n  - {name: R, like: S}", `f.yaml:3: there is no role "S"`},
		{"like itself", "organization: {name: A}\nroles:\n  - {name: R, like: S}\n  - {name: S, like: R}", `is like itself, directly or through other roles`},
		{"a template's typo", "organization: {name: A}\nroles:\n  - {name: R, template: Sysadmin}", `f.yaml:3: roles.0.template: value must be one of 'System Administrator'`},
		{"two roots", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B}]", `f.yaml:2: one business unit must be without a parent, the root; here there are 2: A, B`},
		{"no root", "organization: {name: A}\nbusiness_units: [{name: A, parent: B}, {name: B, parent: A}]", `f.yaml:2: one business unit must be without a parent, the root; here there are 0`},
		{"a circle", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B, parent: C}, {name: C, parent: B}]", `form a cycle`},
		{"no parent", "organization: {name: A}\nbusiness_units: [{name: A}, {name: B, parent: X}]", `there is no business unit "X"`},
		{"no id", "organization: {name: A, id: nonsense}", `f.yaml:1: organization.id: 'nonsense' does not match pattern`},
		{"an id twice", "organization: {name: A}\nroles: [{name: R}, {name: R}]", `give each of two things with the same name its own id`},
		{"a name of two", "organization: {name: A}\nusers: [{name: U, upn: a@x}, {name: U, upn: b@x}]\nteams: [{name: T, members: [U]}]", `f.yaml:3: "U" is ambiguous, it matches 2`},
		{"an application without id", "organization: {name: A}\napplication_users: [{name: U}]", `f.yaml:2: application_users.0: missing property 'application_id'`},
		{"a person with an application id", "organization: {name: A}\nusers: [{name: U, application_id: 12345678-1234-4234-8234-123456789abc}]", `f.yaml:2: unknown key "application_id" in users.0`},
		{"a mode's typo", "organization: {name: A}\nusers: [{name: U, access_mode: red}]", `f.yaml:2: users.0.access_mode: 'red' does not match pattern '^(read-write|`},
		{"a setting's typo", "organization: {name: A, record_ownership_across_business_units: yes}", `f.yaml:1: organization.record_ownership_across_business_units: value must be one of 'on', 'off'`},
		{"an access team with roles", "organization: {name: A}\nroles: [{name: R}]\nteams: [{name: T, type: access, roles: [R]}]", `f.yaml:3: teams.0.roles: maxItems: got 1, want 0`},
		{"a default team with members", "organization: {name: A}\nteams: [{name: A, default: true, members: [x]}]", `f.yaml:2: "A" is a default team: its members are the users`},
		{"an undefined privilege's typo", "organization: {name: A}\nundefined_privileges: [prvReadLeads]", `f.yaml:2: no standard privilege is named "prvReadLeads"`},
		{"an undefined table's typo", "organization: {name: A}\nundefined_tables: [leads]", `no standard table is named "leads"`},
		{"an extra privilege that is a standard one", "organization: {name: A}\nextra_privileges: [{name: prvReadLead, depths: [global]}]", `is a standard privilege already`},
		{"an extra privilege without depths", "organization: {name: A}\nextra_privileges: [{name: prvReadnew_Thing}]", `f.yaml:2: extra_privileges.0: missing property 'depths'`},
		{"a client without id", "organization: {name: A}\nclients: [{name: C, application_id: c}]", `f.yaml:2: clients.0.application_id: 'c' does not match pattern`},
		{"a bad certificate", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc, certificate: x}]", `f.yaml:2: clients.0.certificate: value must be 'generated'`},
		{"a bad date", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc, secret_expires: 2026-13-13}]", `f.yaml:2: client "C": secret_expires "2026-13-13" is not a date`},
		{"a record filter of nothing", "organization: {name: A}\nroles: [{name: R, record_filters: [prvReadLead]}]", `f.yaml:2: role "R": prvReadLead has a record filter`},
		{"a share twice", "organization: {name: A}\nusers: [{name: U}]\npersonal_views: [{name: V, table: t, owner: U, shares: [{principal: A, access: [read]}, {principal: A, access: [write]}]}]", `f.yaml:3: the view is shared with "A" twice`},
		{"an application twice", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc}, {name: D, application_id: 12345678-1234-4234-8234-123456789ABC}]", `f.yaml:2: application id 12345678-1234-4234-8234-123456789abc appears twice`},
		{"a credential without a key", "organization: {name: A}\nclients: [{name: C, application_id: 12345678-1234-4234-8234-123456789abc, federated: [{issuer: i, subject: s, keys: none}]}]", `f.yaml:2: client "C": federated credential of i: keys has no PEM block`},
		{"a column without a table", "organization: {name: A}\ncolumn_security_profiles: [{name: P, reads: [creditlimit]}]", `f.yaml:2: column_security_profiles.0.reads.0: 'creditlimit' does not match pattern`},
		{"a number for a name", "organization: {name: 1}", `f.yaml:1: organization.name: got number, want string`},
		{"a list for a name", "organization: {name: [A]}", `f.yaml:1: organization.name: got array, want string`},
		{"a text for a list", "organization: {name: A}\nroles: none", `f.yaml:2: roles: got string, want array`},
		{"a text for a flag", "organization: {name: A}\nroles: [{name: R, managed: maybe}]", `f.yaml:2: roles.0.managed: got string, want boolean`},
		{"grants without a depth", "organization: {name: A}\nroles: [{name: R, privileges: [prvReadLead]}]", `f.yaml:2: roles.0.privileges: got array, want object`},
		{"grants that are not names", "organization: {name: A}\nroles: [{name: R, privileges: {global: [1]}}]", `f.yaml:2: roles.0.privileges.global.0: got number, want string`},
		{"an assignment of nothing", "organization: {name: A}\nusers: [{name: R, roles: [{business_unit: A}]}]", `f.yaml:2: users.0.roles.0: missing property 'role'`},
		{"access that is not a list", "organization: {name: A}\npersonal_views: [{name: V, table: t, owner: A, shares: [{principal: A, access: read}]}]", `f.yaml:2: personal_views.0.shares.0.access: got string, want array`},
	}
	p := newParallelProcess(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := p.write("f.yaml", tt.yaml)
			o := p.run("demo", "--environment", file).must(t, 2)
			// Ignore the column.
			if got := regexp.MustCompile(`(f\.yaml:\d+):\d+:`).ReplaceAllString(o.stderr, "$1:"); !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
)

const example = `profile: demandbase
auth: {method: certificate, tenant_id: contoso.com, client_id: 00000000-0000-0000-0000-000000000001, certificate: auditor.pem}
environments:
  production:
    url: https://contoso.crm.dynamics.com
    integration: {app_id: 00000000-0000-0000-0000-000000000002, role: Demandbase Integration, business_unit: Contoso}
    views:
      - {table: account, name: Demandbase Accounts, owner: jane@contoso.com}
      - {table: lead, name: Demandbase Leads}
  test:
    url: https://contoso-test.crm.dynamics.com
depth: {prvReadAccount: local}
allow: [prvReadOrganization]
waivers: waivers.yaml
`

func parse(t *testing.T, text string) *config.File {
	t.Helper()
	f, err := config.Parse("dbaudit.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	f := parse(t, example)
	all := f.AllEnvironments()
	if len(all) != 2 || all[0].Name != "production" || all[1].Name != "test" {
		t.Fatalf("environments %+v", all)
	}
	if all[0].RequiredBusinessUnit() != "Contoso" || len(all[0].Views) != 2 || all[0].Views[0].Owner != "jane@contoso.com" {
		t.Errorf("production is %+v", all[0])
	}
	if diff := cmp.Diff(map[string]audit.Depth{"prvReadAccount": audit.DepthLocal}, f.Depth); diff != "" {
		t.Error(diff)
	}
	single := parse(t, "url: https://x.crm.dynamics.com\nbusiness_unit: Contoso\n").AllEnvironments()
	if len(single) != 1 || single[0].Name != "" || single[0].RequiredBusinessUnit() != "Contoso" {
		t.Errorf("a single environment is %+v", single)
	}
}

// TestEncode checks that Parse reads what Encode writes.
func TestEncode(t *testing.T) {
	data, err := parse(t, example).Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse(t, string(data)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(again)); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":            {"profil: x\n", `dbaudit.yaml:1:1: unknown key "profil"`},
		"duplicate key":          {"url: https://a\nurl: https://b\n", `dbaudit.yaml:2:1: the key "url" appears twice`},
		"secret":                 {"auth: {client_secret: x}\n", `dbaudit.yaml:1:8: unknown key "client_secret"`},
		"secret in place":        {"auth: {secret: hunter2}\n", "dbaudit.yaml:1:16: auth.secret: got string, want object"},
		"two sources":            {"auth: {secret: {env: A, file: b}}\n", "dbaudit.yaml:1:16: auth.secret:"},
		"bad depth":              {"depth: {prvReadLead: all}\n", "dbaudit.yaml:1:22: depth.prvReadLead:"},
		"bad id":                 {"integration: {app_id: abc}\n", "dbaudit.yaml:1:23: integration.app_id:"},
		"bad method":             {"auth: {method: password}\n", "dbaudit.yaml:1:16: auth.method:"},
		"environment, no url":    {"environments: {a: {integration: {role: x}}}\n", "missing property 'url'"},
		"both at the top":        {"url: https://a\nenvironments: {a: {url: https://b}}\n", `dbaudit.yaml:1:1: "url" at the top level is for a single environment`},
		"person and application": {"integration:\n  app_id: 00000000-0000-0000-0000-000000000002\n  user: jane@contoso.com\n", "dbaudit.yaml:3:3: app_id and user cannot be used together"},
		"two units":              {"business_unit: A\nintegration: {business_unit: B}\n", "dbaudit.yaml:1:1: business_unit appears twice"},
		"a view twice":           {"views:\n  - {table: lead, name: X}\n  - {table: lead, name: x}\n", "dbaudit.yaml:3:5: the view lead=x appears twice"},
		"a list":                 {"- 1\n", "dbaudit.yaml:1:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("dbaudit.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error contains a secret: %v", err)
			}
		})
	}
}

// TestSecretVariables checks the variables of each auth: and apply:, at the top level and in
// environments.
func TestSecretVariables(t *testing.T) {
	f := parse(t, `auth: {secret: {env: A}}
apply: {certificate_password: {env: B}}
environments:
  x: {url: https://x.crm.dynamics.com, auth: {secret: {file: s}, certificate_password: {env: C}}}
  y: {url: https://y.crm.dynamics.com, auth: {secret: {env: A}}, apply: {secret: {env: D}}}
`)
	if diff := cmp.Diff([]string{"A", "B", "C", "D"}, f.SecretVariables()); diff != "" {
		t.Error(diff)
	}
}

func TestLine(t *testing.T) {
	f := parse(t, example)
	production, test := f.AllEnvironments()[0], f.AllEnvironments()[1]
	for _, c := range []struct {
		env  config.Environment
		keys []string
		want int
	}{
		{production, []string{"views.1", "views"}, 9},
		{production, []string{"views.7", "views"}, 7},
		{production, []string{"views"}, 7},
		{production, []string{"role", "integration"}, 6},
		{production, []string{"app_id", "user"}, 6},
		{production, []string{"business_unit"}, 6},
		{production, []string{"profile"}, 1},
		{production, nil, 5},
		{test, []string{"role", "integration"}, 11},
		{test, []string{"views"}, 11},
		{config.Environment{}, []string{"role"}, 1},
	} {
		if got := f.Line(c.env, c.keys...); got != c.want {
			t.Errorf("%s, %v: line %d, want %d", c.env.Name, c.keys, got, c.want)
		}
	}
}

func TestInterval(t *testing.T) {
	f := parse(t, "every: 6h\nenvironments:\n  a: {url: https://a.crm.dynamics.com, every: 90m}\n  b: {url: https://b.crm.dynamics.com}\n")
	for i, want := range []time.Duration{90 * time.Minute, 6 * time.Hour} {
		if got := f.Interval(f.AllEnvironments()[i]); got != want {
			t.Errorf("%s is scanned every %s, want %s", f.AllEnvironments()[i].Name, got, want)
		}
	}
	f = parse(t, "url: https://a.crm.dynamics.com\n")
	if got := f.Interval(f.AllEnvironments()[0]); got != 24*time.Hour {
		t.Errorf("without every:, the interval is %s, want a day", got)
	}
	for text, at := range map[string]string{
		"every: 59s\nurl: https://a.crm.dynamics.com\n":                             "dbaudit.yaml:1:1",
		"every: daily\nurl: https://a.crm.dynamics.com\n":                           "dbaudit.yaml:1:8",
		"environments:\n  a:\n    url: https://a.crm.dynamics.com\n    every: 0h\n": "dbaudit.yaml:4:5",
	} {
		if _, err := config.Parse("dbaudit.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%q: %v, want a fault at %s", text, err, at)
		}
	}
}

// TestForEnvironment checks that the configuration of one environment has its settings, and does
// not say how to sign in to apply.
func TestForEnvironment(t *testing.T) {
	f := parse(t, example+"every: 1h\napply: {client_id: 00000000-0000-0000-0000-000000000009}\n")
	whole := f.AllEnvironments()[0]
	data, err := f.ForEnvironment(whole, "production", func(file string, toConfig bool) string {
		if toConfig {
			return "/config/" + file
		}
		return "/working/" + file
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	part := parse(t, string(data))
	all := part.AllEnvironments()
	if len(all) != 1 || all[0].Name != "production" || all[0].URL != whole.URL || len(all[0].Views) != 2 || all[0].RequiredBusinessUnit() != "Contoso" {
		t.Errorf("environments %+v", all)
	}
	if part.Apply != (config.Auth{}) || part.Waivers != "/config/waivers.yaml" || part.Auth.Certificate != "/working/auditor.pem" || part.Every != "" {
		t.Errorf("part %+v", part)
	}
	if diff := cmp.Diff(whole.Depth, all[0].Depth); diff != "" {
		t.Error(diff)
	}
}

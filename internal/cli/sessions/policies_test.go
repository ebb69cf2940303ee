package sessions_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestScaffoldsWork checks that the scaffolds work unchanged: the rule's tests pass and cover it,
// the profile is valid, and a scan with both judges.
func TestScaffoldsWork(t *testing.T) {
	p := newProcess(t)
	for _, rule := range []string{"acme/no-export", "acme/plain"} {
		p.run("policy", "new", rule).must(t, 0)
	}
	p.wantContains(p.run("policy", "test", "policies", "--threshold", "100").must(t, 0).stdout, "8 tests, 0 failed, coverage 100.0 %")
	p.run("profile", "new", "acme").must(t, 0)
	own := p.read("acme.yaml")
	p.write("acme.yaml", own+"    - {id: ACME-NO-EXPORT, rule: acme/no-export, title: No export, severity: medium, why: Ours.}\n")
	p.run("profile", "validate", "acme.yaml", "--policy", "policies").must(t, 0)
	p.write("Roles/r.xml", lintRole("Demandbase", append(lintMinimum(), `    <RolePrivilege name="prvExportToExcel" level="Global" />`)))
	out := p.run("lint", "Roles", "--policy", "policies", "--profile", "./acme.yaml", "-f", "json")
	found := strings.Join(findingLines(out.results(t)[0]), "\n")
	p.wantContains(found, "ACME-NO-EXPORT Roles/r.xml:49:5-61 prvExportToExcel")
	want := fmt.Sprintf("acme.yaml:%d:34: the control ACME-NO-EXPORT names the rule \"acme/no-export\", which the policies do not contain", strings.Count(own, "\n")+1)
	for _, args := range [][]string{{"profile", "validate", "acme.yaml"}, {"lint", "Roles", "--profile", "acme.yaml"}} {
		if out := p.run(args...); out.code != 2 || !strings.HasPrefix(out.stderr, "dbaudit: "+want) {
			t.Errorf("%v: exit code %d, %s", args, out.code, out.stderr)
		}
	}
	for _, again := range [][]string{{"policy", "new", "acme/no-export"}, {"profile", "new", "acme"}} {
		p.wantContains(p.run(again...).must(t, 2).stderr, "already exists")
	}
}

// TestProfileShowResolvesExtends checks that -f json shows the whole profile, because stock tools
// do not resolve extends.
func TestProfileShowResolvesExtends(t *testing.T) {
	p := newProcess(t)
	p.write("acme.yaml", "acme:\n  extends: demandbase\n  controls:\n    - {id: DB-VIEW-TABLE, severity: high}\n")
	if out := p.run("profile", "show", "./acme.yaml", "-f", "json", "-o", "acme.json"); out.code != 0 || out.stdout != "" {
		t.Fatalf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	if data := p.read("acme.json"); strings.Contains(data, "extends") || strings.Count(data, `"id": "DB-`) != 36 {
		t.Errorf("not the whole profile:\n%s", data)
	}
	// As a custom profile, the document would have ids of a built-in one.
	p.wantContains(p.run("profile", "validate", "acme.json").must(t, 2).stderr, "is a control of the built-in profile demandbase")
	p.wantContains(p.run("profile", "show", "gong", "-f", "xml").must(t, 2).stderr, "want table or json")
}

// TestLintSavesSnapshotWithoutRole checks that lint saves a snapshot even if no file contains the
// role, so that stock tools do not read the snapshot of an earlier run.
func TestLintSavesSnapshotWithoutRole(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/r.xml", lintRole("Sales", lintMinimum()))
	p.run("lint", "Roles", "--snapshot", "role.json").must(t, 1)
	p.wantContains(p.run("check", "role.json").must(t, 1).stdout, "DB-ROLE-EXISTS")
}

func TestInvalidCustomPolicies(t *testing.T) {
	p := newProcess(t)
	const metadata = "# METADATA\n# title: T\n# description: D\n# custom:\n#   severity: low\n#   requires: [roles]\n#   consequence: C\n#   remediation: R\n"
	for name, test := range map[string]struct{ rego, want string }{
		"dbaudit's own category": {metadata + "package dbaudit.rules.role.mine\nfindings := set()\n", "is dbaudit's own"},
		"dbaudit's own library":  {"package dbaudit.integration\nuser := \"x\"\n", "is dbaudit's own"},
		"a rule of files":        {metadata + "package dbaudit.rules.lint.mine\nfindings := set()\n", "is dbaudit's own"},
		"the network":            {"package acme\nx if http.send({\"method\": \"get\", \"url\": \"https://x\"})\n", "http.send"},
		"the clock":              {"package acme\nx := time.now_ns()\n", "time.now_ns"},
		"a misspelt field":       {"package acme\nx if input.rols\n", "rols"},
		"no metadata":            {"package dbaudit.rules.acme.mine\nfindings := set()\n", "acme"},
		"no Rego":                {"package acme\nx if {", "x.rego:2"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p.write(dir+"/x.rego", test.rego)
			out := p.run("policy", "list", "--policy", dir)
			if name == "no metadata" {
				// A rule without METADATA is ignored, because no profile can name it.
				if strings.Contains(out.stdout, test.want) {
					t.Errorf("exit code %d, %s", out.code, out.stdout)
				}
				return
			}
			if out.code != 2 || !strings.Contains(out.stderr, test.want) || !strings.Contains(out.stderr, "--policy "+dir) {
				t.Errorf("exit code %d, %s", out.code, out.stderr)
			}
		})
	}
	p.run("policy", "list", "--policy", "nowhere").must(t, 2)
}

func TestPolicyTest(t *testing.T) {
	p := newProcess(t)
	p.write("p/acme.rego", "package acme\nx := 1\ny := 2 if input.scope == \"integration\"\n")
	p.wantContains(p.run("policy", "test", "p").must(t, 2).stderr, "contains no tests")
	p.write("p/acme_test.rego", "package acme_test\nimport data.acme\ntest_x if acme.x == 2\n")
	out := p.run("policy", "test", "p")
	if out.code != 1 || !strings.Contains(out.stdout, "FAIL  data.acme_test.test_x  p/acme_test.rego:3") || !strings.Contains(out.stdout, "not covered  p/acme.rego:3\n1 test, 1 failed, ") {
		t.Errorf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	p.write("p/acme_test.rego", "package acme_test\nimport data.acme\ntest_x if acme.x == 1\n")
	p.run("policy", "test", "p").must(t, 0)
	p.run("policy", "test", "p", "--threshold", "100").must(t, 1)
	p.write("p/acme_test.rego", "package acme_test\nimport data.acme\ntest_x if acme.x == 1\ntodo_test_later if acme.x == 2\n")
	skipped := p.run("policy", "test", "p").must(t, 4).stdout
	p.wantContains(skipped, "skip  data.acme_test.todo_test_later  p/acme_test.rego:4")
	p.wantContains(skipped, "2 tests, 0 failed, 1 skipped, coverage 50.0 %")
	p.run("policy", "test", "p", "--threshold", "100").must(t, 1)
	p.write("p/acme_test.rego", "package acme_test\nimport data.acme\ntodo_test_later if acme.x == 2\n")
	p.run("policy", "test", "p").must(t, 4)
	p.run("policy", "test", "nowhere").must(t, 2)
	for _, bad := range [][]string{{"policy", "new", "Acme"}, {"policy", "new", "role/mine"}, {"profile", "new", "gong"}, {"profile", "new", "A B"}} {
		p.run(bad...).must(t, 2)
	}
}

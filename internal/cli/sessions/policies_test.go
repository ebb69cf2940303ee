package sessions_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// ownRun runs a command in the folder that is the working directory.
func ownRun(t *testing.T, args ...string) lintOutput {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), args, cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }},
	})
	return lintOutput{code, stdout.String(), stderr.String()}
}

// The scaffold works unchanged: the rule's tests pass and cover it, the profile is valid,
// and both together judge.
func TestScaffoldsWork(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, rule := range []string{"acme/no-export", "acme/plain"} {
		if out := ownRun(t, "policy", "new", rule); out.code != 0 {
			t.Fatalf("exit code %d, %s", out.code, out.stderr)
		}
	}
	if out := ownRun(t, "policy", "test", "policies", "--threshold", "100"); out.code != 0 || !strings.Contains(out.stdout, "8 tests, 0 failed, coverage 100.0 %") {
		t.Errorf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	if out := ownRun(t, "profile", "new", "acme"); out.code != 0 {
		t.Fatalf("exit code %d, %s", out.code, out.stderr)
	}
	own, err := os.ReadFile("acme.yaml")
	if err != nil {
		t.Fatal(err)
	}
	put(t, "acme.yaml", string(own)+"    - {id: ACME-NO-EXPORT, rule: acme/no-export, title: No export, severity: medium, why: Ours.}\n")
	if out := ownRun(t, "profile", "validate", "acme.yaml", "--policy", "policies"); out.code != 0 {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
	put(t, "Roles/r.xml", lintRole("Demandbase", append(lintMinimum(), `    <RolePrivilege name="prvExportToExcel" level="Global" />`)))
	out := ownRun(t, "lint", "Roles", "--policy", "policies", "--profile", "./acme.yaml", "-f", "json")
	found := strings.Join(failures(out.results(t)[0]), "\n")
	if !strings.Contains(found, "ACME-NO-EXPORT Roles/r.xml:49:5-61 prvExportToExcel") {
		t.Errorf("exit code %d, %s\n%s", out.code, out.stderr, found)
	}
	place := fmt.Sprintf("acme.yaml:%d:34: the control ACME-NO-EXPORT names the rule \"acme/no-export\", which the policies do not contain", strings.Count(string(own), "\n")+1)
	for _, args := range [][]string{{"profile", "validate", "acme.yaml"}, {"lint", "Roles", "--profile", "acme.yaml"}} {
		if out := ownRun(t, args...); out.code != 2 || !strings.HasPrefix(out.stderr, "dbaudit: "+place) {
			t.Errorf("%v: exit code %d, %s", args, out.code, out.stderr)
		}
	}
	for _, again := range [][]string{{"policy", "new", "acme/no-export"}, {"profile", "new", "acme"}} {
		if out := ownRun(t, again...); out.code != 2 || !strings.Contains(out.stderr, "already exists") {
			t.Errorf("%v: exit code %d, %s", again, out.code, out.stderr)
		}
	}
}

// Stock tools resolve no extends: what is shown as JSON is a profile that is whole.
func TestShownProfileIsWhole(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "acme.yaml", "acme:\n  extends: demandbase\n  controls:\n    - {id: DB-VIEW-TABLE, severity: high}\n")
	if out := ownRun(t, "profile", "show", "./acme.yaml", "-f", "json", "-o", "acme.json"); out.code != 0 || out.stdout != "" {
		t.Fatalf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	data, err := os.ReadFile("acme.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "extends") || strings.Count(string(data), `"id": "DB-`) != 36 {
		t.Errorf("not the whole profile:\n%s", data)
	}
	// To dbaudit it would be a file that takes the ids of a built-in profile.
	if out := ownRun(t, "profile", "validate", "acme.json"); out.code != 2 || !strings.Contains(out.stderr, "is a control of the built-in profile demandbase") {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
	if out := ownRun(t, "profile", "show", "gong", "-f", "xml"); out.code != 2 || !strings.Contains(out.stderr, "want table or json") {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
}

// What stands for a role that no file has is kept as well: whoever hands it on to
// stock tools must not find the snapshot of an earlier run.
func TestLintKeepsTheSnapshotOfNoRole(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/r.xml", lintRole("Sales", lintMinimum()))
	if out := ownRun(t, "lint", "Roles", "--snapshot", "role.json"); out.code != 1 {
		t.Fatalf("exit code %d, %s", out.code, out.stderr)
	}
	if out := ownRun(t, "check", "role.json"); out.code != 1 || !strings.Contains(out.stdout, "DB-ROLE-EXISTS") {
		t.Errorf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
}

func TestForeignPoliciesAreHeldToTheSameForm(t *testing.T) {
	t.Chdir(t.TempDir())
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
			put(t, dir+"/x.rego", test.rego)
			out := ownRun(t, "policy", "list", "--policy", dir)
			if name == "no metadata" {
				// A rule without METADATA does not count: no profile can name it.
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
	if out := ownRun(t, "policy", "list", "--policy", "nowhere"); out.code != 2 {
		t.Errorf("exit code %d", out.code)
	}
}

func TestPolicyTestSaysWhatFails(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "p/acme.rego", "package acme\nx := 1\ny := 2 if input.scope == \"integration\"\n")
	if out := ownRun(t, "policy", "test", "p"); out.code != 2 || !strings.Contains(out.stderr, "contains no tests") {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
	put(t, "p/acme_test.rego", "package acme_test\nimport data.acme\ntest_x if acme.x == 2\n")
	out := ownRun(t, "policy", "test", "p")
	if out.code != 1 || !strings.Contains(out.stdout, "FAIL  data.acme_test.test_x  p/acme_test.rego:3") || !strings.Contains(out.stdout, "not covered  p/acme.rego:3") {
		t.Errorf("exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	put(t, "p/acme_test.rego", "package acme_test\nimport data.acme\ntest_x if acme.x == 1\n")
	if out := ownRun(t, "policy", "test", "p"); out.code != 0 {
		t.Errorf("exit code %d, %s", out.code, out.stdout)
	}
	if out := ownRun(t, "policy", "test", "p", "--threshold", "100"); out.code != 1 {
		t.Errorf("below the threshold: exit code %d", out.code)
	}
	if out := ownRun(t, "policy", "test", "nowhere"); out.code != 2 {
		t.Errorf("exit code %d", out.code)
	}
	for _, bad := range [][]string{{"policy", "new", "Acme"}, {"policy", "new", "role/mine"}, {"profile", "new", "gong"}, {"profile", "new", "A B"}} {
		if out := ownRun(t, bad...); out.code != 2 {
			t.Errorf("%v: exit code %d", bad, out.code)
		}
	}
}

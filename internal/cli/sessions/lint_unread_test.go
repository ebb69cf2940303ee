package sessions_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestLintReportsUnreadFiles checks that every format names a file that could not be read, also if
// it renders a saved result.
func TestLintReportsUnreadFiles(t *testing.T) {
	p := newProcess(t)
	now := time.Now()
	p.env.Now = func() time.Time { return now }
	p.write("Roles/bad.xml", "<Role name=\"x\">\n  <RolePrivileges>\n    <RolePriv")
	p.write("Roles/good.xml", lintRole("Demandbase", lintMinimum()))
	out := p.run("lint", "Roles", "-f", "json")
	results := out.results(t)
	if out.code != 3 || len(results) != 2 || results[0].Verdict != audit.VerdictIncomplete || results[1].Verdict != audit.VerdictCompliant {
		t.Fatalf("exit code %d\n%s", out.code, out.stdout)
	}
	if u := results[0].Unread; u == nil || u.Path != "Roles/bad.xml" || u.Line != 3 || u.Message == "" {
		t.Errorf("unread: %+v", u)
	}
	p.write("saved.json", out.stdout)
	compiled, err := schematest.Compile(schema.Files, "result.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(out.stdout))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Errorf("the published schema: %v", err)
	}
	for _, format := range []string{"table", "json", "sarif", "junit", "html", "markdown", "csv", "github", "unix"} {
		out := p.run("lint", "Roles", "-f", format)
		if !strings.Contains(out.stdout, "Roles/bad.xml") || !strings.Contains(out.stdout, "the file ends within") || out.code != 3 {
			t.Errorf("%s does not say what was not read (exit code %d):\n%s", format, out.code, out.stdout)
		}
		again := p.run("report", "saved.json", "-f", format)
		if again.stdout != out.stdout {
			t.Errorf("%s of the saved result differs", format)
		}
	}
	if out := p.run("lint", "Roles", "-f", "unix"); out.stdout != "Roles/bad.xml:3:5: error: could not be read: "+results[0].Unread.Message+" [unread]\n" {
		t.Errorf("for editors: %s", out.stdout)
	}
	if out := p.run("lint", "Roles", "-f", "github"); !strings.HasPrefix(out.stdout, "::error file=Roles/bad.xml,line=3,col=5,") {
		t.Errorf("no annotation: %s", out.stdout)
	}
	if err := os.Remove("Roles/good.xml"); err != nil {
		t.Fatal(err)
	}
	p.wantContains(p.run("lint", "Roles", "-f", "sarif").must(t, 3).stdout, `"executionSuccessful": false`)
}

// TestLintPathsInCheckout checks that paths are relative to the root of the checkout, even if the
// job works in a subfolder.
func TestLintPathsInCheckout(t *testing.T) {
	p := newProcess(t)
	root := p.dir
	p.write("src/Roles/r.xml", lintRole("Demandbase", lintMinimum()[1:]))
	p.write("src/Roles/bad.xml", "broken")
	t.Chdir("src")
	for name, ci := range map[string]map[string]string{
		"GitHub":       {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": root},
		"Azure DevOps": {"TF_BUILD": "True", "BUILD_SOURCESDIRECTORY": root},
	} {
		p.vars = ci
		for _, path := range []string{"Roles", filepath.Join(root, "src", "Roles")} {
			out := p.run("lint", path, "-f", "sarif")
			if strings.Contains(out.stdout, `"uri": "Roles`) || strings.Count(out.stdout, `"uri": "src/Roles/r.xml"`) == 0 || !strings.Contains(out.stdout, `"uri": "src/Roles/bad.xml"`) {
				t.Errorf("%s, %s: paths of SARIF:\n%s", name, path, out.stdout)
			}
		}
		if out := p.run("lint", "Roles", "-f", "unix"); !strings.HasPrefix(out.stdout, "Roles/bad.xml:") {
			t.Errorf("%s: an editor looks in the working directory:\n%s", name, out.stdout)
		}
	}
	p.vars = map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": root}
	out := p.run("lint", "Roles", "-f", "github")
	if !strings.Contains(out.stdout, "file=src/Roles/r.xml,") || !strings.Contains(out.stdout, "file=src/Roles/bad.xml,") || strings.Contains(out.stdout, "file=Roles") {
		t.Errorf("annotations:\n%s", out.stdout)
	}
	p.vars["GITHUB_WORKSPACE"] = t.TempDir()
	out = p.run("lint", "Roles", "-f", "github")
	p.wantContains(out.stdout, "file=Roles/r.xml,")
}

// TestLintLocationOfMissingRole checks that a missing role points to the configuration if that
// requires the role, and else to the linted path.
func TestLintLocationOfMissingRole(t *testing.T) {
	p := newProcess(t)
	p.write("src/Roles/r.xml", lintRole("Sales", lintMinimum()))
	for _, path := range []string{"src/Roles/r.xml", "src", "src/**/*.xml"} {
		out := p.run("lint", path, "--integration-role", "Foo", "-f", "unix")
		if !strings.HasPrefix(out.stdout, "src/Roles/r.xml:1:1: error: there is no security role") || out.code != 1 {
			t.Errorf("%s: exit code %d, %s", path, out.code, out.stdout)
		}
	}
	p.write("dbaudit.yaml", "url: https://a.crm.dynamics.com\nintegration:\n  role: Bar\n")
	if out := p.run("lint", "src", "-f", "unix"); !strings.HasPrefix(out.stdout, "dbaudit.yaml:3:1: ") {
		t.Errorf("the configuration asks for the role: %s", out.stdout)
	}
	if out := p.run("lint", "src", "--integration-role", "Foo", "-f", "unix"); !strings.HasPrefix(out.stdout, "src/Roles/r.xml:1:1: ") {
		t.Errorf("the flag asks for the role: %s", out.stdout)
	}
}

func TestLintExclude(t *testing.T) {
	p := newProcess(t)
	p.write("src/Roles/r.xml", lintRole("Demandbase", lintMinimum()))
	p.write("test/fixtures/Roles/bad.xml", "broken")
	p.write("test/fixtures/Roles/r.xml", lintRole("Demandbase", lintMinimum()[1:]))
	out := p.run("lint", ".", "--exclude", "fixtures", "--exclude", "*.zip", "--verbose")
	if out.code != 0 || !strings.Contains(out.stderr, "test/fixtures/Roles/bad.xml: excluded by --exclude") {
		t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	p.run("lint", ".", "--exclude", "[").must(t, 2)
}

// TestLintWithSeveralEnvironments checks that lint does not look for the roles of several
// environments, and says so.
func TestLintWithSeveralEnvironments(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/r.xml", lintRole("Demandbase", lintMinimum()))
	p.write("dbaudit.yaml", "environments:\n  test: {url: https://a.crm.dynamics.com, integration: {role: Other}}\n"+
		"  live: {url: https://b.crm.dynamics.com, integration: {role: Sync}}\n")
	const said = `"Sync" of live, "Other" of test`
	p.wantContains(p.run("lint", "Roles").stderr, said)
	for _, args := range [][]string{{"Roles", "--env", "live"}, {"Roles", "--all-roles"}, {"Roles", "--integration-role", "Demandbase"}} {
		if out := p.run(slices.Insert(args, 0, "lint")...); strings.Contains(out.stderr, said) {
			t.Errorf("%v: %s", args, out.stderr)
		}
	}
}

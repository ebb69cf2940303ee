package sessions_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
)

const lintRoleHead = `<?xml version="1.0" encoding="utf-8"?>
<Role id="{6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a10}" name="%s">
  <IsCustomizable>1</IsCustomizable>
  <RolePrivileges>
`

// lintMinimum returns the lines of a role with the profile's minimum at the required levels, sorted
// as in a file.
func lintMinimum() []string {
	var lines []string
	add := func(level string, names ...string) {
		for _, name := range names {
			lines = append(lines, fmt.Sprintf(`    <RolePrivilege name="prv%s" level="%s" />`, name, level))
		}
	}
	add("Global", "AppendActivity", "AppendCampaign", "AppendContact", "AppendLead", "AppendToCampaign", "AppendToContact",
		"AppendToLead", "AppendUser", "BulkEdit", "CreateActivity", "CreateAttribute", "CreateContact", "CreateLead",
		"CreateUser", "DeleteActivity", "ReadAccount", "ReadActivity", "ReadAsyncOperation", "ReadAttribute",
		"ReadAttributeMap", "ReadCampaign", "ReadContact", "ReadCustomerOpportunityRole", "ReadEntity", "ReadEntityMap",
		"ReadLead", "ReadList", "ReadOpportunity", "ReadQuery", "ReadQueue", "ReadRelationship",
		"ReadTransactionCurrency", "ReadUser")
	add("Basic", "ReadUserQuery")
	add("Global", "ReadUserSettings", "ReadWorkflow", "WriteAccount", "WriteActivity", "WriteAttribute", "WriteCampaign",
		"WriteContact", "WriteLead", "WriteOpportunity", "WriteUser")
	return lines
}

func lintRole(name string, lines []string) string {
	return fmt.Sprintf(lintRoleHead, name) + strings.Join(lines, "\n") + "\n  </RolePrivileges>\n</Role>\n"
}

// without returns the lines without those of a privilege.
func without(lines []string, name string) []string {
	var kept []string
	for _, line := range lines {
		if !strings.Contains(line, `"`+name+`"`) {
			kept = append(kept, line)
		}
	}
	return kept
}

// findingLines returns the findings as "CONTROL PATH:LINE:COLUMN-END PRIVILEGE".
func findingLines(r audit.Result) []string {
	all := []string{}
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			l := f.Location
			if l == nil {
				l = c.Location
			}
			all = append(all, fmt.Sprintf("%s %s:%d:%d-%d %s", c.ID, l.Path, l.Line, l.Column, l.EndColumn, f.Evidence.Text("privilege")))
		}
	}
	return all
}

func TestLintCompliantRole(t *testing.T) {
	p := newProcess(t)
	p.write("src/Roles/Demandbase Integration.xml", lintRole("Demandbase Integration", lintMinimum()))
	out := p.run("lint", "src", "-f", "json")
	if out.code != 0 {
		t.Fatalf("exit code %d\n%s", out.code, out.stderr)
	}
	r := out.results(t)[0]
	if r.Verdict != audit.VerdictCompliant || len(r.Controls) != 43 {
		t.Errorf("%s, %d controls", r.Verdict, len(r.Controls))
	}
	for _, c := range r.Controls {
		want := audit.OutcomePass
		if strings.HasPrefix(c.Rule, "user/") || strings.HasPrefix(c.Rule, "view/") || c.ID == "LINT-LOCKED" {
			want = audit.OutcomeNotApplicable
		}
		if c.Outcome != want {
			t.Errorf("%s is %s: %s", c.ID, c.Outcome, c.Reason)
		}
	}
}

func TestLintLocations(t *testing.T) {
	p := newProcess(t)
	lines := without(without(lintMinimum(), "prvReadLead"), "prvReadAccount")
	lines[0] = `    <RolePrivilege name="prvAppendActivity" level="Local" />`
	lines[1] = `    <RolePrivilege name="prvappendCampaign" level="Global" />`
	lines = append(lines,
		`    <RolePrivilege name="prvReadAcount" level="Global" />`,
		`    <RolePrivilege name="prvReadContact" level="Basic" />`,
		`    <RolePrivilege name="prvReadQueue" level="Everywhere" />`,
		`    <RolePrivilege name="prvSendAsUser" level="Global" />`)
	p.write("Roles/Demandbase Integration.xml", "\ufeff"+strings.ReplaceAll(lintRole("Demandbase Integration", lines), "\n", "\r\n"))
	out := p.run("lint", ".", "-f", "json")
	at := "Roles/Demandbase Integration.xml:"
	want := []string{
		"DB-PRIV-ACCOUNT " + at + "4:3-19 prvReadAccount",
		"DB-PRIV-ACTIVITY " + at + "5:5-61 prvAppendActivity",
		"DB-PRIV-LEAD " + at + "4:3-19 prvReadLead",
		"DB-ROLE-LEAST-PRIVILEGE " + at + "50:5-58 ", // the dangerous one first
		"LINT-DUPLICATE " + at + "48:5-58 prvReadContact",
		"LINT-DUPLICATE " + at + "49:5-61 prvReadQueue",
		"LINT-LEVEL " + at + "49:5-61 prvReadQueue",
		"LINT-NAME " + at + "47:5-58 prvReadAcount",
		"LINT-CASE " + at + "6:5-62 prvAppendCampaign",
		"LINT-DANGEROUS " + at + "50:5-58 prvSendAsUser",
	}
	if diff := cmp.Diff(want, findingLines(out.results(t)[0])); diff != "" || out.code != 1 {
		t.Errorf("exit code %d, findings (-want +got):\n%s", out.code, diff)
	}
	p.wantContains(p.run("lint", ".", "-f", "github").stdout, "line=5,col=5,endColumn=61")
}

func TestLintChoosesTheRole(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/a.xml", lintRole("Demandbase Old", lintMinimum()[:3]))
	p.write("Roles/b.xml", lintRole("Demandbase", lintMinimum()))
	p.write("Roles/c.xml", lintRole("Sales", lintMinimum()[:2]))
	p.write("managed/Roles/b.xml", lintRole("Demandbase", lintMinimum()))
	names := func(out outcome) string {
		var names []string
		for _, r := range out.results(t) {
			names = append(names, r.Environment.Name)
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		args []string
		want string
		code int
	}{
		{nil, "Roles/b.xml managed/Roles/b.xml", 0},
		{[]string{"--integration-role", "sales"}, "Roles/c.xml", 1},
		{[]string{"--all-roles"}, "Roles/a.xml Roles/b.xml Roles/c.xml managed/Roles/b.xml", 1},
		{[]string{"--profile", "lint"}, "Roles/a.xml Roles/b.xml Roles/c.xml managed/Roles/b.xml", 0},
		{[]string{"--integration-role", "nobody"}, ".", 1},
	} {
		out := p.run(append([]string{"lint", ".", "-f", "json"}, test.args...)...)
		if got := names(out); got != test.want || out.code != test.code {
			t.Errorf("%v: %s, exit code %d, want %s and %d", test.args, got, out.code, test.want, test.code)
		}
		if len(test.args) == 0 && !strings.Contains(out.stderr, `"Demandbase" was judged, not "Demandbase Old" (Roles/a.xml)`) {
			t.Errorf("the others are not named: %s", out.stderr)
		}
	}
	out := p.run("lint", ".", "--integration-role", "nobody", "-f", "json")
	if r := out.results(t)[0]; len(findingLines(r)) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), `found: "Demandbase", "Demandbase Old", "Sales"`) {
		t.Errorf("%v\n%v", findingLines(r), r.Notes)
	}
	p.run("lint", ".", "--all-roles", "--integration-role", "x").must(t, 2)
}

func TestLintConfiguration(t *testing.T) {
	p := newProcess(t)
	lines := without(lintMinimum(), "prvReadLead")
	p.write("Roles/c.xml", lintRole("Sync", append(lines, `    <RolePrivilege name="prvReadLead" level="Local" />`)))
	p.write("dbaudit.yaml", "environments:\n  test: {url: https://a.crm.dynamics.com, integration: {role: Other}}\n"+
		"  live: {url: https://b.crm.dynamics.com, integration: {role: Sync}}\ndepth: {prvReadLead: local}\n")
	p.run("lint", "Roles", "--env", "live").must(t, 0)
	p.wantContains(p.run("lint", "Roles", "--env", "moon").must(t, 2).stderr, "live, test")
}

func TestLintInvalidFiles(t *testing.T) {
	p := newProcess(t)
	p.write("Roles/bad.xml", "<!DOCTYPE a>\n<Role name=\"x\"/>")
	out := p.run("lint", ".")
	if out.code != 3 || !strings.Contains(out.stderr, "Roles/bad.xml:1:1: a document type declaration") {
		t.Errorf("only a bad file: exit code %d, %s", out.code, out.stderr)
	}
	p.write("Roles/good.xml", lintRole("Demandbase", lintMinimum()))
	if out = p.run("lint", "."); out.code != 3 || !strings.Contains(out.stdout, "COMPLIANT") || !strings.Contains(out.stderr, "Roles/bad.xml:1:1") {
		t.Errorf("a bad and a compliant file: exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	p.write("Roles/good.xml", lintRole("Demandbase", lintMinimum()[1:]))
	p.wantContains(p.run("lint", ".").must(t, 1).stderr, "Roles/bad.xml:1:1")
	for _, args := range [][]string{{"missing"}, {"*.nothing"}} {
		p.run(slices.Insert(args, 0, "lint")...).must(t, 3)
	}
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	p.wantContains(p.run("lint", "empty").must(t, 3).stderr, "no security role in empty")
}

func TestLintArchiveAndStandardInput(t *testing.T) {
	p := newProcess(t)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("customizations.xml")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimPrefix(lintRole("Demandbase", lintMinimum()[1:]), `<?xml version="1.0" encoding="utf-8"?>`)
	if _, err := f.Write([]byte("<ImportExportXml><Roles>" + body + "</Roles></ImportExportXml>")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	p.write("out/solution.zip", b.String())
	want := "DB-PRIV-ACTIVITY %s!/customizations.xml:4:3-19 prvAppendActivity"
	out := p.run("lint", "out", "-f", "json")
	if diff := cmp.Diff([]string{fmt.Sprintf(want, "out/solution.zip")}, findingLines(out.results(t)[0])); diff != "" {
		t.Error(diff)
	}
	p.env.Stdin = bytes.NewReader(b.Bytes())
	out = p.run("lint", "-", "-f", "json")
	if diff := cmp.Diff([]string{fmt.Sprintf(want, "stdin")}, findingLines(out.results(t)[0])); diff != "" {
		t.Error(diff)
	}
	p.run("lint", "-", "--fix").must(t, 2)
	p.run("lint", "-", "--watch").must(t, 2)
	p.wantContains(p.run("lint", "out", "--fix").stderr, "a file in an archive cannot be fixed")
}

func TestLintFix(t *testing.T) {
	p := newProcess(t)
	file := "Roles/Demandbase.xml"
	all := lintRole("Demandbase", lintMinimum())
	p.write(file, lintRole("Demandbase", without(without(lintMinimum(), "prvReadLead"), "prvWriteUser")))
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	out := p.run("lint", "Roles", "--fix")
	if out.code != 0 {
		t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if diff := cmp.Diff(all, p.read(file)); diff != "" {
		t.Errorf("the fixed file (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions: %v %v", info.Mode(), err)
	}
	if files, err := os.ReadDir("Roles"); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v %v", files, err)
	}
	broken := strings.Replace(all, `name="prvReadLead" level="Global"`, `name="prvReadLead" level="Globl"`, 1)
	p.write(file, broken)
	p.run("lint", "Roles", "--fix").must(t, 1)
	if p.read(file) != broken {
		t.Error("a line without a level that counts was doubled")
	}
	shallow := strings.Replace(all, `name="prvReadLead" level="Global"`, `name="prvReadLead" level="Local"`, 1)
	p.write(file, shallow)
	p.run("lint", "Roles", "--fix").must(t, 1)
	if p.read(file) != shallow {
		t.Error("a level that is too shallow was changed")
	}
}

// TestLintRolesOfOneName checks that roles with the same name in one file are results that
// dashboards and code scanning can distinguish.
func TestLintRolesOfOneName(t *testing.T) {
	p := newProcess(t)
	role := func(id string) string { // without the XML declaration
		_, text, _ := strings.Cut(lintRole("Demandbase", lintMinimum()[:3]), "?>")
		return strings.Replace(text, "6f0c2a51", strings.Repeat(id, 8), 1)
	}
	p.write("customizations.xml", "<ImportExportXml><Roles>"+role("a")+role("b")+role("b")+"</Roles></ImportExportXml>")
	p.run("lint", ".", "-f", "junit", "-o", "r.xml", "-f", "sarif", "-o", "r.sarif", "-f", "csv", "-o", "r.csv")
	for file, pattern := range map[string]string{
		"r.xml":   `<testsuite name="([^"]*)"`,
		"r.sarif": `"automationDetails": \{\s*"id": "([^"]*)"`,
	} {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(p.read(file), -1) {
			seen[m[1]] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s: %d names of 3 roles: %v", file, len(seen), seen)
		}
	}
	if csv := p.read("r.csv"); !strings.HasPrefix(csv, "\ufeffenvironment,") {
		t.Errorf("no byte order mark for Excel: %.30q", csv)
	}
	if out := p.run("lint", ".", "-f", "csv"); !strings.HasPrefix(out.stdout, "environment,") {
		t.Errorf("standard output does not begin with the header: %.30q", out.stdout)
	}
}

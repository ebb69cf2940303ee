package sessions_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
)

const lintRoleHead = `<?xml version="1.0" encoding="utf-8"?>
<Role id="{6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a10}" name="%s">
  <IsCustomizable>1</IsCustomizable>
  <RolePrivileges>
`

// lintMinimum is what the profile asks for at the levels that it wants, in the
// order of a file.
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

// without leaves out the lines of a privilege.
func without(lines []string, name string) []string {
	var kept []string
	for _, line := range lines {
		if !strings.Contains(line, `"`+name+`"`) {
			kept = append(kept, line)
		}
	}
	return kept
}

func put(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o640); err != nil {
		t.Fatal(err)
	}
}

type lintOutput struct {
	code           int
	stdout, stderr string
}

// lintIn runs lint in the folder that is the working directory.
func lintIn(t *testing.T, stdin string, args ...string) lintOutput {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), append([]string{"lint"}, args...), cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }},
	})
	return lintOutput{code, stdout.String(), stderr.String()}
}

func (o lintOutput) results(t *testing.T) []audit.Result {
	t.Helper()
	results, err := report.ReadResults([]byte(o.stdout))
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, o.stdout, o.stderr)
	}
	return results
}

// failures are the findings as control, place and privilege.
func failures(r audit.Result) []string {
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

func TestLintACompliantRole(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "src/Roles/Demandbase Integration.xml", lintRole("Demandbase Integration", lintMinimum()))
	out := lintIn(t, "", "src", "-f", "json")
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

func TestLintPointsToTheLine(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := without(without(lintMinimum(), "prvReadLead"), "prvReadAccount")
	lines[0] = `    <RolePrivilege name="prvAppendActivity" level="Local" />`
	lines[1] = `    <RolePrivilege name="prvappendCampaign" level="Global" />`
	lines = append(lines,
		`    <RolePrivilege name="prvReadAcount" level="Global" />`,
		`    <RolePrivilege name="prvReadContact" level="Basic" />`,
		`    <RolePrivilege name="prvReadQueue" level="Everywhere" />`,
		`    <RolePrivilege name="prvSendAsUser" level="Global" />`)
	put(t, "Roles/Demandbase Integration.xml", "\ufeff"+strings.ReplaceAll(lintRole("Demandbase Integration", lines), "\n", "\r\n"))
	out := lintIn(t, "", ".", "-f", "json")
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
	if diff := cmp.Diff(want, failures(out.results(t)[0])); diff != "" || out.code != 1 {
		t.Errorf("exit code %d, findings (-want +got):\n%s", out.code, diff)
	}
	if github := lintIn(t, "", ".", "-f", "github"); !strings.Contains(github.stdout, "line=5,col=5,endColumn=61") {
		t.Errorf("no place in an annotation:\n%s", github.stdout)
	}
}

func TestLintChoosesTheRole(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/a.xml", lintRole("Demandbase Old", lintMinimum()[:3]))
	put(t, "Roles/b.xml", lintRole("Demandbase", lintMinimum()))
	put(t, "Roles/c.xml", lintRole("Sales", lintMinimum()[:2]))
	put(t, "managed/Roles/b.xml", lintRole("Demandbase", lintMinimum()))
	names := func(out lintOutput) string {
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
		out := lintIn(t, "", append([]string{".", "-f", "json"}, test.args...)...)
		if got := names(out); got != test.want || out.code != test.code {
			t.Errorf("%v: %s, exit code %d, want %s and %d", test.args, got, out.code, test.want, test.code)
		}
		if len(test.args) == 0 && !strings.Contains(out.stderr, `"Demandbase" was judged, not "Demandbase Old" (Roles/a.xml)`) {
			t.Errorf("the others are not named: %s", out.stderr)
		}
	}
	out := lintIn(t, "", ".", "--integration-role", "nobody", "-f", "json")
	if r := out.results(t)[0]; len(failures(r)) != 1 || !strings.Contains(strings.Join(r.Notes, "\n"), `found: "Demandbase", "Demandbase Old", "Sales"`) {
		t.Errorf("%v\n%v", failures(r), r.Notes)
	}
	if out := lintIn(t, "", ".", "--all-roles", "--integration-role", "x"); out.code != 2 {
		t.Errorf("exit code %d", out.code)
	}
}

func TestLintConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := without(lintMinimum(), "prvReadLead")
	put(t, "Roles/c.xml", lintRole("Sync", append(lines, `    <RolePrivilege name="prvReadLead" level="Local" />`)))
	put(t, "dbaudit.yaml", "environments:\n  test: {url: https://a.crm.dynamics.com, integration: {role: Other}}\n"+
		"  live: {url: https://b.crm.dynamics.com, integration: {role: Sync}}\ndepth: {prvReadLead: local}\n")
	if out := lintIn(t, "", "Roles", "--env", "live"); out.code != 0 {
		t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	if out := lintIn(t, "", "Roles", "--env", "moon"); out.code != 2 || !strings.Contains(out.stderr, "live, test") {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
}

func TestLintBadFilesHideNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/bad.xml", "<!DOCTYPE a>\n<Role name=\"x\"/>")
	out := lintIn(t, "", ".")
	if out.code != 3 || !strings.Contains(out.stderr, "Roles/bad.xml:1:1: a document type declaration") {
		t.Errorf("only a bad file: exit code %d, %s", out.code, out.stderr)
	}
	put(t, "Roles/good.xml", lintRole("Demandbase", lintMinimum()))
	if out = lintIn(t, "", "."); out.code != 3 || !strings.Contains(out.stdout, "COMPLIANT") || !strings.Contains(out.stderr, "Roles/bad.xml:1:1") {
		t.Errorf("a bad and a compliant file: exit code %d, %s%s", out.code, out.stdout, out.stderr)
	}
	put(t, "Roles/good.xml", lintRole("Demandbase", lintMinimum()[1:]))
	if out = lintIn(t, "", "."); out.code != 1 || !strings.Contains(out.stderr, "Roles/bad.xml:1:1") {
		t.Errorf("a bad file and findings: exit code %d, %s", out.code, out.stderr)
	}
	for _, args := range [][]string{{"missing"}, {"*.nothing"}} {
		if out := lintIn(t, "", args...); out.code != 3 {
			t.Errorf("%v: exit code %d", args, out.code)
		}
	}
	if err := os.Mkdir("empty", 0o755); err != nil {
		t.Fatal(err)
	}
	if out := lintIn(t, "", "empty"); out.code != 3 || !strings.Contains(out.stderr, "no security role in empty") {
		t.Errorf("exit code %d, %s", out.code, out.stderr)
	}
}

func TestLintArchiveAndStandardInput(t *testing.T) {
	t.Chdir(t.TempDir())
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
	put(t, "out/solution.zip", b.String())
	want := "DB-PRIV-ACTIVITY %s!/customizations.xml:4:3-19 prvAppendActivity"
	out := lintIn(t, "", "out", "-f", "json")
	if diff := cmp.Diff([]string{fmt.Sprintf(want, "out/solution.zip")}, failures(out.results(t)[0])); diff != "" {
		t.Error(diff)
	}
	out = lintIn(t, b.String(), "-", "-f", "json")
	if diff := cmp.Diff([]string{fmt.Sprintf(want, "stdin")}, failures(out.results(t)[0])); diff != "" {
		t.Error(diff)
	}
	if out := lintIn(t, b.String(), "-", "--fix"); out.code != 2 {
		t.Errorf("exit code %d", out.code)
	}
	if out = lintIn(t, "", "out", "--fix"); !strings.Contains(out.stderr, "a file in an archive cannot be fixed") {
		t.Errorf("got %s", out.stderr)
	}
}

func TestLintFix(t *testing.T) {
	t.Chdir(t.TempDir())
	file := "Roles/Demandbase.xml"
	all := lintRole("Demandbase", lintMinimum())
	put(t, file, lintRole("Demandbase", without(without(lintMinimum(), "prvReadLead"), "prvWriteUser")))
	out := lintIn(t, "", "Roles", "--fix")
	if out.code != 0 {
		t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, string(data)); diff != "" {
		t.Errorf("the fixed file (-want +got):\n%s", diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("permissions: %v %v", info.Mode(), err)
	}
	if files, err := os.ReadDir("Roles"); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v %v", files, err)
	}
	broken := strings.Replace(all, `name="prvReadLead" level="Global"`, `name="prvReadLead" level="Globl"`, 1)
	put(t, file, broken)
	if out := lintIn(t, "", "Roles", "--fix"); out.code != 1 {
		t.Errorf("exit code %d", out.code)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != broken {
		t.Errorf("a line without a level that counts was doubled: %v", err)
	}
	shallow := strings.Replace(all, `name="prvReadLead" level="Global"`, `name="prvReadLead" level="Local"`, 1)
	put(t, file, shallow)
	if out := lintIn(t, "", "Roles", "--fix"); out.code != 1 {
		t.Errorf("exit code %d", out.code)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != shallow {
		t.Errorf("a level that is too shallow was changed: %v", err)
	}
}

// A check of the snapshot that a role was judged by gives the same controls.
func TestLintAndCheckAgree(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/Demandbase.xml", lintRole("Demandbase", append(lintMinimum()[2:], `    <RolePrivilege name="prvReadAcount" level="Global" />`)))
	lint := lintIn(t, "", "Roles", "-f", "json", "--snapshot", "snapshot.json")
	var stdout, stderr bytes.Buffer
	code := cli.Main(t.Context(), []string{"check", "snapshot.json", "-f", "json"}, cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
		Host:    run.Host{Getenv: func(string) string { return "" }, Now: func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }},
	})
	if code != lint.code {
		t.Errorf("exit codes %d and %d\n%s", lint.code, code, stderr.String())
	}
	outcomes := func(text string) map[string]string {
		var r audit.Result
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, c := range r.Controls {
			all[string(c.ID)] = c.Outcome.String()
			for _, f := range c.Findings {
				all[string(c.ID)] += " " + f.Message
			}
		}
		return all
	}
	if diff := cmp.Diff(outcomes(lint.stdout), outcomes(stdout.String())); diff != "" {
		t.Errorf("lint and check (-lint +check):\n%s", diff)
	}
}

func TestLintWatch(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "Roles/Demandbase.xml", lintRole("Demandbase", lintMinimum()))
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr bytes.Buffer
	env := cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
		Host: run.Host{Getenv: func(string) string { return "" }, Now: func() time.Time {
			cancel() // the clock is asked once the work began
			return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
		}},
	}
	if code := cli.Main(ctx, []string{"lint", "Roles", "--watch"}, env); code != 130 {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
	if out := lintIn(t, "", "-", "--watch"); out.code != 2 {
		t.Errorf("exit code %d", out.code)
	}
}

// TestLintRolesOfOneName has two roles of one name in one file: each is a result that
// dashboards and code scanning can tell from the other.
func TestLintRolesOfOneName(t *testing.T) {
	t.Chdir(t.TempDir())
	role := func(id string) string { // without the XML declaration
		_, text, _ := strings.Cut(lintRole("Demandbase", lintMinimum()[:3]), "?>")
		return strings.Replace(text, "6f0c2a51", strings.Repeat(id, 8), 1)
	}
	put(t, "customizations.xml", "<ImportExportXml><Roles>"+role("a")+role("b")+role("b")+"</Roles></ImportExportXml>")
	lintIn(t, "", ".", "-f", "junit", "-o", "r.xml", "-f", "sarif", "-o", "r.sarif", "-f", "csv", "-o", "r.csv")
	for file, pattern := range map[string]string{
		"r.xml":   `<testsuite name="([^"]*)"`,
		"r.sarif": `"automationDetails": \{\s*"id": "([^"]*)"`,
	} {
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(contents(t, file), -1) {
			seen[m[1]] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s: %d names of 3 roles: %v", file, len(seen), seen)
		}
	}
	if csv := contents(t, "r.csv"); !strings.HasPrefix(csv, "\ufeffenvironment,") {
		t.Errorf("no byte order mark for Excel: %.30q", csv)
	}
	if out := lintIn(t, "", ".", "-f", "csv"); !strings.HasPrefix(out.stdout, "environment,") {
		t.Errorf("standard output does not begin with the header: %.30q", out.stdout)
	}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

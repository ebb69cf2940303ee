package report

import (
	"encoding/csv"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestFilesHaveNoTime checks that a file has no time in any format but JSON, whose schema requires
// one.
func TestFilesHaveNoTime(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		out := mustRender(t, f, archive(), Options{Rules: rules(), Verbose: true})
		if f != JSON && (strings.Contains(out, "0001-01-01") || strings.Contains(out, "taken unknown")) {
			t.Errorf("%s shows the zero time", f)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(mustRender(t, CSV, archive(), Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(rows[0], "snapshot_taken_at")
	for _, row := range rows[1:] {
		if row[column] != "" {
			t.Error(row[column])
		}
	}
}

// TestAdviceWithoutFix checks that a finding without a fix has the remediation of its rule, or a
// link to its page.
func TestAdviceWithoutFix(t *testing.T) {
	t.Parallel()
	o := Options{Rules: rules()}
	remediation := strings.TrimSuffix(o.Rules["role/complete"].Remediation, ".")
	if remediation == "" {
		t.Fatal("the rule of the sample has no remediation")
	}
	for _, f := range []Format{Table, SARIF, JUnit, HTML, Markdown, CSV, GitHub} {
		if out := mustRender(t, f, archive(), o); strings.Count(out, remediation) < 2 {
			t.Errorf("%s lacks the remediation of both findings", f)
		}
		if out := mustRender(t, f, archive(), Options{}); !strings.Contains(out, "#db-role-complete") {
			t.Errorf("%s does not link to the page of the control without the rules", f)
		}
	}
}

// TestSARIFOfArchives checks that a message names the location within an archive. Except for
// GitHub, the document also describes it as a file within a file.
func TestSARIFOfArchives(t *testing.T) {
	t.Parallel()
	first := func(i int) *int { return &i }
	for _, p := range SARIFProfiles() {
		run := checkSARIF(t, mustRender(t, SARIF, archive(), Options{Rules: rules(), SARIFProfile: p, AzureDevOps: pipeline()})).Runs[0]
		for i, place := range []string{"customizations.xml, line 77", "parts/more roles.xml, line 78", "parts/more roles.xml, line 79"} {
			r := run.Results[i]
			if r.Locations[0].Physical.File.URI != "out/sales.zip" || !strings.Contains(r.Message.Text, "["+place+"]") {
				t.Errorf("%s: %+v", p, r)
			}
		}
		if p == SARIFGitHub {
			if run.Artifacts != nil || run.Results[0].RelatedLocations != nil {
				t.Errorf("%s: %+v", p, run.Artifacts)
			}
			continue
		}
		want := []sarifFile{
			{sarifArtifact{URI: "out/sales.zip"}, nil, []string{"analysisTarget"}},
			{sarifArtifact{URI: "customizations.xml"}, first(0), []string{"resultFile"}},
			{sarifArtifact{URI: "parts/more%20roles.xml"}, first(0), []string{"resultFile"}},
		}
		if !reflect.DeepEqual(run.Artifacts, want) {
			t.Errorf("%s: %+v", p, run.Artifacts)
		}
		related := run.Results[2].RelatedLocations[0].Physical
		if *related.File.Index != 2 || related.Region.StartLine != 79 {
			t.Errorf("%s: %+v", p, related)
		}
	}
}

// TestSARIFSortsLongRuns checks that a run of more results than GitHub keeps has the worst first.
func TestSARIFSortsLongRuns(t *testing.T) {
	t.Parallel()
	r := large(maxSARIFResults)
	for i := range r.Controls {
		r.Controls[i].Severity = []audit.Severity{audit.SeverityLow, audit.SeverityCritical, audit.SeverityMedium}[i%3]
		if f := r.Controls[i].Findings; len(f) > 0 {
			f[0].Waiver = &audit.Waiver{Kind: "accepted-risk", Owner: "jane@contoso.com", Expires: "2099-01-01"}
		}
	}
	fail(&r, "DB-VIEW-SHARED", audit.Finding{Message: "one more", Subject: role()})
	run := checkSARIF(t, mustRender(t, SARIF, judge(r), Options{})).Runs[0]
	if len(run.Results) != maxSARIFResults+1 {
		t.Fatalf("%d results", len(run.Results))
	}
	order := func(s sarifResult) int {
		if s.Suppressions != nil {
			return 3
		}
		return slices.Index([]string{"error", "warning", "note"}, s.Level)
	}
	if !slices.IsSortedFunc(run.Results, func(a, b sarifResult) int { return order(a) - order(b) }) {
		t.Error("the worst are not first")
	}
}

// TestPageOfFiles checks that the page of files does not mention what files do not have: times,
// users, views and plans.
func TestPageOfFiles(t *testing.T) {
	t.Parallel()
	page := mustRenderAll(t, HTML, []audit.Result{archive(), archive()}, Options{Rules: rules()})
	for _, want := range []string{"<h1 id=\"index\">2 roles</h1>", "<th scope=\"col\">File</th>", "<dt>Found in</dt><dd><code>out/sales.zip!/customizations.xml, line 77</code>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{"<th scope=\"col\">Snapshot</th>", "From role to views", "dbaudit plan", "dbaudit lint --fix", "Required in"} {
		if strings.Contains(page, not) {
			t.Errorf("the page says %s", not)
		}
	}
}

// TestMatrixColumns checks that the matrix has a column for each required right, and no others.
func TestMatrixColumns(t *testing.T) {
	t.Parallel()
	m := newMatrix(mixed(), func(id audit.ControlID) string { return string(id) })
	if want := []string{"Create", "Read", "Write", "Delete", "Append", "Append To"}; !slices.Equal(m.Columns, want) {
		t.Error(m.Columns)
	}
	for _, tab := range m.Tabs {
		for _, row := range tab.Rows {
			if row.Cells[0].Span > 0 {
				if row.Record != "Bulk edit - Enable" || row.Cells[0].Span != m.Width()-1 {
					t.Errorf("%+v does not span all columns", row)
				}
				continue
			}
			if len(row.Cells) != m.Width()-1 {
				t.Errorf("%s: %d cells", row.Record, len(row.Cells))
			}
		}
	}
}

// TestSARIFOfFilesForGitHub checks that all files are one run, because GitHub accepts 20 runs, and
// that each result keeps its rule.
func TestSARIFOfFilesForGitHub(t *testing.T) {
	t.Parallel()
	var rs []audit.Result
	for i := range 30 {
		r := archive()
		r.Environment.Name = strings.Repeat("x", i) + r.Environment.Name
		if i == 7 { // its first control is missing in the other results
			r.Controls = append([]audit.Control{{
				ID: "LINT-NAME", Rule: "lint/name", Title: "No privilege's name is misspelled", Severity: audit.SeverityHigh,
				Outcome: audit.OutcomeUnknown, Reason: "it was not read", Findings: []audit.Finding{},
			}}, r.Controls...)
			r = judge(r)
		}
		rs = append(rs, r)
	}
	rs = append(rs, mixed())
	log := checkSARIF(t, mustRenderAll(t, SARIF, rs, Options{SARIFProfile: SARIFGitHub}))
	if len(log.Runs) != 2 {
		t.Fatalf("%d runs", len(log.Runs))
	}
	files := log.Runs[0]
	if files.AutomationDetails.ID != "dbaudit/lint/demandbase/" || len(files.Results) != 30*3+1 || files.Invocations[0].ExecutionSuccessful || files.Properties != nil {
		t.Errorf("%s, %d results, %+v", files.AutomationDetails.ID, len(files.Results), files.Invocations)
	}
	if n := files.Invocations[0].Notifications; len(n) != 1 || files.Tool.Driver.Rules[n[0].AssociatedRule.Index].ID != "LINT-NAME" {
		t.Errorf("%+v", n)
	}
	if log.Runs[1].AutomationDetails.ID != "dbaudit/contoso/" || log.Runs[1].Properties == nil {
		t.Errorf("%+v", log.Runs[1].AutomationDetails)
	}
}

// TestSARIFOfManyEnvironmentsForGitHub checks that a document has no more runs than GitHub accepts,
// that it has each finding and category once, and that each result names its environment.
func TestSARIFOfManyEnvironmentsForGitHub(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ environments, profiles, runs int }{{20, 1, 20}, {21, 1, 1}, {60, 3, 3}, {63, 21, 1}} {
		var rs []audit.Result
		findings := 0
		for i := range c.environments {
			r := mixed()
			r.Environment.Name = fmt.Sprintf("env-%02d", i)
			r.Environment.OrganizationID = fmt.Sprintf("org-%02d", i)
			r.Profile.Name = fmt.Sprintf("profile-%02d", i%c.profiles)
			findings += r.Summary.Findings
			rs = append(rs, r)
		}
		log := checkSARIF(t, mustRenderAll(t, SARIF, rs, Options{SARIFProfile: SARIFGitHub}))
		ids, got := map[string]bool{}, 0
		for _, run := range log.Runs {
			ids[run.AutomationDetails.ID] = true
			for _, r := range run.Results {
				if r.Kind == "fail" {
					got++
				}
				if c.runs < c.environments && !strings.HasPrefix(r.Message.Text, "env-") {
					t.Errorf("%q does not name its environment", r.Message.Text)
				}
			}
		}
		if len(log.Runs) != c.runs || len(ids) != c.runs || got != findings {
			t.Errorf("%d environments, %d profiles: %d runs, %d categories, %d of %d findings", c.environments, c.profiles, len(log.Runs), len(ids), got, findings)
		}
	}
}

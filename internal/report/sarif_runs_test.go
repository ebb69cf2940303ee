package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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
		t.Error("the worst results are not first")
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

// TestSARIFOfAFleet checks that hundreds of environments are one run that GitHub accepts, with the
// most severe results. The run and the user get a message about the rest.
func TestSARIFOfAFleet(t *testing.T) {
	t.Parallel()
	for _, outcome := range []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown} {
		var b bytes.Buffer
		var messages []string
		o := Options{SARIFProfile: SARIFGitHub, Rules: rules(), Warn: func(message string) { messages = append(messages, message) }}
		if err := Render(&b, SARIF, worst(200, outcome), o); err != nil {
			t.Fatal(err)
		}
		var doc sarifLog
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Runs) != 1 || len(doc.Runs[0].Results) != maxSARIFResults {
			t.Fatalf("%d runs, %d results", len(doc.Runs), len(doc.Runs[0].Results))
		}
		run := doc.Runs[0]
		for _, r := range run.Results {
			rule := run.Tool.Driver.Rules[r.RuleIndex]
			if rule.ID != r.RuleID || rule.Properties.Severity != "critical" && rule.Properties.Severity != "high" {
				t.Fatalf("%s (%s) is kept, but more severe ones are not", r.RuleID, rule.Properties.Severity)
			}
		}
		const omitted = "2200 results left out, the least severe ones (1000 high, 800 medium, 400 low), because GitHub keeps 5000 of a run; -f json has all"
		notes := run.Invocations[0].Notifications
		if text := notes[len(notes)-1].Message.Text; text != omitted+"." {
			t.Errorf("the run says %q", text)
		}
		if len(messages) != 1 || messages[0] != "the run dbaudit/environments/demandbase/: "+omitted {
			t.Errorf("the messages are %q", messages)
		}
		if len(notes) > 37 || outcome == audit.OutcomeUnknown && !strings.Contains(notes[0].Message.Text, "In 200 environments: client-0000-production, ") {
			t.Errorf("%d notifications, the first %q", len(notes), notes[0].Message.Text)
		}
		if b.Len() > 10<<20 {
			t.Errorf("%d bytes", b.Len())
		}
	}
	var messages []string
	if err := Render(&bytes.Buffer{}, SARIF, worst(21, audit.OutcomeFail), Options{Warn: func(message string) { messages = append(messages, message) }}); err != nil || len(messages) != 1 || !strings.Contains(messages[0], "--sarif-profile github") {
		t.Errorf("more runs than GitHub accepts: %v, %q", err, messages)
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

// TestSARIFHelpIsShared checks that the runs of many environments share the help of a rule, which takes
// most of the time and the memory of a run.
func TestSARIFHelpIsShared(t *testing.T) {
	t.Parallel()
	o := Options{Rules: rules()}
	runs := newSARIFRuns(renderer{}.prepare([]audit.Result{mixed(), mixed()}, o), o)
	for i, rule := range runs[0].Tool.Driver.Rules {
		if other := runs[1].Tool.Driver.Rules[i]; unsafe.StringData(rule.Help.Markdown) != unsafe.StringData(other.Help.Markdown) {
			t.Errorf("the help of %s is made for each run", rule.ID)
		}
	}
}

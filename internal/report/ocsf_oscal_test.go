package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

func checkSchema(t *testing.T, s *jsonschema.Schema, document string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%v in:\n%.2000s", err, document)
	}
}

func compileSchema(t *testing.T, folder, name string) *jsonschema.Schema {
	t.Helper()
	s, err := schematest.Compile(os.DirFS(folder), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func auditorSamples() []audit.Result {
	undated := unreadFile()
	undated.Environment.OrganizationID = ""
	return []audit.Result{mixed(), compliant(), incomplete(), waived(), unreadFile(), undated, archive(), hostile(), mixed()}
}

// TestOCSF checks that events match the schema of their class, that each control has an event, and
// that no two outcomes have the same status.
func TestOCSF(t *testing.T) {
	t.Parallel()
	golden(t, "mixed.ocsf.ndjson", mustRender(t, OCSF, mixed(), Options{Rules: rules()}))
	golden(t, "unread.ocsf.ndjson", mustRender(t, OCSF, unreadFile(), Options{}))
	class := compileSchema(t, "testdata/schema", "ocsf-compliance-finding.json")
	rs, next := auditorSamples(), 0
	seen := map[string]bool{}
	outcomes := map[string]audit.Outcome{} // by status
	var wanted []*audit.Control
	for _, r := range rs {
		if r.Unread != nil {
			wanted = append(wanted, nil)
		}
		for i := range r.Controls {
			wanted = append(wanted, &r.Controls[i])
		}
	}
	for line := range strings.Lines(mustRenderAll(t, OCSF, rs, Options{Rules: rules()})) {
		checkSchema(t, class, line)
		var e ocsfEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if seen[e.FindingInfo.UID] {
			t.Errorf("the uid of %s appears twice", e.Message)
		}
		seen[e.FindingInfo.UID] = true
		c := wanted[next]
		next++
		if c == nil {
			if e.Compliance.StatusID != 0 || e.Compliance.StatusCode != "unread" {
				t.Errorf("the event of an unread file has %+v", e.Compliance)
			}
			continue
		}
		if e.Compliance.Control != text.Line(string(c.ID)) || len(e.Evidences) != len(c.Findings) {
			t.Errorf("got %s with %d findings, want %s", e.Compliance.Control, len(e.Evidences), c.ID)
		}
		status := e.Compliance.Status
		if other, ok := outcomes[status]; ok && other != c.Outcome {
			t.Errorf("%s is the status of %s and of %s", status, other, c.Outcome)
		}
		outcomes[status] = c.Outcome
		if e.Compliance.StatusID == 1 && c.Outcome != audit.OutcomePass {
			t.Errorf("the status of %s is Pass, the outcome is %s", c.ID, c.Outcome)
		}
	}
	if next != len(wanted) || len(outcomes) != len(audit.Outcomes()) {
		t.Errorf("%d events of %d, with %d outcomes", next, len(wanted), len(outcomes))
	}
}

// TestOCSFOfStories checks that the events of the stories match the schema of their class.
func TestOCSFOfStories(t *testing.T) {
	t.Parallel()
	class := compileSchema(t, "testdata/schema", "ocsf-compliance-finding.json")
	stories, err := filepath.Glob("../../testdata/cases/*/findings.ndjson")
	if err != nil || len(stories) < 4 {
		t.Fatalf("%d stories: %v", len(stories), err)
	}
	for _, story := range stories {
		data, err := os.ReadFile(story)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			checkSchema(t, class, line)
		}
	}
}

// TestOCSFIDsAreStable checks that the uid of a control stays the same if the environment is
// renamed, moved or repaired.
func TestOCSFIDsAreStable(t *testing.T) {
	t.Parallel()
	later := compliant()
	later.Environment.Name, later.Environment.URL = "renamed", "https://renamed.crm4.dynamics.com"
	uids := func(r audit.Result) (list []string) {
		for line := range strings.Lines(mustRender(t, OCSF, r, Options{})) {
			var e ocsfEvent
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			list = append(list, e.FindingInfo.UID)
		}
		return list
	}
	if got, want := strings.Join(uids(later), " "), strings.Join(uids(mixed()), " "); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestOSCAL checks that the document matches the schema, that references have targets, that ids are
// unique, and that only a control that passed is satisfied.
func TestOSCAL(t *testing.T) {
	t.Parallel()
	golden(t, "mixed.oscal.json", mustRender(t, OSCAL, mixed(), Options{Rules: rules()}))
	golden(t, "unread.oscal.json", mustRender(t, OSCAL, unreadFile(), Options{}))
	form := compileSchema(t, "../oscal/testdata", "oscal.json")
	rs := auditorSamples()
	out := mustRenderAll(t, OSCAL, rs, Options{Rules: rules()})
	checkSchema(t, form, out)
	if again := mustRenderAll(t, OSCAL, rs, Options{Rules: rules()}); again != out {
		t.Error("the second rendering differs from the first")
	}
	var doc map[string]oscalAssessment
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	assessment := doc["assessment-results"]
	defined, used := map[string]bool{}, []string{strings.TrimPrefix(assessment.ImportAP.Href, "#")}
	define := func(id string) {
		if defined[id] {
			t.Errorf("the id %s appears twice", id)
		}
		defined[id] = true
	}
	for _, r := range assessment.BackMatter.Resources {
		define(r.UUID)
	}
	for i, r := range assessment.Results {
		define(r.UUID)
		for _, c := range append(r.Local.Components, r.Local.Assets.Components...) {
			define(c.UUID)
		}
		for _, item := range r.Local.Inventory {
			define(item.UUID)
		}
		for _, o := range r.Observations {
			define(o.UUID)
			for _, s := range o.Subjects {
				used = append(used, s.UUID)
			}
			used = append(used, o.Origins[0].Actors[0].UUID)
		}
		if len(r.Findings) != len(rs[i].Controls) || rs[i].Unread != nil && len(r.Observations) != 1 {
			t.Errorf("%s: %d findings and %d observations", r.Title, len(r.Findings), len(r.Observations))
			continue
		}
		for j, f := range r.Findings {
			define(f.UUID)
			for _, o := range f.Related {
				used = append(used, o.UUID)
			}
			passed := rs[i].Controls[j].Outcome == audit.OutcomePass
			if satisfied := f.Target.Status.State == oscalSatisfied; satisfied != passed {
				t.Errorf("%s is %s and %s", f.Title, rs[i].Controls[j].Outcome, f.Target.Status.State)
			}
			if want := max(1, len(rs[i].Controls[j].Findings)); len(f.Related) != want {
				t.Errorf("%s: %d observations, want %d", f.Title, len(f.Related), want)
			}
		}
	}
	for _, id := range used {
		if !defined[id] {
			t.Errorf("%s is referred to but does not exist", id)
		}
	}
}

// TestFormatsPage checks that docs/formats.md lists every format in order, and is right about the
// outcomes that a format hides.
func TestFormatsPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := func(heading string) (rows [][]string) {
		_, section, _ := strings.Cut(string(page), "\n## "+heading+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		for line := range strings.Lines(section) {
			if cells := strings.Split(strings.TrimSpace(line), " | "); strings.HasPrefix(line, "| ") && cells[0] != "| format" {
				rows = append(rows, append([]string{strings.TrimPrefix(cells[0], "| ")}, cells[1:]...))
			}
		}
		return rows
	}
	purposes, outcomes := rows("What each is for"), rows("How each format shows an outcome")
	if len(purposes) != len(Formats()) || len(outcomes) != len(Formats()) {
		t.Fatalf("%d and %d rows for %d formats", len(purposes), len(outcomes), len(Formats()))
	}
	for i, f := range Formats() {
		if purposes[i][0] != string(f) || outcomes[i][0] != string(f) || len(outcomes[i]) != 7 {
			t.Errorf("got %q and %q, want %s", purposes[i], outcomes[i], f)
			continue
		}
		out := mustRender(t, f, mixed(), Options{})
		for column, id := range []string{"DB-PRIV-ACCOUNT", "DB-PRIV-LEAD", "DB-VIEW-ACTIVE", "DB-USER-BUSINESS-UNIT", "DB-PRIV-USER"} {
			needle := id
			if f == SARIF { // its list of rules has every control
				needle = `"ruleId": "` + id + `"`
			}
			cell := outcomes[i][1+column]
			hidden := strings.HasPrefix(cell, "–") || strings.HasPrefix(cell, "count")
			// The longer ids begin like the shorter ones.
			if shown := strings.Contains(strings.ReplaceAll(out, id+"-", ""), needle); shown == hidden {
				t.Errorf("%s: the page says %q of %s, which is shown: %v", f, cell, id, shown)
			}
		}
	}
}

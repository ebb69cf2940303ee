package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func TestReadResultsRefuses(t *testing.T) {
	t.Parallel()
	good := mustRender(t, JSON, mixed(), Options{})
	swap := func(old, replacement string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("the sample has no %s", old)
		}
		return strings.Replace(good, old, replacement, 1)
	}
	for _, c := range []struct{ name, doc, want string }{
		{"empty", "", "is empty"},
		{"blank", " \n\t", "is empty"},
		{"truncated", good[:len(good)/2], "truncated"},
		{"truncated in a string", good[:strings.Index(good, "noncomp")+3], "truncated"},
		{"without its last brace", strings.TrimRight(good, "}\n"), "truncated"},
		{"no JSON", "environment: contoso\n", "line 1, column 1: this is not JSON"},
		{"a stray comma", swap(`"verdict"`, `,"verdict"`), "this is not JSON"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "PowerShell"},
		{"two documents", good + good, "more follows"},
		{"an array", "[]", "the document cannot be a JSON array"},
		{"a number", "7", "the document cannot be a JSON number"},
		{"null", "null", `has no "format"`},
		{"foreign", `{"kind": "List"}`, `has no "format"`},
		{"a format that is not a string", `{"format": 1}`, "not a string"},
		{"another's format", `{"format": "trivy/v2"}`, `"trivy/v2" is not that of a result of dbaudit`},
		{"SARIF", mustRender(t, SARIF, mixed(), Options{}), "SARIF"},
		{"a snapshot", `{"format": "dbaudit.snapshot/v1"}`, "dbaudit check"},
		{"a plan", `{"format": "dbaudit.plan/v1"}`, "dbaudit apply"},
		{"a journal", `{"format": "dbaudit.journal/v1"}`, "dbaudit rollback"},
		{"a later format", swap("result/v1", "result/v2"), "newer"},
		{"a later format of several", `{"format": "dbaudit.results/v2", "results": []}`, "newer"},
		{"an unknown key", swap(`"verdict"`, `"verdikt"`), `unknown key "verdikt"`},
		{"a key in capitals", swap(`"verdict"`, `"Verdict"`), `unknown key "Verdict"`},
		{"a repeated key", swap(`"verdict"`, `"verdict": "compliant", "verdict"`), `an object has "verdict" twice, at line`},
		{"a repeated key of the evidence", swap(`"privilege"`, `"privilege": "prvReadAccount", "privilege"`), `an object has "privilege" twice, at line`},
		{"an unknown outcome", swap(`"outcome": "pass"`, `"outcome": "passed"`), `unknown outcome "passed"`},
		{"an unknown severity", swap(`"severity": "high"`, `"severity": "severe"`), `unknown severity "severe"`},
		{"no severity", swap(`"severity": "high",`, ``), "no severity"},
		{"an unknown kind of fix", swap(`"raise-depth"`, `"format-disk"`), "unknown kind of fix"},
		{"a fix without a kind", swap(`"kind": "raise-depth",`, ``), "without a kind"},
		{"an unknown kind of subject", swap(`"kind": "role"`, `"kind": "robot"`), "unknown kind of subject"},
		{"an unknown baseline state", swap(`"baseline_state": "new"`, `"baseline_state": "novel"`), "baseline state"},
		{"a control twice", swap(`"id": "DB-PRIV-ACTIVITY"`, `"id": "DB-PRIV-ACCOUNT"`), "appears twice"},
		{"a control without an id", swap(`"id": "DB-PRIV-ACTIVITY"`, `"id": ""`), "no id"},
		{"a wrong type", swap(`"fail": 7`, `"fail": "7"`), "summary.fail cannot be a JSON string"},
		{"a prettier outcome", swap(`"outcome": "fail"`, `"outcome": "pass"`), "does not agree with its controls"},
		{"a prettier summary", swap(`"fail": 7`, `"fail": 0`), "does not agree with its controls"},
		{"a prettier verdict", swap(`"noncompliant"`, `"compliant"`), "its controls say noncompliant"},
		{"several with a foreign one", `{"format": "dbaudit.results/v1", "results": [{"format": "dbaudit.result/v9"}]}`, "result 1: its format"},
	} {
		rs, err := ReadResults([]byte(c.doc))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "reading the result: ") {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.want)
		}
		if rs != nil {
			t.Errorf("%s: got results and an error", c.name)
		}
	}
}

func TestReadResultsOfSeveral(t *testing.T) {
	t.Parallel()
	saved := mustRenderAll(t, JSON, []audit.Result{mixed(), compliant()}, Options{})
	rs, err := ReadResults([]byte("\ufeff" + saved))
	if err != nil || len(rs) != 2 {
		t.Fatalf("%d results, %v", len(rs), err)
	}
	for _, f := range Formats() {
		o := Options{Width: 80, Rules: rules()}
		if mustRenderAll(t, f, []audit.Result{mixed(), compliant()}, o) != mustRenderAll(t, f, rs, o) {
			t.Errorf("%s differs after the results were saved and read", f)
		}
	}
}

func FuzzReadResults(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || files == nil {
		f.Fatal("no saved results", err)
	}
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(doc)
	}
	f.Add([]byte(`{"format":"dbaudit.results/v1","results":[]}`))
	f.Add([]byte(`{"format":"dbaudit.result/v1","verdict":"incomplete","summary":{},"controls":[{"id":"X","severity":"low","outcome":"pass","findings":[{"evidence":{"a":{"B":[1e400]}}}]}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rs, err := ReadResults(doc)
		if err != nil {
			if s := err.Error(); strings.ContainsFunc(s, text.IsInvisible) || len(s) > 2000 {
				t.Errorf("the error is not safe to print: %q", s)
			}
			return
		}
		// What is accepted can be saved again, and says the same then.
		again, err := ReadResults([]byte(mustRenderAll(t, JSON, rs, Options{})))
		if err != nil {
			t.Fatalf("the result was saved and then refused: %v", err)
		}
		for _, format := range Formats() {
			if mustRenderAll(t, format, rs, Options{Width: 80}) != mustRenderAll(t, format, again, Options{Width: 80}) {
				t.Errorf("%s differs after saving", format)
			}
		}
	})
}

// TestReadResultsFillsLists checks that missing lists are read as empty lists.
func TestReadResultsFillsLists(t *testing.T) {
	t.Parallel()
	rs, err := ReadResults([]byte(`{"format":"dbaudit.result/v1","verdict":"incomplete","summary":{}}`))
	if err != nil || rs[0].Controls == nil {
		t.Errorf("%+v, %v", rs, err)
	}
}

// TestReadResultsOfOlderVersions checks that the reasons why a control was judged in part are read
// from the notes of older results.
func TestReadResultsOfOlderVersions(t *testing.T) {
	t.Parallel()
	r := mixed()
	i := slices.IndexFunc(r.Controls, func(c audit.Control) bool { return c.Outcome == audit.OutcomeFail })
	r.Controls[i].Notes = []string{"a remark", "not all could be judged: shares may not be read"}
	r.Controls[i].Unjudged = nil
	read, err := ReadResults([]byte(mustRender(t, JSON, r, Options{})))
	if err != nil {
		t.Fatal(err)
	}
	c := read[0].Controls[i]
	if !slices.Equal(c.Unjudged, []string{"shares may not be read"}) || !slices.Equal(c.Notes, []string{"a remark"}) {
		t.Errorf("read %q with the notes %q", c.Unjudged, c.Notes)
	}
}

// TestReadResultsKeepsTheIntegration checks that the integration is read as it was written, and
// that older results without one are accepted.
func TestReadResultsKeepsTheIntegration(t *testing.T) {
	t.Parallel()
	r := mixed()
	r.Integration = nil
	if doc := mustRender(t, JSON, r, Options{}); strings.Contains(doc, `"integration"`) {
		t.Error("the document has an integration, although the result has none")
	} else if _, err := ReadResults([]byte(doc)); err != nil {
		t.Error(err)
	}
	r.Integration = &audit.Integration{
		Role:    &audit.Subject{Kind: audit.SubjectRole, ID: "1", Name: "Sync"},
		Granted: map[string]audit.Depth{"prvReadAccount": audit.DepthLocal}, Required: map[string]audit.Depth{"prvReadAccount": audit.DepthGlobal},
		Surplus: []string{"prvBulkDelete"},
	}
	doc := mustRender(t, JSON, r, Options{})
	back, err := ReadResults([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if again := mustRender(t, JSON, back[0], Options{}); again != doc {
		t.Errorf("read and written again:\n%s", again)
	}
}

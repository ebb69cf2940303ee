package report

import (
	"encoding/csv"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestJUnitOutcomes(t *testing.T) {
	t.Parallel()
	var doc struct {
		Suites []struct {
			Tests     int    `xml:"tests,attr"`
			Failures  int    `xml:"failures,attr"`
			Errors    int    `xml:"errors,attr"`
			Skipped   int    `xml:"skipped,attr"`
			Timestamp string `xml:"timestamp,attr"`
			Cases     []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct {
					Message string `xml:"message,attr"`
				} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	out := mustRenderAll(t, JUnit, []audit.Result{mixed(), compliant()}, Options{})
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Suites) != 2 {
		t.Fatalf("%d suites", len(doc.Suites))
	}
	s := doc.Suites[0]
	if s.Tests != 36 || s.Failures != 7 || s.Errors != 1 || s.Skipped != 2 || s.Timestamp != "2026-11-20T10:00:00" || len(s.Cases) != 36 {
		t.Errorf("%+v", s)
	}
	for i, c := range s.Cases {
		want := mixed().Controls[i].Outcome
		got := audit.OutcomePass
		switch {
		case c.Failure != nil:
			got = audit.OutcomeFail
		case c.Error != nil:
			got = audit.OutcomeUnknown
		case c.Skipped != nil && strings.HasPrefix(c.Skipped.Message, "waived (originally fail)"):
			got = audit.OutcomeWaived
		case c.Skipped != nil:
			got = audit.OutcomeNotApplicable
		}
		if got != want {
			t.Errorf("%s: %s, want %s", c.Name, got, want)
		}
	}
}

func TestCSVRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result  audit.Result
		verbose bool
		rows    int
	}{
		{compliant(), false, 0},
		{compliant(), true, 36},
		{mixed(), false, mixed().Summary.Findings + 1},
		{incomplete(), false, 2},
	} {
		rows, err := csv.NewReader(strings.NewReader(mustRender(t, CSV, c.result, Options{Verbose: c.verbose}))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != c.rows+1 {
			t.Errorf("%s: %d rows, want a heading and %d", c.result.Verdict, len(rows), c.rows)
		}
	}
	doc := mustRenderAll(t, CSV, []audit.Result{mixed(), mixed()}, Options{})
	if n := strings.Count(doc, "environment,url"); n != 1 {
		t.Errorf("%d headings", n)
	}
}

func TestEscapeFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain": "plain", "1+1": "1+1", "# Demandbase": "# Demandbase",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "  =1": "'  =1", "＝1": "'＝1",
	} {
		if got := EscapeFormula(in); got != want {
			t.Errorf("EscapeFormula(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGitHubEscapes(t *testing.T) {
	t.Parallel()
	r := compliant()
	fail(&r, "DB-PRIV-LEAD", audit.Finding{Message: "100%\r\n::error::x ##[error]y", Subject: role(), Location: &audit.Location{Path: "a,b:c.yaml", Line: 2, Column: 3, EndColumn: 9}})
	out := mustRender(t, GitHub, judge(r), Options{})
	want := `::error file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=9,title=DB-PRIV-LEAD (high)::100%25\r\n::error::x ## [error]y%0ASee https://github.com/dbaudit/dbaudit/blob/v0.1.0/docs/controls/README.md#db-priv-lead.` + "\n"
	if !strings.Contains(out, want) {
		t.Errorf("got:\n%s", out)
	}
}

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

// TestNotesAreInEveryFormat checks that the notes of a result are in every format, also without
// findings. CSV has to be verbose.
func TestNotesAreInEveryFormat(t *testing.T) {
	t.Parallel()
	const note = "role privileges: a remark"
	for _, f := range []Format{Table, JSON, SARIF, HTML, JUnit, Markdown, CSV, GitHub} {
		for _, r := range []audit.Result{compliant(), mixed(), incomplete()} {
			r.Notes = append([]string{note}, r.Notes...)
			if out := mustRender(t, f, r, Options{Width: 120, Verbose: f == CSV}); !strings.Contains(out, note) {
				t.Errorf("%s of a result that is %s lacks the note", f, r.Verdict)
			}
		}
	}
}

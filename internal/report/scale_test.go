package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// fleet is results of so many environments, in no order, with a year of weekly scans.
func fleet(n int) ([]audit.Result, []Trend) {
	samples := []audit.Result{compliant(), mixed(), incomplete(), compliant(), waived()}
	rs := make([]audit.Result, n)
	ts := make([]Trend, n)
	for i := range rs {
		r := samples[i%len(samples)]
		if i%100 == 99 {
			r.Controls, r.Summary, r.Verdict = nil, audit.Summary{}, audit.VerdictIncomplete
			r.Unread = &audit.Unread{Message: "the environment cannot be reached"}
		}
		r.Environment.Name = fmt.Sprintf("client-%04d-production", i)
		r.Environment.URL = "https://" + r.Environment.Name + ".crm4.dynamics.com"
		r.Environment.OrganizationID = fmt.Sprintf("5b1c8a34-9a35-4a54-9d43-%012d", i)
		rs[i] = r
		ts[i] = Trend{OrganizationID: r.Environment.OrganizationID, Profile: r.Profile.Name}
		for week := range 52 {
			p := day(1, (i+week)%3, (i*week)%2)
			p.At = p.At.AddDate(0, 0, 7*week)
			ts[i].Points = append(ts[i].Points, p)
		}
	}
	return rs, ts
}

// TestFleetStaysSmall holds what a thousand environments come to in each format that
// somebody reads or that has a limit.
func TestFleetStaysSmall(t *testing.T) {
	t.Parallel()
	const n = 1000
	rs, ts := fleet(n)
	all := func(f Format, o Options) string {
		t.Helper()
		var b bytes.Buffer
		if err := RenderAll(&b, f, rs, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	table := all(Table, Options{Width: 120, Summary: true})
	if lines := strings.Count(table, "\n"); lines > 1100 || strings.Count(table, "client-") != n {
		t.Errorf("the table has %d lines and %d environments", lines, strings.Count(table, "client-"))
	}
	if !strings.Contains(table, "\n1000 environments: 200 noncompliant, 590 compliant, 200 incomplete, 10 not read\n") {
		t.Errorf("the totals are missing:\n%s", table[len(table)-300:])
	}

	var doc struct {
		Runs []struct{ Results []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(all(SARIF, Options{SARIFProfile: GitHubCodeScanning})), &doc); err != nil {
		t.Fatal(err)
	}
	results := 0
	for _, run := range doc.Runs {
		results += len(run.Results)
	}
	if len(doc.Runs) > 20 || results > 5000 || results == 0 {
		t.Errorf("SARIF has %d runs and %d results", len(doc.Runs), results)
	}

	summary := all(Markdown, Options{MarkdownLimit: JobSummaryLimit})
	if len(summary) > JobSummaryLimit {
		t.Errorf("the job's summary has %d bytes", len(summary))
	}
	for _, r := range rs {
		if r.Verdict == audit.VerdictNoncompliant && !strings.Contains(summary, r.Environment.Name) {
			t.Errorf("%s fails and is not in the job's summary", r.Environment.Name)
			break
		}
	}

	var index []byte
	names := map[string]bool{}
	err := Pages(rs, Options{Rules: rules(), Trends: ts}, func(p Page) error {
		names[p.Name] = true
		if p.Name == indexPage {
			index = p.Data
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(index) > 1<<20 || len(names) != n+1 {
		t.Errorf("the index has %d bytes, beside %d pages", len(index), len(names)-1)
	}
	for name := range names {
		if name != indexPage && !bytes.Contains(index, []byte(`href="`+name+`"`)) {
			t.Errorf("the index does not lead to %s", name)
		}
	}
}

// TestWorstFirst: what fails gravely stands first, wherever it was.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	named := func(r audit.Result, name string) audit.Result {
		r.Environment.Name = name
		return r
	}
	unread := named(compliant(), "unread")
	unread.Controls, unread.Summary, unread.Verdict, unread.Unread = nil, audit.Summary{}, audit.VerdictIncomplete, &audit.Unread{Message: "gone"}
	low := named(compliant(), "low")
	fail(&low, "DB-ROLE-COMPLETE", audit.Finding{Message: "not by itself", Subject: role()})
	rs := []audit.Result{named(compliant(), "met"), named(incomplete(), "open"), judge(low), unread, named(mixed(), "critical")}
	var got []string
	for _, r := range worstFirst(rs) {
		got = append(got, r.Environment.Name)
	}
	if want := "critical low unread open met"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if rs[0].Environment.Name != "met" {
		t.Error("the results themselves were put in another order")
	}
	var b bytes.Buffer
	if err := RenderAll(&b, Table, rs, Options{Summary: true}); err != nil {
		t.Fatal(err)
	}
	if table := b.String(); strings.Index(table, "critical") > strings.Index(table, "unread") || strings.Index(table, "unread") > strings.Index(table, "met") {
		t.Errorf("the table has another order:\n%s", table)
	}
}

// TestSeverityNarrowsTheTable: what is below is counted and not listed, and the verdict
// is that of all.
func TestSeverityNarrowsTheTable(t *testing.T) {
	t.Parallel()
	full, narrow := rendered(t, Table, mixed(), Options{Width: 120}), rendered(t, Table, mixed(), Options{Width: 120, Least: audit.SeverityCritical})
	if !strings.Contains(full, "DB-PRIV-LEAD") || strings.Contains(narrow, "DB-PRIV-LEAD") || !strings.Contains(narrow, "DB-USER-ROLE") {
		t.Errorf("another part is listed:\n%s", narrow)
	}
	verdict, _, _ := strings.Cut(full, "\n")
	if !strings.HasPrefix(narrow, verdict) || !strings.Contains(narrow, "controls below critical (--severity)") {
		t.Errorf("the verdict changed, or what is left out is not said:\n%s", narrow)
	}
}

// TestFileNames: a page's name is one that every system takes, whatever the environment
// is called, and no two are the same.
func TestFileNames(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{"index": true}
	for _, test := range [][2]string{
		{"contoso", "contoso"},
		{"Contoso", "contoso-2"},
		{"index", "index-2"},
		{"../../etc/passwd", "etc-passwd"},
		{"a b/c\\d", "a-b-c-d"},
		{"", "environment"},
		{"…", "environment-2"},
		{"CON", "environment-con"},
		{"com1.x", "environment-com1.x"},
		{"dev", "dev"},
		{strings.Repeat("x", 400), strings.Repeat("x", nameColumns)},
	} {
		if got := fileName(test[0], taken); got != test[1] {
			t.Errorf("%.40q: %q, want %q", test[0], got, test[1])
		}
	}
	for _, name := range hostileNames() {
		if got := fileName(name, taken); strings.ContainsAny(got, `/\:*?"<>|`+"\x00") || got == "" || len(got) > 100 {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// TestFactsComeLast: what was found stands before what it was found in, and rows are set
// apart by lines on narrow terminals alone.
func TestFactsComeLast(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := rendered(t, f, mixed(), Options{Width: 100})
		finding, digest := strings.Index(doc, "Lead – Append is granted"), strings.LastIndex(doc, mixed().Snapshot.Digest[:40])
		if finding < 0 || digest < finding {
			t.Errorf("%s has the facts before the findings", f)
		}
	}
	failed := func(width int) string {
		_, rest, _ := strings.Cut(rendered(t, Table, mixed(), Options{Width: width}), "FAILED")
		part, _, _ := strings.Cut(rest, "\n\n")
		return part
	}
	if n := strings.Count(failed(119), "├"); n < 7 {
		t.Errorf("%d lines between the rows of a narrow table", n)
	}
	if n := strings.Count(failed(120), "├"); n != 1 {
		t.Errorf("%d lines between the rows of a wide table", n)
	}
}

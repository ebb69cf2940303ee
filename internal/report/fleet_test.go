package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// fleet returns the results of n environments in no order, and the history of a year of weekly
// scans.
func fleet(n int) ([]audit.Result, []history.Environment) {
	samples := []audit.Result{compliant(), mixed(), incomplete(), compliant(), waived()}
	rs := make([]audit.Result, n)
	ts := make([]history.Environment, n)
	for i := range rs {
		r := samples[i%len(samples)]
		if i%100 == 99 {
			r.Controls, r.Summary, r.Verdict = nil, audit.Summary{}, audit.VerdictIncomplete
			r.Unread = &audit.Unread{Message: "the environment cannot be reached"}
		}
		if i%7 == 0 {
			r.Notes = append(r.Notes, audit.ViewsUnchecked)
		}
		r.Environment.Name = fmt.Sprintf("client-%04d-production", i)
		r.Environment.URL = "https://" + r.Environment.Name + ".crm4.dynamics.com"
		r.Environment.OrganizationID = fmt.Sprintf("5b1c8a34-9a35-4a54-9d43-%012d", i)
		rs[i] = r
		ts[i] = history.Environment{OrganizationID: r.Environment.OrganizationID, Profile: r.Profile.Name}
		for week := range 52 {
			p := day(1, (i+week)%3, (i*week)%2)
			p.TakenAt = p.TakenAt.AddDate(0, 0, 7*week)
			ts[i].Results = append(ts[i].Results, p)
		}
	}
	return rs, ts
}

// TestFleetStaysSmall checks the size of documents for many environments: a line of a table and 1
// kB of an index for each, besides a fixed part.
func TestFleetStaysSmall(t *testing.T) {
	t.Parallel()
	const n = 200
	rs, ts := fleet(n)
	all := func(f Format, o Options) string {
		t.Helper()
		return mustRenderAll(t, f, rs, o)
	}
	for _, width := range []int{0, 80, 100, 120} {
		table := all(Table, Options{Width: width, Summary: true})
		if lines := strings.Count(table, "\n"); lines > n+100 {
			t.Errorf("at %d columns the table has %d lines", width, lines)
		}
		for line := range strings.Lines(table) {
			if n := text.Width(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
				t.Fatalf("%d columns at %d: %s", n, width, line)
			}
		}
		if !strings.Contains(table, "\n200 environments: 40 noncompliant, 118 compliant, 40 incomplete, 2 not read\n") || !strings.Contains(table, "* "+audit.ViewsUnchecked) {
			t.Errorf("the totals are missing:\n%s", table[len(table)-300:])
		}
	}

	var index []byte
	names := map[string]bool{}
	err := Pages(rs, Options{Rules: rules(), Trends: ts}, func(p Page) error {
		names[p.Name] = true
		if p.Name == indexFile {
			index = p.Data
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(index) > 30_000+1000*n || len(names) != n+1 {
		t.Errorf("the index has %d bytes, beside %d pages", len(index), len(names)-1)
	}
	for name := range names {
		if name != indexFile && !bytes.Contains(index, []byte(`href="`+name+`"`)) {
			t.Errorf("the index does not lead to %s", name)
		}
	}
}

// TestWorstFirst checks that the worst results come first, whatever the order of the input.
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
		t.Error("the input was sorted")
	}
	if table := mustRenderAll(t, Table, rs, Options{Summary: true}); strings.Index(table, "critical") > strings.Index(table, "unread") || strings.Index(table, "unread") > strings.Index(table, "met") {
		t.Errorf("the table has another order:\n%s", table)
	}
}

// TestSeverityNarrowsTheTable checks that controls below the severity are only counted, and that
// the verdict does not change.
func TestSeverityNarrowsTheTable(t *testing.T) {
	t.Parallel()
	full, narrow := mustRender(t, Table, mixed(), Options{Width: 120}), mustRender(t, Table, mixed(), Options{Width: 120, MinSeverity: audit.SeverityCritical})
	if !strings.Contains(full, "DB-PRIV-LEAD") || strings.Contains(narrow, "DB-PRIV-LEAD") || !strings.Contains(narrow, "DB-USER-ROLE") {
		t.Errorf("the wrong controls are listed:\n%s", narrow)
	}
	verdict, _, _ := strings.Cut(full, "\n")
	if !strings.HasPrefix(narrow, verdict) || !strings.Contains(narrow, "controls below critical (--severity)") {
		t.Errorf("the verdict changed, or the table does not say what it omits:\n%s", narrow)
	}
}

// TestFileNames checks that file names are unique and valid on every system.
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
		{strings.Repeat("x", 400), strings.Repeat("x", nameWidth)},
	} {
		if got := uniqueFileName(test[0], taken); got != test[1] {
			t.Errorf("%.40q: %q, want %q", test[0], got, test[1])
		}
	}
	for _, name := range hostileNames() {
		if got := uniqueFileName(name, taken); strings.ContainsAny(got, `/\:*?"<>|`+"\x00") || got == "" || len(got) > 100 {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

// TestFactsComeLast checks that findings come before facts, and that only narrow tables have lines
// between rows.
func TestFactsComeLast(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := mustRender(t, f, mixed(), Options{Width: 100})
		finding, digest := strings.Index(doc, "Lead – Append is granted"), strings.LastIndex(doc, mixed().Snapshot.Digest[:40])
		if finding < 0 || digest < finding {
			t.Errorf("%s has the facts before the findings", f)
		}
	}
	failed := func(width int) string {
		_, rest, _ := strings.Cut(mustRender(t, Table, mixed(), Options{Width: width}), "FAILED")
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

// worst returns the results of n environments in which every control failed or is unknown.
func worst(n int, outcome audit.Outcome) []audit.Result {
	rs := make([]audit.Result, n)
	for i := range rs {
		r := compliant()
		r.Environment.Name, r.Environment.OrganizationID = fmt.Sprintf("client-%04d-production", i), fmt.Sprintf("5b1c8a34-9a35-4a54-9d43-%012d", i)
		for j := range r.Controls {
			c := &r.Controls[j]
			c.Outcome = outcome
			if outcome == audit.OutcomeFail {
				fail(&r, string(c.ID), audit.Finding{Message: "the role does not have what the vendor's line asks for", Subject: role()})
			} else {
				c.Reason = "teams could not be read: the auditor lacks prvReadTeam"
			}
		}
		rs[i] = judge(r)
	}
	return rs
}

// TestSARIFOfAFleet checks that hundreds of environments are one run that GitHub accepts, with the
// most severe results. The run and the user get a message about the rest.
func TestSARIFOfAFleet(t *testing.T) {
	t.Parallel()
	for _, outcome := range []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown} {
		var b bytes.Buffer
		var messages []string
		o := Options{SARIFProfile: SARIFGitHub, Rules: rules(), Warn: func(message string) { messages = append(messages, message) }}
		if err := RenderAll(&b, SARIF, worst(200, outcome), o); err != nil {
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
	if err := RenderAll(&bytes.Buffer{}, SARIF, worst(21, audit.OutcomeFail), Options{Warn: func(message string) { messages = append(messages, message) }}); err != nil || len(messages) != 1 || !strings.Contains(messages[0], "--sarif-profile github") {
		t.Errorf("more runs than GitHub accepts: %v, %q", err, messages)
	}
}

// TestJobSummaryOfAFleet checks that a job summary of a thousand environments fits, and names every
// failed control of every environment.
func TestJobSummaryOfAFleet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var messages []string
	rs := worst(1000, audit.OutcomeFail)
	if err := RenderAll(&b, Markdown, rs, Options{MarkdownLimit: JobSummaryLimit, Warn: func(message string) { messages = append(messages, message) }}); err != nil {
		t.Fatal(err)
	}
	if b.Len() > JobSummaryLimit || len(messages) != 1 {
		t.Errorf("%d bytes, and the messages are %q", b.Len(), messages)
	}
	rows := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && rows[name] == "" {
			rows[name] = rest
		}
	}
	for _, r := range rs {
		for _, c := range r.Controls {
			if !strings.Contains(rows[r.Environment.Name], string(c.ID)) {
				t.Fatalf("%s fails in %s, which the summary does not say", c.ID, r.Environment.Name)
			}
		}
	}
}

// TestResultsAreNotHeld checks that rendered results are released, so that memory does not depend
// on the number of environments. SARIF is an exception, because it joins runs.
func TestResultsAreNotHeld(t *testing.T) {
	const n, interval = 120, 30 // results, and results between two measurements
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	rs := make([]audit.Result, n)
	for i := range rs {
		rs[i] = mixed()
	}
	before := heap()
	held := slices.Collect(renderer{}.prepare(rs, Options{}).all())
	all := heap() - before
	runtime.KeepAlive(held)
	for _, renderer := range renderers() {
		if renderer.format == SARIF {
			continue
		}
		o := Options{Width: 100, Summary: true, multiple: true}
		set := renderer.prepare(rs, o)
		// The first measurement includes what the format needs for any number of results.
		first, most, rendered := uint64(0), uint64(0), 0
		measure := func() {
			if rendered++; rendered%interval == 0 {
				most = max(most, heap())
				first = cmp.Or(first, most)
			}
		}
		convert := set.convert
		set.convert = func(r audit.Result) audit.Result {
			measure()
			return convert(r)
		}
		out := bufio.NewWriterSize(io.Discard, bufferSize)
		var err error
		switch renderer.format {
		case GitHub:
			writeGitHub(set, o)
		case HTML:
			err = Pages(rs, o, func(Page) error { measure(); return nil })
		default:
			err = renderer.write(out, set, o)
		}
		if err != nil || rendered < n {
			t.Fatalf("%s: %d results, %v", renderer.format, rendered, err)
		}
		// Some formats hold the document.
		if grown := most - first; grown > all/2 {
			t.Errorf("%s: %d kB more with %d results, which take %d kB", renderer.format, grown>>10, n, all>>10)
		}
	}
}

package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// day returns a result of a day of November at six, with numbers of failed and unknown controls out
// of 36.
func day(n, fail, unknown int) history.Point {
	s := audit.Summary{Pass: 36 - fail - unknown, Fail: fail, Unknown: unknown}
	return history.Point{TakenAt: time.Date(2026, 11, n, 6, 0, 0, 0, time.UTC), Verdict: s.Verdict(), Summary: s}
}

// trends returns the histories of the samples: one that broke, one that is incomplete, and one that
// was fixed.
func trends() []history.Environment {
	const ids = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a00"
	return []history.Environment{
		{OrganizationID: ids + "01", Profile: "demandbase", Results: []history.Point{
			day(1, 0, 0), day(2, 0, 0), day(4, 1, 0), day(8, 1, 0), day(9, 3, 2), day(12, 3, 2), day(15, 0, 2), day(20, 7, 1),
		}},
		{OrganizationID: ids + "11", Profile: "demandbase", Results: []history.Point{day(3, 0, 0), day(11, 0, 0), day(20, 0, 2)}},
		{OrganizationID: strings.ToUpper(ids + "12"), Profile: "demandbase", Results: []history.Point{day(1, 4, 0), day(9, 2, 0), day(10, 0, 0), day(20, 0, 0)}},
	}
}

// withTwoControls returns a result with two controls and another environment.
func withTwoControls(r audit.Result, name, organization string) audit.Result {
	r.Environment.Name, r.Environment.OrganizationID = name, organization
	r.Controls, r.Notes = r.Controls[len(r.Controls)-2:], nil
	return judge(r)
}

func TestTrends(t *testing.T) {
	t.Parallel()
	o := Options{Trends: trends()}
	results := []audit.Result{
		withTwoControls(incomplete(), "fabrikam", "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0011"),
		withTwoControls(compliant(), "adventure-works", "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0012"),
		withTwoControls(compliant(), "new", "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0099"), // has none
	}
	got := mustRenderAll(t, HTML, results, o)
	golden(t, "trends.html", got)
	if again := mustRenderAll(t, HTML, results, o); again != got {
		t.Error("the second rendering differs from the first")
	}
	if n := strings.Count(got, `<svg class="strip"`); n != 4 {
		t.Errorf("%d strips, want two in the index and two beside the results", n)
	}
	if !strings.Contains(got, "1 of 2 compliant on 2026-11-20, 0 on 2026-11-01.") || strings.Count(got, `<svg class="fleet"`) != 1 {
		t.Error("the chart of all is missing")
	}
	for _, f := range Formats() {
		if f == HTML {
			continue
		}
		if mustRender(t, f, results[0], o) != mustRender(t, f, results[0], Options{}) {
			t.Errorf("%s: the trend changes the document", f)
		}
	}
}

func TestVerdictHistory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		points []history.Point
		want   string
	}{
		{[]history.Point{day(1, 0, 0)}, "Compliant since 2026-11-01, the first scan; 1 scan"},
		{[]history.Point{day(1, 2, 0), day(2, 1, 0)}, "Noncompliant since 2026-11-01, the first scan; last compliant never; 2 scans"},
		{[]history.Point{day(1, 0, 0), day(2, 1, 0), day(4, 2, 0)}, "Noncompliant since 2026-11-02; previous scan 2026-11-01; last compliant 2026-11-01; 3 scans"},
		{[]history.Point{day(1, 0, 0), day(2, 0, 1)}, "Incomplete since 2026-11-02; previous scan 2026-11-01; last compliant 2026-11-01; 2 scans"},
		{[]history.Point{day(1, 0, 0), day(2, 1, 0), day(3, 0, 0)}, "Compliant since 2026-11-03; previous scan 2026-11-02; 3 scans"},
	} {
		if got := verdictHistory(test.points); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
}

// TestFindTrend checks that the organization identifies an environment, and the name a file.
func TestFindTrend(t *testing.T) {
	t.Parallel()
	points := []history.Point{day(1, 0, 0)}
	live, file := mixed(), mixed()
	file.Environment.OrganizationID = ""
	for _, test := range []struct {
		name       string
		trend      history.Environment
		live, file bool
	}{
		{"the organization", history.Environment{OrganizationID: strings.ToUpper(orgID), Profile: "demandbase", Results: points}, true, false},
		{"another profile", history.Environment{OrganizationID: orgID, Profile: "other", Results: points}, false, false},
		{"another organization", history.Environment{OrganizationID: "x", Name: "contoso", Profile: "demandbase", Results: points}, false, false},
		{"a file", history.Environment{Name: "contoso", Profile: "demandbase", Results: points}, false, true},
		{"another file", history.Environment{Name: "fabrikam", Profile: "demandbase", Results: points}, false, false},
		{"no points", history.Environment{OrganizationID: orgID, Profile: "demandbase"}, false, false},
	} {
		trends := []history.Environment{test.trend}
		if got := [2]bool{findTrend(live, trends) != nil, findTrend(file, trends) != nil}; got != [2]bool{test.live, test.file} {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// TestTrendNotesChangedRequirements checks that a trend says whether the requirements changed
// between the scans.
func TestTrendNotesChangedRequirements(t *testing.T) {
	t.Parallel()
	for _, changed := range []bool{false, true} {
		trend := history.Environment{OrganizationID: orgID, Profile: "demandbase", RequirementsChanged: changed, Results: []history.Point{day(1, 1, 0), day(2, 0, 0)}}
		doc := mustRender(t, HTML, mixed(), Options{Trends: []history.Environment{trend}})
		if strings.Contains(doc, "The requirements changed between these scans") != changed {
			t.Errorf("changed %t", changed)
		}
	}
}

// TestTrendHasLimitedSize checks the size of the chart for unusual times: several results of one
// moment, of thousands of days, and out of order.
func TestTrendHasLimitedSize(t *testing.T) {
	t.Parallel()
	long := make([]history.Point, 20000)
	for i := range long {
		long[i] = day(1, i%3, i%2)
		long[i].TakenAt = long[i].TakenAt.Add(time.Duration(i) * time.Hour)
	}
	for name, points := range map[string][]history.Point{
		"one":          {day(1, 1, 1)},
		"one moment":   {day(1, 0, 0), day(1, 2, 0), day(1, 0, 1)},
		"out of order": {day(9, 0, 0), day(1, 2, 0), day(30, 0, 1), day(12, 1, 0)},
		"no time":      {{}, day(1, 1, 0)},
		"negative":     {day(1, -5, 2), day(2, 3, -7)},
		"long":         long,
	} {
		d := newTrendData(&history.Environment{Results: points}, maxStripBars)
		bars := 0
		for _, path := range d.Paths {
			bars += strings.Count(path, "M")
		}
		if want := min(len(points), maxStripBars); bars != want || d.Width != want*stripPitch {
			t.Errorf("%s: %d bars on %d units, want %d", name, bars, d.Width, want)
		}
		if len(d.Spans) > maxSpans {
			t.Errorf("%s: %d rows", name, len(d.Spans))
		}
		if fleet := newFleetData([]audit.Result{mixed(), mixed()}, []history.Environment{{OrganizationID: orgID, Profile: "demandbase", Results: points}}); fleet != nil && len(fleet.Days) > maxDays {
			t.Errorf("%s: %d days", name, len(fleet.Days))
		}
	}
	if d := newTrendData(&history.Environment{Results: long}, maxStripBars); d.Omitted != len(long)-maxStripBars || d.Latest != formatDate(long[len(long)-1].TakenAt) {
		t.Errorf("the last result is not at the end: %d left out, up to %s", d.Omitted, d.Latest)
	}
	page := mustRender(t, HTML, mixed(), Options{Trends: []history.Environment{{OrganizationID: orgID, Profile: "demandbase", Results: long}}})
	for _, want := range []string{"Older scans that are not shown: 19880.", "<caption>Older rows that are not shown: 19950</caption>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestHostileTrend checks that names do not change the chart.
func TestHostileTrend(t *testing.T) {
	t.Parallel()
	charts := func(r audit.Result) string {
		trend := trends()[0]
		trend.OrganizationID, trend.Name, trend.Profile = r.Environment.OrganizationID, r.Environment.Name, r.Profile.Name
		page := mustRenderAll(t, HTML, []audit.Result{r}, Options{Trends: []history.Environment{trend}})
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && n.Data == "section" && strings.Contains(fmt.Sprint(n.Attr), "trend") {
				if err := html.Render(&b, n); err != nil {
					t.Fatal(err)
				}
			}
		}
		return b.String()
	}
	want := charts(mixed())
	if want == "" {
		t.Fatal("no chart")
	}
	for _, name := range hostileNames() {
		r := mixed()
		r.Environment = audit.Environment{Name: strings.ToValidUTF8(name, "\ufffd")}
		r.Profile.Name, r.Profile.Title = r.Environment.Name, name
		if got := charts(r); got != want {
			t.Errorf("%.60q changes the chart:\n%.400s", name, got)
		}
	}
}

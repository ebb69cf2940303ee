package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// findTrend is the history of a result's environment and profile; nil without results. The
// organization identifies an environment, and the name a file.
func findTrend(r audit.Result, trends []history.Environment) *history.Environment {
	for i := range trends {
		t := &trends[i]
		same := t.OrganizationID == "" && visible(t.Name) == r.Environment.Name
		if r.Environment.OrganizationID != "" {
			same = strings.EqualFold(t.OrganizationID, r.Environment.OrganizationID)
		}
		if same && visible(t.Profile) == r.Profile.Name && len(t.Results) > 0 {
			return t
		}
	}
	return nil
}

// The maximum numbers of bars next to a result, of bars in a list, and of rows in the table next to
// a strip.
const (
	maxStripBars = 120
	maxIndexBars = 30
	maxSpans     = 50
)

type trendData struct {
	Drawing

	Since         string
	First, Latest string // the days at the ends
	Omitted       int    // results before the strip
	Changed       bool   // a result requires something else than the one before
	Spans         []trendSpan
	OmittedSpans  int // rows left out
}

// A trendSpan is consecutive results with the same verdict and counts.
type trendSpan struct {
	From, To string
	Results  int
	Verdict  audit.Verdict
	audit.Summary
}

// newTrendData is nil without a history.
func newTrendData(t *history.Environment, shown int) *trendData {
	if t == nil {
		return nil
	}
	points := t.Results
	since, _, _ := history.LastChange(points)
	d := &trendData{Drawing: StripChart(points, shown), Since: formatDate(since), Spans: spansOf(points), Omitted: max(len(points)-shown, 0), Changed: t.RequirementsChanged}
	d.First, d.Latest = formatDate(points[d.Omitted].TakenAt), formatDate(points[len(points)-1].TakenAt)
	d.OmittedSpans = max(len(d.Spans)-maxSpans, 0)
	d.Spans = d.Spans[d.OmittedSpans:]
	return d
}

// spansOf joins consecutive results with the same verdict and counts.
func spansOf(points []history.Point) []trendSpan {
	var spans []trendSpan
	for _, p := range points {
		next := trendSpan{formatTime(p.TakenAt), formatTime(p.TakenAt), 1, p.Verdict, p.Summary}
		if n := len(spans) - 1; n >= 0 {
			last := spans[n]
			if last.Verdict == next.Verdict && last.Fail == next.Fail && last.Unknown == next.Unknown && last.Waived == next.Waived {
				spans[n].To = next.To
				spans[n].Results++
				continue
			}
		}
		spans = append(spans, next)
	}
	return spans
}

// maxDays is the maximum number of days in the chart of all environments.
const maxDays = 60

// fleetData is how many environments had each verdict, on each day with a scan.
type fleetData struct {
	Drawing

	First, Latest string
	Days          []fleetDay
}

type fleetDay struct {
	Day string
	DayCount
}

// newFleetData counts the latest verdicts on each of the last days; nil for fewer than two environments
// or days.
func newFleetData(rs []audit.Result, trends []history.Environment) *fleetData {
	var shown [][]history.Point
	seen := map[string]bool{}
	for _, r := range rs {
		if t := findTrend(r, trends); t != nil {
			shown = append(shown, t.Results)
			for _, p := range t.Results {
				seen[formatDate(p.TakenAt)] = true
			}
		}
	}
	days := slices.Sorted(maps.Keys(seen))
	if len(shown) < 2 || len(days) < 2 {
		return nil
	}
	days = days[max(len(days)-maxDays, 0):]
	counts := make([]DayCount, len(days))
	for _, points := range shown {
		next := 0
		for i, day := range days {
			for next < len(points) && formatDate(points[next].TakenAt) <= day {
				next++
			}
			if next > 0 {
				counts[i].add(points[next-1].Verdict)
			}
		}
	}
	d := &fleetData{Drawing: ColumnChart(counts, len(shown)), First: days[0], Latest: days[len(days)-1]}
	for i, day := range days {
		d.Days = append(d.Days, fleetDay{day, counts[i]})
	}
	d.Text = fmt.Sprintf("%d of %d compliant on %s, %d on %s", counts[len(counts)-1].Compliant, len(shown), d.Latest, counts[0].Compliant, d.First)
	return d
}

// verdictHistory says whether the environment is compliant, and from which scan on.
func verdictHistory(points []history.Point) string {
	since, before, compliant := history.LastChange(points)
	verdict := points[len(points)-1].Verdict
	text := capitalize(verdict.String()) + " since " + formatDate(since)
	if before == nil {
		text += ", the first scan"
	} else {
		text += "; previous scan " + formatDate(*before)
	}
	switch {
	case verdict == audit.VerdictCompliant:
	case compliant == nil:
		text += "; last compliant never"
	default:
		text += "; last compliant " + formatDate(*compliant)
	}
	return text + "; " + count(len(points), "scan")
}

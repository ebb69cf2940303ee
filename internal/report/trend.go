package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// trendOf is the history of a result's environment and profile; nil without results. The
// organization identifies an environment, and the name a file.
func trendOf(r audit.Result, trends []history.Environment) *history.Environment {
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
	stripShown = 120
	listShown  = 30
	spansShown = 50
)

type trendData struct {
	Drawing

	Since         string
	First, Latest string // the days at the ends
	Left          int    // results before the strip
	Changed       bool   // a result requires something else than the one before
	Spans         []trendSpan
	Older         int // rows left out
}

// A trendSpan is consecutive results with the same verdict and counts.
type trendSpan struct {
	From, To string
	Results  int
	Verdict  audit.Verdict
	audit.Summary
}

// drawn is nil without a history.
func drawn(t *history.Environment, shown int) *trendData {
	if t == nil {
		return nil
	}
	points := t.Results
	since, _, _ := history.Turns(points)
	d := &trendData{Drawing: StripChart(points, shown), Since: date(since), Spans: spansOf(points), Left: max(len(points)-shown, 0), Changed: t.Changed}
	d.First, d.Latest = date(points[d.Left].TakenAt), date(points[len(points)-1].TakenAt)
	d.Older = max(len(d.Spans)-spansShown, 0)
	d.Spans = d.Spans[d.Older:]
	return d
}

// spansOf joins consecutive results with the same verdict and counts.
func spansOf(points []history.Point) []trendSpan {
	var spans []trendSpan
	for _, p := range points {
		next := trendSpan{moment(p.TakenAt), moment(p.TakenAt), 1, p.Verdict, p.Summary}
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

// daysShown is the maximum number of days in the chart of all environments.
const daysShown = 60

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

// fleetOf counts the latest verdicts on each of the last days; nil for fewer than two environments
// or days.
func fleetOf(rs []audit.Result, trends []history.Environment) *fleetData {
	var shown [][]history.Point
	seen := map[string]bool{}
	for _, r := range rs {
		if t := trendOf(r, trends); t != nil {
			shown = append(shown, t.Results)
			for _, p := range t.Results {
				seen[date(p.TakenAt)] = true
			}
		}
	}
	days := slices.Sorted(maps.Keys(seen))
	if len(shown) < 2 || len(days) < 2 {
		return nil
	}
	days = days[max(len(days)-daysShown, 0):]
	counts := make([]DayCount, len(days))
	for _, points := range shown {
		next := 0
		for i, day := range days {
			for next < len(points) && date(points[next].TakenAt) <= day {
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

// sinceWhen says whether the environment is compliant, and from which scan on.
func sinceWhen(points []history.Point) string {
	since, before, compliant := history.Turns(points)
	verdict := points[len(points)-1].Verdict
	text := capital(verdict.String()) + " since " + date(since)
	if before == nil {
		text += ", the first scan"
	} else {
		text += "; previous scan " + date(*before)
	}
	switch {
	case verdict == audit.VerdictCompliant:
	case compliant == nil:
		text += "; last compliant never"
	default:
		text += "; last compliant " + date(*compliant)
	}
	return text + "; " + count(len(points), "scan")
}

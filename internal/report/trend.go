package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// findTrend returns the history of a result's environment and profile, or nil if it has no results. The
// organization identifies an environment, the name a file.
func findTrend(r audit.Result, trends []history.Environment) *history.Environment {
	for i := range trends {
		t := &trends[i]
		same := t.OrganizationID == "" && text.Line(t.Name) == r.Environment.Name
		if r.Environment.OrganizationID != "" {
			same = strings.EqualFold(t.OrganizationID, r.Environment.OrganizationID)
		}
		if same && text.Line(t.Profile) == text.Line(r.Profile.Name) && len(t.Results) > 0 {
			return t
		}
	}
	return nil
}

// The maximum size of a trend.
const (
	maxStripBars = 120 // bars next to a result
	maxIndexBars = 30  // bars in a row of the index
	maxSpans     = 50  // rows of the table of scans
)

// trendData is the history of one result.
type trendData struct {
	Drawing

	Since         string // the day of the first scan with the current verdict
	First, Latest string // the days of the first and the last bar
	Omitted       int    // older results without a bar
	Changed       bool   // whether the requirements changed between the results
	Spans         []trendSpan
	OmittedSpans  int // older spans without a row
}

// A trendSpan is consecutive results with the same verdict and counts.
type trendSpan struct {
	From, To string
	Results  int
	Verdict  audit.Verdict
	audit.Summary
}

// newTrendData returns nil without a history.
func newTrendData(t *history.Environment, maxBars int) *trendData {
	if t == nil {
		return nil
	}
	points := t.Results
	since, _, _ := history.LastChange(points)
	d := &trendData{
		Drawing: StripChart(points, maxBars), Since: formatDate(since), Spans: spansOf(points),
		Omitted: max(len(points)-maxBars, 0), Changed: t.RequirementsChanged,
	}
	d.First, d.Latest = formatDate(points[d.Omitted].TakenAt), formatDate(points[len(points)-1].TakenAt)
	d.OmittedSpans = max(len(d.Spans)-maxSpans, 0)
	d.Spans = d.Spans[d.OmittedSpans:]
	return d
}

// spansOf merges consecutive results with the same verdict and counts.
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

// fleetData is the number of environments with each verdict, on each day with a scan.
type fleetData struct {
	Drawing

	First, Latest string
	Days          []audit.Day
}

// newFleetData counts the verdicts of the latest scan of each environment up to each day. It returns nil
// for fewer than two environments or days.
func newFleetData(rs []audit.Result, trends []history.Environment) *fleetData {
	var environments [][]history.Point
	scanned := map[time.Time]bool{} // days
	for _, r := range rs {
		if t := findTrend(r, trends); t != nil {
			environments = append(environments, t.Results)
			for _, p := range t.Results {
				scanned[dayOf(p)] = true
			}
		}
	}
	var days []audit.Day
	for _, day := range slices.SortedFunc(maps.Keys(scanned), time.Time.Compare) {
		days = append(days, audit.Day{Day: day})
	}
	if len(environments) < 2 || len(days) < 2 {
		return nil
	}
	days = days[max(len(days)-maxDays, 0):]
	for _, points := range environments {
		next := 0
		for i := range days {
			for next < len(points) && !dayOf(points[next]).After(days[i].Day) {
				next++
			}
			if next > 0 {
				days[i].Add(points[next-1].Verdict)
			}
		}
	}
	first, last := days[0], days[len(days)-1]
	d := &fleetData{Drawing: ColumnChart(days, len(environments)), First: formatDate(first.Day), Latest: formatDate(last.Day), Days: days}
	d.Text = fmt.Sprintf("%d of %d compliant on %s, %d on %s", last.Compliant, len(environments), d.Latest, first.Compliant, d.First)
	return d
}

func dayOf(p history.Point) time.Time { return p.TakenAt.UTC().Truncate(24 * time.Hour) }

// verdictHistory says since when the environment has its verdict, and when it was last compliant.
func verdictHistory(points []history.Point) string {
	since, before, compliant := history.LastChange(points)
	verdict := points[len(points)-1].Verdict
	summary := capitalize(verdict.String()) + " since " + formatDate(since)
	if before == nil {
		summary += ", the first scan"
	} else {
		summary += "; previous scan " + formatDate(*before)
	}
	switch {
	case verdict == audit.VerdictCompliant:
	case compliant == nil:
		summary += "; last compliant never"
	default:
		summary += "; last compliant " + formatDate(*compliant)
	}
	return summary + "; " + text.Count(len(points), "scan")
}

// A Drawing is the content of an SVG picture. It has one path for each state ("pass", "unknown",
// "fail"), because a page may have a thousand drawings. The style sheet colors the class t-STATE.
type Drawing struct {
	Width, Height int
	Text          string            // describes the picture in a sentence
	Paths         map[string]string // by state
}

// The size of a bar or column and of the whole picture: a [StripChart] has a bar for each result, a
// [ColumnChart] a column for each day.
const (
	stripPitch, stripHeight   = 6, 16
	columnPitch, columnHeight = 16, 96
)

// StripChart draws a bar for each of the last maxBars results, oldest first. The height of a bar also
// shows the verdict, for people who do not see colors.
func StripChart(points []history.Point, maxBars int) Drawing {
	if len(points) == 0 {
		return Drawing{}
	}
	description := verdictHistory(points)
	points = points[max(len(points)-maxBars, 0):]
	d := Drawing{Width: len(points) * stripPitch, Height: stripHeight, Text: description}
	d.Paths = map[string]string{}
	for i, p := range points {
		terms := verdictTermsOf(p.Verdict)
		d.Paths[terms.class] += fmt.Sprintf("M%d %dv-%d", i*stripPitch+stripPitch/2, stripHeight, terms.bar)
	}
	return d
}

// ColumnChart draws a column for each day. A column of full height is total environments; 0 means the
// highest count of a day.
func ColumnChart(days []audit.Day, total int) Drawing {
	if total == 0 {
		for _, day := range days {
			total = max(total, day.Compliant+day.Incomplete+day.Noncompliant, 1)
		}
	}
	d := Drawing{Width: len(days) * columnPitch, Height: columnHeight}
	d.Paths = map[string]string{"pass": "", "unknown": "", "fail": ""}
	for i, day := range days {
		bottom, sum := columnHeight, 0
		for _, part := range []struct {
			state string
			n     int
		}{{"pass", day.Compliant}, {"unknown", day.Incomplete}, {"fail", day.Noncompliant}} {
			sum += part.n
			top := columnHeight - sum*columnHeight/total
			if top < bottom {
				d.Paths[part.state] += fmt.Sprintf("M%d %dh%dv%dh-%dz", i*columnPitch, top, columnPitch-1, bottom-top, columnPitch-1)
			}
			bottom = top
		}
	}
	return d
}

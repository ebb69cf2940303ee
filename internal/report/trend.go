package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Trend is what the results of an environment under a profile came to over time.
// The page draws it beside the result that it belongs to; the other formats have
// no place for it.
type Trend struct {
	OrganizationID string
	// Environment is the name by which files are known, which have no organization.
	// It is ignored for those with one, because names change.
	Environment string
	Profile     string
	// Points are the results, oldest first.
	Points []Point
}

// A Point is one result of a trend.
type Point struct {
	At      time.Time
	Verdict audit.Verdict
	Summary audit.Summary
}

// fits reports whether the trend is that of a result's environment and profile.
func (t Trend) fits(r audit.Result) bool {
	switch {
	case visible(t.Profile) != r.Profile.Name || len(t.Points) == 0:
		return false
	case r.Environment.OrganizationID != "":
		return strings.EqualFold(t.OrganizationID, r.Environment.OrganizationID)
	}
	return t.OrganizationID == "" && visible(t.Environment) == r.Environment.Name
}

// stripShown is how many bars are beside a result, listShown how many in a list, and
// spansShown how many rows the table beside the strip has at most.
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
	Spans         []trendSpan
	Older         int // rows left out
}

// A trendSpan is a row of results that came to the same.
type trendSpan struct {
	From, To string
	Results  int
	Verdict  audit.Verdict
	audit.Summary
}

// trendOf is nil where no trend is that of the result.
func trendOf(r audit.Result, trends []Trend, shown int) *trendData {
	i := slices.IndexFunc(trends, func(t Trend) bool { return t.fits(r) })
	if i < 0 {
		return nil
	}
	return drawn(trends[i].Points, shown)
}

func drawn(points []Point, shown int) *trendData {
	d := &trendData{Drawing: Strip(points, shown), Since: date(since(points)), Spans: spansOf(points), Left: max(len(points)-shown, 0)}
	d.First, d.Latest = date(points[d.Left].At), date(points[len(points)-1].At)
	d.Older = max(len(d.Spans)-spansShown, 0)
	d.Spans = d.Spans[d.Older:]
	return d
}

// spansOf joins results one after another that came to the same.
func spansOf(points []Point) []trendSpan {
	var spans []trendSpan
	for _, p := range points {
		s := p.Summary
		if n := len(spans) - 1; n >= 0 {
			last := &spans[n]
			if last.Verdict == p.Verdict && last.Fail == s.Fail && last.Unknown == s.Unknown && last.Waived == s.Waived {
				last.To = moment(p.At)
				last.Results++
				continue
			}
		}
		spans = append(spans, trendSpan{moment(p.At), moment(p.At), 1, p.Verdict, s})
	}
	return spans
}

// daysShown is how many days the chart of all has at most.
const daysShown = 60

// fleetData is how many were compliant on each day on which any was read.
type fleetData struct {
	Drawing

	First, Latest string
	Days          []fleetDay
}

type fleetDay struct {
	Day string
	DayCount
}

// fleetOf counts the last verdicts up to each of the last days; nil for fewer than two
// environments or days.
func fleetOf(rs []audit.Result, trends []Trend) *fleetData {
	var shown [][]Point
	seen := map[string]bool{}
	for _, r := range rs {
		if i := slices.IndexFunc(trends, func(t Trend) bool { return t.fits(r) }); i >= 0 {
			shown = append(shown, trends[i].Points)
			for _, p := range trends[i].Points {
				seen[date(p.At)] = true
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
			for next < len(points) && date(points[next].At) <= day {
				next++
			}
			if next > 0 {
				counts[i].add(points[next-1].Verdict)
			}
		}
	}
	d := &fleetData{Drawing: stacked(counts, len(shown)), First: days[0], Latest: days[len(days)-1]}
	for i, day := range days {
		d.Days = append(d.Days, fleetDay{day, counts[i]})
	}
	d.Text = fmt.Sprintf("%d of %d compliant on %s, %d on %s", counts[len(counts)-1].Compliant, len(shown), d.Latest, counts[0].Compliant, d.First)
	return d
}

// since is the oldest result from which on the verdict was the last one.
func since(points []Point) time.Time {
	n := len(points) - 1
	for n > 0 && points[n-1].Verdict == points[n].Verdict {
		n--
	}
	return points[n].At
}

// sinceWhen says whether the environment is compliant, and from which result on.
func sinceWhen(points []Point) string {
	last := points[len(points)-1]
	start := since(points)
	verdict := last.Verdict.String()
	text := capital(verdict) + " since " + date(start)
	before, compliant := "", "never"
	for _, p := range points {
		if p.Verdict != last.Verdict {
			before = date(p.At)
		}
		if p.Verdict == audit.VerdictCompliant {
			compliant = date(p.At)
		}
	}
	if before == "" {
		text += ", the first scan"
	} else {
		text += "; previous scan " + before
	}
	if last.Verdict != audit.VerdictCompliant {
		text += "; last compliant " + compliant
	}
	return text + "; " + count(len(points), "scan")
}

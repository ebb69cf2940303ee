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
	case t.Profile != r.Profile.Name || len(t.Points) == 0:
		return false
	case r.Environment.OrganizationID != "":
		return strings.EqualFold(t.OrganizationID, r.Environment.OrganizationID)
	}
	return t.OrganizationID == "" && t.Environment == r.Environment.Name
}

// The units of a strip: a bar for each result, with a gap. stripShown is how many
// bars beside a result, listShown how many in a list.
const (
	stripPitch = 6
	stripShown = 120
	listShown  = 30
)

// spansShown is how many rows the table beside the strip has at most.
const spansShown = 50

type trendData struct {
	Text          string // what the strip shows, in a sentence
	Since         string
	First, Latest string // the days at the ends
	Width         int
	Strip         []trendPath
	Left          int // results before the strip
	Spans         []trendSpan
	Older         int // rows left out
}

// A trendPath is all bars of one state, which keeps a page of a thousand strips small.
type trendPath struct{ State, Path string }

// A trendSpan is a row of results that came to the same.
type trendSpan struct {
	From, To              string
	Verdict, Mark         string
	Results               int
	Fail, Unknown, Waived int

	verdict audit.Verdict
}

// trendOf is nil where no trend is that of the result.
func trendOf(r audit.Result, trends []Trend, shown int) *trendData {
	for _, t := range trends {
		if t.fits(r) {
			return draw(t.Points, shown)
		}
	}
	return nil
}

func draw(points []Point, shown int) *trendData {
	d := &trendData{Text: sinceWhen(points), Since: date(since(points)), Spans: spansOf(points)}
	if n := len(points) - shown; n > 0 {
		d.Left, points = n, points[n:]
	}
	d.First, d.Latest = date(points[0].At), date(points[len(points)-1].At)
	d.Width, d.Strip = len(points)*stripPitch, strip(points)
	if n := len(d.Spans) - spansShown; n > 0 {
		d.Spans, d.Older = d.Spans[n:], n
	}
	return d
}

// strip draws a bar for each result. The height tells the verdict where colours are
// not seen.
func strip(points []Point) []trendPath {
	paths := map[string]*strings.Builder{}
	for i, p := range points {
		state, height := verdictState(p.Verdict), 16
		switch p.Verdict {
		case audit.VerdictCompliant:
		case audit.VerdictNoncompliant:
			height = 6
		case audit.VerdictIncomplete:
			height = 11
		}
		if paths[state] == nil {
			paths[state] = &strings.Builder{}
		}
		fmt.Fprintf(paths[state], "M%d 16v-%d", i*stripPitch+stripPitch/2, height)
	}
	return inStateOrder(paths)
}

func inStateOrder(paths map[string]*strings.Builder) []trendPath {
	var out []trendPath
	for _, state := range slices.Sorted(maps.Keys(paths)) {
		out = append(out, trendPath{state, paths[state].String()})
	}
	return out
}

// spansOf joins results one after another that came to the same.
func spansOf(points []Point) []trendSpan {
	var spans []trendSpan
	for _, p := range points {
		s := p.Summary
		if n := len(spans) - 1; n >= 0 {
			last := &spans[n]
			if last.verdict == p.Verdict && last.Fail == s.Fail && last.Unknown == s.Unknown && last.Waived == s.Waived {
				last.To = moment(p.At)
				last.Results++
				continue
			}
		}
		spans = append(spans, trendSpan{
			From: moment(p.At), To: moment(p.At), Verdict: p.Verdict.String(), Mark: markOf(p.Verdict), Results: 1,
			Fail: s.Fail, Unknown: s.Unknown, Waived: s.Waived, verdict: p.Verdict,
		})
	}
	return spans
}

// daysShown is how many days the chart of all has at most.
const daysShown = 60

// The units of the chart of all: a column for each day.
const (
	fleetPitch  = 16
	fleetHeight = 96
)

// fleetData is how many were compliant on each day on which any was read.
type fleetData struct {
	Text          string
	First, Latest string
	Width         int
	Parts         []trendPath
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
		for _, t := range trends {
			if t.fits(r) {
				shown = append(shown, t.Points)
				for _, p := range t.Points {
					seen[date(p.At)] = true
				}
				break
			}
		}
	}
	days := slices.Sorted(maps.Keys(seen))
	if len(shown) < 2 || len(days) < 2 {
		return nil
	}
	days = days[max(len(days)-daysShown, 0):]
	d := &fleetData{First: days[0], Latest: days[len(days)-1], Width: len(days) * fleetPitch, Days: make([]fleetDay, len(days))}
	for i, day := range days {
		d.Days[i].Day = day
	}
	for _, points := range shown {
		next := 0
		for i, day := range days {
			for next < len(points) && date(points[next].At) <= day {
				next++
			}
			if next == 0 {
				continue
			}
			switch points[next-1].Verdict {
			case audit.VerdictCompliant:
				d.Days[i].Compliant++
			case audit.VerdictNoncompliant:
				d.Days[i].Noncompliant++
			case audit.VerdictIncomplete:
				d.Days[i].Incomplete++
			}
		}
	}
	last := d.Days[len(days)-1]
	d.Text = fmt.Sprintf("%d of %d compliant on %s, %d on %s", last.Compliant, len(shown), last.Day, d.Days[0].Compliant, d.First)
	counts := make([]DayCount, len(days))
	for i, day := range d.Days {
		counts[i] = day.DayCount
	}
	d.Parts = stacked(counts, len(shown))
	return d
}

// date is a day as lists show it.
func date(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.DateOnly)
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

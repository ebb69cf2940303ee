package report

import (
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
	// It is not looked at where there is one: names change.
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

// The units of the chart, which is stretched to where it stands. Under the columns
// runs a band for the verdict.
const (
	trendWidth  = 640
	trendHeight = 96
	trendBand   = 10
)

// spansShown is how many rows the table beside the chart has at most.
const spansShown = 50

type trendData struct {
	Text   string // what the chart shows, in a sentence
	Since  string
	Most   string // the height of the chart in words
	Width  int
	Height int
	Base   int // where the band begins
	Band   int
	Bars   []trendBar
	Spans  []trendSpan
	Older  int // rows left out
}

// A trendBar is a column of the chart: what failed stands on the band, what could
// not be evaluated on top of it.
type trendBar struct {
	State                   string
	X, Width                int
	FailY, FailHeight       int
	UnknownY, UnknownHeight int
}

// A trendSpan is a row of results that came to the same.
type trendSpan struct {
	From, To              string
	Verdict, Mark         string
	Results               int
	Fail, Unknown, Waived int

	from, to time.Time
	verdict  audit.Verdict
}

// trendOf is nil where no trend is that of the result.
func trendOf(r audit.Result, trends []Trend) *trendData {
	for _, t := range trends {
		if t.fits(r) {
			return draw(t.Points)
		}
	}
	return nil
}

func draw(points []Point) *trendData {
	spans := spansOf(points)
	d := &trendData{
		Text: sinceWhen(points), Since: moment(since(points)), Width: trendWidth, Height: trendHeight,
		Base: trendHeight - trendBand, Band: trendBand, Spans: spans,
	}
	most := 0
	for _, s := range spans {
		most = max(most, max(s.Fail, 0)+max(s.Unknown, 0))
	}
	d.Most = count(most, "control")
	d.Bars = bars(spans, max(most, 1))
	if n := len(spans) - spansShown; n > 0 {
		d.Spans, d.Older = spans[n:], n
	}
	return d
}

// spansOf joins results one after another that came to the same.
func spansOf(points []Point) []trendSpan {
	var spans []trendSpan
	for _, p := range points {
		s := p.Summary
		if n := len(spans) - 1; n >= 0 {
			last := &spans[n]
			if last.verdict == p.Verdict && last.Fail == s.Fail && last.Unknown == s.Unknown && last.Waived == s.Waived {
				last.To, last.to = moment(p.At), p.At
				last.Results++
				continue
			}
		}
		spans = append(spans, trendSpan{
			From: moment(p.At), To: moment(p.At), Verdict: p.Verdict.String(), Mark: markOf(p.Verdict), Results: 1,
			Fail: s.Fail, Unknown: s.Unknown, Waived: s.Waived, from: p.At, to: p.At, verdict: p.Verdict,
		})
	}
	return spans
}

// bars puts the spans on an axis of time, in whole units, so that every machine
// draws the same. Between two spans nobody looked, and nothing is drawn. Of spans
// that fall on the same place the worst is shown, but the last stands for itself:
// a chart is never larger than its width, whatever was saved.
func bars(spans []trendSpan, most int) []trendBar {
	first, last := spans[0].from.UnixMilli(), spans[len(spans)-1].to.UnixMilli()
	least := min(max(trendWidth/(2*len(spans)), 3), 24)
	at := func(t time.Time) int {
		if last <= first {
			return 0
		}
		return int(min(max(t.UnixMilli()-first, 0), last-first) * int64(trendWidth-least) / (last - first))
	}
	type column struct{ from, to, fail, unknown int }
	var columns []column
	var states []audit.Verdict
	for i, s := range spans {
		c := column{at(s.from), at(s.to) + least, max(s.Fail, 0), max(s.Unknown, 0)}
		if n := len(columns) - 1; n >= 0 && columns[n].from == c.from && i < len(spans)-1 {
			was := &columns[n]
			was.to, was.fail, was.unknown = max(was.to, c.to), max(was.fail, c.fail), max(was.unknown, c.unknown)
			states[n] = worseVerdict(states[n], s.verdict)
			continue
		}
		columns, states = append(columns, c), append(states, s.verdict)
	}
	const base = trendHeight - trendBand
	out := make([]trendBar, len(columns))
	for i, c := range columns {
		fail := min(c.fail, most) * base / most
		both := min(c.fail+c.unknown, most) * base / most
		out[i] = trendBar{
			State: verdictState(states[i]), X: c.from, Width: max(c.to-c.from, least),
			FailY: base - fail, FailHeight: fail, UnknownY: base - both, UnknownHeight: both - fail,
		}
	}
	return out
}

func worseVerdict(a, b audit.Verdict) audit.Verdict {
	switch {
	case a == audit.VerdictNoncompliant || b == audit.VerdictNoncompliant:
		return audit.VerdictNoncompliant
	case a == audit.VerdictCompliant:
		return b
	}
	return a
}

// since is the oldest result from which on the verdict was the last one.
func since(points []Point) time.Time {
	n := len(points) - 1
	for n > 0 && points[n-1].Verdict == points[n].Verdict {
		n--
	}
	return points[n].At
}

// sinceWhen answers whether the environment is compliant, and since when.
func sinceWhen(points []Point) string {
	last := points[len(points)-1]
	start := since(points)
	verdict := last.Verdict.String()
	text := strings.ToUpper(verdict[:1]) + verdict[1:] + " since " + moment(start)
	before, compliant := "", "never"
	for _, p := range points {
		if p.Verdict != last.Verdict {
			before = moment(p.At)
		}
		if p.Verdict == audit.VerdictCompliant {
			compliant = moment(p.At)
		}
	}
	if before == "" {
		text += ", the first result"
	} else {
		text += ", after " + before
	}
	if last.Verdict != audit.VerdictCompliant {
		text += "; last compliant: " + compliant
	}
	return text + "; " + count(len(points), "result")
}

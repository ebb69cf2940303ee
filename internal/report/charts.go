package report

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// StyleSheet is the style sheet of the page, for other pages that show results.
func StyleSheet() string { return pageStyle }

// A Drawing is the content of an SVG picture: one path for each state ("pass", "unknown",
// "fail"), which keeps a page of a thousand strips small. The style sheet colors the class t-STATE.
type Drawing struct {
	Width, Height int
	Text          string            // what it shows, in a sentence
	Paths         map[string]string // by state
}

// The sizes of a strip, which has a bar for each result, and of a fleet's chart, which has a
// column for each day.
const (
	stripPitch, stripHeight = 6, 16
	fleetPitch, fleetHeight = 16, 96
)

// StripChart draws a bar for each of the last results, oldest first. The height shows the verdict to
// people who do not see colors.
func StripChart(points []history.Point, shown int) Drawing {
	if len(points) == 0 {
		return Drawing{}
	}
	said := verdictHistory(points)
	points = points[max(len(points)-shown, 0):]
	d := Drawing{Width: len(points) * stripPitch, Height: stripHeight, Text: said}
	d.Paths = map[string]string{}
	for i, p := range points {
		form := verdictTermsOf(p.Verdict)
		d.Paths[form.class] += fmt.Sprintf("M%d %dv-%d", i*stripPitch+stripPitch/2, stripHeight, form.bar)
	}
	return d
}

// A DayCount is how many environments of a fleet had each verdict on a day.
type DayCount struct{ Compliant, Incomplete, Noncompliant int }

func (c *DayCount) add(v audit.Verdict) {
	switch v {
	case audit.VerdictCompliant:
		c.Compliant++
	case audit.VerdictNoncompliant:
		c.Noncompliant++
	case audit.VerdictIncomplete:
		c.Incomplete++
	}
}

// ColumnChart draws a column for each day, in proportion to most; 0 means the highest count of a day.
func ColumnChart(days []DayCount, most int) Drawing {
	if most == 0 {
		for _, day := range days {
			most = max(most, day.Compliant+day.Incomplete+day.Noncompliant, 1)
		}
	}
	d := Drawing{Width: len(days) * fleetPitch, Height: fleetHeight}
	d.Paths = map[string]string{"pass": "", "unknown": "", "fail": ""}
	for i, day := range days {
		from, sum := fleetHeight, 0
		for _, part := range []struct {
			state string
			n     int
		}{{"pass", day.Compliant}, {"unknown", day.Incomplete}, {"fail", day.Noncompliant}} {
			sum += part.n
			to := fleetHeight - sum*fleetHeight/most
			if to < from {
				d.Paths[part.state] += fmt.Sprintf("M%d %dh%dv%dh-%dz", i*fleetPitch, to, fleetPitch-1, from-to, fleetPitch-1)
			}
			from = to
		}
	}
	return d
}

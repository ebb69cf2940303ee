package report

import (
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

// StyleSheet returns the style sheet of the HTML report, for other pages that show results.
func StyleSheet() string { return pageStyle }

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
	stripPitch, stripHeight = 6, 16
	fleetPitch, fleetHeight = 16, 96
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

// A DayCount is the number of environments that had each verdict on one day.
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

// ColumnChart draws a column for each day. A column of full height is total environments; 0 means the
// highest count of a day.
func ColumnChart(days []DayCount, total int) Drawing {
	if total == 0 {
		for _, day := range days {
			total = max(total, day.Compliant+day.Incomplete+day.Noncompliant, 1)
		}
	}
	d := Drawing{Width: len(days) * fleetPitch, Height: fleetHeight}
	d.Paths = map[string]string{"pass": "", "unknown": "", "fail": ""}
	for i, day := range days {
		bottom, sum := fleetHeight, 0
		for _, part := range []struct {
			state string
			n     int
		}{{"pass", day.Compliant}, {"unknown", day.Incomplete}, {"fail", day.Noncompliant}} {
			sum += part.n
			top := fleetHeight - sum*fleetHeight/total
			if top < bottom {
				d.Paths[part.state] += fmt.Sprintf("M%d %dh%dv%dh-%dz", i*fleetPitch, top, fleetPitch-1, bottom-top, fleetPitch-1)
			}
			bottom = top
		}
	}
	return d
}

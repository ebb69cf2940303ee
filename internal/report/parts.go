package report

import (
	"fmt"
	"strings"
)

// Style is the style sheet of the page, for other pages that show results.
func Style() string { return pageStyle }

// A Drawing is the inside of an SVG picture: a path for each state ("pass", "unknown",
// "fail"), whose colour the style sheet knows by the class t-STATE.
type Drawing struct {
	Width, Height int
	Text          string // what it shows, in a sentence
	Paths         []Path
}

// A Path is what is drawn of one state.
type Path struct{ State, Path string }

// Strip draws a bar for each of the last results, at most shown of them, oldest first. The
// height tells the verdict where colours are not seen.
func Strip(points []Point, shown int) Drawing {
	if len(points) == 0 {
		return Drawing{}
	}
	d := draw(points, shown)
	return Drawing{Width: d.Width, Height: 16, Text: d.Text, Paths: paths(d.Strip)}
}

// A DayCount is how many of a fleet came to each verdict on a day.
type DayCount struct{ Compliant, Incomplete, Noncompliant int }

// Columns draws a column for each day, as high as its part of the most on a day.
func Columns(days []DayCount) Drawing {
	most := 1
	for _, day := range days {
		most = max(most, day.Compliant+day.Incomplete+day.Noncompliant)
	}
	return Drawing{Width: len(days) * fleetPitch, Height: fleetHeight, Paths: paths(stacked(days, most))}
}

func stacked(days []DayCount, most int) []trendPath {
	parts := map[string]*strings.Builder{"pass": {}, "unknown": {}, "fail": {}}
	for i, day := range days {
		from, so := fleetHeight, 0
		for _, part := range []struct {
			state string
			n     int
		}{{"pass", day.Compliant}, {"unknown", day.Incomplete}, {"fail", day.Noncompliant}} {
			so += part.n
			to := fleetHeight - so*fleetHeight/most
			if to < from {
				fmt.Fprintf(parts[part.state], "M%d %dh%dv%dh-%dz", i*fleetPitch, to, fleetPitch-1, from-to, fleetPitch-1)
			}
			from = to
		}
	}
	return inStateOrder(parts)
}

func paths(drawn []trendPath) []Path {
	out := make([]Path, len(drawn))
	for i, p := range drawn {
		out[i] = Path(p)
	}
	return out
}

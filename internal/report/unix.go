package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// writeUnix writes a line for each finding, for each control that is unknown and for
// each file or environment that could not be read, in the form that compilers have made editors read: path:line:column: message. What a
// waiver accepts is left out: an editor has one way only to show a line.
func writeUnix(w io.Writer, rs []audit.Result) error {
	var b strings.Builder
	for _, r := range rs {
		if u := r.Unread; u != nil {
			unixLine(&b, u.Location, "error", strings.TrimPrefix(unreadText(r), "the file "), "unread")
		}
		for _, c := range r.Controls {
			id := string(c.ID)
			for _, f := range gathered(c.Findings) {
				if f.Waiver != nil {
					continue
				}
				location := f.Location
				if location == nil {
					location = c.Location
				}
				unixLine(&b, location, level(c.Severity), visible(f.Message), c.Severity.String()+"/"+id)
			}
			if c.Outcome == audit.OutcomeUnknown {
				unixLine(&b, c.Location, "warning", visible(c.Title)+" could not be evaluated: "+visible(c.Reason), "unknown/"+id)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func unixLine(b *strings.Builder, l *audit.Location, level, message, tag string) {
	path, line, column := "-", 1, 1
	if l != nil && l.Path != "" {
		path, line, column = visible(l.Path), max(l.Line, 1), max(l.Column, 1)
	}
	// A line break within would make a second line that nobody can place.
	message = strings.Join(strings.Fields(message), " ")
	path = strings.NewReplacer("\n", " ", "\r", " ").Replace(path)
	b.WriteString(path + ":" + strconv.Itoa(line) + ":" + strconv.Itoa(column) + ": " + level + ": " + message + " [" + tag + "]\n")
}

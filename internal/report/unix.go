package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// writeUnix writes a line for each issue that is not waived, and for each file or environment that
// could not be read. The form is that of compiler errors, which editors read:
// path:line:column: level: message [severity/control].
func writeUnix(w io.Writer, set *resultSet, _ Options) error {
	line := func(l *audit.Location, level, message, tag string) {
		path, line, column := "-", 1, 1
		if l != nil && l.Path != "" {
			path, line, column = text.Line(l.Path), max(l.Line, 1), max(l.Column, 1)
		}
		fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", path, line, column, level, strings.Join(strings.Fields(message), " "), tag)
	}
	for r := range set.all() {
		if u := r.Unread; u != nil {
			line(u.Location, "error", strings.TrimPrefix(unreadText(r), "the file "), "unread")
		}
		if r.SkipsViews() {
			line(nil, "note", r.Environment.Name+": "+audit.ViewsUnchecked, "note")
		}
		for _, i := range issuesOf(r, true) {
			switch {
			case i.isWaived():
			case i.Finding == nil:
				line(i.Location, "warning", i.message(), "unknown/"+string(i.ID))
			default:
				line(i.Location, termsOf(i.Severity).level, i.message(), i.Severity.String()+"/"+string(i.ID))
			}
		}
	}
	return nil
}

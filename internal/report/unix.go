package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// writeUnix writes a line for each issue and for each file or environment that could not be read,
// as compilers write them for editors: path:line:column: message. Waived findings are left out.
func writeUnix(w io.Writer, from *resultSet, _ Options) error {
	line := func(l *audit.Location, level, message, tag string) {
		path, line, column := "-", 1, 1
		if l != nil && l.Path != "" {
			path, line, column = visible(l.Path), max(l.Line, 1), max(l.Column, 1)
		}
		fmt.Fprintf(w, "%s:%d:%d: %s: %s [%s]\n", path, line, column, level, strings.Join(strings.Fields(message), " "), tag)
	}
	for r := range from.all() {
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

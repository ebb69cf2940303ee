package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// writeGitHub returns workflow commands, which the runner turns into annotations: the verdict, each
// finding, each unknown control, and each file that could not be read. The verdict comes first,
// because the runner keeps only ten annotations of a kind for a step. A group of the log lists all
// controls.
func writeGitHub(set *resultSet, o Options) *text.Commands {
	var b text.Commands
	for r := range set.all() {
		if u := r.Unread; u != nil {
			annotate(&b, "error", u.Location, "dbaudit: "+r.Verdict.String(), unreadText(r))
			continue
		}
		annotate(&b, verdictTermsOf(r.Verdict).command, nil, "dbaudit: "+r.Verdict.String(), headline(r))
		for _, i := range issuesOf(r, true) {
			f := i.Finding
			if f == nil {
				annotate(&b, "warning", i.Location, string(i.ID)+" (unknown)", i.message())
				continue
			}
			command, todo := termsOf(i.Severity).command, advice(*f, i.Control, o)
			if f.Waiver != nil {
				command, todo = "notice", waiverText(f.Waiver)
			}
			title := joinNonBlank(", ", i.Severity.String(), string(f.Baseline))
			annotate(&b, command, i.Location, fmt.Sprintf("%s (%s)", i.ID, title), messageWithGap(*f)+"\n"+todo)
		}
		b.Add("group", nil, fmt.Sprintf("dbaudit %s: %s", r.Environment.Name, text.Count(len(r.Controls), "control")))
		for _, c := range r.Controls {
			b.AddLine(joinNonBlank("  ", fmt.Sprintf("%-14s", outcomeWithOriginal(c)), string(c.ID), c.Title, c.Reason))
			for _, n := range c.Remarks() {
				b.AddLine(fmt.Sprintf("%-14s  note: %s", "", n))
			}
		}
		for _, n := range r.Notes {
			b.AddLine("note: " + n)
		}
		b.Add("endgroup", nil)
	}
	return &b
}

func annotate(b *text.Commands, command string, l *audit.Location, title, message string) {
	var properties []text.Property
	add := func(name, value string) { properties = append(properties, text.Property{Name: name, Value: value}) }
	if l != nil && l.Path != "" {
		// Of an entry of an archive, only the archive is in the checkout.
		file, entry, inArchive := strings.Cut(l.Path, "!/")
		add("file", file)
		if inArchive {
			message += " [" + text.Line(fileAndLine(entry, l.Line)) + "]"
		} else if l.Line > 0 {
			add("line", strconv.Itoa(l.Line))
			if l.Column > 0 {
				add("col", strconv.Itoa(l.Column))
			}
			if l.Column > 0 && l.EndColumn > l.Column {
				add("endColumn", strconv.Itoa(l.EndColumn))
			}
		}
	}
	add("title", title)
	b.Add(command, properties, strings.Split(message, "\n")...)
}

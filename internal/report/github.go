package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// writeGitHub writes workflow commands, which the runner turns into annotations:
// one for the verdict first, because the runner keeps only ten of a kind for a
// step, then one for each finding and for each control that is unknown. All
// controls are listed in a group of the log. A file that could not be read has one.
func writeGitHub(w io.Writer, rs []audit.Result, o Options) error {
	var b strings.Builder
	for _, r := range rs {
		if u := r.Unread; u != nil {
			annotate(&b, "error", u.Location, "dbaudit: "+r.Verdict.String(), unreadText(r))
			continue
		}
		annotate(&b, verdictCommand(r.Verdict), nil, "dbaudit: "+r.Verdict.String(), headline(r))
		for _, c := range r.Controls {
			id := string(c.ID)
			for _, f := range c.Findings {
				location := f.Location
				if location == nil {
					location = c.Location
				}
				message := visible(f.Message)
				if g := gap(f); g != "" {
					message += " (" + g + ")"
				}
				command := command(c.Severity)
				if f.Waiver != nil {
					command = "notice"
					message += "\n" + waiver(f.Waiver)
				} else {
					message += "\n" + advice(f, c, o)
				}
				title := fmt.Sprintf("%s (%s)", id, c.Severity)
				if f.Baseline != audit.BaselineNone {
					title = fmt.Sprintf("%s (%s, %s)", id, c.Severity, f.Baseline)
				}
				annotate(&b, command, location, title, message)
			}
			if c.Outcome == audit.OutcomeUnknown {
				annotate(&b, "warning", c.Location, id+" (unknown)", visible(c.Title)+" could not be evaluated: "+visible(c.Reason))
			}
		}
		fmt.Fprintf(&b, "::group::%s\n", commandData(fmt.Sprintf("dbaudit %s: %s", r.Environment.Name, count(len(r.Controls), "control"))))
		for _, c := range r.Controls {
			// The outcome in front keeps a line from beginning as a command does.
			fmt.Fprintf(&b, "%s\n", commandData(join("  ", fmt.Sprintf("%-14s", outcomeOf(c)), string(c.ID), c.Title, c.Reason)))
			for _, n := range c.Remarks() {
				fmt.Fprintf(&b, "%-14s  %s\n", "", commandData("note: "+n))
			}
		}
		for _, n := range r.Notes {
			fmt.Fprintf(&b, "%s\n", commandData("note: "+n))
		}
		b.WriteString("::endgroup::\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func annotate(b *strings.Builder, command string, l *audit.Location, title, message string) {
	b.WriteString("::" + command + " ")
	if l != nil && l.Path != "" {
		// Of an archive's entry the archive alone is in the checkout.
		file, entry, inArchive := strings.Cut(l.Path, "!/")
		b.WriteString("file=" + commandProperty(file) + ",")
		if inArchive {
			message += " [" + visible(lineOf(entry, l.Line)) + "]"
		} else if l.Line > 0 {
			b.WriteString("line=" + strconv.Itoa(l.Line) + ",")
			if l.Column > 0 {
				b.WriteString("col=" + strconv.Itoa(l.Column) + ",")
			}
			if l.Column > 0 && l.EndColumn > l.Column {
				b.WriteString("endColumn=" + strconv.Itoa(l.EndColumn) + ",")
			}
		}
	}
	var lines []string
	for line := range strings.SplitSeq(message, "\n") {
		lines = append(lines, commandData(line))
	}
	fmt.Fprintf(b, "title=%s::%s\n", commandProperty(title), strings.Join(lines, "%0A"))
}

func verdictCommand(v audit.Verdict) string {
	switch v {
	case audit.VerdictCompliant:
		return "notice"
	case audit.VerdictNoncompliant:
		return "error"
	case audit.VerdictIncomplete:
	}
	return "warning"
}

func command(s audit.Severity) string {
	if l := level(s); l != "note" {
		return l
	}
	return "notice"
}

// commandData escapes the data of a command: one line, without the older form of
// a command, ##[name], which the runner finds anywhere in a line.
func commandData(s string) string {
	s = strings.ReplaceAll(visible(s), "%", "%25")
	s = strings.ReplaceAll(s, "\r", "%0D")
	s = strings.ReplaceAll(s, "\n", "%0A")
	return strings.ReplaceAll(s, "##[", "## [")
}

// commandProperty escapes a property, in which a colon and a comma end the value.
func commandProperty(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(commandData(s), ":", "%3A"), ",", "%2C")
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// whyOf says why a control matters. Older results do not say it; then it is the consequence that the
// rule names.
func whyOf(c audit.Control, rule audit.Rule) string { return cmp.Or(c.Why, rule.Consequence) }

func pageURL(c audit.Control) string {
	return audit.HelpURL(audit.ControlID(escapePath(string(c.ID))))
}

func citationText(c *audit.Citation) string {
	if c == nil {
		return ""
	}
	return text.Line(joinNonBlank(": ", c.Tab, c.Line))
}

func subjectText(s audit.Subject) string {
	subject := strings.ReplaceAll(s.Kind.String(), "-", " ")
	if name := cmp.Or(s.Name, s.ID); name != "" {
		subject += ` "` + text.Line(name) + `"`
	}
	if s.Table != "" {
		subject += " of " + text.Line(s.Table)
	}
	return subject
}

// depthGap compares the depths of a privilege finding: "needs Organization, has None". It is empty if
// the message already names the required level.
func depthGap(f audit.Finding) string {
	required, actual := f.Evidence.Text("required_depth"), f.Evidence.Text("actual_depth")
	if required == "" || strings.Contains(f.Message, audit.LevelOf(required)) || f.Evidence.Text("state") == "undefined" {
		return ""
	}
	if actual != "" {
		actual = ", has " + levelText(f.Evidence, "actual_depth")
	}
	return "needs " + levelText(f.Evidence, "required_depth") + actual
}

func messageWithGap(f audit.Finding) string {
	if gap := depthGap(f); gap != "" {
		return f.Message + " (" + gap + ")"
	}
	return f.Message
}

// unreadText says what could not be read and why, without the line of the file.
func unreadText(r audit.Result) string {
	subject := "the file"
	if !r.IsFile() {
		subject = "the environment " + text.Line(r.Environment.Name)
	}
	return subject + " could not be read: " + text.Line(r.Unread.Message)
}

func waiverText(w *audit.Waiver) string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("fails, waived (%s) by %s until %s: %s", w.Kind, w.Owner, w.Expires, w.Reason)
}

func capitalize(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:n]) + s[n:]
}

// sentenceCase begins s with a capital letter, unless its first word is a name such as prvReadLead.
func sentenceCase(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLower(r) }) {
		return s
	}
	return capitalize(s)
}

func endSentence(s string) string {
	if s != "" && strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}

// A textPart is a part of a text. One with a URL is a link.
type textPart struct{ Text, URL string }

// splitAtLinks splits a step at the addresses of the portals and of the environment. Only these
// become links.
func splitAtLinks(step string, env audit.Environment) []textPart {
	const mark = "\x00" // [text.Line] escapes it
	var replacements []string
	for _, address := range []string{"https://admin.powerplatform.microsoft.com", "https://make.powerapps.com", text.Line(env.URL)} {
		if text.IsWebURL(address) {
			replacements = append(replacements, address, mark+address+mark)
		}
	}
	var parts []textPart
	for i, part := range strings.Split(strings.NewReplacer(replacements...).Replace(text.Line(step)), mark) {
		switch {
		case i%2 == 1:
			parts = append(parts, textPart{strings.TrimPrefix(part, "https://"), part})
		case part != "":
			parts = append(parts, textPart{Text: part})
		}
	}
	return parts
}

// formatTime and formatDate are for people.
func formatTime(t time.Time) string { return formatTimeOr(t, "2006-01-02 15:04:05 UTC", "unknown") }
func formatDate(t time.Time) string { return formatTimeOr(t, time.DateOnly, "unknown") }

// formatTimestamp returns a time for programs. It is empty for the zero time, which files have.
func formatTimestamp(t time.Time) string { return formatTimeOr(t, time.RFC3339, "") }

func formatTimeOr(t time.Time, layout, zero string) string {
	if t.IsZero() {
		return zero
	}
	return t.UTC().Format(layout)
}

func joinNonBlank(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" }), sep)
}

// nameWidth is the maximum width of a name where space is limited.
const nameWidth = 60

func shortName(s string) string { return text.ShortenMiddle(s, nameWidth) }

// severityTerms are the words that formats use for a severity.
type severityTerms struct {
	level   string // of SARIF
	problem string // GitHub's problem.severity
	// GitHub's security-severity, in the middle of the range that GitHub shows as this severity: over
	// 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, lower values low.
	security string
	command  string // GitHub's workflow command
	gitlab   string
	ocsf     int
	caption  string // of OCSF
	style    table.Style
}

func termsOf(s audit.Severity) severityTerms {
	switch s {
	case audit.SeverityCritical:
		return severityTerms{"error", "error", "9.5", "error", "blocker", 5, "Critical", table.BoldRed}
	case audit.SeverityHigh:
		return severityTerms{"error", "error", "8.0", "error", "critical", 4, "High", table.BoldRed}
	case audit.SeverityMedium:
		return severityTerms{"warning", "warning", "5.5", "warning", "major", 3, "Medium", table.BoldYellow}
	case audit.SeverityLow:
		return severityTerms{"note", "recommendation", "2.0", "notice", "minor", 2, "Low", table.Cyan}
	case audit.SeverityInfo:
		return severityTerms{"note", "recommendation", "0.5", "notice", "info", 1, "Informational", table.Cyan}
	case audit.SeverityInvalid:
	}
	return severityTerms{"note", "recommendation", "0.5", "notice", "info", 0, "Unknown", table.Cyan}
}

// severityOr returns the word for a severity, or none if it is invalid.
func severityOr(s audit.Severity, none string) string {
	if s == audit.SeverityInvalid {
		return none
	}
	return s.String()
}

func outcomeText(o audit.Outcome) string { return strings.ReplaceAll(o.String(), "_", " ") }

// originalOutcome returns the outcome of a control before it was waived. It is empty for other controls.
func originalOutcome(c audit.Control) string {
	if c.Original == nil {
		return ""
	}
	return c.Original.String()
}

// outcomeWithOriginal returns the outcome of a control in words, and the original one if it was waived.
func outcomeWithOriginal(c audit.Control) string {
	if c.Original == nil {
		return outcomeText(c.Outcome)
	}
	return outcomeText(c.Outcome) + " (" + outcomeText(*c.Original) + ")"
}

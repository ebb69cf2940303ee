// Package text makes foreign text safe to print. Foreign text is what dbaudit did not write: the
// names of roles, users, teams, business units, views, environments, files and archive entries, and
// the messages of servers.
//
// [Line] turns such text into one line in which every character is visible. [Markdown], [HTML] and
// [JSON] also quote it for a format. A [Stream] wraps each standard stream, so that text cannot
// control a terminal or a CI runner.
package text

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line. Characters that are invisible, or that control a terminal, a browser
// or a layout, become escapes: control characters, bidirectional and zero-width marks, line and
// paragraph separators, and unassigned code points.
func Line(s string) string {
	if !strings.ContainsFunc(s, IsInvisible) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteString(escapeRune(r))
	}
	return b.String()
}

func escapeRune(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case !IsInvisible(r):
		return string(r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// IsInvisible reports whether r has no glyph. Spaces such as U+00A0 are not invisible.
// Default-ignorable characters are, although Unicode classifies some of them as letters or marks.
func IsInvisible(r rune) bool {
	if r < utf8.RuneSelf { // most characters
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Lines returns [Line] of each line of s, such as indented JSON.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.Join(lines, "\n")
}

// Message returns [Line] of a foreign message, such as a server's, with white space collapsed. A
// message of more than 1,200 bytes is cut.
func Message(s string) string {
	const limit = 1200
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return Line(strings.Join(strings.Fields(s), " "))
}

// JoinFirst joins the first n names with commas, and counts the others: "a, b and 3 more".
func JoinFirst(names []string, n int) string {
	if more := len(names) - n; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Count returns n with the singular or plural of a regular noun: "1 finding", "3 findings".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Duration formats a duration without trailing zero units: 24h, not 24h0m0s.
func Duration(d time.Duration) string {
	s := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, end) {
			s = s[:len(s)-len("0s")]
		}
	}
	return s
}

// Linef formats as [fmt.Sprintf] does, with [Line] of each string among the arguments.
func Linef(format string, args ...any) string {
	args = slices.Clone(args)
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = Line(s)
		}
	}
	return fmt.Sprintf(format, args...)
}

// Package text makes foreign text safe: names of roles, users, teams, units, views, owners and
// environments, of files, folders and archive entries, and a server's messages.
//
// [Line] makes such a text one line in which every character is visible; [Markdown], [HTML] and
// [JSON] quote it for a format. A [Stream] wraps each standard stream, so that the text does not
// control a terminal or a CI runner.
package text

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line, with escapes for what is invisible or controls a terminal, a browser
// or a layout: control characters, bidirectional and zero-width marks, line and paragraph
// separators, unassigned code points.
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

// IsInvisible reports whether r has no glyph. U+00A0 and the other spaces are graphic; characters that
// are ignored by default are letters or marks in Unicode, but draw nothing.
func IsInvisible(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Lines is [Line] for each line of a text, such as indented JSON.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.Join(lines, "\n")
}

// Message is [Line] for a foreign sentence, such as a server's: all white space is one blank, and
// a text that is too long is shortened.
func Message(s string) string {
	const limit = 1200
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return Line(strings.Join(strings.Fields(s), " "))
}

// JoinFirst joins names, the first few of many.
func JoinFirst(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// Count is n with the noun that fits it, such as "1 finding" or "3 findings".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Linef formats a message, with [Line] of each string among the arguments.
func Linef(format string, args ...any) string {
	args = slices.Clone(args)
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = Line(s)
		}
	}
	return fmt.Sprintf(format, args...)
}

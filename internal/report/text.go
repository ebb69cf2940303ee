package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// visible returns s with everything in it that a reader cannot see, or that
// would steer a terminal, a browser or a text layout, written out as an escape:
// control characters, bidirectional and zero-width marks, line and paragraph
// separators, unassigned code points. Names of roles, users and views are chosen
// by whoever made them; after visible they are nothing but text on one line.
func visible(s string) string {
	if !strings.ContainsFunc(s, unseen) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unseen(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// unseen reports whether r has no glyph of its own. U+00A0 and the other spaces
// are graphic; characters that are ignored by default are letters or marks to
// Unicode and still draw nothing.
func unseen(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// columns is the number of terminal cells that s takes, in the reckoning of the
// table library and independent of the locale.
func columns(s string) int {
	return twwidth.WidthWithOptions(s, twwidth.Options{})
}

// shorten cuts s to at most width columns, an ellipsis included. Marks that take
// no column cannot smuggle more than four runes for each column through.
func shorten(s string, width int) string {
	if len(s) <= width {
		return s
	}
	if columns(s) <= width && utf8.RuneCountInString(s) <= 4*width {
		return s
	}
	used, runes := 0, 0
	for i, r := range s {
		w := columns(string(r))
		if used+w > width-1 || runes >= 4*(width-1) {
			return s[:i] + "…"
		}
		used += w
		runes++
	}
	return s
}

// wrap breaks s into lines of at most width columns, at spaces where it can, after
// a hyphen, a slash or a comma where it must, and within a word as the last resort.
// A width of 0 does not break.
func wrap(s string, width int) []string {
	if width <= 0 || columns(s) <= width {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for _, word := range strings.Fields(s) {
		w := columns(word)
		if used > 0 && used+1+w <= width {
			line += " " + word
			used += 1 + w
			continue
		}
		if line != "" {
			flush()
		}
		for w > width {
			head := breakAt(word, width)
			lines = append(lines, word[:head])
			word = word[head:]
			w = columns(word)
		}
		line, used = word, w
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// breakAt returns the byte index at which to break a word that is wider than
// width: after the last punctuation or before the last capital of a name such as
// prvReadAccount that fits, else after the last rune that fits.
func breakAt(word string, width int) int {
	used, last, soft := 0, 0, 0
	lower := false
	for i, r := range word {
		w := columns(string(r))
		if used+w > width {
			break
		}
		used += w
		last = i + utf8.RuneLen(r)
		if lower && unicode.IsUpper(r) {
			soft = i
		}
		lower = unicode.IsLower(r)
		if strings.ContainsRune("-/,.:;_", r) {
			soft = last
		}
	}
	if last == len(word) {
		return last
	}
	switch {
	case soft > last/2:
		return soft
	case last == 0: // a rune wider than the column still has to go somewhere
		_, n := utf8.DecodeRuneInString(word)
		return n
	}
	return last
}

// count is n with the noun that fits it, such as "1 finding" or "3 findings".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// visibleLines is visible for a text of several lines, such as indented JSON.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Width returns the number of terminal columns that s takes, as the table library counts them. It
// does not depend on the locale.
func Width(s string) int { return twwidth.WidthWithOptions(s, twwidth.Options{}) }

// Shorten cuts the end of s to at most width columns, including an ellipsis. It also keeps at most
// four runes for each column, because combining marks take no column.
func Shorten(s string, width int) string {
	if fits(s, width) {
		return s
	}
	return prefix(s, width-1) + "…"
}

// ShortenMiddle cuts the middle of a name to at most width columns, because similar names often differ
// at either end.
func ShortenMiddle(s string, width int) string {
	if fits(s, width) {
		return s
	}
	front := width / 2
	back := reverse(prefix(reverse(s), width-1-front))
	return prefix(s, front) + "…" + strings.TrimLeftFunc(back, func(r rune) bool { return unicode.Is(unicode.M, r) })
}

func reverse(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}

func fits(s string, width int) bool {
	return len(s) <= width || Width(s) <= width && utf8.RuneCountInString(s) <= 4*width
}

func prefix(s string, width int) string {
	used, runes := 0, 0
	for i, r := range s {
		w := Width(string(r))
		if used+w > width || runes >= 4*width {
			return s[:i]
		}
		used += w
		runes++
	}
	return s
}

// Wrap breaks s into lines of at most width columns: at spaces, else after punctuation, and as the
// last resort within a word. A width of 0 means no limit.
func Wrap(s string, width int) []string {
	if width <= 0 || Width(s) <= width {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for _, word := range strings.Fields(s) {
		w := Width(word)
		if used > 0 && used+1+w <= width {
			line += " " + word
			used += 1 + w
			continue
		}
		if line != "" {
			flush()
		}
		for w > width {
			head := breakIndex(word, width)
			lines = append(lines, word[:head])
			word = word[head:]
			w = Width(word)
		}
		line, used = word, w
	}
	if line != "" || len(lines) == 0 {
		flush()
	}
	return lines
}

// WrapLines wraps each line of s, and indents the continuation by two more columns. Commands and URLs
// are not broken, so that they can be copied. A command after "run: " at the end of a line gets its
// own line.
func WrapLines(s string, width int) string {
	const hanging, minWidth = 2, 20
	var b strings.Builder
	for line := range strings.Lines(s) {
		content := strings.TrimLeft(line, " ")
		indent := len(line) - len(content)
		if width <= 0 || Width(strings.TrimSuffix(line, "\n")) <= width || isUnbreakable(content) {
			b.WriteString(line)
			continue
		}
		lead, continuation := strings.Repeat(" ", indent), strings.Repeat(" ", indent+hanging)
		prose, command, _ := strings.Cut(strings.TrimSuffix(content, "\n"), " run: ")
		if command != "" {
			prose += " run:"
		}
		for _, part := range Wrap(prose, max(width-indent-hanging, minWidth)) {
			b.WriteString(lead + part + "\n")
			lead = continuation
		}
		if command != "" {
			b.WriteString(continuation + command + "\n")
		}
	}
	return b.String()
}

// isUnbreakable reports whether a line is a command or a URL.
func isUnbreakable(line string) bool {
	program, _, several := strings.Cut(line, " ")
	return several && slices.Contains([]string{"dbaudit", "az", "pac"}, program) || strings.HasPrefix(line, "https://") && !several
}

// breakIndex returns the byte index at which to break a word that is wider than width: after the last
// punctuation that fits, or before the last capital of a name such as prvReadAccount, else after the
// last rune that fits.
func breakIndex(word string, width int) int {
	used, last, soft := 0, 0, 0
	lower := false
	for i, r := range word {
		w := Width(string(r))
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
	case soft > last/3:
		return soft
	case last == 0: // the first rune is wider than the line
		_, n := utf8.DecodeRuneInString(word)
		return n
	}
	return last
}

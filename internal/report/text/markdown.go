package text

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Markdown escapes s so that GitHub Flavored Markdown shows it as plain text, also in a table cell.
// Punctuation gets a backslash; characters with a meaning in HTML or in a table become entities. A
// zero-width space breaks mentions and issue numbers, which GitHub links even if they are escaped.
func Markdown(s string) string {
	s = Line(strings.TrimSpace(s))
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("&<>", r):
			b.WriteString(html.EscapeString(string(r)))
		case r == '|', strings.HasPrefix(s[i:], "://"), // GitHub links bare URLs
			r == '.' && (i >= 3 && strings.EqualFold(s[i-3:i], "www") || startsList(s, i)):
			fmt.Fprintf(&b, "&#%d;", r)
		case strings.ContainsRune("\\`*_[]~$#", r), r == ')' && startsList(s, i),
			i == 0 && strings.ContainsRune("-+=", r): // a list, or the underline of a heading
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return breakMentions(b.String())
}

// MarkdownCell returns [Markdown] of s, shortened for a table cell.
func MarkdownCell(s string) string { return Markdown(ShortenMiddle(Line(s), 200)) }

// MarkdownTable returns a Markdown table. The rows are plain text; the header is Markdown.
func MarkdownTable(header []string, rows [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat(" --- |", len(header)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = MarkdownCell(cell)
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// HTML escapes s for an HTML element within Markdown.
func HTML(s string) string { return breakMentions(html.EscapeString(Line(s))) }

// startsList reports whether the full stop or parenthesis at s[i] makes s an item of a numbered list.
func startsList(s string, i int) bool {
	return i > 0 && i < 10 && strings.Trim(s[:i], "0123456789") == ""
}

// breakMentions inserts a zero-width space where GitHub would link @name or #1 and notify people.
func breakMentions(s string) string {
	var b strings.Builder
	before := ' '
	for i, r := range s {
		b.WriteRune(r)
		if (r == '@' || r == '#') && !unicode.IsLetter(before) && !unicode.IsDigit(before) && before != '&' {
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); unicode.IsLetter(next) || unicode.IsDigit(next) {
				b.WriteString("&#8203;")
			}
		}
		before = r
	}
	return b.String()
}

// IsWebURL reports whether s is an http or https URL that every format can contain as a link.
func IsWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\\\"`|", r) })
}

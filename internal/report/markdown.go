package report

import (
	"fmt"
	"strings"
)

// escapeMarkdown makes plain text of s in GitHub Flavored Markdown, within a
// table's cell too. CommonMark lets any ASCII punctuation be escaped; those that
// mean something get a backslash, those that HTML knows an entity, and a mention
// or an issue's number is broken by one.
func escapeMarkdown(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@', '#', '|':
			// A backslash does not keep GitHub from linking these, an entity does.
			fmt.Fprintf(&b, "&#%d;", r)
		case ':':
			if strings.HasPrefix(s[i:], "://") {
				b.WriteString("&#58;")
			} else {
				b.WriteByte(':')
			}
		case '.':
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteString("&#46;")
			} else {
				b.WriteByte('.')
			}
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '~', '!', '$':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escapeURL makes a destination for <…> of a Markdown link.
func escapeURL(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>\\\"`|", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

package solution

import (
	"strconv"
	"strings"
)

// value is the attribute's value as XML 1.0, section 3.3.3, normalises it: white
// space is a space each, and references are replaced.
func (a attribute) value() string {
	plain := true
	for i := range len(a.raw) {
		plain = plain && a.raw[i] != '&' && a.raw[i] >= ' '
	}
	if plain {
		return a.raw
	}
	spaced := strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(a.raw)
	var b strings.Builder
	expandReferences(spaced, &b) // it was checked when it was read
	return b.String()
}

// checkReferences checks the characters and references in a part of the document. Only the
// predefined ones are known: a document type, which could define others, is refused.
func (s *scanner) checkReferences(start, end int) error {
	if s.text.simple {
		return nil
	}
	chunk := s.data[start:end]
	if err := s.checkCharacters(start, chunk); err != nil {
		return err
	}
	at := expandReferences(chunk, nil)
	if at < 0 {
		return nil
	}
	name, _, ok := strings.Cut(chunk[at:min(len(chunk), at+maxReference)], ";")
	if !ok {
		return s.fail(start+at, "this is not XML: & without a name and a semicolon")
	}
	return s.fail(start+at, "the entity %s; is not defined: the file has no document type", name)
}

// maxReference is the length of the longest reference, &#x10FFFF; with a few zeros.
const maxReference = 16

// expandReferences writes a part of the document with its references replaced, if out is given; at
// is the position of an invalid one, or -1.
func expandReferences(chunk string, out *strings.Builder) (at int) {
	write := func(text string) {
		if out != nil {
			out.WriteString(text)
		}
	}
	for i := 0; ; {
		next := strings.IndexByte(chunk[i:], '&')
		if next < 0 {
			write(chunk[i:])
			return -1
		}
		write(chunk[i : i+next])
		i += next
		length := strings.IndexByte(chunk[i:min(len(chunk), i+maxReference)], ';')
		if length < 0 {
			return i
		}
		r, ok := resolveReference(chunk[i+1 : i+length])
		if !ok {
			return i
		}
		write(string(r))
		i += length + 1
	}
}

// elementText is the text of an element's content: without comments and
// instructions, and with the content of CDATA sections.
func elementText(content string) string {
	var out strings.Builder
	for content != "" {
		text, markup, _ := strings.Cut(content, "<")
		expandReferences(text, &out) // it was checked when it was read
		switch {
		case strings.HasPrefix(markup, "![CDATA["):
			var section string
			section, content, _ = strings.Cut(markup[len("![CDATA["):], "]]>")
			out.WriteString(section)
		case strings.HasPrefix(markup, "!--"):
			_, content, _ = strings.Cut(markup[len("!--"):], "-->")
		default:
			_, content, _ = strings.Cut(markup, "?>")
		}
	}
	return strings.TrimSpace(out.String())
}

func resolveReference(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	r := rune(n) //nolint:gosec // bounded below
	switch {
	case err != nil || n > 0x10ffff:
		return 0, false
	case r < ' ' && r != '\t' && r != '\n' && r != '\r', r >= 0xd800 && r < 0xe000, r == 0xfffe, r == 0xffff:
		return 0, false
	}
	return r, true
}

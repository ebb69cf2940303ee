package solution

import (
	"strconv"
	"strings"
)

// value returns the attribute's value, normalized as in XML 1.0, section 3.3.3: each white space
// character becomes a space, and references are expanded.
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
	expandReferences(spaced, &b) // the scanner checked the references
	return b.String()
}

// checkReferences checks the characters and the references in a part of the document. Only the
// predefined entities exist, because document types, which could define others, are refused.
func (s *scanner) checkReferences(start, end int) error {
	if s.text.simple {
		return nil
	}
	chunk := s.data[start:end]
	if err := s.checkCharacters(start, chunk); err != nil {
		return err
	}
	invalid := expandReferences(chunk, nil)
	if invalid < 0 {
		return nil
	}
	name, _, ok := strings.Cut(chunk[invalid:min(len(chunk), invalid+maxReference)], ";")
	if !ok {
		return s.fail(start+invalid, "this is not XML: & without a name and a semicolon")
	}
	return s.fail(start+invalid, "the entity %s; is not defined: the file has no document type", name)
}

// maxReference is the maximum length of a reference: &#x10FFFF; with a few zeros.
const maxReference = 16

// expandReferences writes a part of the document to out, if that is not nil, with its references
// expanded. It returns the offset of the first invalid reference, or -1.
func expandReferences(chunk string, out *strings.Builder) (invalid int) {
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

// elementText returns the text of an element without child elements. It expands references and CDATA
// sections, and omits comments and instructions.
func elementText(content string) string {
	var out strings.Builder
	for content != "" {
		text, markup, _ := strings.Cut(content, "<")
		expandReferences(text, &out) // the scanner checked the references
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

// resolveReference returns the character for the name of a reference, such as "lt" or "#60".
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

package solution

import (
	"strings"
	"unicode/utf8"
)

// The scanner reads XML for the few elements that define roles. The decoder of the standard library
// does not say where an attribute or the tag of an empty element ends, and takes several times as
// long for the megabytes of forms and ribbons in customizations.xml. The scanner accepts what the
// decoder accepts, except for document types; a fuzz test compares the two.

// The limits of XML. In real files, forms are nested less than 40 deep, and elements have about
// thirty attributes with short names.
const (
	maxNesting    = 256
	maxAttributes = 64
	maxName       = 1000 // bytes
)

// An element is a start tag.
type element struct {
	name       string      // without prefix
	start, end int         // offsets of the tag
	empty      bool        // whether the tag is <name/>
	attributes []attribute // valid until the next element
}

type attribute struct {
	name, raw  string
	start, end int // offsets of the value between its quotes
}

// attribute returns the attribute with a name in any letter case, or the zero attribute.
func (e element) attribute(name string) attribute {
	for _, a := range e.attributes {
		if a.name == name || len(a.name) == len(name) && strings.EqualFold(a.name, name) {
			return a
		}
	}
	return attribute{}
}

// A scanner passes the tags of a document to a parser, in their order.
type scanner struct {
	text       *text
	data       string // of text
	parser     *parser
	pos        int         // offset of the next byte
	stack      []string    // qualified names of the open elements
	path       []string    // local names of the open elements
	content    int         // offset of the innermost element's text, or -1 if it has child elements
	rootSeen   bool        // whether the root element has begun
	attributes []attribute // reused for each element
	nameBytes  *nameBytes
}

// nameBytes says which bytes may be in names, and which may be their first byte.
type nameBytes struct{ inName, startsName [256]bool }

func newNameBytes() *nameBytes {
	var n nameBytes
	for b := range n.startsName {
		n.startsName[b] = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == ':' || b >= utf8.RuneSelf
		n.inName[b] = n.startsName[b] || b >= '0' && b <= '9' || b == '-' || b == '.'
	}
	return &n
}

func (s *scanner) fail(offset int, format string, args ...any) error {
	return s.text.fault(min(offset, len(s.data)), format, args...)
}

// scan scans the whole document.
func scan(t *text, p *parser) error {
	s := &scanner{text: t, data: t.data, parser: p, content: -1, nameBytes: p.nameBytes}
	for s.pos < len(s.data) {
		next := strings.IndexByte(s.data[s.pos:], '<')
		if next < 0 {
			next = len(s.data) - s.pos
		}
		if err := s.checkText(s.pos, s.pos+next); err != nil {
			return err
		}
		s.pos += next
		if s.pos == len(s.data) {
			break
		}
		if err := s.scanMarkup(); err != nil {
			return err
		}
	}
	switch {
	case len(s.stack) > 0:
		return s.fail(len(s.data), "the file ends before </%s>: it is truncated", s.stack[len(s.stack)-1])
	case !s.rootSeen:
		return s.fail(0, "there is no XML in the file")
	}
	return nil
}

// rootElement returns the local name of the root element, from the beginning of a file in any
// encoding. Without NUL bytes, UTF-16 reads like ASCII.
func rootElement(head []byte, n *nameBytes) string {
	rest := strings.ReplaceAll(string(head), "\x00", "")
	for {
		_, markup, ok := strings.Cut(rest, "<")
		switch {
		case !ok:
			return ""
		case strings.HasPrefix(markup, "?"):
			_, rest, _ = strings.Cut(markup, "?>")
		case strings.HasPrefix(markup, "!--"):
			_, rest, _ = strings.Cut(markup, "-->")
		default:
			s := scanner{data: markup, nameBytes: n}
			return localName(markup[:s.nameEnd(0)])
		}
	}
}

// checkText checks the text between two tags.
func (s *scanner) checkText(start, end int) error {
	chunk := s.data[start:end]
	if len(s.stack) == 0 {
		if rest := strings.TrimLeft(chunk, whiteSpace); rest != "" {
			return s.fail(end-len(rest), "this is not XML: text outside of the root element")
		}
		return nil
	}
	if s.text.simple {
		return nil
	}
	if i := strings.Index(chunk, "]]>"); i >= 0 {
		return s.fail(start+i, "this is not XML: ]]> outside of a CDATA section")
	}
	return s.checkReferences(start, end)
}

// checkCharacters returns an error for a character that XML does not allow.
func (s *scanner) checkCharacters(start int, chunk string) error {
	if s.text.simple {
		return nil
	}
	for i := range len(chunk) {
		b := chunk[i]
		if b < ' ' && !isSpace(b) {
			return s.fail(start+i, "this is not XML: it contains the control character U+%04X", b)
		}
		if b == 0xef && i+2 < len(chunk) && chunk[i+1] == 0xbf && chunk[i+2] >= 0xbe {
			return s.fail(start+i, "this is not XML: it contains a character that is not in Unicode")
		}
	}
	return nil
}

func (s *scanner) scanMarkup() error {
	rest := s.data[s.pos:]
	if len(rest) > 1 && s.nameBytes.startsName[rest[1]] {
		return s.scanStartTag()
	}
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return s.skipComment()
	case strings.HasPrefix(rest, "<![CDATA["):
		if len(s.stack) == 0 {
			return s.fail(s.pos, "this is not XML: a CDATA section outside of the root element")
		}
		return s.skipSection("<![CDATA[", "]]>", "a CDATA section")
	case strings.HasPrefix(rest, "<?"):
		return s.skipInstruction()
	case strings.HasPrefix(rest, "<!"):
		return s.fail(s.pos, "a document type declaration (<!DOCTYPE) is refused: it can define entities, and no solution has one")
	case strings.HasPrefix(rest, "</"):
		return s.scanEndTag()
	}
	return s.scanStartTag()
}

func (s *scanner) skipComment() error {
	const begin = "<!--"
	body := s.data[s.pos+len(begin):]
	if i := strings.Index(body, "--"); i >= 0 && !strings.HasPrefix(body[i:], "-->") {
		return s.fail(s.pos+len(begin)+i, "this is not XML: -- within a comment")
	}
	return s.skipSection(begin, "-->", "a comment")
}

func (s *scanner) skipInstruction() error {
	const begin = "<?"
	switch at := s.pos + len(begin); {
	case s.pos != 0 && strings.HasPrefix(s.data[at:], "xml "):
		return s.fail(s.pos, "this is not XML: the XML declaration does not come first")
	case at < len(s.data) && s.nameEnd(at) == at:
		return s.fail(s.pos, "this is not XML: <? without a name")
	}
	return s.skipSection(begin, "?>", begin)
}

// skipSection skips a comment, an instruction or a CDATA section, and checks its characters.
func (s *scanner) skipSection(begin, end, name string) error {
	start := s.pos + len(begin)
	length := strings.Index(s.data[start:], end)
	if length < 0 {
		return s.fail(s.pos, "the file ends within %s: it is truncated", name)
	}
	s.pos = start + length + len(end)
	return s.checkCharacters(start, s.data[start:start+length])
}

// nameEnd returns the end of the name that begins at an offset, or the offset itself if none does.
func (s *scanner) nameEnd(start int) int {
	if start >= len(s.data) || !s.nameBytes.startsName[s.data[start]] {
		return start
	}
	end := start + 1
	for end < len(s.data) && s.nameBytes.inName[s.data[end]] {
		end++
	}
	return end
}

func (s *scanner) skipSpace() {
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
}

const whiteSpace = " \t\r\n"

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// localName returns a name without its prefix.
func localName(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

func (s *scanner) scanStartTag() error {
	start := s.pos
	end := s.nameEnd(start + 1)
	if end == start+1 {
		return s.fail(start, "this is not XML: < without a name")
	}
	if end-start > maxName {
		return s.fail(start, "the name of an element is longer than %d bytes", maxName)
	}
	if len(s.stack) == 0 && s.rootSeen {
		return s.fail(start, "this is not XML: a second root element")
	}
	if len(s.stack) == maxNesting {
		return s.fail(start, "elements are nested more than %d deep", maxNesting)
	}
	qualified := s.data[start+1 : end]
	e := element{name: localName(qualified), start: start, attributes: s.attributes[:0]}
	s.pos = end
	for {
		before := s.pos
		s.skipSpace()
		if s.pos == len(s.data) {
			return s.fail(start, "the file ends within <%s: it is truncated", qualified)
		}
		switch {
		case s.data[s.pos] == '>':
			s.pos++
		case s.data[s.pos] == '/':
			if s.pos+1 == len(s.data) || s.data[s.pos+1] != '>' {
				return s.fail(s.pos, "this is not XML: / within <%s", qualified)
			}
			e.empty = true
			s.pos += 2
		case before == s.pos:
			return s.fail(s.pos, "this is not XML: unexpected text after the name or the value within <%s", qualified)
		default:
			if err := s.scanAttribute(&e, qualified); err != nil {
				return err
			}
			continue
		}
		break
	}
	e.end = s.pos
	s.attributes = e.attributes
	s.rootSeen = true
	if err := s.parser.startElement(e, s.path); err != nil {
		return err
	}
	if e.empty {
		s.content = -1
		s.parser.endElement(e.name, "", e.end, s.path)
		return nil
	}
	s.stack, s.path = append(s.stack, qualified), append(s.path, e.name)
	s.content = e.end
	return nil
}

func (s *scanner) scanAttribute(e *element, within string) error {
	start := s.pos
	end := s.nameEnd(start)
	if end == start {
		return s.fail(start, "this is not XML: %q within <%s", s.data[start:start+1], within)
	}
	if end-start > maxName {
		return s.fail(start, "the name of an attribute is longer than %d bytes", maxName)
	}
	name := s.data[start:end]
	s.pos = end
	s.skipSpace()
	if s.pos == len(s.data) || s.data[s.pos] != '=' {
		return s.fail(start, "this is not XML: the attribute %s of <%s has no value", name, within)
	}
	s.pos++
	s.skipSpace()
	if s.pos == len(s.data) || (s.data[s.pos] != '"' && s.data[s.pos] != '\'') {
		return s.fail(start, "this is not XML: the value of the attribute %s of <%s is not quoted", name, within)
	}
	quote := s.data[s.pos]
	s.pos++
	length := strings.IndexByte(s.data[s.pos:], quote)
	if length < 0 {
		return s.fail(start, "the file ends within the attribute %s of <%s: it is truncated", name, within)
	}
	if i := strings.IndexByte(s.data[s.pos:s.pos+length], '<'); i >= 0 {
		return s.fail(s.pos+i, "this is not XML: < within the attribute %s of <%s", name, within)
	}
	if len(e.attributes) == maxAttributes {
		return s.fail(start, "<%s has more than %d attributes", within, maxAttributes)
	}
	for _, a := range e.attributes {
		if a.name == name {
			return s.fail(start, "this is not XML: the attribute %s appears twice within <%s", name, within)
		}
	}
	if err := s.checkReferences(s.pos, s.pos+length); err != nil {
		return err
	}
	e.attributes = append(e.attributes, attribute{name, s.data[s.pos : s.pos+length], s.pos, s.pos + length})
	s.pos += length + 1
	return nil
}

func (s *scanner) scanEndTag() error {
	start := s.pos
	end := s.nameEnd(start + 2)
	name := s.data[start+2 : end]
	s.pos = end
	s.skipSpace()
	switch {
	case len(name) > maxName:
		return s.fail(start, "the name of an element is longer than %d bytes", maxName)
	case s.pos == len(s.data):
		return s.fail(start, "the file ends within </%s: it is truncated", name)
	case s.data[s.pos] != '>' || len(s.stack) == 0:
		return s.fail(start, "this is not XML: </%s has no start tag", name)
	case s.stack[len(s.stack)-1] != name:
		return s.fail(start, "this is not XML: </%s> where </%s> is expected", name, s.stack[len(s.stack)-1])
	}
	s.pos++
	last := len(s.stack) - 1
	s.stack, s.path = s.stack[:last], s.path[:last]
	content := ""
	if s.content >= 0 {
		content = s.data[s.content:start]
	}
	s.content = -1
	s.parser.endElement(localName(name), content, start, s.path)
	return nil
}

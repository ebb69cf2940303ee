package solution

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// A text is a file's content in UTF-8, with what is needed to write it in the original encoding.
type text struct {
	data     string            // without byte order mark
	bom      string            // the byte order mark in the original encoding, or ""
	encoding encoding.Encoding // nil for UTF-8
	ascii    bool              // whether each byte is a UTF-16 code unit
	// simple is true if the text has no references, and no characters that XML does not
	// allow. Then the checks for them can be skipped.
	simple bool
	// last is the place of the last requested position. The next one is counted from it, because
	// a hostile file may be a line of many megabytes, or as many lines.
	last place
}

// A place is an offset with its line, and the number of UTF-16 code units before it on that line.
type place struct{ offset, line, units int }

// decodeText decodes a file by its byte order mark, its first characters or its XML declaration.
func decodeText(raw string) (*text, error) {
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	t := &text{}
	for _, form := range []struct {
		prefix, bom string
		encoding    encoding.Encoding
	}{
		{"\xef\xbb\xbf", "\xef\xbb\xbf", nil},
		{"\xff\xfe", "\xff\xfe", little},
		{"\xfe\xff", "\xfe\xff", big},
		{"<\x00", "", little},
		{"\x00<", "", big},
	} {
		if strings.HasPrefix(raw, form.prefix) {
			t.bom, t.encoding = form.bom, form.encoding
			return t, t.setData(raw[len(form.bom):])
		}
	}
	var err error
	if t.encoding, err = declaredEncoding(raw); err != nil {
		return nil, err
	}
	return t, t.setData(raw)
}

// setData decodes the content after the byte order mark, and checks it.
func (t *text) setData(raw string) error {
	t.data = raw
	if t.encoding != nil {
		var err error
		if t.data, err = t.encoding.NewDecoder().String(raw); err != nil {
			return err
		}
		if strings.Contains(t.data, "\ufffd") { // which may stand for invalid bytes
			if back, err := t.encoding.NewEncoder().String(t.data); err != nil || back != raw {
				return errors.New("the text is broken: it is truncated, or contains half a surrogate pair or a byte that its encoding does not define")
			}
		}
	}
	var controls bool
	t.ascii, controls = classify(t.data)
	t.simple = t.ascii && !controls && !strings.Contains(t.data, "&") && !strings.Contains(t.data, "]]>")
	if t.ascii {
		return nil
	}
	if i := invalidUTF8(t.data); i >= 0 {
		return t.fault(i, "the text is not valid UTF-8 from here on")
	}
	return nil
}

// fault returns a fault at an offset.
func (t *text) fault(offset int, format string, args ...any) error {
	p := t.position(offset, offset)
	return &Fault{Line: p.Line, Column: p.Column, Err: fmt.Errorf(format, args...)}
}

// classify reports whether a text is only ASCII, and whether it has control characters other than
// white space.
func classify(data string) (ascii, controls bool) {
	ascii = true
	for len(data) >= 8 {
		const spaces, high = 0x2020202020202020, 0x8080808080808080
		eight := binary.LittleEndian.Uint64([]byte(data[:8]))
		// Most blocks have neither a byte below space nor one above ASCII.
		if (eight|(eight-spaces)&^eight)&high != 0 {
			ascii, controls = classifyBytes(data[:8], ascii, controls)
		}
		data = data[8:]
	}
	return classifyBytes(data, ascii, controls)
}

func classifyBytes(data string, ascii, controls bool) (bool, bool) {
	for i := range len(data) {
		ascii = ascii && data[i] < utf8.RuneSelf
		controls = controls || data[i] < ' ' && !isSpace(data[i])
	}
	return ascii, controls
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data string) int {
	for i, r := range data {
		if r == utf8.RuneError && !strings.HasPrefix(data[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}

// declaredEncoding returns the encoding that the XML declaration names, of a file in an encoding
// that extends ASCII. It is nil for UTF-8.
func declaredEncoding(raw string) (encoding.Encoding, error) {
	if !strings.HasPrefix(raw, "<?xml") {
		return nil, nil //nolint:nilnil // UTF-8
	}
	head, _, _ := strings.Cut(raw[:min(len(raw), 256)], "?>")
	_, value, ok := strings.Cut(head, "encoding")
	value = strings.TrimLeft(value, " \t\r\n=")
	if !ok || len(value) < 2 || (value[0] != '"' && value[0] != '\'') {
		return nil, nil //nolint:nilnil // UTF-8
	}
	name, _, _ := strings.Cut(value[1:], value[:1])
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii", "utf-16":
		// Like a browser, ignore a wrong declaration of UTF-16.
		return nil, nil //nolint:nilnil // UTF-8
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1, nil
	case "windows-1252", "cp1252":
		return charmap.Windows1252, nil
	}
	return nil, fmt.Errorf("the encoding %q is not supported: save the file as UTF-8", name)
}

// encode encodes data in the original encoding of the file.
func (t *text) encode(data string) ([]byte, error) {
	if t.encoding != nil {
		var err error
		if data, err = t.encoding.NewEncoder().String(data); err != nil {
			return nil, err
		}
	}
	return []byte(t.bom + data), nil
}

// A Position is a range in a file. Line and columns count from 1, columns in UTF-16 code units.
// EndColumn is the column after the end, or 0 if the range ends on another line.
type Position struct {
	Line, Column, EndColumn int
}

// position returns the position of the bytes from start to end. It is fastest for ascending offsets.
func (t *text) position(start, end int) Position {
	if t.last.line == 0 || t.last.offset > start {
		t.last = place{line: 1}
	}
	from := t.last.offset
	if n, lastLine := countLineEnds(t.data[from:start]); n > 0 {
		t.last.line += n
		t.last.units = 0
		from += lastLine
	}
	t.last.units += t.utf16Units(from, start)
	t.last.offset = start
	p := Position{Line: t.last.line, Column: 1 + t.last.units}
	if n, _ := countLineEnds(t.data[start:end]); n == 0 && end > start {
		p.EndColumn = p.Column + t.utf16Units(start, end)
	}
	return p
}

// countLineEnds counts line ends as editors do: line feeds, carriage returns, and both together.
// lastLine is the offset at which the last line begins.
func countLineEnds(part string) (n, lastLine int) {
	n = strings.Count(part, "\n")
	lastLine = strings.LastIndexByte(part, '\n') + 1
	if strings.IndexByte(part, '\r') >= 0 {
		n += strings.Count(part, "\r") - strings.Count(part, "\r\n")
		lastLine = max(lastLine, strings.LastIndexByte(part, '\r')+1)
	}
	return n, lastLine
}

// utf16Units counts the UTF-16 code units of the bytes from start to end.
func (t *text) utf16Units(start, end int) int {
	if t.ascii {
		return end - start
	}
	n := 0
	for _, b := range []byte(t.data[start:end]) {
		switch {
		case b >= 0xf0: // the first byte of four: a surrogate pair
			n += 2
		case b < 0x80 || b >= 0xc0:
			n++
		}
	}
	return n
}

package solution

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// An encoding is how a file's text is written as bytes.
type encoding int

const (
	encodingUTF8 encoding = iota
	encodingUTF16LE
	encodingUTF16BE
	encodingLatin1
	encodingWindows1252
)

// A text is a file's content as UTF-8 without byte order mark, with what it takes
// to write it back.
type text struct {
	data     string
	encoding encoding
	bom      bool
	ascii    bool // each byte is a UTF-16 code unit
	// seen is the place that was asked for last, from which the next is counted: a
	// hostile file may be one line of many megabytes, or as many lines.
	seen place
}

// A place is an offset with its line and where that begins, and the UTF-16 code
// units between the two.
type place struct{ at, line, begin, units int }

func decode(raw string) (*text, error) {
	t := &text{}
	switch {
	case strings.HasPrefix(raw, "\xef\xbb\xbf"):
		raw, t.bom = raw[3:], true
	case strings.HasPrefix(raw, "\xff\xfe"):
		raw, t.bom, t.encoding = raw[2:], true, encodingUTF16LE
	case strings.HasPrefix(raw, "\xfe\xff"):
		raw, t.bom, t.encoding = raw[2:], true, encodingUTF16BE
	case strings.HasPrefix(raw, "<\x00"):
		t.encoding = encodingUTF16LE
	case strings.HasPrefix(raw, "\x00<"):
		t.encoding = encodingUTF16BE
	default:
		var err error
		if t.encoding, err = declared(raw); err != nil {
			return nil, err
		}
	}
	var err error
	switch t.encoding {
	case encodingUTF8:
		t.data = raw
	case encodingUTF16LE, encodingUTF16BE:
		t.data, err = fromUTF16(raw, t.encoding == encodingUTF16BE)
	case encodingLatin1:
		t.data = fromCharmap(raw, charmap.ISO8859_1)
	case encodingWindows1252:
		t.data = fromCharmap(raw, charmap.Windows1252)
	}
	if err != nil {
		return nil, err
	}
	if t.ascii = isASCII(t.data); t.ascii {
		return t, nil
	}
	if i := invalid(t.data); i >= 0 {
		at := t.position(i, i)
		return nil, &Fault{Line: at.Line, Column: at.Column, Err: errors.New("the text is not valid UTF-8 from here on")}
	}
	return t, nil
}

func isASCII(data string) bool {
	for i := range len(data) {
		if data[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// invalid is the offset of the first byte that is not UTF-8, or -1.
func invalid(data string) int {
	if utf8.ValidString(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRuneInString(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// declared is the encoding that the XML declaration of a file in an encoding near
// ASCII names.
func declared(raw string) (encoding, error) {
	if !strings.HasPrefix(raw, "<?xml") {
		return encodingUTF8, nil
	}
	head, _, _ := strings.Cut(raw[:min(len(raw), 256)], "?>")
	_, value, ok := strings.Cut(head, "encoding")
	value = strings.TrimLeft(value, " \t\r\n=")
	if !ok || len(value) < 2 || (value[0] != '"' && value[0] != '\'') {
		return encodingUTF8, nil
	}
	name, _, _ := strings.Cut(value[1:], value[:1])
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii", "utf-16":
		// A file that says UTF-16 and is not is read as what it is, as browsers do.
		return encodingUTF8, nil
	case "iso-8859-1", "latin1":
		return encodingLatin1, nil
	case "windows-1252", "cp1252":
		return encodingWindows1252, nil
	}
	return 0, fmt.Errorf("the encoding %q is not supported: save the file as UTF-8", name)
}

func fromUTF16(raw string, bigEndian bool) (string, error) {
	if len(raw)%2 != 0 {
		return "", errors.New("the UTF-16 text is cut short: it has an odd number of bytes")
	}
	unit := func(i int) rune {
		a, b := rune(raw[i]), rune(raw[i+1])
		if bigEndian {
			a, b = b, a
		}
		return b<<8 | a
	}
	size := 0
	for i := 0; i < len(raw); i += 2 {
		switch r := unit(i); {
		case utf16.IsSurrogate(r):
			size += 2 // of the four that a pair makes
		default:
			size += utf8.RuneLen(r)
		}
	}
	var out strings.Builder
	out.Grow(size)
	for i := 0; i < len(raw); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			if i += 2; i < len(raw) {
				r = utf16.DecodeRune(r, unit(i))
			}
			if i == len(raw) || r == utf8.RuneError {
				return "", errors.New("the UTF-16 text holds half a surrogate pair")
			}
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}

func fromCharmap(raw string, m *charmap.Charmap) string {
	size := 0
	for i := range len(raw) {
		size += utf8.RuneLen(m.DecodeByte(raw[i]))
	}
	var out strings.Builder
	out.Grow(size)
	for i := range len(raw) {
		out.WriteRune(m.DecodeByte(raw[i]))
	}
	return out.String()
}

// encode is the file that holds data in the way in which t was written.
func (t *text) encode(data string) ([]byte, error) {
	var out []byte
	switch t.encoding {
	case encodingUTF8:
		if t.bom {
			out = []byte{0xef, 0xbb, 0xbf}
		}
		return append(out, data...), nil
	case encodingLatin1:
		return charmap.ISO8859_1.NewEncoder().Bytes([]byte(data))
	case encodingWindows1252:
		return charmap.Windows1252.NewEncoder().Bytes([]byte(data))
	case encodingUTF16LE, encodingUTF16BE:
	}
	units := utf16.Encode([]rune(data))
	if t.bom {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, u := range units {
		a, b := byte(u), byte(u>>8)
		if t.encoding == encodingUTF16BE {
			a, b = b, a
		}
		out = append(out, a, b)
	}
	return out, nil
}

// A Position is a position in a file. Line and columns count from 1, columns in UTF-16 code
// units. EndColumn is just behind the end, or 0 where that is on another line.
type Position struct {
	Line, Column, EndColumn int
}

// position places the bytes from start to end of the text. Places are best asked for
// in their order.
func (t *text) position(start, end int) Position {
	if t.seen.line == 0 || t.seen.at > start {
		t.seen = place{line: 1}
	}
	from := t.seen.at
	if n, last := lineEnds(t.data, from, start); n > 0 {
		t.seen.line += n
		t.seen.begin, t.seen.units, from = last, 0, last
	}
	t.seen.units += t.units(from, start)
	t.seen.at = start
	p := Position{Line: t.seen.line, Column: 1 + t.seen.units}
	if n, _ := lineEnds(t.data, start, end); n == 0 && end > start {
		p.EndColumn = p.Column + t.units(start, end)
	}
	return p
}

// lineEnds counts the ends of lines from start to end as editors do: at a line feed,
// at a carriage return, or at both together. last is where the line behind them
// begins.
func lineEnds(data string, start, end int) (n, last int) {
	part := data[start:end]
	n = strings.Count(part, "\n")
	if strings.IndexByte(part, '\r') >= 0 {
		n += strings.Count(part, "\r") - strings.Count(part, "\r\n")
	}
	if n == 0 {
		return 0, start
	}
	return n, start + strings.LastIndexAny(part, "\r\n") + 1
}

// units counts the UTF-16 code units of the bytes from start to end.
func (t *text) units(start, end int) int {
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

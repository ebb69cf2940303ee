package solution

import (
	"bytes"
	"errors"
	"fmt"
	"sort"
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
	ascii    bool  // each byte is a UTF-16 code unit
	lines    []int // offsets at which lines begin; made on first use
	// seen is a place that was counted, from which the next on its line is: a hostile
	// file may be one line of many megabytes.
	seen struct{ begin, at, units int }
}

func decode(raw []byte) (*text, error) {
	t := &text{}
	switch {
	case bytes.HasPrefix(raw, []byte{0xef, 0xbb, 0xbf}):
		raw, t.bom = raw[3:], true
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}):
		raw, t.bom, t.encoding = raw[2:], true, encodingUTF16LE
	case bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		raw, t.bom, t.encoding = raw[2:], true, encodingUTF16BE
	case len(raw) >= 2 && raw[0] == '<' && raw[1] == 0:
		t.encoding = encodingUTF16LE
	case len(raw) >= 2 && raw[0] == 0 && raw[1] == '<':
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
		t.data = string(raw)
	case encodingUTF16LE, encodingUTF16BE:
		t.data, err = fromUTF16(raw, t.encoding == encodingUTF16BE)
	case encodingLatin1:
		t.data, err = charmap.ISO8859_1.NewDecoder().String(string(raw))
	case encodingWindows1252:
		t.data, err = charmap.Windows1252.NewDecoder().String(string(raw))
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

// invalid is the offset of the first byte that is no UTF-8, or -1.
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
func declared(raw []byte) (encoding, error) {
	if !bytes.HasPrefix(raw, []byte("<?xml")) {
		return encodingUTF8, nil
	}
	head, _, _ := bytes.Cut(raw[:min(len(raw), 256)], []byte("?>"))
	_, value, ok := bytes.Cut(head, []byte("encoding"))
	value = bytes.TrimLeft(value, " \t\r\n=")
	if !ok || len(value) < 2 || (value[0] != '"' && value[0] != '\'') {
		return encodingUTF8, nil
	}
	name, _, _ := bytes.Cut(value[1:], value[:1])
	switch strings.ToLower(string(name)) {
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

func fromUTF16(raw []byte, bigEndian bool) (string, error) {
	if len(raw)%2 != 0 {
		return "", errors.New("the UTF-16 text is cut short: it has an odd number of bytes")
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		a, b := uint16(raw[2*i]), uint16(raw[2*i+1])
		if bigEndian {
			a, b = b, a
		}
		units[i] = b<<8 | a
	}
	for i := 0; i < len(units); i++ {
		switch {
		case units[i] >= 0xd800 && units[i] < 0xdc00 && i+1 < len(units) && units[i+1] >= 0xdc00 && units[i+1] < 0xe000:
			i++
		case units[i] >= 0xd800 && units[i] < 0xe000:
			return "", errors.New("the UTF-16 text holds half a surrogate pair")
		}
	}
	return string(utf16.Decode(units)), nil
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

// A Position is where something stands in a file. Line and columns count from 1,
// columns in UTF-16 code units. EndColumn is just behind the end, or 0 where that
// is on another line.
type Position struct {
	Line, Column, EndColumn int
}

// position places the bytes from start to end of the text.
func (t *text) position(start, end int) Position {
	if t.lines == nil {
		t.lines = lineStarts(t.data)
	}
	line := sort.SearchInts(t.lines, start+1)
	begin := t.lines[line-1]
	if t.seen.begin != begin || t.seen.at > start || t.seen.at < begin {
		t.seen.begin, t.seen.at, t.seen.units = begin, begin, 0
	}
	t.seen.units += t.units(t.seen.at, start)
	t.seen.at = start
	p := Position{Line: line, Column: 1 + t.seen.units}
	if end > start && (line == len(t.lines) || end <= t.lines[line]) {
		p.EndColumn = p.Column + t.units(start, end)
	}
	return p
}

// lineStarts finds the lines as editors do: they end at a line feed, at a carriage
// return, or at both together.
func lineStarts(data string) []int {
	starts := make([]int, 1, 1+strings.Count(data, "\n"))
	ends := func(part string, offset int) {
		for at := 0; ; {
			next := strings.IndexByte(part[at:], '\n')
			if next < 0 {
				return
			}
			at += next + 1
			starts = append(starts, offset+at)
		}
	}
	at := 0
	for at < len(data) {
		next := strings.IndexByte(data[at:], '\r')
		if next < 0 {
			break
		}
		ends(data[at:at+next], at)
		if at += next + 1; at == len(data) || data[at] != '\n' {
			starts = append(starts, at)
		}
	}
	ends(data[at:], at)
	return starts
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

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

// A text is a file's content as UTF-8 without byte order mark, with what is needed to write
// it back.
type text struct {
	data     string
	bom      string            // the byte order mark, as it is written
	encoding encoding.Encoding // nil for UTF-8
	ascii    bool              // each byte is a UTF-16 code unit
	// simple says that the text has no references and no characters that XML refuses, so a
	// check for them can be skipped.
	simple bool
	// last is the last requested position; the next is counted from it: a
	// hostile file may be one line of many megabytes, or as many lines.
	last place
}

// A place is an offset with its line, and the UTF-16 code units before it on that line.
type place struct{ at, line, units int }

func decodeText(raw string) (*text, error) {
	little, big := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	t := &text{}
	for _, form := range []struct {
		begins, mark string
		encoding     encoding.Encoding
	}{
		{"\xef\xbb\xbf", "\xef\xbb\xbf", nil},
		{"\xff\xfe", "\xff\xfe", little},
		{"\xfe\xff", "\xfe\xff", big},
		{"<\x00", "", little},
		{"\x00<", "", big},
	} {
		if strings.HasPrefix(raw, form.begins) {
			t.bom, t.encoding = form.mark, form.encoding
			return t, t.setData(raw[len(form.mark):])
		}
	}
	var err error
	if t.encoding, err = declaredEncoding(raw); err != nil {
		return nil, err
	}
	return t, t.setData(raw)
}

// setData sets the content, which follows the byte order mark.
func (t *text) setData(raw string) error {
	t.data = raw
	if t.encoding != nil {
		var err error
		if t.data, err = t.encoding.NewDecoder().String(raw); err != nil {
			return err
		}
		if strings.Contains(t.data, "\ufffd") { // which stands for what is invalid
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
	if i := firstInvalid(t.data); i >= 0 {
		return t.fault(i, "the text is not valid UTF-8 from here on")
	}
	return nil
}

// fault is a fault at an offset.
func (t *text) fault(at int, format string, args ...any) error {
	p := t.position(at, at)
	return &Fault{Line: p.Line, Column: p.Column, Err: fmt.Errorf(format, args...)}
}

// classify reports whether a text is only ASCII, and whether it has control characters other than
// white space.
func classify(data string) (ascii, controls bool) {
	ascii = true
	for len(data) >= 8 {
		const spaces, high = 0x2020202020202020, 0x8080808080808080
		eight := binary.LittleEndian.Uint64([]byte(data[:8]))
		// Most have no byte below a space, and none above ASCII.
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

// firstInvalid is the offset of the first byte that is not UTF-8, or -1.
func firstInvalid(data string) int {
	for i, r := range data {
		if r == utf8.RuneError && !strings.HasPrefix(data[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}

// declaredEncoding is the encoding that the XML declaration of a file in an encoding near
// ASCII names.
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
		// A file that says UTF-16 and is not is read as what it is, as browsers do.
		return nil, nil //nolint:nilnil // UTF-8
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1, nil
	case "windows-1252", "cp1252":
		return charmap.Windows1252, nil
	}
	return nil, fmt.Errorf("the encoding %q is not supported: save the file as UTF-8", name)
}

// encode returns data in the encoding of t.
func (t *text) encode(data string) ([]byte, error) {
	if t.encoding != nil {
		var err error
		if data, err = t.encoding.NewEncoder().String(data); err != nil {
			return nil, err
		}
	}
	return []byte(t.bom + data), nil
}

// A Position is a position in a file. Line and columns count from 1, columns in UTF-16 code
// units. EndColumn is just behind the end, or 0 where that is on another line.
type Position struct {
	Line, Column, EndColumn int
}

// position places the bytes from start to end of the text. Requests in ascending order
// are fastest.
func (t *text) position(start, end int) Position {
	if t.last.line == 0 || t.last.at > start {
		t.last = place{line: 1}
	}
	from := t.last.at
	if n, last := countLineEnds(t.data[from:start]); n > 0 {
		t.last.line += n
		t.last.units = 0
		from += last
	}
	t.last.units += t.utf16Units(from, start)
	t.last.at = start
	p := Position{Line: t.last.line, Column: 1 + t.last.units}
	if n, _ := countLineEnds(t.data[start:end]); n == 0 && end > start {
		p.EndColumn = p.Column + t.utf16Units(start, end)
	}
	return p
}

// countLineEnds counts the ends of lines as editors do: at a line feed, at a carriage return, or
// at both together. last is where the line behind them begins.
func countLineEnds(part string) (n, last int) {
	n = strings.Count(part, "\n")
	last = strings.LastIndexByte(part, '\n') + 1
	if strings.IndexByte(part, '\r') >= 0 {
		n += strings.Count(part, "\r") - strings.Count(part, "\r\n")
		last = max(last, strings.LastIndexByte(part, '\r')+1)
	}
	return n, last
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

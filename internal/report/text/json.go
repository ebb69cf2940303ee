package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// EncodeJSON returns v as JSON on one line that is safe to print.
func EncodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return JSON(b.Bytes()), nil
}

// AppendJSON appends v to out as indented JSON with a final newline. The prefix precedes each line
// but the first. The compact document passes through escape, such as [JSON], before it is indented.
func AppendJSON(out []byte, v any, prefix string, escape func([]byte) []byte) ([]byte, error) {
	l := indentingWriter{out, prefix, escape}
	e := json.NewEncoder(&l)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return l.out, nil
}

// An indentingWriter indents a compact document. The encoder writes it in one call.
type indentingWriter struct {
	out    []byte
	prefix string
	escape func([]byte) []byte
}

func (l *indentingWriter) Write(compact []byte) (int, error) {
	l.out = appendIndented(l.out, l.escape(compact), l.prefix)
	return len(compact), nil
}

// JSON replaces the characters of a JSON document that are not safe to print by \u escapes:
// characters without a glyph, and the number signs of a CI runner's command. Such characters occur
// only in strings, so the document keeps its meaning.
func JSON(document []byte) []byte {
	var out []byte
	copied := 0 // the bytes of the document that are in out
	for i := 0; i < len(document); {
		if c := document[i]; c < utf8.RuneSelf && c != 0x7f && c != '#' { // most bytes
			i++
			continue
		}
		r, n := utf8.DecodeRune(document[i:])
		escaped := ""
		switch {
		case r == '#':
			if startsOldCommand(document[i:]) {
				escaped, n = `\u0023\u0023`, 2
			}
		case !IsInvisible(r):
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			escaped = fmt.Sprintf(`\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Sprintf(`\u%04x`, r)
		}
		if escaped != "" {
			out = append(append(out, document[copied:i]...), escaped...)
			copied = i + n
		}
		i += n
	}
	if out == nil {
		return document
	}
	return append(out, document[copied:]...)
}

// startsOldCommand reports whether b starts with a command of the old form that CI runners obey, such as
// ##[group] or ##vso[task.setvariable.
func startsOldCommand(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("##"))
	rest = bytes.TrimLeftFunc(rest, isASCIILetter)
	return ok && bytes.HasPrefix(rest, []byte("["))
}

func isASCIILetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// appendIndented indents a valid compact document as [json.Indent] does. It takes a fifth of the
// time, because it does not validate the document.
func appendIndented(out, compact []byte, prefix string) []byte {
	out = slices.Grow(out, 2*len(compact))
	line := []byte("\n" + prefix)
	for i := 0; i < len(compact); i++ {
		switch c := compact[i]; c {
		case '"':
			start := i
			for i++; compact[i] != '"'; i++ {
				if compact[i] == '\\' {
					i++
				}
			}
			out = append(out, compact[start:i+1]...)
		case '{', '[':
			if out = append(out, c); compact[i+1] == c+2 { // the closing bracket
				i++
				out = append(out, c+2)
				continue
			}
			line = append(line, "  "...)
			out = append(out, line...)
		case '}', ']':
			line = line[:len(line)-2]
			out = append(append(out, line...), c)
		case ',':
			out = append(append(out, c), line...)
		case ':':
			out = append(out, ": "...)
		default:
			out = append(out, c)
		}
	}
	return out
}

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func writeJSON(w io.Writer, rs []audit.Result, several bool) error {
	if several {
		return encodeJSON(w, audit.Results{Format: audit.ResultsFormat, Results: rs})
	}
	return encodeJSON(w, rs[0])
}

// encodeJSON writes v with an indent of two, a newline at the end, and as escapes
// the characters that are lawful in JSON and still not safe to print.
func encodeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeUnseen(b.Bytes()))
	return err
}

// escapeUnseen replaces characters that have no glyph by their \u escapes. Outside
// of strings a JSON document is ASCII, so every one of them stands in a string, and
// the document's meaning stays as it is.
func escapeUnseen(doc []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(doc); {
		c := doc[i]
		if c < utf8.RuneSelf && c != 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(doc[i:])
		if unseen(r) {
			out = append(out, doc[done:i]...)
			if r > 0xffff {
				r -= 0x10000
				out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
			done = i + n
		}
		i += n
	}
	if out == nil {
		return doc
	}
	return append(out, doc[done:]...)
}

package report

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func writeJSON(w io.Writer, from *source, o Options) error {
	if !o.several {
		return encodeJSON(w, from.own(from.rs[0]))
	}
	return writeResults(w, audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}}, from.each())
}

// writeResults writes a frame with the results in its empty list of that name, one after
// the other, so that a thousand are not held at once.
func writeResults[T any](w io.Writer, frame any, results iter.Seq[T]) error {
	var b bytes.Buffer
	if err := encodeJSON(&b, frame); err != nil {
		return err
	}
	const list = `"results": []`
	before, after, _ := strings.Cut(b.String(), list)
	indent := before[strings.LastIndexByte(before, '\n')+1:]
	separator, end := before+`"results": [`, before+list
	for r := range results {
		b.Reset()
		b.WriteString(separator + "\n" + indent + "  ")
		if err := indented(&b, indent+"  ", r); err != nil {
			return err
		}
		if _, err := w.Write(text.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))); err != nil {
			return err
		}
		separator, end = ",", "\n"+indent+"]"
	}
	_, err := io.WriteString(w, end+after)
	return err
}

// encodeJSON writes v with an indent of two, a newline at the end, and as escapes
// the characters that are lawful in JSON and still not safe to print.
func encodeJSON(w io.Writer, v any) error { return indented(safely{w}, "", v) }

// safely writes whole JSON documents that are safe to print.
type safely struct{ io.Writer }

func (s safely) Write(document []byte) (int, error) {
	if _, err := s.Writer.Write(text.JSON(document)); err != nil {
		return 0, err
	}
	return len(document), nil
}

func indented(w io.Writer, prefix string, v any) error {
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(indent(compact.Bytes(), prefix))
	return err
}

// indent puts each member and element of a compact document on a line of its own, as
// [json.Indent] does, in a fifth of its time: the document was just encoded, and so is not
// checked again.
func indent(compact []byte, prefix string) []byte {
	out := make([]byte, 0, 3*len(compact))
	line := "\n" + prefix
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
			if out = append(out, c); compact[i+1] == c+2 { // its end
				i++
				out = append(out, c+2)
				continue
			}
			line += "  "
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

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
	var framed bytes.Buffer
	if err := encodeJSON(&framed, frame); err != nil {
		return err
	}
	const list = `"results": []`
	before, after, _ := strings.Cut(framed.String(), list)
	indent := before[strings.LastIndexByte(before, '\n')+1:]
	separator, end := before+`"results": [`, before+list
	var compact bytes.Buffer
	var lines []byte
	for r := range results {
		compact.Reset()
		if err := compactly(&compact, r); err != nil {
			return err
		}
		lines = append(lines[:0], separator+"\n"+indent+"  "...)
		lines = text.AppendIndented(lines, text.JSON(compact.Bytes()), indent+"  ")
		if _, err := w.Write(bytes.TrimSuffix(lines, []byte("\n"))); err != nil {
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
	if err := compactly(&compact, v); err != nil {
		return err
	}
	_, err := w.Write(text.AppendIndented(nil, compact.Bytes(), prefix))
	return err
}

func compactly(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

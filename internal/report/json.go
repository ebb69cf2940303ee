package report

import (
	"bytes"
	"io"
	"iter"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func writeJSON(w io.Writer, from *resultSet, o Options) error {
	if !o.multiple {
		return encodeJSON(w, from.convert(from.results[0]))
	}
	return writeResults(w, audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}}, from.all())
}

// writeResults writes a frame and puts the results into its empty list of that name. It holds one
// result at a time.
func writeResults[T any](w io.Writer, frame any, results iter.Seq[T]) error {
	var framed bytes.Buffer
	if err := encodeJSON(&framed, frame); err != nil {
		return err
	}
	const list = `"results": []`
	before, after, _ := strings.Cut(framed.String(), list)
	indent := before[strings.LastIndexByte(before, '\n')+1:]
	separator, end := before+`"results": [`, before+list
	var lines []byte
	for r := range results {
		lines = append(lines[:0], separator+"\n"+indent+"  "...)
		var err error
		if lines, err = text.AppendJSON(lines, r, indent+"  ", text.JSON); err != nil {
			return err
		}
		if _, err := w.Write(bytes.TrimSuffix(lines, []byte("\n"))); err != nil {
			return err
		}
		separator, end = ",", "\n"+indent+"]"
	}
	_, err := io.WriteString(w, end+after)
	return err
}

// encodeJSON writes v with an indent of two, and a line end.
func encodeJSON(w io.Writer, v any) error {
	data, err := text.AppendJSON(nil, v, "", text.JSON)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

package report

import (
	"bytes"
	"io"
	"iter"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func writeJSON(w io.Writer, set *resultSet, _ Options) error {
	if len(set.results) == 1 {
		return encodeJSON(w, set.convert(set.results[0]))
	}
	return writeResults(w, audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}}, set.all())
}

// writeResults writes a document with the results in place of its empty list "results". It holds one
// result at a time.
func writeResults[T any](w io.Writer, document any, results iter.Seq[T]) error {
	var empty bytes.Buffer
	if err := encodeJSON(&empty, document); err != nil {
		return err
	}
	const list = `"results": []`
	before, after, _ := strings.Cut(empty.String(), list)
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

// encodeJSON writes v as indented JSON with a final newline.
func encodeJSON(w io.Writer, v any) error {
	data, err := text.AppendJSON(nil, v, "", text.JSON)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

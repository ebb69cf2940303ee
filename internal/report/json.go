package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func writeJSON(w io.Writer, rs []audit.Result, several bool) error {
	switch {
	case !several:
		one, err := canonical(rs)
		if err != nil {
			return err
		}
		return encodeJSON(w, one[0])
	case len(rs) == 0:
		return encodeJSON(w, audit.Results{Format: audit.ResultsFormat, Results: []audit.Result{}})
	}
	// One after the other: the document of a thousand results is held once, not five times.
	before := fmt.Sprintf("{\n  \"format\": %q,\n  \"results\": [\n    ", audit.ResultsFormat)
	for i := range rs {
		one, err := canonical(rs[i : i+1])
		if err != nil {
			return err
		}
		var b bytes.Buffer
		b.WriteString(before)
		if err := indented(&b, "    ", one[0]); err != nil {
			return err
		}
		if _, err := w.Write(text.JSON(bytes.TrimSuffix(b.Bytes(), []byte("\n")))); err != nil {
			return err
		}
		before = ",\n    "
	}
	_, err := io.WriteString(w, "\n  ]\n}\n")
	return err
}

// encodeJSON writes v with an indent of two, a newline at the end, and as escapes
// the characters that are lawful in JSON and still not safe to print.
func encodeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := indented(&b, "", v); err != nil {
		return err
	}
	_, err := w.Write(text.JSON(b.Bytes()))
	return err
}

func indented(w io.Writer, prefix string, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, "  ")
	return e.Encode(v)
}

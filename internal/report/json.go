package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
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
	_, err := w.Write(text.JSON(b.Bytes()))
	return err
}

package report

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestJSONOneAfterTheOther: results that are written one after the other are the document
// that they are as a whole.
func TestJSONOneAfterTheOther(t *testing.T) {
	t.Parallel()
	result := mixed()
	result.Notes = []string{"a <b> & c", "d"}
	for count := range 4 {
		results := make([]audit.Result, count)
		for i := range results {
			results[i] = result
		}
		var whole, parts bytes.Buffer
		if err := encodeJSON(&whole, audit.Results{Format: audit.ResultsFormat, Results: results}); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&parts, renderer{raw: true}.source(results, Options{}), Options{several: true}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole.String(), parts.String()); diff != "" {
			t.Errorf("%d results: as a whole (-), one after the other (+):\n%s", count, diff)
		}
	}
}

// TestIndentIsTheLibrarys: a document is laid out as encoding/json lays it out.
func TestIndentIsTheLibrarys(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\\\{}\\[\\],: <]*`))
	value := rapid.Just[any](nil)
	for range 3 {
		inner := value
		value = rapid.OneOf(
			rapid.Just[any](nil), rapid.Just[any](true), text.AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(),
			rapid.SliceOfN(inner, 0, 3).AsAny(), rapid.MapOfN(text, inner, 0, 3).AsAny())
	}
	rapid.Check(t, func(r *rapid.T) {
		v, prefix := value.Draw(r, "value"), rapid.StringMatching(` *`).Draw(r, "prefix")
		var want, got bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent(prefix, "  ")
		if err := e.Encode(v); err != nil {
			r.Fatal(err)
		}
		if err := indented(&got, prefix, v); err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			r.Errorf("encoding/json (-), indented (+):\n%s", diff)
		}
	})
}

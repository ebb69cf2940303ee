package report

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestWriteResults checks that results written one at a time give the same document as all at once.
func TestWriteResults(t *testing.T) {
	t.Parallel()
	result := mixed()
	result.Notes = []string{"a <b> & c", "d"}
	for _, count := range []int{0, 2, 3} {
		results := make([]audit.Result, count)
		for i := range results {
			results[i] = result
		}
		var whole, parts bytes.Buffer
		if err := encodeJSON(&whole, audit.Results{Format: audit.ResultsFormat, Results: results}); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&parts, renderer{keepsText: true}.prepare(results, Options{}), Options{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole.String(), parts.String()); diff != "" {
			t.Errorf("%d results: as a whole (-), one after the other (+):\n%s", count, diff)
		}
	}
}

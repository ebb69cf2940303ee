package report

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A note on the result reaches the reader in every format that people or their tools
// read results in, also where nothing was found. CSV has a row for each finding, and
// one for each control where it is verbose.
func TestNotesReachEveryFormat(t *testing.T) {
	t.Parallel()
	const note = "role privileges: a remark"
	for _, f := range []Format{Table, JSON, SARIF, HTML, JUnit, Markdown, CSV, GitHub} {
		for _, r := range []audit.Result{compliant(), mixed(), incomplete()} {
			r.Notes = append([]string{note}, r.Notes...)
			if out := rendered(t, f, r, Options{Width: 120, Verbose: f == CSV}); !strings.Contains(out, note) {
				t.Errorf("%s: a result that is %s has no word of the note", f, r.Verdict)
			}
		}
	}
}

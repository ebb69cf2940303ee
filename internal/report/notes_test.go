package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestNotesAreInEveryFormat checks that the notes of a result are in every format, also without
// findings. CSV has to be verbose.
func TestNotesAreInEveryFormat(t *testing.T) {
	t.Parallel()
	const note = "role privileges: a remark"
	for _, f := range []Format{Table, JSON, SARIF, HTML, JUnit, Markdown, CSV, GitHub} {
		for _, r := range []audit.Result{compliant(), mixed(), incomplete()} {
			r.Notes = append([]string{note}, r.Notes...)
			if out := mustRender(t, f, r, Options{Width: 120, Verbose: f == CSV}); !strings.Contains(out, note) {
				t.Errorf("%s: a result that is %s has no word of the note", f, r.Verdict)
			}
		}
	}
}

// TestStateText checks that documents for people have the states of dbaudit's rules in words.
func TestStateText(t *testing.T) {
	t.Parallel()
	r := compliant()
	states := []string{"missing", "shallow", "filtered", "undefined"}
	for _, state := range states {
		fail(&r, "DB-PRIV-LEAD", privilegeFinding("prvReadLead", state, "basic"))
	}
	for _, state := range []string{"not-shared", "not-visible"} {
		fail(&r, "DB-VIEW-SHARED", audit.Finding{Message: "x", Subject: role(), Evidence: audit.Evidence{"state": state}})
	}
	judge(r)
	for _, f := range []Format{HTML, Markdown} {
		doc := mustRender(t, f, judge(r), Options{})
		for _, state := range append(states, "not-shared", "not-visible") {
			if regexp.MustCompile(`State(</dt><dd>(<code>)?|: )` + state + `[<\n]`).MatchString(doc) {
				t.Errorf("%s shows the state %s as programs know it", f, state)
			}
		}
	}
	if got := readableEvidence(audit.Evidence{"state": "missing"})[0].Value; got != "missing" {
		t.Errorf("a missing role is %q", got)
	}
}

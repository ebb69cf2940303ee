package report

import (
	"path"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestUnreadFileIsReported checks that every format mentions a file that could not be read, next to
// a role that passes.
func TestUnreadFileIsReported(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		doc := mustRenderAll(t, f, []audit.Result{archive(), unreadFile()}, Options{SARIFProfile: SARIFGitHub})
		wants := []string{"Sync.xml", "this is not XML"}
		if f == OpenMetrics { // numbers alone, without a text
			wants = []string{"Sync.xml", `profile="demandbase"} 1`, "# EOF"}
		}
		for _, want := range wants {
			if !strings.Contains(doc, want) {
				t.Errorf("%s does not say %q", f, want)
			}
		}
		if f != SARIF {
			continue
		}
		log := checkSARIF(t, doc)
		if len(log.Runs) != 1 || log.Runs[0].Invocations[0].ExecutionSuccessful {
			t.Error("code scanning would close the alerts of an unread file")
		}
		notes := log.Runs[0].Invocations[0].Notifications
		if len(notes) != 1 || notes[0].Level != "error" || notes[0].Locations[0].Physical.File.URI != "out/sales.zip" {
			t.Errorf("notifications %+v", notes)
		}
	}
}

// TestAdviceOfUnreadIsNotCut checks that a long message keeps its end, which is advice.
func TestAdviceOfUnreadIsNotCut(t *testing.T) {
	t.Parallel()
	r := unreadFile()
	r.Unread.Message = "sign-in failed: " + strings.Repeat("the server says so, ", 40) + "make a new secret"
	for _, f := range []Format{Table, Markdown, HTML} {
		if !strings.Contains(mustRender(t, f, r, Options{}), "make a new secret") {
			t.Errorf("%s does not say what to do", f)
		}
	}
}

func TestUnreadFileHasNoControls(t *testing.T) {
	t.Parallel()
	r := unreadFile()
	r.Controls = compliant().Controls
	doc := mustRender(t, JSON, judge(r), Options{})
	if _, err := ReadResults([]byte(doc)); err == nil {
		t.Error("a contradictory result was accepted")
	}
}

// TestPathsFromTheRootOfTheCheckout checks that only SARIF, GitHub and GitLab have paths from the
// root of the checkout, and that the result does not change.
func TestPathsFromTheRootOfTheCheckout(t *testing.T) {
	t.Parallel()
	o := Options{CheckoutPath: func(name string) string { return path.Join("src", name) }}
	for _, r := range []audit.Result{mixed(), archive(), unreadFile()} {
		before := mustRender(t, JSON, r, Options{})
		for _, f := range Formats() {
			out := mustRender(t, f, r, o)
			if moved := strings.Contains(out, "src/"); moved != (f == SARIF || f == GitHub || f == GitLab) && f != OpenMetrics {
				t.Errorf("%s: paths from the root: %v", f, moved)
			}
		}
		if mustRender(t, JSON, r, Options{}) != before {
			t.Error("the caller's result was changed")
		}
	}
}

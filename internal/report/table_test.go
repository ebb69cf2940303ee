package report

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func TestTableWidths(t *testing.T) {
	t.Parallel()
	for _, r := range []audit.Result{mixed(), compliant(), incomplete(), waived()} {
		for _, width := range []int{1, 60, 80, 119, 120, 200, 1000} {
			for line := range strings.Lines(mustRender(t, Table, r, Options{Width: width, Verbose: true})) {
				if w := text.Width(strings.TrimRight(line, "\n")); w > max(width, 60) && !isUnbroken(line) {
					t.Errorf("a line of %d columns at width %d: %s", w, width, line)
				}
			}
		}
	}
	// Without a terminal, each finding is a line for other tools.
	plain := mustRender(t, Table, mixed(), Options{})
	if got := strings.Count(plain, "\nhigh      DB-PRIV-LEAD "); got != 2 {
		t.Errorf("%d lines for the two findings of DB-PRIV-LEAD", got)
	}
	if strings.ContainsAny(plain, "│┌─") {
		t.Error("borders without a terminal")
	}
}

// isUnbroken reports whether a line of a table is a command or a URL, which are not broken.
func isUnbroken(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "dbaudit ") || text.IsWebURL(line)
}

// TestCommandsCanBeCopied checks that a proposed command is on its own line at every width, and
// that the source's URL is not broken.
func TestCommandsCanBeCopied(t *testing.T) {
	t.Parallel()
	flags := func(audit.Result) []string {
		return []string{"-c", "a folder/with a long name/dbaudit.yaml", "--env", strings.Repeat("long-", 12) + "production"}
	}
	for _, r := range []audit.Result{mixed(), incomplete(), hostile()} {
		for _, width := range []int{0, 60, 80, 120} {
			o := Options{Width: width, TargetFlags: flags}
			doc := mustRender(t, Table, r, o)
			if !strings.Contains(doc, r.Profile.Source.URL+"\n") {
				t.Errorf("at %d columns the address is broken:\n%s", width, doc)
			}
			for _, step := range nextSteps(r, o) {
				for _, command := range step.Commands {
					if !strings.Contains(doc, "\n           "+text.Line(command)+"\n") {
						t.Errorf("at %d columns this cannot be copied: %s\n%.1000s", width, command, doc)
					}
				}
			}
		}
	}
}

// TestSeverityNarrowsTheTable checks that controls below the severity are only counted, and that
// the verdict does not change.
func TestSeverityNarrowsTheTable(t *testing.T) {
	t.Parallel()
	full, narrow := mustRender(t, Table, mixed(), Options{Width: 120}), mustRender(t, Table, mixed(), Options{Width: 120, MinSeverity: audit.SeverityCritical})
	if !strings.Contains(full, "DB-PRIV-LEAD") || strings.Contains(narrow, "DB-PRIV-LEAD") || !strings.Contains(narrow, "DB-USER-ROLE") {
		t.Errorf("the wrong controls are listed:\n%s", narrow)
	}
	verdict, _, _ := strings.Cut(full, "\n")
	if !strings.HasPrefix(narrow, verdict) || !strings.Contains(narrow, "controls below critical (--severity)") {
		t.Errorf("the verdict changed, or the table does not say what it omits:\n%s", narrow)
	}
}

// TestFactsComeLast checks that findings come before facts, and that only narrow tables have lines
// between rows.
func TestFactsComeLast(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{Table, Markdown, HTML} {
		doc := mustRender(t, f, mixed(), Options{Width: 100})
		finding, digest := strings.Index(doc, "Lead – Append is granted"), strings.LastIndex(doc, mixed().Snapshot.Digest[:40])
		if finding < 0 || digest < finding {
			t.Errorf("%s: the facts precede the findings", f)
		}
	}
	failed := func(width int) string {
		_, rest, _ := strings.Cut(mustRender(t, Table, mixed(), Options{Width: width}), "FAILED")
		part, _, _ := strings.Cut(rest, "\n\n")
		return part
	}
	if n := strings.Count(failed(119), "├"); n < 7 {
		t.Errorf("%d lines between the rows of a narrow table", n)
	}
	if n := strings.Count(failed(120), "├"); n != 1 {
		t.Errorf("%d lines between the rows of a wide table", n)
	}
}

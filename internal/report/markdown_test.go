package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestMarkdownKeepsWithinLimit checks that a document within the limit says how much it omits.
func TestMarkdownKeepsWithinLimit(t *testing.T) {
	t.Parallel()
	var many []audit.Result
	for range 100 {
		many = append(many, mixed())
	}
	for name, rs := range map[string][]audit.Result{"one": {large(1000)}, "many": many, "hostile": {hostile()}} {
		doc := mustRenderAll(t, Markdown, rs, Options{Rules: rules()})
		if len(doc) > CommentLimit || len(doc) < CommentLimit/2 {
			t.Errorf("%s: %d bytes", name, len(doc))
		}
		findings := 0
		for _, r := range rs {
			findings += r.Summary.Findings
		}
		if !regexp.MustCompile(fmt.Sprintf(`the details of \d+ of %d findings are shown`, findings)).MatchString(doc) {
			t.Errorf("%s: the document does not say that it was cut: %s", name, doc[max(0, len(doc)-300):])
		}
		if open, closed := strings.Count(doc, "<details>"), strings.Count(doc, "</details>"); open != closed {
			t.Errorf("%s: %d opening and %d closing tags of details", name, open, closed)
		}
	}
	if strings.Contains(mustRender(t, Markdown, mixed(), Options{Rules: rules()}), "Cut to fit") {
		t.Error("a small document says that it was cut")
	}
}

// TestMarkdownListsFailuresFirst checks that the failures of all environments come before the
// details of any, if not everything fits into a comment or a job summary.
func TestMarkdownListsFailuresFirst(t *testing.T) {
	t.Parallel()
	var rs []audit.Result
	for i := range 20 {
		r := mixed()
		r.Environment.Name = fmt.Sprintf("Contoso Sales Europe, the environment of the subsidiary number %02d, production", i)
		rs = append(rs, r)
	}
	for _, limit := range []int{0, JobSummaryLimit} {
		doc := mustRenderAll(t, Markdown, rs, Options{Rules: rules(), MarkdownLimit: limit})
		if limit == JobSummaryLimit && (len(doc) < CommentLimit || strings.Contains(doc, "Cut to fit")) || len(doc) > max(limit, CommentLimit) {
			t.Errorf("%d bytes within %d", len(doc), limit)
		}
		before, _, _ := strings.Cut(doc, "### Details")
		if n := strings.Count(before, "### Failed\n"); n != 20 {
			t.Errorf("%d of 20 tables of failures precede the details", n)
		}
		overview, _, _ := strings.Cut(doc, "### Failed")
		for _, r := range rs {
			if !strings.Contains(overview, "| "+r.Environment.Name+" |") {
				t.Errorf("the overview lacks %s:\n%.2000s", r.Environment.Name, overview)
				break
			}
		}
	}
}

// TestJobSummaryOfAFleet checks that a job summary of a thousand environments fits, and names every
// failed control of every environment.
func TestJobSummaryOfAFleet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	var messages []string
	rs := worst(1000, audit.OutcomeFail)
	if err := Render(&b, Markdown, rs, Options{MarkdownLimit: JobSummaryLimit, Warn: func(message string) { messages = append(messages, message) }}); err != nil {
		t.Fatal(err)
	}
	if b.Len() > JobSummaryLimit || len(messages) != 1 {
		t.Errorf("%d bytes, and the messages are %q", b.Len(), messages)
	}
	rows := map[string]string{}
	for line := range strings.Lines(b.String()) {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && rows[name] == "" {
			rows[name] = rest
		}
	}
	for _, r := range rs {
		for _, c := range r.Controls {
			if !strings.Contains(rows[r.Environment.Name], string(c.ID)) {
				t.Fatalf("%s fails in %s, which the summary does not say", c.ID, r.Environment.Name)
			}
		}
	}
}

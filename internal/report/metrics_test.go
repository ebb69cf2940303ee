package report

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// TestOpenMetrics checks that each family appears once, that its type and help precede its samples,
// and that nothing follows the end.
func TestOpenMetrics(t *testing.T) {
	t.Parallel()
	out := mustRenderAll(t, OpenMetrics, []audit.Result{mixed(), compliant(), unreadFile(), hostile()}, Options{})
	golden(t, "mixed.prom", mustRenderAll(t, OpenMetrics, []audit.Result{mixed()}, Options{}))
	body, ok := strings.CutSuffix(out, "# EOF\n")
	if !ok {
		t.Fatalf("the end is missing: %s", out)
	}
	sample := regexp.MustCompile(`^([a-z_]+)\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\} [0-9]+$`)
	family, seen := "", map[string]bool{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "# TYPE "):
			family, _, _ = strings.Cut(strings.TrimPrefix(line, "# TYPE "), " ")
			if seen[family] {
				t.Errorf("%s appears twice", family)
			}
			seen[family] = true
		case strings.HasPrefix(line, "# HELP "+family+" "):
		default:
			if match := sample.FindStringSubmatch(line); match == nil || match[1] != family || seen[line] {
				t.Errorf("%q is not a sample of %s, or appears twice", line, family)
			}
			seen[line] = true
		}
	}
	if strings.Contains(mustRenderAll(t, OpenMetrics, []audit.Result{mixed()}, Options{}), "dbaudit_last_complete_scan_timestamp_seconds{") {
		t.Error("a scan with an unknown control counts as complete")
	}
}

func TestGitLab(t *testing.T) {
	t.Parallel()
	golden(t, "mixed.gitlab.json", mustRender(t, GitLab, mixed(), Options{}))
	var issues []gitlabIssue
	if err := json.Unmarshal([]byte(mustRenderAll(t, GitLab, []audit.Result{archive(), mixed(), unreadFile(), hostile()}, Options{})), &issues); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, i := range issues {
		if i.Description == "" || i.CheckName == "" || i.Location.Path == "" || i.Location.Lines.Begin < 1 || seen[i.Fingerprint] {
			t.Errorf("got %+v", i)
		}
		seen[i.Fingerprint] = true
	}
	if out := mustRender(t, GitLab, compliant(), Options{}); out != "[]\n" {
		t.Errorf("a compliant result: %s", out)
	}
}

package streams_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// TestEveryTableFits checks that output is not wider than the terminal, except for commands and
// addresses, which are on separate lines so that they can be copied.
func TestEveryTableFits(t *testing.T) {
	t.Parallel()
	cases := filepath.Join("..", "..", "..", "testdata", "cases")
	storyFile := func(story, file string) string { return filepath.Join(cases, story, file) }
	dir := t.TempDir()
	results := filepath.Join(dir, "results")
	if err := os.Mkdir(results, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, story := range []string{"shallow", "surplus"} {
		data, err := os.ReadFile(storyFile(story, "result.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(results, story+".json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	profile := filepath.Join(dir, "ours.yaml")
	config := filepath.Join(dir, "dbaudit.yaml")
	for file, content := range map[string]string{
		profile: "ours:\n  extends: demandbase\n  title: Ours\n",
		config:  "environments:\n  a-very-long-name-of-an-environment-in-production: {url: https://fabrikam.crm.dynamics.com}\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := filepath.Join(dir, "fleet.db")
	if _, stderr, code := execute(t, (process{}), "fleet", "import", config, "--store", store); code != 0 {
		t.Fatal(stderr)
	}
	for _, args := range [][]string{
		{"check", storyFile("surplus", "snapshot.json")},
		{"check", "-v", storyFile("surplus", "snapshot.json"), storyFile("shallow", "snapshot.json")},
		{"report", storyFile("shallow", "result.json"), "--summary", storyFile("surplus", "result.json")},
		{"diff", storyFile("shallow", "result.json"), storyFile("surplus", "result.json")},
		{"diff", storyFile("shallow", "snapshot.json"), storyFile("surplus", "snapshot.json")},
		{"history", results},
		{"history", "-v", results},
		{"profile", "list"},
		{"profile", "show", "demandbase"},
		{"profile", "diff", "demandbase", profile},
		{"policy", "list"},
		{"explain", "DB-PRIV-LEAD"},
		{"fleet", "list", "--store", store},
		{"fleet", "status", "--store", store},
	} {
		for _, width := range []int{80, 100, 120} {
			out, stderr, code := execute(t, process{width: width}, append(slices.Clone(args), "--no-color")...)
			if out == "" || code == 2 || code == 3 {
				t.Fatalf("%q ends in %d: %s", args, code, stderr)
			}
			for line := range strings.Lines(out) {
				words := strings.Fields(line)
				copied := len(words) > 0 && (words[0] == "dbaudit" || len(words) < 3 && strings.HasPrefix(words[len(words)-1], "https://"))
				if n := text.Width(strings.TrimSuffix(line, "\n")); n > width && !copied {
					t.Errorf("%q has %d columns at %d: %s", args, n, width, line)
				}
			}
		}
	}
}

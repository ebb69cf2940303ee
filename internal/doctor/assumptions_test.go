package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// docs/assumptions.md lists the assumptions of the program.
func TestAssumptionsAreDocumented(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "assumptions.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), "|---|---|---|---|\n")
	_, after, ends := strings.Cut(rest, "\n\n")
	if !found || !ends {
		t.Fatalf("%s has no table", file)
	}
	var b strings.Builder
	b.WriteString(before + "|---|---|---|---|\n")
	seen := map[string]bool{}
	for _, q := range (&assumptionChecker{examiner: &examiner{}}).assumptions() {
		if seen[q.id] || q.question == "" || q.assumed == "" || q.then == "" {
			t.Errorf("%s appears twice, or is incomplete", q.id)
		}
		seen[q.id] = true
		b.WriteString("| `" + q.id + "` | " + q.question + " | " + q.assumed + " | " + q.then + " |\n")
	}
	b.WriteString("\n" + after)
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if b.String() != string(data) {
		t.Errorf("%s does not have the assumptions of the program; -update rewrites its table", file)
	}
}

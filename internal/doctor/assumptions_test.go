package doctor

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	probes := (&assumptionChecker{examiner: &examiner{}}).probes()
	for _, q := range assumptions() {
		if _, ok := probes[q.ID]; !ok || q.Question == "" || q.Assumed == "" || q.Then == "" {
			t.Errorf("%s appears twice, is incomplete, or has no probe", q.ID)
		}
		delete(probes, q.ID)
		b.WriteString("| `" + q.ID + "` | " + q.Question + " | " + q.Assumed + " | " + q.Then + " |\n")
	}
	if len(probes) > 0 {
		t.Errorf("assumptions.tsv does not have %v", slices.Sorted(maps.Keys(probes)))
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

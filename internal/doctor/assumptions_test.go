package doctor

import (
	"encoding/json"
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

// What was found is said in the singular too.
func TestFoundOfOne(t *testing.T) {
	grants := row{"RolePrivileges": json.RawMessage(`[{"Depth":"Parent"}]`)}
	if _, found := judgeFilters([]row{grants}); found != "grants for some records only: 0 of 1; at an unknown depth: 1" {
		t.Error(found)
	}
	if _, found := judgeSettings([]row{{"orgdborgsettings": json.RawMessage(`"x"`)}}); found != "it can be read (1 byte)" {
		t.Error(found)
	}
}

package cli

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/history"
)

// TestHistoryOfChangedRequirements checks that a history says so if the requirements changed.
func TestHistoryOfChangedRequirements(t *testing.T) {
	t.Parallel()
	for _, changed := range []bool{false, true} {
		h := history.History{Environments: []history.Environment{{Name: "contoso", Profiles: make([]history.ProfilePeriod, 2), RequirementsChanged: changed}}}
		var table strings.Builder
		if err := writeHistoryTables(&table, 80, h, false); err != nil {
			t.Fatal(err)
		}
		for _, doc := range []string{table.String(), historyMarkdown(h, false)} {
			if strings.Count(doc, "judged by") != 2 || strings.Contains(doc, "The requirements changed") != changed {
				t.Errorf("changed %t:\n%s", changed, doc)
			}
		}
	}
}

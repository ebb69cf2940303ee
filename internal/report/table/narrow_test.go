package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// TestListFits: a list of many short columns fits the terminal.
func TestListFits(t *testing.T) {
	t.Parallel()
	head := []string{"environment", "integration", "verdict", "last complete scan", "open findings", "last run"}
	var b bytes.Buffer
	if err := List(&b, 80, head, [][]string{{"contoso-europe", "demandbase", "noncompliant", "0s ago", "7 high, 2 medium, 2 low", "noncompliant"}}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := text.Columns(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

package table_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// TestListsFitTheTerminal: the lists, of which a profile's is the widest, are as wide as
// the terminal at most.
func TestListsFitTheTerminal(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("since 2026-11-02 06:00 ", 5)
	rows := func() [][]string {
		return [][]string{{"DB-PRIV-OPPORTUNITY-RELATIONSHIP", "high", "fail", long, long, "never", strings.Repeat("pass×12 > fail×3 > ", 5)}, {"x", "low", "pass", "", "", "", ""}}
	}
	for _, width := range []int{80, 100, 120, 160} {
		var b bytes.Buffer
		if err := table.List(&b, width, []string{"control", "severity", "outcome", "since", "after", "last passed", "trail"}, rows()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := text.Columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns at %d: %s", n, width, line)
			}
		}
	}
}

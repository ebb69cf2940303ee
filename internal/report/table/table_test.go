package table

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

func draw(t *testing.T, c Canvas, g Grid) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Draw(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkWidth fails the test if a line is wider than the terminal.
func checkWidth(t *testing.T, width int, document string) {
	t.Helper()
	for line := range strings.Lines(document) {
		if n := text.Width(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("%d columns at %d: %s", n, width, line)
		}
	}
}

// TestList checks that a list is a box with capital heads on a terminal, and columns without a
// frame elsewhere.
func TestList(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"a", strings.Repeat("long ", 30)}, {"b\n", "x"}}
	for _, width := range []int{40, 80, 120} {
		list := draw(t, Canvas{Width: width}, listGrid([]string{"name", "the words of somebody"}, rows))
		if !strings.HasPrefix(list, "┌") || !strings.Contains(list, "│ NAME") || strings.Count(list, "├") != 1 {
			t.Errorf("the list has the wrong style:\n%s", list)
		}
		checkWidth(t, width, list)
	}
	if list := draw(t, Canvas{}, listGrid([]string{"name", "words"}, rows)); !strings.HasPrefix(list, "NAME") || strings.Count(list, "\n") != 3 {
		t.Errorf("not a line for each row:\n%s", list)
	}
}

// TestListsFitTheTerminal draws lists with long cells, and with many short columns.
func TestListsFitTheTerminal(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("since 2026-11-02 06:00 ", 5)
	for _, width := range []int{80, 100, 120, 160} {
		var b bytes.Buffer
		if err := List(&b, width, []string{"control", "severity", "outcome", "since", "after", "last passed", "trail"}, [][]string{
			{"DB-PRIV-OPPORTUNITY-RELATIONSHIP", "high", "fail", long, long, "never", strings.Repeat("pass×12 > fail×3 > ", 5)},
			{"x", "low", "pass", "", "", "", ""},
		}); err != nil {
			t.Fatal(err)
		}
		if err := List(&b, width, []string{"environment", "integration", "verdict", "last complete scan", "open findings", "last run"}, [][]string{
			{"contoso-europe", "demandbase", "noncompliant", "0s ago", "7 high, 2 medium, 2 low", "noncompliant"},
		}); err != nil {
			t.Fatal(err)
		}
		checkWidth(t, width, b.String())
	}
}

// TestRuled checks that a ruled table has lines between its rows.
func TestRuled(t *testing.T) {
	t.Parallel()
	g := listGrid([]string{"name"}, [][]string{{"a"}, {"b"}, {"c"}})
	plain := draw(t, Canvas{Width: 80}, g)
	g.Ruled = true
	if ruled := draw(t, Canvas{Width: 80}, g); strings.Count(ruled, "├") != strings.Count(plain, "├")+2 {
		t.Errorf("no lines between rows:\n%s", ruled)
	}
}

// TestColors checks that a style ends on the line on which it begins, and that a canvas without
// colors has none.
func TestColors(t *testing.T) {
	t.Parallel()
	g := Grid{Head: []string{"NAME"}, Weights: []int{1}, Rows: [][]Cell{{TextCell(strings.Repeat("word ", 40), BoldRed)}}}
	for line := range strings.Lines(draw(t, Canvas{Width: 40, Color: true}, g)) {
		if strings.Count(line, "\x1b[") != 2*strings.Count(line, "\x1b[0m") {
			t.Errorf("a style continues past the end of a line: %q", line)
		}
	}
	if list := draw(t, Canvas{Width: 40}, g); strings.Contains(list, "\x1b") {
		t.Error("a canvas without colors has a style")
	}
}

func TestFit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		room              int
		need, share, want []int
	}{
		{100, []int{10, 20}, []int{1, 1}, []int{10, 20}},
		{50, []int{10, 90}, []int{0, 1}, []int{10, 40}},
		{60, []int{10, 90, 90}, []int{0, 1, 1}, []int{10, 25, 25}},
		{61, []int{10, 90, 90}, []int{0, 1, 1}, []int{10, 25, 26}},
		{60, []int{10, 5, 90}, []int{0, 1, 1}, []int{10, 5, 45}},
		{30, []int{90, 90, 90}, []int{10, 1, 10}, []int{11, minColumn, 11}},
		{12, []int{10, 90}, []int{0, 1}, []int{10, minColumn}},
	} {
		if got := fitColumns(test.room, test.need, test.share); !slices.Equal(got, test.want) {
			t.Errorf("%d for %d by %d: %d, want %d", test.room, test.need, test.share, got, test.want)
		}
	}
}

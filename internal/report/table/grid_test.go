package table

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

func drawn(t *testing.T, c Canvas, g Grid) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Draw(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestList: a list is a box with capital heads on a terminal, and columns without a frame
// elsewhere; on a terminal nothing is wider than it is.
func TestList(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"a", strings.Repeat("long ", 30)}, {"b\n", "x"}}
	for _, width := range []int{40, 80, 120} {
		list := drawn(t, Canvas{Width: width}, list([]string{"name", "the words of somebody"}, rows))
		if !strings.HasPrefix(list, "┌") || !strings.Contains(list, "│ NAME") || strings.Count(list, "├") != 1 {
			t.Errorf("another style:\n%s", list)
		}
		for line := range strings.Lines(list) {
			if n := text.Columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns at %d: %s", n, width, line)
			}
		}
	}
	if list := drawn(t, Canvas{}, list([]string{"name", "words"}, rows)); !strings.HasPrefix(list, "NAME") || strings.Count(list, "\n") != 3 {
		t.Errorf("not a line for each row:\n%s", list)
	}
}

// TestRuled: lines separate rows if requested.
func TestRuled(t *testing.T) {
	t.Parallel()
	g := list([]string{"name"}, [][]string{{"a"}, {"b"}, {"c"}})
	plain := drawn(t, Canvas{Width: 80}, g)
	g.Ruled = true
	if ruled := drawn(t, Canvas{Width: 80}, g); strings.Count(ruled, "├") != strings.Count(plain, "├")+2 {
		t.Errorf("no lines between rows:\n%s", ruled)
	}
}

// TestColours: a style ends on the line on which it begins, and is left out where there
// are no colours.
func TestColours(t *testing.T) {
	t.Parallel()
	g := Grid{Head: []string{"NAME"}, Share: []int{1}, Rows: [][]Cell{{Phrase(strings.Repeat("word ", 40), BoldRed)}}}
	for line := range strings.Lines(drawn(t, Canvas{Width: 40, Color: true}, g)) {
		if strings.Count(line, "\x1b[") != 2*strings.Count(line, "\x1b[0m") {
			t.Errorf("a style continues past the end of a line: %q", line)
		}
	}
	if list := drawn(t, Canvas{Width: 40}, g); strings.Contains(list, "\x1b") {
		t.Error("a style where there are no colours")
	}
}

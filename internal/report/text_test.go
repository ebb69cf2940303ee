package report

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"Demandbase (EU) – 統合":  "Demandbase (EU) – 統合",
		"two\nlines\r\n\ttab":   `two\nlines\r\n\ttab`,
		"\x1b[31mred":           `\u001b[31mred`,
		"nul\x00del\x7f":        `nul\u0000del\u007f`,
		"csi\u009b31m":          `csi\u009b31m`,
		"\u202egnp.exe":         `\u202egnp.exe`,
		"a\u200bb\ufeffc\u2028": `a\u200bb\ufeffc\u2028`,
		"tag\U000e0041":         `tag\U000e0041`,
		"filler\u3164\u115f":    `filler\u3164\u115f`,
		"bad\xff":               "bad\ufffd",
		`DOMAIN\user`:           `DOMAIN\user`,
		"non\u00a0breaking":     "non\u00a0breaking",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"short", 10, "short"},
		{"exactly ten", 11, "exactly ten"},
		{"one too many", 11, "one too ma…"},
		{"長長長長", 8, "長長長長"},
		{"長長長長", 7, "長長長…"},
		{"長長長長", 6, "長長…"},
	} {
		if got := shorten(c.in, c.width); got != c.want || columns(got) > c.width {
			t.Errorf("shorten(%q, %d) = %q of %d columns, want %q", c.in, c.width, got, columns(got), c.want)
		}
	}
	if got := shorten("e"+strings.Repeat("\u0301", 5000), 10); utf8.RuneCountInString(got) > 40 {
		t.Errorf("%d runes in ten columns", utf8.RuneCountInString(got))
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  []string
	}{
		{"unbroken however long it is", 0, []string{"unbroken however long it is"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"prvReadCustomerOpportunityRole", 28, []string{"prvReadCustomerOpportunity", "Role"}},
		{"DB-PRIV-OPPORTUNITY-RELATIONSHIP", 24, []string{"DB-PRIV-OPPORTUNITY-", "RELATIONSHIP"}},
		{"長長長", 1, []string{"長", "長", "長"}},
		{"", 5, []string{""}},
		{"      ", 5, []string{""}},
	} {
		got := wrap(c.in, c.width)
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, n := range hostileNames() {
		f.Add(n, 12)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 2 + (width&0x7fffffff)%200
		s = visible(s)
		lines := wrap(s, width)
		for _, line := range lines {
			if columns(line) > width {
				t.Errorf("a line of %d columns in %d: %q", columns(line), width, line)
			}
		}
		if got, want := strings.Join(strings.Fields(strings.Join(lines, "")), ""), strings.Join(strings.Fields(s), ""); got != want {
			t.Errorf("wrap lost something: %q, want %q", got, want)
		}
		if short := shorten(s, width); columns(short) > width {
			t.Errorf("shorten left %d columns of %d", columns(short), width)
		}
	})
}

func TestFencesHold(t *testing.T) {
	t.Parallel()
	got := fenced("sh", []string{"echo '```'", "echo '````'"})
	if want := "`````sh\necho '```'\necho '````'\n`````\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

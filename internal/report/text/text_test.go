package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
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
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
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
		if got := Shorten(c.in, c.width); got != c.want || Width(got) > c.width {
			t.Errorf("Shorten(%q, %d) = %q of %d columns, want %q", c.in, c.width, got, Width(got), c.want)
		}
	}
	if got := Shorten("e"+strings.Repeat("\u0301", 5000), 10); utf8.RuneCountInString(got) > 40 {
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
		got := Wrap(c.in, c.width)
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}

func FuzzWrap(f *testing.F) {
	for _, n := range hostileTexts() {
		f.Add(n, 12)
	}
	f.Add("DB-PRIV-OPPORTUNITY-RELATIONSHIP 長長長 e\u0301\u0301", 7)
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 2 + (width&0x7fffffff)%200
		s = Line(s)
		lines := Wrap(s, width)
		for _, line := range lines {
			if Width(line) > width {
				t.Errorf("a line of %d columns in %d: %q", Width(line), width, line)
			}
		}
		if got, want := strings.Join(strings.Fields(strings.Join(lines, "")), ""), strings.Join(strings.Fields(s), ""); got != want {
			t.Errorf("Wrap lost text: %q, want %q", got, want)
		}
		for _, short := range []string{Shorten(s, width), ShortenMiddle(s, width)} {
			if Width(short) > width {
				t.Errorf("%d columns are more than %d: %q", Width(short), width, short)
			}
		}
	})
}

func TestName(t *testing.T) {
	t.Parallel()
	a := ShortenMiddle("Demandbase integration role of the European sales region, production", 40)
	b := ShortenMiddle("Demandbase integration role of the European sales region, test", 40)
	if a == b || Width(a) > 40 || !strings.HasPrefix(a, "Demandbase integrati") || !strings.HasSuffix(a, "production") {
		t.Errorf("%q and %q", a, b)
	}
	if got := ShortenMiddle("short", 5); got != "short" {
		t.Errorf("%q", got)
	}
}

// hostileTexts returns texts that a terminal, a runner or a viewer would obey if they were printed
// as they are.
func hostileTexts() []string {
	return []string{
		"x ##vso[task.prependpath]/tmp/evil", "##[add-matcher]a.json", "a\n::add-mask::hello", "::error::x", " \t\u00a0::set-output name=a::b",
		"#", "##", "###[", "##v", "so[", "[x", ":", "::", "##VsO[a", "##\u00advso[x", "##\u200b[group]x", ":\u200b:debug::x", "\ufeff::notice::x",
		"\x1b[31mred\x1b[0m\x07\x1b]8;;http://example.com\x07link", "\u202egpj.exe\u202c \u2066isolate\u2069", "tag\U000e0041", "a\ufe0fb\u3164c",
		"\r\n##[command]", "\xff\xfe##[x", "`|*_[]()<>&~$", "&lt;b&gt; <!-- x --> ~~a~~ https://example.com www.example.com @everyone #1",
	}
}

// hazard returns what in a document would control its reader. It is empty for a safe document.
func hazard(document string) string {
	for line := range strings.SplitSeq(document, "\n") {
		for _, r := range line {
			if IsInvisible(r) {
				return fmt.Sprintf("%U", r)
			}
		}
		if strings.HasPrefix(strings.TrimSpace(line), "::") {
			return "a command at the start of a line"
		}
		if oldCommand.MatchString(line) {
			return "an old command"
		}
	}
	return ""
}

var oldCommand = regexp.MustCompile(`##[A-Za-z]*\[`)

// FuzzStream passes texts through every function that makes them safe. A stream gets them in two
// parts, as commands write them.
func FuzzStream(f *testing.F) {
	for _, a := range hostileTexts() {
		for _, b := range hostileTexts() {
			f.Add(a, b)
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var out strings.Builder
		s := NewStream(&out, false)
		for _, part := range []string{a, b, "\n"} {
			if n, err := s.Write([]byte(part)); err != nil || n != len(part) {
				t.Fatal(n, err)
			}
		}
		if found := hazard(out.String()); found != "" {
			t.Errorf("%s in %q", found, out.String())
		}
		if again := Sanitize(out.String()); again != out.String() {
			t.Errorf("a second stream changes %q to %q", out.String(), again)
		}
		var back []string
		quoted, err := json.Marshal([]string{a, b})
		if err != nil {
			t.Fatal(err)
		}
		escaped := JSON(quoted)
		if found := hazard(string(escaped)); found != "" {
			t.Errorf("%s in %s", found, escaped)
		}
		want := []string{strings.ToValidUTF8(a, "\ufffd"), strings.ToValidUTF8(b, "\ufffd")}
		if err := json.Unmarshal(escaped, &back); err != nil || utf8.ValidString(a) && utf8.ValidString(b) && !slices.Equal(back, want) {
			t.Errorf("%s is %q: %v", escaped, back, err)
		}
		var commands Commands
		commands.Add("error", []Property{{"file", a}, {"title", b}}, a, b)
		commands.AddLine(b)
		first, rest, _ := strings.Cut(commands.String(), "\n")
		if !strings.HasPrefix(first, "::error file=") || hazard("x"+first) != "" || hazard(rest) != "" || strings.Count(rest, "\n") != 1 {
			t.Errorf("commands: %q", commands.String())
		}
		for _, one := range []string{Line(a), Message(a), Markdown(a), HTML(a)} {
			if strings.ContainsFunc(one, IsInvisible) {
				t.Errorf("an invisible character in %q", one)
			}
		}
	})
}

// TestStream checks that colors pass only on a terminal, and that commands and control sequences
// pass only through their functions.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		terminal bool
		in, want string
	}{
		{true, "\x1b[1;31mred\x1b[0m\x1b[2J", "\x1b[1;31mred\x1b[0m\\u001b[2J"},
		{false, "\x1b[1;31mred", "\\u001b[1;31mred"},
		{false, "a::b\n  ::c\n::", "a::b\n  : :c\n: :"},
		{false, "### [x] ##[y] ##vso[z] # [", "### [x] ## [y] ##vso [z] # ["},
		{false, "## Title\n[link](<x>)", "## Title\n[link](<x>)"},
	} {
		var out strings.Builder
		if _, err := NewStream(&out, c.terminal).Write([]byte(c.in)); err != nil || out.String() != c.want {
			t.Errorf("%q became %q, want %q", c.in, out.String(), c.want)
		}
	}
	var out strings.Builder
	s := NewStream(&out, false)
	for i := range len("é::é") { // characters in pieces
		if _, err := s.Write([]byte("é::é"[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	var c Commands
	c.Add("notice", nil, "x")
	if err := errors.Join(WriteControl(s, "\x1b[A\n"), WriteCommands(s, &c)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "é::é\x1b[A\n::notice::x\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestWrapLines checks that lines break at words and keep their indent, and that no word is lost.
func TestWrapLines(t *testing.T) {
	t.Parallel()
	const document = "Role\n    why: prvReadAccount is granted at local depth; it must be granted at global depth\n  short\n"
	got := WrapLines(document, 40)
	for line := range strings.Lines(got) {
		if Width(strings.TrimSuffix(line, "\n")) > 40 {
			t.Errorf("%q is wider than 40 columns", line)
		}
	}
	if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(document), " ") {
		t.Errorf("words were broken or lost:\n%s", got)
	}
	if !strings.Contains(got, "\n      ") || WrapLines(document, 0) != document {
		t.Errorf("wrapped:\n%s", got)
	}
}

// TestWrapLinesKeepsWhatIsCopied checks that commands and URLs are not broken.
func TestWrapLinesKeepsWhatIsCopied(t *testing.T) {
	t.Parallel()
	const document = "  dbaudit plan --env production-europe --only DB-PRIV-LEAD -o plan.json\nhttps://learn.microsoft.com/power-platform/admin/security-roles-privileges\n"
	if got := WrapLines(document, 40); got != document {
		t.Errorf("broken:\n%s", got)
	}
	if got := WrapLines("saved the plan to plan.json; to carry it out, run: dbaudit apply plan.json\n", 40); !strings.HasSuffix(got, "\n  it out, run:\n  dbaudit apply plan.json\n") {
		t.Errorf("the command at the end is broken:\n%s", got)
	}
	if got := WrapLines("https://x.example and what else there is to say about it\n", 40); strings.Count(got, "\n") != 2 {
		t.Errorf("a sentence is not wrapped:\n%s", got)
	}
}

func TestIsWeb(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"https://contoso.crm.dynamics.com": true, "http://x/a?b=c#d": true, "https://x/a b": false, "https://x/a>": false, "https://x/|": false, "https://x/é": false,
		"https://": false, "javascript:alert(1)": false, "x": false, "": false,
	} {
		if got := IsWebURL(s); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Count(1, "finding") + ", " + Count(2, "finding"):      "1 finding, 2 findings",
		Linef("%s at %d", "a\nb", 3):                          `a\nb at 3`,
		Lines("{\n\x07}"):                                     "{\n" + `\u0007}`,
		MarkdownTable([]string{"a"}, [][]string{{"b|c"}}):     "| a |\n| --- |\n| b&#124;c |\n",
		strings.Join(Wrap("one two three four five", 9), "/"): "one two/three/four five",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", 72 * time.Hour: "72h", 61 * time.Minute: "1h1m",
		10 * time.Hour: "10h", time.Hour + time.Second: "1h0m1s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// TestInvisibleASCII checks that the fast path of [IsInvisible] agrees with Unicode.
func TestInvisibleASCII(t *testing.T) {
	t.Parallel()
	for r := range rune(utf8.RuneSelf) {
		if IsInvisible(r) == unicode.IsGraphic(r) {
			t.Errorf("%U", r)
		}
	}
}

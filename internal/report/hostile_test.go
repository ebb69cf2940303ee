package report

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dbaudit/dbaudit/internal/report/text"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	ghtml "github.com/yuin/goldmark/renderer/html"
)

// TestHostileNamesAreVisible checks that newlines are the only characters without a glyph in every
// format.
func TestHostileNamesAreVisible(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		for _, width := range []int{0, 80, 200} {
			out := mustRender(t, f, hostile(), Options{Width: width, Rules: rules(), Verbose: true})
			for i, r := range out {
				if r != '\n' && text.IsInvisible(r) {
					t.Errorf("%s at width %d: %U in %q", f, width, r, out[max(0, i-40):min(len(out), i+40)])
					break
				}
			}
			if f != Table {
				break
			}
		}
	}
}

func TestHostileTable(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 119, 120, 200} {
		out := mustRender(t, Table, hostile(), Options{Width: width})
		for line := range strings.Lines(out) {
			if w := text.Width(strings.TrimRight(line, "\n")); w > width && !isUnbroken(line) {
				t.Fatalf("a line of %d columns at width %d: %s", w, width, line)
			}
		}
	}
	// The only escape sequences are colors that end on their line.
	colored := mustRender(t, Table, hostile(), Options{Width: 80, Color: true})
	color := regexp.MustCompile("\x1b\\[(1;)?[0-9]+m([^\x1b\n]*)\x1b\\[0m")
	if rest := color.ReplaceAllString(colored, "$2"); strings.Contains(rest, "\x1b") {
		t.Error("an escape sequence is not a color")
	} else if plain := mustRender(t, Table, hostile(), Options{Width: 80}); rest != plain {
		t.Error("colors change the text")
	}
	if out := mustRender(t, Table, mixed(), Options{Color: true}); strings.Contains(out, "\x1b") {
		t.Error("colors without a terminal")
	}
}

func TestHostileJSONKeepsEveryName(t *testing.T) {
	t.Parallel()
	var doc struct {
		Controls []struct {
			Findings []struct {
				Subject struct{ Name string }
			}
		}
	}
	if err := json.Unmarshal([]byte(mustRender(t, JSON, hostile(), Options{})), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range doc.Controls {
		for _, f := range c.Findings {
			got[f.Subject.Name] = true
		}
	}
	for _, n := range hostileNames() {
		if want := strings.ToValidUTF8(n, "\ufffd"); !got[want] && !strings.Contains(n, "\xff") {
			t.Errorf("%.60q is not in the document unchanged", n)
		}
	}
}

// TestHostileMarkdown checks that names add no element, attribute, link or mention to the document
// as GitHub renders it.
func TestHostileMarkdown(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(ghtml.WithUnsafe()))
	if err := md.Convert([]byte(mustRender(t, Markdown, hostile(), Options{Rules: rules()})), &b); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"h2": true, "h3": true, "p": true, "strong": true, "table": true, "thead": true, "tbody": true, "tr": true, "th": true, "td": true,
		"a": true, "br": true, "details": true, "summary": true, "ul": true, "ol": true, "li": true, "blockquote": true, "code": true, "pre": true,
	}
	depth := map[string]int{}
	z := html.NewTokenizer(strings.NewReader(b.String()))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			if depth["details"] != 0 || depth["table"] != 0 {
				t.Errorf("left open: %v", depth)
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			depth[tok.Data]++
			if !allowed[tok.Data] {
				t.Errorf("a name adds %s", tok)
			}
			for _, a := range tok.Attr {
				if a.Key != "href" && a.Key != "start" && a.Key != "style" && a.Key != "align" ||
					a.Key == "href" && !strings.HasPrefix(a.Val, "https://github.com/dbaudit/") && !strings.HasPrefix(a.Val, "https://support.demandbase.com/") &&
						!slices.Contains([]string{"https://contoso.crm.dynamics.com", "https://admin.powerplatform.microsoft.com", "https://make.powerapps.com"}, a.Val) {
					t.Errorf("a name adds the attribute %s=%q", a.Key, a.Val)
				}
			}
		case html.EndTagToken:
			depth[z.Token().Data]--
		case html.TextToken:
			text := z.Token().Data
			if depth["pre"] > 0 {
				for line := range strings.Lines(text) {
					if !strings.HasPrefix(line, "dbaudit ") {
						t.Errorf("a name adds a block: %.80q", text)
					}
				}
				continue
			}
			if regexp.MustCompile(`(^|\W)@\w|(^|\s)#\d`).MatchString(text) {
				t.Errorf("a mention or a number that GitHub links: %.80q", text)
			}
		case html.CommentToken:
			t.Errorf("a name adds the comment %s", z.Token())
		case html.DoctypeToken:
			t.Error("a doctype")
		}
	}
}

// TestHostileHTML checks that names add no element or attribute to the page as a browser parses it,
// and nothing that loads or runs.
func TestHostileHTML(t *testing.T) {
	t.Parallel()
	tags := func(page string) (map[string]bool, map[string]bool) {
		elements, attributes := map[string]bool{}, map[string]bool{}
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type == html.CommentNode {
				t.Errorf("the comment %q", n.Data)
			}
			if n.Type == html.ElementNode {
				elements[n.Data] = true
				for _, a := range n.Attr {
					attributes[n.Data+" "+a.Key] = true
					if a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "https://") || strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" {
						t.Errorf("%s=%q on %s", a.Key, a.Val, n.Data)
					}
				}
			}
		}
		return elements, attributes
	}
	wantElements, wantAttributes := tags(mustRender(t, HTML, mixed(), Options{Rules: rules()}))
	elements, attributes := tags(mustRender(t, HTML, hostile(), Options{Rules: rules()}))
	for e := range elements {
		if !wantElements[e] {
			t.Errorf("a name adds <%s>", e)
		}
	}
	for a := range attributes {
		if !wantAttributes[a] {
			t.Errorf("a name adds the attribute %s", a)
		}
	}
}

func TestHostileJUnit(t *testing.T) {
	t.Parallel()
	elements := strings.Fields("testsuites testsuite properties property testcase failure error skipped system-out system-err")
	d := xml.NewDecoder(strings.NewReader(mustRender(t, JUnit, hostile(), Options{})))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := tok.(xml.Comment); ok {
			t.Error("a name adds a comment")
		}
		if e, ok := tok.(xml.StartElement); ok && !slices.Contains(elements, e.Name.Local) {
			t.Errorf("a name adds <%s>", e.Name.Local)
		}
	}
}

func TestHostileCSV(t *testing.T) {
	t.Parallel()
	r := hostile()
	rows, err := csv.NewReader(strings.NewReader(mustRender(t, CSV, r, Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := r.Summary.Findings + r.Summary.Unknown + 1; len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		for _, cell := range row {
			if s := strings.TrimLeft(cell, " \u00a0\u3000"); s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet would take %.60q for a formula", cell)
			}
		}
	}
}

// TestHostileGitHub checks each line as the runner does: for a command at the start, and for one in
// the old form anywhere.
func TestHostileGitHub(t *testing.T) {
	t.Parallel()
	out := mustRender(t, GitHub, hostile(), Options{})
	command := regexp.MustCompile(`^::(error|warning|notice) ((file|line|col|endColumn|title)=[^:,]*,?)+::[^:]?`)
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if strings.Contains(line, "##[") {
			t.Errorf("an old command: %.120q", line)
		}
		if strings.HasPrefix(strings.TrimSpace(line), "::") && !command.MatchString(line) && !strings.HasPrefix(line, "::group::") && line != "::endgroup::" {
			t.Errorf("an unknown command: %.120q", line)
		}
		if regexp.MustCompile(`%($|[^20-9A-F]|2[^5C]|0[^AD]|3[^A])`).MatchString(line) {
			t.Errorf("an unescaped %% sign: %.120q", line)
		}
	}
	if got, want := strings.Count(out, "\n::group::"), 1; got != want {
		t.Errorf("%d groups", got)
	}
}

func TestHostileSARIF(t *testing.T) {
	t.Parallel()
	out := mustRender(t, SARIF, hostile(), Options{Rules: rules(), Verbose: true})
	checkSARIF(t, out)
	// Only the help of a rule has links.
	for line := range strings.Lines(out) {
		if strings.HasPrefix(strings.TrimSpace(line), `"text":`) && strings.Contains(line, "](") {
			t.Errorf("a link in a message: %.120q", line)
		}
	}
}

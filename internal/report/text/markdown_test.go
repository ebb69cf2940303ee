package text

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	ghtml "github.com/yuin/goldmark/renderer/html"
)

// FuzzMarkdown renders a name as GitHub would, in the places where plans and reports have names.
// The page must show the original text and no other element.
func FuzzMarkdown(f *testing.F) {
	for _, a := range hostileTexts() {
		f.Add(a)
	}
	f.Add("1. a")
	f.Add("0)")
	f.Add("x ##")
	f.Add("- [ ] task")
	f.Add("![i](http://x) [^1] <https://x> a&amp;b ||c|| $x$ www.example.com ftp://x")
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(ghtml.WithUnsafe()))
	tag := regexp.MustCompile(`</?[a-z0-9]+[^>]*>`)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "@") {
			t.Skip("an address of mail is a link to itself")
		}
		want := strings.TrimSpace(Line(strings.TrimSpace(s)))
		name := Markdown(s)
		for _, frame := range []struct{ before, after, tags string }{
			{"## ", "\n", "<h2></h2>"},
			{"- ", "\n", "<ul><li></li></ul>"},
			{"**", "**\n", "<p><strong></strong></p>"},
			{"| a |\n|---|\n| ", " |\n", "<table><thead><tr><th></th></tr></thead><tbody><tr><td></td></tr></tbody></table>"},
		} {
			if want == "" || frame.before == "**" && strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f || r < ' ' }) {
				continue
			}
			var b strings.Builder
			if err := md.Convert([]byte(frame.before+name+frame.after), &b); err != nil {
				t.Fatal(err)
			}
			if tags := strings.Join(tag.FindAllString(regexp.MustCompile(` id="[^"]*"`).ReplaceAllString(b.String(), ""), -1), ""); tags != frame.tags {
				t.Errorf("%q in %q adds the elements %s", s, frame.before, tags)
			}
			got := strings.TrimSpace(strings.ReplaceAll(html.UnescapeString(tag.ReplaceAllString(b.String(), "")), "\u200b", ""))
			got = strings.TrimSpace(strings.TrimPrefix(got, "a\n"))
			if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
				t.Errorf("%q is shown as %q in %q", want, got, frame.before)
			}
		}
	})
}

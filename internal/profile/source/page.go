package source

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"
)

// Lines are the lines of a page as a person reads them, without what marks them as a
// list. The page is HTML or plain text, in UTF-8. In HTML each block is a line, and the
// cells of a row are joined by " | ".
func Lines(page []byte) ([]string, error) {
	page = bytes.TrimPrefix(page, []byte("\ufeff"))
	if !utf8.Valid(page) || bytes.ContainsRune(page, 0) {
		return nil, errors.New("the page is not text in UTF-8: save it as HTML or plain text")
	}
	text := string(page)
	if isHTML(text) {
		root, err := html.Parse(bytes.NewReader(page))
		if err != nil {
			return nil, fmt.Errorf("reading the page as HTML: %w", err)
		}
		var b strings.Builder
		write(&b, root)
		text = b.String()
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = bullet().ReplaceAllString(spaced(line), ""); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func isHTML(text string) bool {
	return regexp.MustCompile(`(?i)<(!doctype|html|head|body|div|p|ul|ol|li|table|h[1-6]|br)\b`).MatchString(text)
}

// bullet is what a page's text has in front of an element of a list.
func bullet() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[•◦▪‣·*–-]|\d{1,3}[.)])\s+`)
}

// spaced folds white space, which HTML and extracted text have plenty of.
func spaced(s string) string {
	return strings.Join(strings.FieldsFunc(norm.NFKC.String(s), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

// write writes the text below a node, a line for each block.
func write(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		// A line end in HTML is white space.
		b.WriteString(strings.Join(strings.Split(n.Data, "\n"), " "))
		return
	case n.Type == html.ElementNode && hidden(n.DataAtom):
		return
	}
	if n.DataAtom == atom.Br || block(n.DataAtom) {
		b.WriteByte('\n')
	}
	cells := 0
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if child.DataAtom == atom.Td || child.DataAtom == atom.Th {
			if cells > 0 {
				b.WriteString(" | ")
			}
			cells++
		}
		write(b, child)
	}
	if block(n.DataAtom) {
		b.WriteByte('\n')
	}
}

func hidden(a atom.Atom) bool {
	return slices.Contains([]atom.Atom{atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Head, atom.Svg, atom.Iframe, atom.Nav}, a)
}

// block are the elements that begin a line. A cell of a table is not a separate line.
func block(a atom.Atom) bool {
	return slices.Contains([]atom.Atom{
		atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Dd, atom.Details, atom.Div, atom.Dl, atom.Dt,
		atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6,
		atom.Header, atom.Hr, atom.Li, atom.Main, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Summary, atom.Table, atom.Tr, atom.Ul,
	}, a)
}

package source

import (
	"bytes"
	"errors"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tdewolff/parse/v2"
	markup "github.com/tdewolff/parse/v2/html"
	"golang.org/x/text/unicode/norm"
)

// Lines returns the lines of a page as a person reads them, without bullets and blank lines. The
// page is HTML or plain text, in UTF-8. In HTML each block is a line, and the cells of a row are
// joined by " | ".
func Lines(page []byte) ([]string, error) {
	page = bytes.TrimPrefix(page, []byte("\ufeff"))
	if !utf8.Valid(page) || bytes.ContainsRune(page, 0) {
		return nil, errors.New("the page is not text in UTF-8: save it as HTML or plain text")
	}
	text := string(page)
	if regexp.MustCompile(`(?i)<(!doctype|html|head|body|div|p|ul|ol|li|table|h[1-6]|br)\b`).MatchString(text) {
		text = htmlText(page)
	}
	var lines []string
	bullet := regexp.MustCompile(`^(?:[•◦▪‣·*–-]|\d{1,3}[.)])\s+`) // or the number of a list item
	for line := range strings.SplitSeq(text, "\n") {
		if line = bullet.ReplaceAllString(foldSpace(line), ""); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// foldSpace replaces white space and unprintable characters with single spaces.
func foldSpace(s string) string {
	return strings.Join(strings.FieldsFunc(norm.NFKC.String(s), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

// htmlText returns the text of an HTML page, with a line for each block.
func htmlText(page []byte) string {
	var b strings.Builder
	lexer := markup.NewLexer(parse.NewInputBytes(bytes.Clone(page))) // the lexer changes its input
	var hidden string                                                // name of the hidden element that the text is in
	depth := 0                                                       // number of open elements of that name
	cells := 0                                                       // in the current row
	for {
		token, data := lexer.Next()
		name := string(lexer.Text())
		opens, closes := token == markup.StartTagToken, token == markup.EndTagToken
		switch {
		case token == markup.ErrorToken:
			return b.String()
		case depth > 0:
			if opens && name == hidden {
				depth++
			}
			if closes && name == hidden {
				depth--
			}
		case token == markup.TextToken:
			// A line break in HTML is white space.
			b.WriteString(strings.ReplaceAll(html.UnescapeString(string(data)), "\n", " "))
		case opens && isHidden(name):
			hidden, depth = name, 1
		case opens && (name == "td" || name == "th"):
			if cells > 0 {
				b.WriteString(" | ")
			}
			cells++
		case (opens || closes) && isBlock(name):
			b.WriteByte('\n')
			if opens && (name == "tr" || name == "table") {
				cells = 0
			}
		}
	}
}

// isHidden reports whether a person does not see the text of an element. The lexer returns an SVG
// image as one token.
func isHidden(name string) bool {
	return slices.Contains([]string{"script", "style", "noscript", "template", "title", "iframe", "nav"}, name)
}

// isBlock reports whether an element begins a new line. A table cell does not.
func isBlock(name string) bool {
	return slices.Contains([]string{
		"address", "article", "aside", "blockquote", "body", "br", "dd", "details", "div", "dl", "dt",
		"fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
		"header", "hr", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tr", "ul",
	}, name)
}

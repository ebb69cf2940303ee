package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// recorded is the origin that stands for the environment's own in a recording.
const recorded = "https://recorded.invalid"

// names are what a recording replaces, and by what. While they are collected, each text
// stays as it is; settle then gives each its replacement.
type names struct {
	pattern string
	settled bool
	kept    map[string]bool   // ids that every environment has
	ids     map[string]string // GUIDs
	words   map[string]string // other words of the environment's, by the word in small letters: while collecting, how it is spelt
	tokens  map[string]string // texts of the server's own, as $skiptoken is
}

func newNames(pattern string) *names {
	return &names{pattern: pattern, kept: map[string]bool{}, ids: map[string]string{}, words: map[string]string{}, tokens: map[string]string{}}
}

func (n *names) keep(text string) { n.kept[strings.ToLower(text)] = true }

func (n *names) id(text string) string {
	id := strings.ToLower(text)
	switch {
	case !n.settled:
		n.ids[id] = ""
		return text
	case n.kept[id] || strings.Trim(id, "0-") == "":
		return text
	}
	return n.ids[id]
}

func (n *names) name(text string) string {
	lower := strings.ToLower(text)
	if n.settled {
		return n.words[lower]
	}
	if word, seen := n.words[lower]; text != "" && (!seen || text < word) {
		n.words[lower] = text
	}
	return text
}

func (n *names) token(text string) string {
	if _, ok := n.tokens[text]; !ok {
		n.tokens[text] = fmt.Sprintf("page%d", len(n.tokens)+1)
	}
	return n.tokens[text]
}

// known reports whether a text is such a word.
func (n *names) known(text string) bool {
	_, ok := n.words[strings.ToLower(text)]
	return ok && n.settled
}

// settle gives each id and name what stands for it, in the same order. Names that
// differ in case alone are one name.
func (n *names) settle() {
	n.settled = true
	for i, id := range slices.Sorted(maps.Keys(n.ids)) {
		n.ids[id] = fmt.Sprintf("%08x-0000-4000-8000-%012x", i+1, i+1)
	}
	list := slices.Sorted(maps.Values(n.words))
	width := 3
	for count := 20 * 20 * 20; count < len(list); count *= 20 {
		width++
	}
	for i, word := range list {
		lower := strings.ToLower(word)
		n.words[lower] = n.pseudonym(lower, i, width)
	}
}

// pseudonym is a word of consonants that stands for the nth name, of the length that
// the name has, where that is longer. The pattern stays in it, and that it is an
// address of mail.
func (n *names) pseudonym(name string, nth, width int) string {
	const letters = "bcdfghjklmnpqrstvwxz"
	word := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		word[i] = letters[nth%len(letters)]
		nth /= len(letters)
	}
	word[0] -= 'a' - 'A'
	end := ""
	if n.pattern != "" && strings.Contains(name, strings.ToLower(n.pattern)) {
		end = " " + n.pattern
	}
	if strings.Contains(name, "@") {
		end = strings.ReplaceAll(end, " ", ".") + "@example.com"
	}
	padding := max(0, utf8.RuneCountInString(name)-width-len(end))
	return string(word) + strings.Repeat("x", padding) + end
}

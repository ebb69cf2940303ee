package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// recorded is the origin that replaces the environment's in a recording.
const recorded = "https://recorded.invalid"

// names has a replacement for each id and name. It replaces the texts of a recording in two
// passes: the first collects them and changes nothing; settle then chooses the replacements.
type names struct {
	pattern string
	settled bool
	kept    map[string]bool   // ids that every environment has
	ids     map[string]string // GUIDs
	words   map[string]string // names, by the name in lower case; until settle, each as it is spelled
	tokens  map[string]string // $skiptokens
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

// known reports whether a text is a name. Until settle, none is.
func (n *names) known(text string) bool {
	_, ok := n.words[strings.ToLower(text)]
	return ok && n.settled
}

// settle chooses the replacement of each id and name, in the same order. Names that differ only
// in case are one name.
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

// pseudonym is a word of consonants that replaces the nth name, and at least as long as it. It
// contains the pattern if the name does, and is an email address if the name is one.
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

package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// recordedOrigin replaces the environment's origin in a recording.
const recordedOrigin = "https://recorded.invalid"

// An anonymizer replaces ids and names in two passes. The first pass collects them and changes nothing. The
// second pass, after chooseReplacements, replaces them.
type anonymizer struct {
	pattern    string            // the part of a name that stays
	replacing  bool              // set in the second pass
	unchanged  map[string]bool   // ids that are the same in each environment
	ids        map[string]string // replacements of GUIDs
	names      map[string]string // by the name in lower case: in the first pass its spelling, then its replacement
	skipTokens map[string]string // replacements of $skiptokens
}

func newAnonymizer(pattern string) *anonymizer {
	return &anonymizer{
		pattern: pattern, unchanged: map[string]bool{}, ids: map[string]string{}, names: map[string]string{}, skipTokens: map[string]string{},
	}
}

func (a *anonymizer) keepID(id string) { a.unchanged[strings.ToLower(id)] = true }

func (a *anonymizer) replaceID(text string) string {
	id := strings.ToLower(text)
	switch {
	case !a.replacing:
		a.ids[id] = ""
		return text
	case a.unchanged[id] || strings.Trim(id, "0-") == "":
		return text
	}
	return a.ids[id]
}

func (a *anonymizer) replaceName(text string) string {
	lower := strings.ToLower(text)
	if a.replacing {
		return a.names[lower]
	}
	if spelling, ok := a.names[lower]; text != "" && (!ok || text < spelling) {
		a.names[lower] = text
	}
	return text
}

func (a *anonymizer) replaceSkipToken(text string) string {
	if _, ok := a.skipTokens[text]; !ok {
		a.skipTokens[text] = fmt.Sprintf("page%d", len(a.skipTokens)+1)
	}
	return a.skipTokens[text]
}

// isName reports, in the second pass, whether a text is a known name.
func (a *anonymizer) isName(text string) bool {
	_, ok := a.names[strings.ToLower(text)]
	return ok && a.replacing
}

// chooseReplacements begins the second pass. The replacements have the order of the ids and names that they
// replace. Names that differ only in case are one name.
func (a *anonymizer) chooseReplacements() {
	a.replacing = true
	for i, id := range slices.Sorted(maps.Keys(a.ids)) {
		a.ids[id] = fmt.Sprintf("%08x-0000-4000-8000-%012x", i+1, i+1)
	}
	names := slices.Sorted(maps.Values(a.names))
	width := 3
	for count := 20 * 20 * 20; count < len(names); count *= 20 {
		width++
	}
	for i, name := range names {
		lower := strings.ToLower(name)
		a.names[lower] = a.pseudonym(lower, i, width)
	}
}

// pseudonym returns the replacement of the nth name: a word of consonants that is at least as long. It
// contains the pattern if the name does, and is an email address if the name is one.
func (a *anonymizer) pseudonym(name string, nth, width int) string {
	const letters = "bcdfghjklmnpqrstvwxz"
	word := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		word[i] = letters[nth%len(letters)]
		nth /= len(letters)
	}
	word[0] -= 'a' - 'A'
	end := ""
	if a.pattern != "" && strings.Contains(name, strings.ToLower(a.pattern)) {
		end = " " + a.pattern
	}
	if strings.Contains(name, "@") {
		end = strings.ReplaceAll(end, " ", ".") + "@example.com"
	}
	padding := max(0, utf8.RuneCountInString(name)-width-len(end))
	return string(word) + strings.Repeat("x", padding) + end
}

// Package source compares a profile with the vendor's page that it cites. It finds cited
// lines that changed, and lines of rights that no control cites.
//
// It compares words, not meaning: a person must read a page with other words.
package source

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
)

// A Check is how a page compares with a profile.
type Check struct {
	Format  string `json:"format"`
	Profile string `json:"profile"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	// Same says that every cited line is on the page, and that the page's list has no
	// other.
	Same bool `json:"same"`
	// Lines are the cited lines, in the profile's order.
	Lines []Line `json:"lines"`
	// Uncited are lines of the page that name rights, and that no control cites.
	Uncited []string `json:"uncited"`
}

// Format names the JSON form of a [Check].
const Format = "dbaudit.source/v1"

// A State is the state of a cited line.
type State string

// The states of a cited line.
const (
	Found   State = "found"
	Changed State = "changed" // another line of the page says nearly the same
	Gone    State = "gone"
)

// A Line is a cited line, and what the page has of it.
type Line struct {
	Control audit.ControlID `json:"control"`
	Section string          `json:"section"`
	Cited   string          `json:"cited"`
	State   State           `json:"state"`
	// Nearest is the line of the page that a changed line most likely became.
	Nearest string `json:"nearest,omitempty"`
}

// Compare compares the citations of a profile with the text of a page. It fails if the page
// has no cited line: then it is another page, or one that needs a browser.
func Compare(p profile.Profile, page []byte) (Check, error) {
	lines, err := Lines(page)
	if err != nil {
		return Check{}, err
	}
	t := newPageText(lines, p)
	c := Check{Format: Format, Profile: p.Name, Title: p.Source.Title, URL: p.Source.URL, Lines: []Line{}, Uncited: []string{}}
	used := map[int]bool{}
	found := 0
	for _, control := range p.Controls {
		if control.Citation == nil {
			continue
		}
		line := Line{Control: control.ID, Section: control.Citation.Tab, Cited: control.Citation.Line, State: Gone}
		if at, ok := t.find(line.Section, line.Cited); ok {
			line.State = Found
			found++
			for _, i := range at {
				used[i] = true
			}
		}
		c.Lines = append(c.Lines, line)
	}
	if len(c.Lines) == 0 {
		return Check{}, fmt.Errorf("the profile %s cites no line of its source", p.Name)
	}
	for i := range c.Lines {
		// Of several lines that are cited together it is not clear which one changed.
		if c.Lines[i].State != Gone || strings.ContainsAny(c.Lines[i].Cited, ";…") {
			continue
		}
		if at, ok := t.nearest(c.Lines[i].Cited, used); ok {
			used[at] = true
			c.Lines[i].State, c.Lines[i].Nearest = Changed, lines[at]
			found++
		}
	}
	if found == 0 {
		return Check{}, errors.New("the page contains no line that the profile cites: check that it is the right page, and that its text does not need a browser to load")
	}
	for i, line := range lines {
		if _, ok := parseRights(t.keys[i]); ok && !used[i] {
			c.Uncited = append(c.Uncited, line)
		}
	}
	c.Same = len(c.Uncited) == 0 && !slices.ContainsFunc(c.Lines, func(l Line) bool { return l.State != Found })
	return c, nil
}

// pageText is a page, its lines in the form in which they are compared.
type pageText struct {
	keys []string
	// offsets is where each line begins in whole.
	offsets []int
	joined  string
	// headings are the lines that are the heading of a section that the profile cites.
	headings map[int]string
}

func newPageText(lines []string, p profile.Profile) pageText {
	t := pageText{headings: map[int]string{}}
	sections := map[string]bool{}
	for _, c := range p.Controls {
		if c.Citation != nil {
			sections[normalize(c.Citation.Tab)] = true
		}
	}
	var b strings.Builder
	for _, line := range lines {
		key := normalize(line)
		if of := strings.TrimSuffix(strings.TrimSuffix(key, ":"), " tab"); sections[key] || sections[of] {
			t.headings[len(t.keys)] = of
			if sections[key] {
				t.headings[len(t.keys)] = key
			}
		}
		t.keys = append(t.keys, key)
		t.offsets = append(t.offsets, b.Len())
		b.WriteString(key + " ")
	}
	t.joined = b.String()
	return t
}

// normalize is a line without what typography may change.
func normalize(line string) string {
	return strings.ToLower(strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "–", "-", "—", "-", "‑", "-").Replace(foldSpace(line)))
}

// find returns the lines of the page that contain a citation. They are below the heading of
// its section if the page has that heading.
func (t pageText) find(section, cited string) ([]int, bool) {
	whole := []string{normalize(cited)}
	// Lines below one heading are cited together; "…" means words left out.
	parts := strings.FieldsFunc(normalize(strings.ReplaceAll(cited, "…", ";")), func(r rune) bool { return r == ';' })
	headed := false
	for i := range t.keys {
		if t.headings[i] != normalize(section) || t.headings[i] == "" {
			continue
		}
		headed = true
		end := i + 1
		for end < len(t.keys) && (t.headings[end] == "" || t.headings[end] == t.headings[i]) {
			end++
		}
		for _, pieces := range [][]string{whole, parts} {
			if at, ok := t.findPieces(i+1, end, pieces); ok {
				return at, true
			}
		}
	}
	if headed {
		return nil, false
	}
	if at, ok := t.findPieces(0, len(t.keys), whole); ok {
		return at, true
	}
	return t.findPieces(0, len(t.keys), parts)
}

// findPieces finds each piece, in their order, from a line on and before another.
func (t pageText) findPieces(from, end int, pieces []string) ([]int, bool) {
	var at []int
	for _, piece := range pieces {
		i, ok := t.findPiece(from, end, strings.TrimSpace(piece))
		if !ok {
			return nil, false
		}
		at = append(at, i)
		from = i // several pieces may be on one line
	}
	return at, len(at) > 0
}

// findPiece finds one piece from a line on and before another. A line of rights must be a whole line: with one
// more right it would be another requirement. A sentence may be part of a paragraph.
func (t pageText) findPiece(from, end int, piece string) (int, bool) {
	if piece == "" || from >= end {
		return 0, false
	}
	if _, ok := parseRights(piece); ok || len(strings.Fields(piece)) < minSentence {
		i := slices.IndexFunc(t.keys[from:end], func(key string) bool {
			return key == piece || !ok && strings.HasPrefix(key, piece+" ")
		})
		return from + i, i >= 0
	}
	at := strings.Index(t.joined[t.offsets[from]:], piece)
	if at < 0 {
		return 0, false
	}
	at += t.offsets[from]
	i, exact := slices.BinarySearch(t.offsets, at)
	if !exact {
		i--
	}
	return i, i < end
}

// minSentence is the least number of words that are looked for anywhere. Fewer words, such as
// the name of a table, must begin a line: inside a line, they may be part of anything.
const minSentence = 4

// nearest is the line that a cited one most likely became: for a line of rights one
// that names the same thing, else the one with the fewest letters changed.
func (t pageText) nearest(cited string, used map[int]bool) (int, bool) {
	key := normalize(cited)
	label, isRequirement := parseRights(key)
	best, at := len(key), -1
	for i, other := range t.keys {
		if used[i] {
			continue
		}
		of, ok := parseRights(other)
		if ok != isRequirement {
			continue
		}
		distance := levenshtein.ComputeDistance(key, other)
		limit := len(key) / 3
		if isRequirement {
			if !sameLabel(of, label) {
				continue
			}
			limit = len(key) + len(other) // the rights may be any
		}
		if distance <= limit && (at < 0 || distance < best) {
			best, at = distance, i
		}
	}
	return at, at >= 0
}

// sameLabel compares what two lines of rights are about, in singular or plural.
func sameLabel(a, b string) bool {
	return strings.TrimSuffix(a, "s") == strings.TrimSuffix(b, "s") || levenshtein.ComputeDistance(a, b) == 1 && len(a) > 4
}

// parseRights splits a line of rights, such as "lead - create, read" or "user settings:
// read", into what it is about and its rights; false for another line.
func parseRights(key string) (label string, ok bool) {
	match := regexp.MustCompile(`^(.{2,60}?)\s*(?:\s-|:|\s\||-\s)\s*(.+)$`).FindStringSubmatch(key)
	if match == nil {
		return "", false
	}
	words := strings.FieldsFunc(strings.NewReplacer(" and ", ",", "(", ",", ")", ",").Replace(match[2]), func(r rune) bool {
		return strings.ContainsRune(",/;&|:", r)
	})
	for _, word := range words {
		if word = strings.Trim(word, " ."); word != "" && !slices.Contains(rightWords(), word) {
			return "", false
		}
	}
	return match[1], len(words) > 0
}

// rightWords are the words for rights and access levels in pages, in lower case.
func rightWords() []string {
	return []string{
		"create", "read", "write", "delete", "append", "append to", "appendto", "assign", "share", "enable", "enabled", "reference", "full access",
		"user", "business unit", "parent", "child business units", "organization", "organisation", "global", "basic", "local", "deep",
	}
}

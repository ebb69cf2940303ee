// Package source compares a profile with the vendor's page that it cites. It finds cited lines that
// changed, and lines with rights that no control cites.
//
// It compares words and not their meaning. If the words differ, a person must read the page.
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

// A Check is the result of comparing a page with a profile.
type Check struct {
	Format  string `json:"format"`
	Profile string `json:"profile"`
	Title   string `json:"title"`
	URL     string `json:"url"`
	// Same is true if every cited line is on the page and no line is uncited.
	Same bool `json:"same"`
	// Lines are the cited lines, in the profile's order.
	Lines []Line `json:"lines"`
	// Uncited are lines of the page that list rights and that no control cites.
	Uncited []string `json:"uncited"`
}

// Format names the JSON form of a [Check].
const Format = "dbaudit.source/v1"

// A State is the state of a cited line.
type State string

// The states of a cited line.
const (
	Found   State = "found"
	Changed State = "changed" // the page has a similar line
	Gone    State = "gone"
)

// A Line is a cited line and its state on the page.
type Line struct {
	Control audit.ControlID `json:"control"`
	Section string          `json:"section"`
	Cited   string          `json:"cited"`
	State   State           `json:"state"`
	// Nearest is the line of the page that a changed line most likely became.
	Nearest string `json:"nearest,omitempty"`
}

// Compare compares the citations of a profile with a page. It returns an error if the page has none
// of the cited lines, because then it is another page, or one that needs a browser.
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
		// If several lines are cited together, it is not clear which one changed.
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
		return Check{}, errors.New("the page contains no line that the profile cites: " +
			"check that it is the right page, and that its text does not need a browser to load")
	}
	for i, line := range lines {
		if _, ok := parseRights(t.lines[i]); ok && !used[i] {
			c.Uncited = append(c.Uncited, line)
		}
	}
	c.Same = len(c.Uncited) == 0 && !slices.ContainsFunc(c.Lines, func(l Line) bool { return l.State != Found })
	return c, nil
}

// pageText is the text of a page, normalized.
type pageText struct {
	lines []string
	// joined has all lines, each followed by a space. offsets are where the lines begin in it.
	joined  string
	offsets []int
	// headings has the lines that are headings of sections that the profile cites: the name
	// of the section by the index of the line.
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
	for i, line := range lines {
		line = normalize(line)
		section := strings.TrimSuffix(strings.TrimSuffix(line, ":"), " tab")
		switch {
		case sections[line]:
			t.headings[i] = line
		case sections[section]:
			t.headings[i] = section
		}
		t.lines = append(t.lines, line)
		t.offsets = append(t.offsets, b.Len())
		b.WriteString(line + " ")
	}
	t.joined = b.String()
	return t
}

// normalize returns a line in lower case, with simple quotes, hyphens and spaces.
func normalize(line string) string {
	punctuation := strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "–", "-", "—", "-", "‑", "-")
	return strings.ToLower(punctuation.Replace(foldSpace(line)))
}

// find returns the indices of the lines that contain a citation. If the page has the heading of its
// section, find looks only below that heading.
func (t pageText) find(section, cited string) ([]int, bool) {
	whole := []string{normalize(cited)}
	// Semicolons separate lines below one heading, and "…" stands for omitted words.
	parts := strings.FieldsFunc(normalize(strings.ReplaceAll(cited, "…", ";")), func(r rune) bool { return r == ';' })
	hasHeading := false
	for i := range t.lines {
		if t.headings[i] != normalize(section) || t.headings[i] == "" {
			continue
		}
		hasHeading = true
		end := i + 1
		for end < len(t.lines) && (t.headings[end] == "" || t.headings[end] == t.headings[i]) {
			end++
		}
		for _, parts := range [][]string{whole, parts} {
			if found, ok := t.findParts(i+1, end, parts); ok {
				return found, true
			}
		}
	}
	if hasHeading {
		return nil, false
	}
	if found, ok := t.findParts(0, len(t.lines), whole); ok {
		return found, true
	}
	return t.findParts(0, len(t.lines), parts)
}

// findParts finds the parts of a citation, in their order, in the lines from start to end.
func (t pageText) findParts(start, end int, parts []string) ([]int, bool) {
	var found []int
	for _, part := range parts {
		i, ok := t.findPart(start, end, strings.TrimSpace(part))
		if !ok {
			return nil, false
		}
		found = append(found, i)
		start = i // several parts may be on one line
	}
	return found, len(found) > 0
}

// findPart finds one part of a citation in the lines from start to end. A line with rights must
// match a whole line, because one more right would make it another requirement. A sentence may be
// part of a paragraph.
func (t pageText) findPart(start, end int, part string) (int, bool) {
	if part == "" || start >= end {
		return 0, false
	}
	if _, ok := parseRights(part); ok || len(strings.Fields(part)) < minSentence {
		i := slices.IndexFunc(t.lines[start:end], func(line string) bool {
			return line == part || !ok && strings.HasPrefix(line, part+" ")
		})
		return start + i, i >= 0
	}
	offset := strings.Index(t.joined[t.offsets[start]:], part)
	if offset < 0 {
		return 0, false
	}
	offset += t.offsets[start]
	i, exact := slices.BinarySearch(t.offsets, offset)
	if !exact {
		i--
	}
	return i, i < end
}

// minSentence is the number of words from which a text may be anywhere in a line. Fewer words, such
// as the name of a table, must begin the line: inside a line they may belong to another text.
const minSentence = 4

// nearest returns the index of the unused line that a cited line most likely became: for a line
// with rights one with the same label, else the one with the smallest edit distance.
func (t pageText) nearest(cited string, used map[int]bool) (int, bool) {
	cited = normalize(cited)
	label, hasRights := parseRights(cited)
	nearest, minDistance := -1, len(cited)
	for i, line := range t.lines {
		if used[i] {
			continue
		}
		lineLabel, ok := parseRights(line)
		if ok != hasRights {
			continue
		}
		distance := levenshtein.ComputeDistance(cited, line)
		limit := len(cited) / 3
		if hasRights {
			if !sameLabel(lineLabel, label) {
				continue
			}
			limit = len(cited) + len(line) // the rights may differ completely
		}
		if distance <= limit && (nearest < 0 || distance < minDistance) {
			nearest, minDistance = i, distance
		}
	}
	return nearest, nearest >= 0
}

// sameLabel compares the labels of two lines with rights, in singular or plural.
func sameLabel(a, b string) bool {
	return strings.TrimSuffix(a, "s") == strings.TrimSuffix(b, "s") || levenshtein.ComputeDistance(a, b) == 1 && len(a) > 4
}

// parseRights returns the label of a line with rights, such as "lead" of "lead - create, read". It
// returns false for another line.
func parseRights(line string) (label string, ok bool) {
	match := regexp.MustCompile(`^(.{2,60}?)\s*(?:\s-|:|\s\||-\s)\s*(.+)$`).FindStringSubmatch(line)
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

// rightWords lists the words for rights and access levels in pages, in lower case.
func rightWords() []string {
	return []string{
		"create", "read", "write", "delete", "append", "append to", "appendto", "assign", "share", "enable", "enabled", "reference", "full access",
		"user", "business unit", "parent", "child business units", "organization", "organisation", "global", "basic", "local", "deep",
	}
}

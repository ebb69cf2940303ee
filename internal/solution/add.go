package solution

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
)

// An Addition lists the privileges to add to a role, by name and depth.
type Addition struct {
	Role   Role
	Grants []audit.Grant
}

// Add returns the content of a file with entries added to its roles. All roles must come from the
// same [Read] of the same file. New lines have the form of the lines next to them, and keep the sort
// order of the role's lines if they have one. Each new line follows the content of the previous line
// and precedes the comments of the next. If all entries are on one line, new ones are added to it.
// Nothing else changes.
func Add(additions ...Addition) ([]byte, error) {
	if len(additions) == 0 {
		return nil, errors.New("there is nothing to add")
	}
	if additions[0].Role.text == nil {
		var err error
		if additions, err = reread(additions); err != nil {
			return nil, err
		}
	}
	t := additions[0].Role.text
	var edits []edit
	for _, a := range additions {
		if a.Role.text != t {
			return nil, errors.New("the roles are not of one file")
		}
		edits = append(edits, a.edits()...)
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out strings.Builder
	copied := 0
	for _, e := range edits {
		out.WriteString(t.data[copied:e.start] + e.text)
		copied = e.end
	}
	raw, err := t.encode(out.String() + t.data[copied:])
	if err != nil {
		return nil, err
	}
	return raw, verifyAdditions(raw, additions)
}

// reread reads a file again if its text was not kept. It returns the additions with the roles of the
// new reading.
func reread(additions []Addition) ([]Addition, error) {
	file := additions[0].Role.File
	if strings.Contains(file, "!/") {
		return nil, errors.New("a file in an archive cannot be changed: unpack the archive")
	}
	raw, err := bounds.ReadFile(bounds.Role, filepath.FromSlash(file))
	if err != nil {
		return nil, fmt.Errorf("it cannot be read again: %w", withoutPath(err))
	}
	doc, err := parse(string(raw), newWorkspace(), nil)
	if err != nil {
		return nil, fmt.Errorf("it cannot be read again: %w", err)
	}
	fresh := slices.Clone(additions)
	for i, a := range fresh {
		switch r := a.Role; {
		case r.File != file:
			return nil, errors.New("the roles are not of one file")
		case r.index >= len(doc.roles) || doc.roles[r.index].ID != r.ID || !slices.Equal(doc.roles[r.index].Entries, r.Entries):
			return nil, errors.New("the file was changed since it was read: run again")
		}
		fresh[i].Role = doc.roles[a.Role.index]
	}
	return fresh, nil
}

// verifyAdditions checks that the roles of the changed file have the additions and no other changes.
func verifyAdditions(raw []byte, additions []Addition) error {
	doc, err := parse(string(raw), newWorkspace(), nil)
	if err != nil {
		return fmt.Errorf("the changed file would be broken: %w", err)
	}
	for _, a := range additions {
		missing := map[audit.Grant]int{}
		for _, g := range a.Grants {
			missing[g]++
		}
		old := a.Role.Entries
		if a.Role.index < len(doc.roles) {
			for _, e := range doc.roles[a.Role.index].Entries {
				if len(old) > 0 && e.Name == old[0].Name && e.Level == old[0].Level {
					old = old[1:]
					continue
				}
				missing[audit.Grant{Name: e.Name, Depth: e.Depth()}]--
			}
		}
		for _, n := range missing {
			if n != 0 || len(old) > 0 {
				return fmt.Errorf("the role %q cannot be changed: the changed file would not be read as intended", a.Role.Name)
			}
		}
	}
	return nil
}

// An edit replaces a span of a file.
type edit struct {
	span

	text string
}

// edits returns the edits that make an addition.
func (a Addition) edits() []edit {
	r := a.Role
	grants := slices.Clone(a.Grants)
	slices.SortFunc(grants, func(a, b audit.Grant) int { return compareLower(a.Name, b.Name) })
	template := slices.IndexFunc(r.Entries, Entry.isComplete)
	switch {
	case r.privileges.end == 0:
		return []edit{r.addPrivileges(grants)}
	case template < 0:
		return []edit{r.fillPrivileges(grants)}
	}
	order := r.sortOrder()
	slices.SortStableFunc(grants, func(a, b audit.Grant) int { return order(a.Name, b.Name) })
	end, gap := r.separator()
	var edits []edit
	for _, g := range grants {
		next := slices.IndexFunc(r.Entries, func(e Entry) bool { return order(e.Name, g.Name) > 0 })
		if next < 0 {
			next = len(r.Entries)
		}
		form := r.Entries[template]
		if neighbor := r.Entries[min(next, len(r.Entries)-1)]; neighbor.isComplete() {
			form = neighbor
		}
		edits = append(edits, r.insertLine(next, r.formatEntry(form, g), end, gap))
	}
	return edits
}

// isComplete reports whether the entry has both attributes, so that it can be the model of another.
func (e Entry) isComplete() bool { return e.name.end > 0 && e.level.end > 0 }

// separator returns the most frequent separator of the role's lines: the line end, and the white
// space after it. The line end is empty if all entries are on one line.
func (r Role) separator() (end, gap string) {
	count := map[string]int{}
	best, most, sameLine := "", -1, ""
	for i, e := range r.Entries {
		before := r.text.data[:e.tag.start]
		space := before[len(strings.TrimRight(before, whiteSpace)):]
		first := strings.IndexAny(space, "\r\n")
		if first < 0 {
			sameLine = space
			continue
		}
		space = space[first:]
		if i > 0 { // blank lines between entries do not appear before the first
			count[space]++
		}
		if count[space] > most {
			best, most = space, count[space]
		}
	}
	if best == "" {
		return "", sameLine
	}
	end = lineEnd(best)
	return end, best[len(end):]
}

// lineEnd returns the line end with which a text begins, or "".
func lineEnd(s string) string {
	for _, end := range []string{"\r\n", "\n", "\r"} {
		if strings.HasPrefix(s, end) {
			return end
		}
	}
	return ""
}

// insertLine returns the edit that inserts a line before the entry with the index next, or after the
// last entry.
func (r Role) insertLine(next int, line, end, gap string) edit {
	data := r.text.data
	limit := r.privilegesEnd
	if end == "" {
		if next < len(r.Entries) {
			limit = r.Entries[next].tag.start
		}
		return insertion(len(strings.TrimRight(data[:limit], whiteSpace)), gap+line)
	}
	offset := r.endOfLine(next)
	if end := lineEnd(data[offset:limit]); end != "" {
		return insertion(offset+len(end), gap+line+end)
	}
	return insertion(len(strings.TrimRight(data[:limit], whiteSpace)), end+gap+line)
}

func insertion(offset int, text string) edit { return edit{span{offset, offset}, text} }

// endOfLine returns the offset at which the line of the entry before next ends, after comments and
// other entries on it. If the line does not end within RolePrivileges, it returns the end of that
// element.
func (r Role) endOfLine(next int) int {
	data := r.text.data[:r.privilegesEnd]
	offset := r.privileges.end
	if next > 0 {
		offset = r.Entries[next-1].end
	}
	for offset < len(data) && lineEnd(data[offset:]) == "" {
		switch rest := data[offset:]; {
		case next < len(r.Entries) && offset == r.Entries[next].tag.start:
			offset = r.Entries[next].end
			next++
		case strings.HasPrefix(rest, "<!--"):
			offset += strings.Index(rest, "-->") + len("-->")
		default:
			offset++
		}
	}
	return offset
}

// formatEntry formats a grant as an entry in the form of e, with only the two attributes.
func (r Role) formatEntry(e Entry, g audit.Grant) string {
	data := r.text.data
	tag := data[e.tag.start:e.tag.end]
	name, level := r.formatAttribute(e.name, g.Name), r.formatAttribute(e.level, g.Depth.Wire())
	if e.level.start < e.name.start {
		name, level = level, name
	}
	content := data[e.tag.end:max(e.tag.end, e.end)]
	if i := strings.LastIndex(content, "</"); i >= 0 && strings.Trim(content[:i], whiteSpace) != "" {
		content = content[i:]
	}
	return "<" + tagName(tag) + name + level + tag[len(trimTagEnd(tag)):] + content
}

// formatAttribute returns the text of the attribute with a value, from the white space before it to
// its closing quote, with another value.
func (r Role) formatAttribute(value span, text string) string {
	data := r.text.data
	before := strings.TrimRight(data[:value.start-1], whiteSpace) // -1 for the quote
	before = strings.TrimRight(strings.TrimSuffix(before, "="), whiteSpace)
	before = before[:strings.LastIndexAny(before, whiteSpace)+1] // without the attribute's name
	before = strings.TrimRight(before, whiteSpace)
	return data[len(before):value.start] + text + data[value.end:value.end+1]
}

// tagName returns the name in a tag, with its prefix.
func tagName(tag string) string { return tag[1:strings.IndexAny(tag, whiteSpace+"/>")] }

// trimTagEnd returns a start tag up to the end of its last attribute.
func trimTagEnd(tag string) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(tag, ">"), "/"), whiteSpace)
}

// fillElement returns an empty element with content.
func fillElement(tag, content string) string {
	return trimTagEnd(tag) + ">" + content + "</" + tagName(tag) + ">"
}

// fillPrivileges returns the edit for a role with an empty RolePrivileges element. Entries have the
// form that SolutionPackager writes.
func (r Role) fillPrivileges(grants []audit.Grant) edit {
	data := r.text.data
	tag := data[r.privileges.start:r.privileges.end]
	end, unit := lineStyle(data)
	indent := indentation(data[:r.privileges.start])
	lines := entryLines(tagName(tag), indent+unit, end, grants)
	if strings.HasSuffix(tag, "/>") {
		return edit{r.privileges, fillElement(tag, end+lines+indent)}
	}
	if offset := r.endOfLine(0); offset < r.privilegesEnd {
		return insertion(offset+len(lineEnd(data[offset:])), lines)
	}
	return insertion(r.privilegesEnd, end+lines+indent)
}

// addPrivileges returns the edit for a role without a RolePrivileges element.
func (r Role) addPrivileges(grants []audit.Grant) edit {
	data := r.text.data
	tag := data[r.tag.start:r.tag.end]
	end, unit := lineStyle(data)
	indent := indentation(data[:r.tag.start])
	name := strings.TrimSuffix(tagName(tag), "Role") + "RolePrivileges"
	lines := indent + unit + "<" + name + ">" + end + entryLines(name, indent+unit+unit, end, grants) + indent + unit + "</" + name + ">" + end
	if r.endTag == 0 {
		return edit{r.tag, fillElement(tag, end+lines+indent)}
	}
	if line := strings.TrimRight(data[:r.endTag], " \t"); strings.HasSuffix(line, "\n") || strings.HasSuffix(line, "\r") {
		return insertion(len(line), lines)
	}
	return insertion(r.endTag, end+lines+indent)
}

// entryLines formats the entries of a RolePrivileges element. The name is that of the element, with
// its prefix.
func entryLines(name, indent, end string, grants []audit.Grant) string {
	var b strings.Builder
	for _, g := range grants {
		fmt.Fprintf(&b, "%s<%s name=\"%s\" level=\"%s\" />%s", indent, strings.TrimSuffix(name, "s"), g.Name, g.Depth.Wire(), end)
	}
	return b.String()
}

// indentation returns the white space at the end of a text, if it is the indentation of a line.
func indentation(before string) string {
	line := strings.TrimRight(before, " \t")
	if line != "" && !strings.HasSuffix(line, "\n") && !strings.HasSuffix(line, "\r") {
		return ""
	}
	return before[len(line):]
}

// lineStyle returns a file's line end, and the indentation of its first indented line.
func lineStyle(data string) (end, unit string) {
	end, unit = "\n", "  "
	if i := strings.IndexAny(data, "\r\n"); i >= 0 {
		end = lineEnd(data[i:])
	}
	for line := range strings.FieldsFuncSeq(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
		const maxIndent = 8 // more white space aligns attributes
		text := strings.TrimLeft(line, " \t")
		if n := len(line) - len(text); n > 0 && n <= maxIndent && text != "" {
			return end, line[:n]
		}
	}
	return end, unit
}

// sortOrder returns the comparison by which the role's entries are sorted. If they are not sorted as
// any tool would do it, all names compare as equal.
func (r Role) sortOrder() func(a, b string) int {
	for _, order := range []func(a, b string) int{compareLower, compareUpper, strings.Compare, compareInvariant} {
		if slices.IsSortedFunc(r.Entries, func(a, b Entry) int { return order(a.Name, b.Name) }) {
			return order
		}
	}
	return func(string, string) int { return 0 }
}

// compareLower ignores letter case and sorts an underscore before letters.
func compareLower(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

// compareUpper ignores letter case and sorts an underscore after letters.
func compareUpper(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) }

// compareInvariant approximates the order of .NET's invariant culture: it ignores letter case and
// sorts an underscore before all letters.
func compareInvariant(a, b string) int {
	key := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", " ") }
	return strings.Compare(key(a), key(b))
}

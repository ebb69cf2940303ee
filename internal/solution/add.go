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

// A Grant is a privilege that a role is to grant.
type Grant struct {
	Name  string
	Depth audit.Depth
}

// Addition is what a role of a file lacks.
type Addition struct {
	Role   Role
	Grants []Grant
}

// Add returns a file's content with lines for what its roles lack: in the form of
// the lines beside them and, where the role's lines are in an order, in that order.
// Lines are only added, each after the content of the previous line and before the comments
// that belong to the next; if a file has its entries on one line, they are added there. All
// additions are to roles of one reading of the file.
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
	at := 0
	for _, e := range edits {
		out.WriteString(t.data[at:e.start] + e.text)
		at = e.end
	}
	raw, err := t.encode(out.String() + t.data[at:])
	if err != nil {
		return nil, err
	}
	return raw, verify(raw, additions)
}

// reread reads a file again if its text was not kept, and puts the roles with the text into
// the additions.
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

// verify checks that the changed file has the additions and no other changes.
func verify(raw []byte, additions []Addition) error {
	doc, err := parse(string(raw), newWorkspace(), nil)
	if err != nil {
		return fmt.Errorf("the changed file would be broken: %w", err)
	}
	for _, a := range additions {
		missing := map[Grant]int{}
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
				missing[Grant{e.Name, e.Depth()}]--
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

// An edit replaces the bytes from start to end.
type edit struct {
	span

	text string
}

func (a Addition) edits() []edit {
	r := a.Role
	grants := slices.Clone(a.Grants)
	slices.SortFunc(grants, func(a, b Grant) int { return compareLower(a.Name, b.Name) })
	template := slices.IndexFunc(r.Entries, Entry.isComplete)
	switch {
	case r.privileges.end == 0:
		return []edit{r.addPrivileges(grants)}
	case template < 0:
		return []edit{r.fillPrivileges(grants)}
	}
	order := r.sortOrder()
	slices.SortStableFunc(grants, func(a, b Grant) int { return order(a.Name, b.Name) })
	end, gap := r.separator()
	var edits []edit
	for _, g := range grants {
		place := slices.IndexFunc(r.Entries, func(e Entry) bool { return order(e.Name, g.Name) > 0 })
		if place < 0 {
			place = len(r.Entries)
		}
		form := r.Entries[template]
		if beside := r.Entries[min(place, len(r.Entries)-1)]; beside.isComplete() {
			form = beside
		}
		edits = append(edits, r.insertLine(place, r.formatEntry(form, g), end, gap))
	}
	return edits
}

// isComplete reports whether the entry can show the form of another.
func (e Entry) isComplete() bool { return e.name.end > 0 && e.level.end > 0 }

// separator is what is between most lines of the role: a line break and the following white
// space. Without a line break, all entries are on one line.
func (r Role) separator() (end, gap string) {
	count := map[string]int{}
	best, most, flat := "", -1, ""
	for i, e := range r.Entries {
		before := r.text.data[:e.tag.start]
		space := before[len(strings.TrimRight(before, whiteSpace)):]
		first := strings.IndexAny(space, "\r\n")
		if first < 0 {
			flat = space
			continue
		}
		space = space[first:]
		if i > 0 { // before the first there are no blank lines, though others have them
			count[space]++
		}
		if count[space] > most {
			best, most = space, count[space]
		}
	}
	if best == "" {
		return "", flat
	}
	end = lineEnd(best)
	return end, best[len(end):]
}

// lineEnd is the end of a line that some text begins with, or "".
func lineEnd(s string) string {
	for _, end := range []string{"\r\n", "\n", "\r"} {
		if strings.HasPrefix(s, end) {
			return end
		}
	}
	return ""
}

// insertLine makes the edit that puts a line before the entry at a place, or behind the
// last.
func (r Role) insertLine(place int, line, end, gap string) edit {
	data := r.text.data
	next := r.privilegesEnd
	if end == "" {
		if place < len(r.Entries) {
			next = r.Entries[place].tag.start
		}
		return insertion(len(strings.TrimRight(data[:next], whiteSpace)), gap+line)
	}
	at := r.endOfLine(place)
	if end := lineEnd(data[at:next]); end != "" {
		return insertion(at+len(end), gap+line+end)
	}
	return insertion(len(strings.TrimRight(data[:next], whiteSpace)), end+gap+line)
}

func insertion(at int, text string) edit { return edit{span{at, at}, text} }

// endOfLine returns the end of the line of the preceding entry, including trailing
// comments; without a line end, the end of RolePrivileges.
func (r Role) endOfLine(place int) int {
	data := r.text.data[:r.privilegesEnd]
	at := r.privileges.end
	if place > 0 {
		at = r.Entries[place-1].end
	}
	for at < len(data) && lineEnd(data[at:]) == "" {
		switch rest := data[at:]; {
		case place < len(r.Entries) && at == r.Entries[place].tag.start:
			at = r.Entries[place].end
			place++
		case strings.HasPrefix(rest, "<!--"):
			at += strings.Index(rest, "-->") + len("-->")
		default:
			at++
		}
	}
	return at
}

// formatEntry is an entry in the form of another, with only a name and a level.
func (r Role) formatEntry(e Entry, g Grant) string {
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

// formatAttribute is the text of an attribute with another value, and with the white space
// before it.
func (r Role) formatAttribute(value span, text string) string {
	data := r.text.data
	name := strings.TrimRight(data[:value.start-1], whiteSpace) // -1 for the quote
	name = strings.TrimRight(strings.TrimSuffix(name, "="), whiteSpace)
	name = name[:strings.LastIndexAny(name, whiteSpace)+1]
	name = strings.TrimRight(name, whiteSpace)
	return data[len(name):value.start] + text + data[value.end:value.end+1]
}

// tagName is the name in a tag, with its prefix.
func tagName(tag string) string { return tag[1:strings.IndexAny(tag, whiteSpace+"/>")] }

// trimTagEnd is a start tag up to its last attribute.
func trimTagEnd(tag string) string {
	return strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(tag, ">"), "/"), whiteSpace)
}

// fillElement puts content into an empty element.
func fillElement(tag, content string) string {
	return trimTagEnd(tag) + ">" + content + "</" + tagName(tag) + ">"
}

// fillPrivileges makes the edit for a role with an empty RolePrivileges element, in SolutionPackager's
// form.
func (r Role) fillPrivileges(grants []Grant) edit {
	data := r.text.data
	tag := data[r.privileges.start:r.privileges.end]
	end, unit := lineStyle(data)
	indent := indentation(data[:r.privileges.start])
	lines := entryLines(tagName(tag), indent+unit, end, grants)
	if strings.HasSuffix(tag, "/>") {
		return edit{r.privileges, fillElement(tag, end+lines+indent)}
	}
	if at := r.endOfLine(0); at < r.privilegesEnd {
		return insertion(at+len(lineEnd(data[at:])), lines)
	}
	return insertion(r.privilegesEnd, end+lines+indent)
}

// addPrivileges makes the edit for a role without RolePrivileges.
func (r Role) addPrivileges(grants []Grant) edit {
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

// entryLines are the entries of an element RolePrivileges of some name.
func entryLines(name, indent, end string, grants []Grant) string {
	var b strings.Builder
	for _, g := range grants {
		fmt.Fprintf(&b, "%s<%s name=\"%s\" level=\"%s\" />%s", indent, strings.TrimSuffix(name, "s"), g.Name, g.Depth.Wire(), end)
	}
	return b.String()
}

// indentation is the white space before the first text of a line.
func indentation(before string) string {
	line := strings.TrimRight(before, " \t")
	if line != "" && !strings.HasSuffix(line, "\n") && !strings.HasSuffix(line, "\r") {
		return ""
	}
	return before[len(line):]
}

// lineStyle is a file's line ending, and its indentation as seen in the first indented line.
func lineStyle(data string) (end, unit string) {
	end, unit = "\n", "  "
	if i := strings.IndexAny(data, "\r\n"); i >= 0 {
		end = lineEnd(data[i:])
	}
	for line := range strings.FieldsFuncSeq(data, func(r rune) bool { return r == '\r' || r == '\n' }) {
		const most = 8 // more is not indentation, but attributes below each other
		text := strings.TrimLeft(line, " \t")
		if n := len(line) - len(text); n > 0 && n <= most && text != "" {
			return end, line[:n]
		}
	}
	return end, unit
}

// sortOrder is the sort order of the role's lines. If it is not one that tools write, all names
// are equal.
func (r Role) sortOrder() func(a, b string) int {
	for _, order := range []func(a, b string) int{compareLower, compareUpper, strings.Compare, compareInvariant} {
		if slices.IsSortedFunc(r.Entries, func(a, b Entry) int { return order(a.Name, b.Name) }) {
			return order
		}
	}
	return func(string, string) int { return 0 }
}

// An underscore sorts before small letters and after capitals, so it matters which of them
// are compared.
func compareLower(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
func compareUpper(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) }

// compareInvariant is the order of .NET's invariant culture, near enough: letters in any case,
// an underscore before all of them.
func compareInvariant(a, b string) int {
	key := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", " ") }
	return strings.Compare(key(a), key(b))
}

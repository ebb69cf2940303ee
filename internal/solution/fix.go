package solution

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Grant is a privilege that a role is to grant.
type Grant struct {
	Name  string
	Depth snapshot.Depth
}

// Addition is what one role of a file lacks.
type Addition struct {
	Role   Role
	Grants []Grant
}

// Add returns a file's content with lines for what its roles lack: in the form of
// the lines beside them and, where the role's lines are in an order, in that order.
// Nothing else is changed. All additions are to roles of one reading of the file.
func Add(additions ...Addition) ([]byte, error) {
	if len(additions) == 0 {
		return nil, errors.New("there is nothing to add")
	}
	t := additions[0].Role.text
	var edits []edit
	for _, a := range additions {
		if a.Role.text != t {
			return nil, errors.New("the roles are not of one file")
		}
		more, err := a.edits()
		if err != nil {
			return nil, fmt.Errorf("the role %q: %w", a.Role.Name, err)
		}
		edits = append(edits, more...)
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.WriteString(t.data[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.WriteString(t.data[at:])
	raw, err := t.encode(out.String())
	if err != nil {
		return nil, err
	}
	return raw, added(raw, additions)
}

// added makes sure that a reader sees what was added and nothing else.
func added(raw []byte, additions []Addition) error {
	doc, err := parse(raw)
	if err != nil {
		return fmt.Errorf("the changed file would be broken: %w", err)
	}
	for _, a := range additions {
		i := slices.IndexFunc(doc.roles, func(r Role) bool { return r.ID == a.Role.ID && r.Name == a.Role.Name })
		if i < 0 || len(doc.roles[i].Entries) != len(a.Role.Entries)+len(a.Grants) {
			return fmt.Errorf("the role %q cannot be changed: its lines would not be read as they are meant", a.Role.Name)
		}
	}
	return nil
}

// An edit replaces the bytes from start to end.
type edit struct {
	span

	text string
}

func (a Addition) edits() ([]edit, error) {
	r := a.Role
	grants := slices.Clone(a.Grants)
	template := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.name.end > 0 && e.level.end > 0 })
	if template < 0 {
		return a.first()
	}
	order := r.order()
	slices.SortFunc(grants, func(a, b Grant) int { return foldLower(a.Name, b.Name) })
	if order != nil {
		slices.SortStableFunc(grants, func(a, b Grant) int { return order(a.Name, b.Name) })
	}
	var edits []edit
	for _, g := range grants {
		place := len(r.Entries)
		if order != nil {
			place = slices.IndexFunc(r.Entries, func(e Entry) bool { return order(e.Name, g.Name) > 0 })
			if place < 0 {
				place = len(r.Entries)
			}
		}
		if place == len(r.Entries) {
			last := r.Entries[place-1]
			at := last.whole.end
			edits = append(edits, edit{span{at, at}, r.gap(last) + r.line(r.beside(place-1, template), g)})
			continue
		}
		next := r.Entries[place]
		at := next.whole.start
		edits = append(edits, edit{span{at, at}, r.line(r.beside(place, template), g) + r.gap(next)})
	}
	return edits, nil
}

// beside is the entry whose form a new one takes: the one at its place, unless that
// has no name or level.
func (r Role) beside(place, otherwise int) Entry {
	if e := r.Entries[place]; e.name.end > 0 && e.level.end > 0 {
		return e
	}
	return r.Entries[otherwise]
}

// gap is the white space before an entry.
func (r Role) gap(e Entry) string {
	before := r.text.data[:e.whole.start]
	return before[len(strings.TrimRight(before, " \t\r\n")):]
}

// line is an entry's text with another name and level.
func (r Role) line(e Entry, g Grant) string {
	data := r.text.data
	values := []struct {
		span

		text string
	}{{e.name, g.Name}, {e.level, title(g.Depth)}}
	if e.level.start < e.name.start {
		slices.Reverse(values)
	}
	var b strings.Builder
	at := e.whole.start
	for _, v := range values {
		b.WriteString(data[at:v.start])
		b.WriteString(v.text)
		at = v.end
	}
	b.WriteString(data[at:e.whole.end])
	return b.String()
}

func title(d snapshot.Depth) string {
	name := d.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

// first makes the edits for a role that has no line yet, in SolutionPackager's
// form.
func (a Addition) first() ([]edit, error) {
	r := a.Role
	if r.open.end == 0 {
		return nil, errors.New("it has no element RolePrivileges to add to")
	}
	data := r.text.data
	end := "\n"
	if i := strings.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		end = "\r\n"
	}
	before := data[:r.open.start]
	indent := before[len(strings.TrimRight(before, " \t")):]
	grants := slices.Clone(a.Grants)
	slices.SortFunc(grants, func(a, b Grant) int { return foldLower(a.Name, b.Name) })
	var b strings.Builder
	for _, g := range grants {
		fmt.Fprintf(&b, "%s%s  <RolePrivilege name=\"%s\" level=\"%s\" />", end, indent, g.Name, title(g.Depth))
	}
	if data[r.open.end-2] == '/' {
		tag := strings.TrimRight(data[r.open.start:r.open.end-2], " \t\r\n")
		return []edit{{r.open, tag + ">" + b.String() + end + indent + "</RolePrivileges>"}}, nil
	}
	if !strings.ContainsAny(data[r.open.end:r.end.start], "\r\n") {
		b.WriteString(end + indent)
	}
	return []edit{{span{r.open.end, r.open.end}, b.String()}}, nil
}

// order is how the role's lines are sorted, or nil where they are in none of the
// orders that tools write.
func (r Role) order() func(a, b string) int {
	for _, order := range []func(a, b string) int{foldLower, foldUpper, strings.Compare, words} {
		if slices.IsSortedFunc(r.Entries, func(a, b Entry) int { return order(a.Name, b.Name) }) {
			return order
		}
	}
	return nil
}

// An underscore stands before small letters and behind capitals, so that it matters
// which of them are compared.
func foldLower(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
func foldUpper(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) }

// words is the order of .NET's invariant culture, near enough: letters in any case,
// an underscore before all of them.
func words(a, b string) int {
	key := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", " ") }
	return strings.Compare(key(a), key(b))
}

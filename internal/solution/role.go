package solution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	reporttext "github.com/dbaudit/dbaudit/internal/report/text"
)

// A Role is the definition of a security role in a file.
type Role struct {
	// ID is the role's id in lower case without braces; a handwritten file may have none.
	ID   string
	Name string
	// Inherited is isinherited="1"; it is the default if the file does not say.
	Inherited bool
	// Customizable is the managed property IsCustomizable: whether the role can be edited
	// after it is installed from a managed solution.
	Customizable bool
	// Managed says that the role comes from a managed solution.
	Managed bool
	// File is the path with forward slashes; an entry of an archive is written
	// archive.zip!/entry.
	File string
	// At is where the Role element begins, PrivilegesAt its RolePrivileges element
	// (otherwise At), CustomizableAt its IsCustomizable element (otherwise At).
	At, PrivilegesAt, CustomizableAt Position
	// Entries are the RolePrivilege elements in the file's order; none if [Limits.Keep]
	// does not want them.
	Entries []Entry

	entryCount int   // the number of RolePrivilege elements
	text       *text // nil if the file is in an archive, or large
	index      int   // among the file's roles
	tag        span  // the start tag
	endTag     int   // where the end tag begins; 0 if the element is empty
	// The extent of the start tag of RolePrivileges, and where its end tag begins; zero
	// without one.
	privileges    span
	privilegesEnd int
}

// An Entry is a RolePrivilege element as it is written.
type Entry struct {
	Name, Level string
	At          Position

	tag         span // from < to > of the start tag
	name, level span // of the values between the quotes
	end         int  // behind the end tag, if there is one
}

type span struct{ start, end int }

// Key identifies the role in a snapshot: its id, or its name if it has no id.
func (r Role) Key() string {
	if r.ID != "" {
		return r.ID
	}
	return strings.ToLower(r.Name)
}

// Depth is the access level that the entry grants; none if its level is not an access
// level.
func (e Entry) Depth() audit.Depth {
	d, err := audit.ParseDepth(strings.ToLower(strings.TrimSpace(e.Level)))
	if err != nil {
		return audit.DepthNone
	}
	return d
}

// A document is the content of one XML file that matters here.
type document struct {
	root  string
	roles []Role
	// isManifest is a Managed element in a solution's manifest, managed that it is 1.
	isManifest, isManaged bool
}

// What one file may define: an environment has some 8,000 privileges and, copies
// apart, some hundred roles, most of them of some hundred privileges.
const (
	maxRoles      = 2_000
	maxEntries    = 10_000 // of a role
	maxAllEntries = 500_000
)

// A parser takes the roles out of one XML file.
type parser struct {
	*workspace

	text *text
	doc  document
	keep func(name string) bool // nil keeps the entries of every role

	role           *Role // the definition that is open
	roleDepth      int   // of the definition's element
	keepsEntries   bool  // whether its entries are
	earlierEntries int   // the entries of the roles before it
}

// parse reads the roles of one XML file. Only definitions count: elements named Role that
// refer to one, as forms and apps have them, have no name. The entries of a role are
// gathered in w, those of roles that keep does not want are only checked and counted.
func parse(raw string, w *workspace, keep func(name string) bool) (document, error) {
	t, err := decodeText(raw)
	if err != nil {
		return document{}, err
	}
	p := &parser{workspace: w, text: t, keep: keep}
	defer w.reset()
	err = scan(t, p)
	return p.doc, err
}

// startElement takes a start tag.
func (p *parser) startElement(e element, path []string) error {
	if len(path) == 0 {
		p.doc.root = e.name
	}
	switch role := p.role; {
	case role == nil && e.name == "Role" && isDefinition(e, path):
		return p.startRole(e, len(path))
	case role == nil:
	case e.name == "RolePrivilege" && p.inPrivileges(path):
		return p.addEntry(e)
	case e.name == "RolePrivileges" && len(path) == p.roleDepth+1:
		if role.privileges.end != 0 {
			return p.text.fault(e.start, "the role %q has two elements RolePrivileges", role.Name)
		}
		role.privileges, role.PrivilegesAt = span{e.start, e.end}, p.text.position(e.start, e.end)
	case e.name == "IsCustomizable" && len(path) == p.roleDepth+1:
		role.CustomizableAt = p.text.position(e.start, e.end)
	}
	return nil
}

// inPrivileges reports whether a path is that of the open role's RolePrivileges.
func (p *parser) inPrivileges(path []string) bool {
	return len(path) == p.roleDepth+2 && path[p.roleDepth+1] == "RolePrivileges"
}

// startRole begins a role.
func (p *parser) startRole(e element, depth int) error {
	if len(p.doc.roles) == maxRoles {
		return p.text.fault(e.start, "the file defines more than %d roles, and no environment has that many", maxRoles)
	}
	if err := checkLengths(p.text, e); err != nil {
		return err
	}
	role := newRole(e, p.text)
	role.index = len(p.doc.roles)
	p.doc.roles = append(p.doc.roles, role)
	p.role, p.roleDepth = &p.doc.roles[role.index], depth
	p.keepsEntries = p.keep == nil || p.keep(role.Name)
	return nil
}

// addEntry takes a privilege of the open role.
func (p *parser) addEntry(e element) error {
	switch p.role.entryCount++; {
	case p.role.entryCount > maxEntries:
		return p.text.fault(e.start, "the role %q lists more than %d privileges, and no environment has that many", p.role.Name, maxEntries)
	case p.earlierEntries+p.role.entryCount > maxAllEntries:
		return p.text.fault(e.start, "the roles of the file list more than %d privileges in all, and no solution's do", maxAllEntries)
	}
	if err := checkLengths(p.text, e); err != nil || !p.keepsEntries {
		return err
	}
	p.entries = append(p.entries, newEntry(e, p.text))
	return nil
}

// endElement takes an end tag. The content is the raw text between the tags of an element
// without children; end is where the end tag begins, or where an empty element ends.
func (p *parser) endElement(name, content string, end int, path []string) {
	switch role := p.role; {
	case name == "Managed" && slices.Equal(path, []string{solutionRoot, "SolutionManifest"}):
		p.doc.isManifest, p.doc.isManaged = true, elementText(content) == "1"
	case role == nil:
	case len(path) == p.roleDepth:
		if p.text.data[role.tag.end-2] != '/' {
			role.endTag = end
		}
		role.Entries = slices.Clone(p.entries)
		p.earlierEntries += role.entryCount
		p.reset()
		p.role = nil
	case name == "RolePrivilege" && p.keepsEntries && p.inPrivileges(path):
		if last := &p.entries[len(p.entries)-1]; p.text.data[last.tag.end-2] != '/' {
			last.end = end + strings.IndexByte(p.text.data[end:], '>') + 1
		}
	case name == "RolePrivileges" && len(path) == p.roleDepth+1:
		role.privilegesEnd = end
	case name == "IsCustomizable" && len(path) == p.roleDepth+1:
		word := elementText(content)
		role.Customizable = word != "0" && !strings.EqualFold(word, "false")
	}
}

// checkLengths refuses values that are longer than any real one, because every document would
// repeat them.
func checkLengths(t *text, e element) error {
	for _, a := range e.attributes {
		if len(a.raw) > maxName {
			return t.fault(e.start, "the %s of a %s is longer than %d bytes, and none in Dataverse is", a.name, e.name, maxName)
		}
	}
	return nil
}

// isDefinition reports whether a Role element is a definition: the root of a role's
// file, or one of the Roles of customizations.xml.
func isDefinition(e element, path []string) bool {
	if e.attribute("name").raw == "" {
		return false
	}
	return len(path) == 0 || path[len(path)-1] == "Roles"
}

func newRole(e element, t *text) Role {
	p := t.position(e.start, e.end)
	return Role{
		ID:           strings.ToLower(strings.Trim(strings.TrimSpace(e.attribute("id").value()), "{}")),
		Name:         e.attribute("name").value(),
		Inherited:    e.attribute("isinherited").raw != "0",
		Customizable: true,
		At:           p, PrivilegesAt: p, CustomizableAt: p,
		text: t, tag: span{e.start, e.end},
	}
}

func newEntry(e element, t *text) Entry {
	out := Entry{
		At:  t.position(e.start, e.end),
		tag: span{e.start, e.end}, end: e.end,
	}
	for _, a := range e.attributes {
		switch {
		case a.is("name") && out.name.end == 0:
			out.Name, out.name = a.value(), span{a.start, a.end}
		case a.is("level") && out.level.end == 0:
			out.Level, out.level = a.value(), span{a.start, a.end}
		}
	}
	return out
}

// A Fault is an error in one file.
type Fault struct {
	File string
	// Line and Column are 0 if the fault has no position.
	Line, Column int
	Err          error
}

func (f *Fault) Error() string {
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	return reporttext.Linef("%s: %s", place, f.Err.Error())
}

func (f *Fault) Unwrap() error { return f.Err }

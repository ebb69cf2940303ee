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
	// ID is the role's id in lower case without braces; it may be empty in a handwritten file.
	ID   string
	Name string
	// Inherited is isinherited="1", which is the default.
	Inherited bool
	// Customizable is the managed property IsCustomizable: whether the role can be edited
	// after it is installed from a managed solution.
	Customizable bool
	// Managed is true if the role comes from a managed solution.
	Managed bool
	// File is the path with forward slashes. That of an archive's entry is
	// archive.zip!/entry.
	File string
	// The positions of the Role element and of its elements RolePrivileges and IsCustomizable. A
	// role without one of these has the position of the Role element instead.
	Position, PrivilegesPosition, CustomizablePosition Position
	// Entries are the RolePrivilege elements in the file's order. [Options.KeepEntries] says
	// whether they are kept.
	Entries []Entry

	entryCount int   // the number of RolePrivilege elements
	text       *text // nil if the file is in an archive, or large
	index      int   // among the file's roles
	tag        span  // the start tag
	endTag     int   // offset of the end tag; 0 if the element is empty
	// The start tag of RolePrivileges, and the offset of its end tag; zero without the element.
	privileges    span
	privilegesEnd int
}

// An Entry is a RolePrivilege element. Name and Level are its attributes as they are written.
type Entry struct {
	Name, Level string
	Position    Position

	tag         span // the start tag
	name, level span // the values between the quotes
	end         int  // offset after the end tag or, without one, the start tag
}

// A span is a range of offsets in a text.
type span struct{ start, end int }

// Key returns the key of the role in a snapshot: its id, or its name if it has no id.
func (r Role) Key() string {
	if r.ID != "" {
		return r.ID
	}
	return strings.ToLower(r.Name)
}

// Depth returns the access level that the entry grants, or none if its level is not valid.
func (e Entry) Depth() audit.Depth {
	d, _ := audit.ParseDepth(strings.ToLower(strings.TrimSpace(e.Level))) // none after an error
	return d
}

// A document is the relevant content of one XML file.
type document struct {
	root       string // local name of the root element
	roles      []Role
	isManifest bool // whether it is a solution's manifest
	isManaged  bool // whether the manifest is that of a managed solution
}

// The limits of one file. An environment has about 8,000 privileges and, without copies, about a
// hundred roles, most with about a hundred privileges.
const (
	maxRoles      = 2_000
	maxEntries    = 10_000 // of a role
	maxAllEntries = 500_000
)

// A parser extracts the roles from one XML file.
type parser struct {
	*workspace // its entries are those of the open role

	text *text
	doc  document
	keep func(name string) bool // whether to keep the entries of a role; nil keeps all

	role           *Role // the open definition, or nil
	roleDepth      int   // number of elements around it
	keepsEntries   bool  // whether its entries are kept
	earlierEntries int   // number of entries of the roles before it
}

// parse parses one XML file. It ignores Role elements without a name, which forms and apps use to
// refer to a role. Entries that keep does not want are only checked and counted.
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

// startElement handles a start tag. path has the names of the elements around it.
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
			return p.text.fault(e.start, "the role %q has two RolePrivileges elements", role.Name)
		}
		role.privileges, role.PrivilegesPosition = span{e.start, e.end}, p.text.position(e.start, e.end)
	case e.name == "IsCustomizable" && len(path) == p.roleDepth+1:
		role.CustomizablePosition = p.text.position(e.start, e.end)
	}
	return nil
}

// inPrivileges reports whether a path is that of the RolePrivileges element of the open role.
func (p *parser) inPrivileges(path []string) bool {
	return len(path) == p.roleDepth+2 && path[p.roleDepth+1] == "RolePrivileges"
}

// startRole begins the definition of a role.
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

// addEntry adds an entry to the open role.
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

// endElement handles the end of an element. content is the raw text of an element without child
// elements. end is the offset of the end tag, or the end of an empty element.
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
		value := elementText(content)
		role.Customizable = value != "0" && !strings.EqualFold(value, "false")
	}
}

// checkLengths returns an error for an attribute that is longer than any real one, because results
// repeat the values.
func checkLengths(t *text, e element) error {
	for _, a := range e.attributes {
		if len(a.raw) > maxName {
			return t.fault(e.start, "the %s of a %s is longer than %d bytes, and none in Dataverse is", a.name, e.name, maxName)
		}
	}
	return nil
}

// isDefinition reports whether a Role element defines a role: it has a name, and is the root of a
// role's file or a child of Roles in customizations.xml.
func isDefinition(e element, path []string) bool {
	return e.attribute("name").raw != "" && (len(path) == 0 || path[len(path)-1] == "Roles")
}

func newRole(e element, t *text) Role {
	p := t.position(e.start, e.end)
	return Role{
		ID:           strings.ToLower(strings.Trim(strings.TrimSpace(e.attribute("id").value()), "{}")),
		Name:         e.attribute("name").value(),
		Inherited:    e.attribute("isinherited").raw != "0",
		Customizable: true,
		Position:     p, PrivilegesPosition: p, CustomizablePosition: p,
		text: t, tag: span{e.start, e.end},
	}
}

func newEntry(e element, t *text) Entry {
	name, level := e.attribute("name"), e.attribute("level")
	return Entry{
		Name: name.value(), Level: level.value(), Position: t.position(e.start, e.end),
		tag: span{e.start, e.end}, name: span{name.start, name.end}, level: span{level.start, level.end}, end: e.end,
	}
}

// A Fault is an error in one file.
type Fault struct {
	File string
	// Line and Column are 0 if the fault has no position.
	Line, Column int
	Err          error
}

func (f *Fault) Error() string {
	location := f.File
	if f.Line > 0 {
		location = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
	}
	return reporttext.Linef("%s: %s", location, f.Err.Error())
}

func (f *Fault) Unwrap() error { return f.Err }

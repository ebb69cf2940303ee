package solution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Role is the definition of a security role in a file.
type Role struct {
	// ID is the role's id in lower case without braces; a file of one's own may have
	// none.
	ID   string
	Name string
	// Inherited is isinherited="1"; it is the default where the file says nothing.
	Inherited bool
	// Customizable is the managed property IsCustomizable: what becomes of the role
	// once it is installed from a managed solution.
	Customizable bool
	// Managed says that the role comes from a managed solution.
	Managed bool
	// File is the path with forward slashes; an entry of an archive is written
	// archive.zip!/entry.
	File string
	// At is where the Role element begins, PrivilegesAt its RolePrivileges element
	// (At where there is none), CustomizableAt its IsCustomizable element (likewise).
	At, PrivilegesAt, CustomizableAt Position
	// Entries are the RolePrivilege elements in the file's order.
	Entries []Entry

	text *text
	// The extent of the RolePrivileges tags; zero where there are none.
	open, end span
}

// An Entry is a RolePrivilege element as it is written.
type Entry struct {
	Name, Level string
	At          Position

	tag         span // from < to > of the start tag
	name, level span // of the values between the quotes
	whole       span // with its end tag
}

type span struct{ start, end int }

// Key identifies the role in a snapshot: its id, or its name where it has none.
func (r Role) Key() string {
	if r.ID != "" {
		return r.ID
	}
	return strings.ToLower(r.Name)
}

// Depth is the access level that the entry grants, none where its level is no
// access level.
func (e Entry) Depth() snapshot.Depth {
	d, err := snapshot.ParseDepth(strings.ToLower(strings.TrimSpace(e.Level)))
	if err != nil {
		return snapshot.DepthNone
	}
	return d
}

// A document is what one XML file says that matters here.
type document struct {
	root  string
	roles []Role
	// managed is the Managed element of a solution's manifest, empty elsewhere.
	managed string
}

// What one file may define: an environment has some 8,000 privileges and, copies
// apart, some hundred roles.
const (
	maxRoles   = 10_000
	maxEntries = 50_000
)

// parse reads the roles of one XML file. Only definitions count: elements named
// Role that refer to one, as forms and apps have them, have no name.
func parse(raw []byte) (document, error) {
	t, err := decode(raw)
	if err != nil {
		return document{}, err
	}
	var doc document
	var role *Role // the definition that is open
	depth := 0     // of the definition's element
	err = scan(t, handler{
		open: func(e element, path []string) error {
			if len(path) == 0 {
				doc.root = e.name
			}
			switch {
			case len(doc.roles) > maxRoles:
				return at(t, e, "the file defines more than %d roles", maxRoles)
			case role != nil && len(role.Entries) > maxEntries:
				return at(t, e, "the role %q lists more than %d privileges", role.Name, maxEntries)
			case role == nil && e.name == "Role" && defines(e, path):
				doc.roles = append(doc.roles, definition(e, t))
				role, depth = &doc.roles[len(doc.roles)-1], len(path)
			case role == nil:
			case e.name == "RolePrivileges" && len(path) == depth+1:
				if role.open.end != 0 {
					return at(t, e, "the role %q has two elements RolePrivileges", role.Name)
				}
				role.open, role.PrivilegesAt = span{e.start, e.end}, t.position(e.start, e.end)
				if e.empty {
					break
				}
				block, _, _ := strings.Cut(t.data[e.end:], "</RolePrivileges")
				role.Entries = make([]Entry, 0, min(maxEntries, strings.Count(block, "<RolePrivilege ")))
			case e.name == "IsCustomizable" && len(path) == depth+1:
				role.CustomizableAt = t.position(e.start, e.end)
			case e.name == "RolePrivilege" && len(path) == depth+2 && path[depth+1] == "RolePrivileges":
				role.Entries = append(role.Entries, entry(e, t))
			}
			return nil
		},
		closed: func(name, content string, end int, path []string) error {
			switch {
			case name == "Managed" && slices.Equal(path, []string{"ImportExportXml", "SolutionManifest"}):
				doc.managed = content
			case role == nil:
			case len(path) == depth:
				role = nil
			case name == "RolePrivileges" && len(path) == depth+1:
				role.end = span{end, end}
			case name == "RolePrivilege" && len(path) == depth+2 && path[depth+1] == "RolePrivileges":
				last := &role.Entries[len(role.Entries)-1]
				if t.data[last.tag.end-2] == '/' {
					break
				}
				last.whole.end = end + strings.IndexByte(t.data[end:], '>') + 1
			case name == "IsCustomizable" && len(path) == depth+1:
				role.Customizable = content != "0" && !strings.EqualFold(content, "false")
			}
			return nil
		},
	})
	return doc, err
}

// defines reports whether a Role element is a definition: the root of a role's
// file, or one of the Roles of customizations.xml.
func defines(e element, path []string) bool {
	if e.attribute("name") == "" {
		return false
	}
	return len(path) == 0 || path[len(path)-1] == "Roles"
}

func definition(e element, t *text) Role {
	p := t.position(e.start, e.end)
	return Role{
		ID:           strings.ToLower(strings.Trim(strings.TrimSpace(e.attribute("id")), "{}")),
		Name:         e.attribute("name"),
		Inherited:    e.attribute("isinherited") != "0",
		Customizable: true,
		At:           p, PrivilegesAt: p, CustomizableAt: p,
		text: t,
	}
}

func entry(e element, t *text) Entry {
	out := Entry{
		At:  t.position(e.start, e.end),
		tag: span{e.start, e.end}, whole: span{e.start, e.end},
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

func at(t *text, e element, format string, args ...any) error {
	p := t.position(e.start, e.end)
	return &Fault{Line: p.Line, Column: p.Column, Err: fmt.Errorf(format, args...)}
}

// A Fault is what is wrong with one file.
type Fault struct {
	File string
	// Line and Column are 0 where the fault has no place of its own.
	Line, Column int
	Err          error
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

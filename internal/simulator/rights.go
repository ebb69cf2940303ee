package simulator

import (
	"slices"
	"strings"
)

// Rights is a set of access rights. Its bits are those of the Web API's AccessRights enumeration.
type Rights uint32

// The access rights.
const (
	RightRead     Rights = 1
	RightWrite    Rights = 2
	RightAppend   Rights = 4
	RightAppendTo Rights = 16
	RightCreate   Rights = 32
	RightDelete   Rights = 65536
	RightShare    Rights = 262144
	RightAssign   Rights = 524288
)

type rightName struct {
	right      Rights
	name, wire string
}

func rightNames() []rightName {
	return []rightName{
		{RightRead, "read", "ReadAccess"},
		{RightWrite, "write", "WriteAccess"},
		{RightAppend, "append", "AppendAccess"},
		{RightAppendTo, "append-to", "AppendToAccess"},
		{RightCreate, "create", "CreateAccess"},
		{RightDelete, "delete", "DeleteAccess"},
		{RightShare, "share", "ShareAccess"},
		{RightAssign, "assign", "AssignAccess"},
	}
}

func (r Rights) names(name func(rightName) string) []string {
	names := []string{}
	for _, n := range rightNames() {
		if r&n.right != 0 {
			names = append(names, name(n))
		}
	}
	return names
}

// Names returns the rights' names in environment files.
func (r Rights) Names() []string { return r.names(func(n rightName) string { return n.name }) }

// wireName returns the rights as the Web API writes them: separated by commas, or "None".
func (r Rights) wireName() string {
	names := r.names(func(n rightName) string { return n.wire })
	if len(names) == 0 {
		return "None"
	}
	return strings.Join(names, ", ")
}

// parseWireRights reads rights as the Web API writes them.
func parseWireRights(s string) (Rights, bool) {
	var all Rights
	if s == "None" {
		return 0, true
	}
	for part := range strings.SplitSeq(s, ",") {
		i := slices.IndexFunc(rightNames(), func(n rightName) bool { return n.wire == strings.TrimSpace(part) })
		if i < 0 {
			return 0, false
		}
		all |= rightNames()[i].right
	}
	return all, true
}

// UnmarshalYAML reads a list of access rights.
func (r *Rights) UnmarshalYAML(decode func(any) error) error {
	var names []string
	if err := decode(&names); err != nil {
		return err
	}
	for _, n := range rightNames() {
		if slices.Contains(names, n.name) { // the schema has checked the names
			*r |= n.right
		}
	}
	return nil
}

// MarshalYAML writes the rights as a list of names.
func (r Rights) MarshalYAML() (any, error) { return r.Names(), nil }

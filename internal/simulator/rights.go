package simulator

import (
	"slices"
	"strings"
)

// Rights are the access rights of a share: the AccessRights enumeration's bits.
type Rights uint32

// The access rights, as the Web API numbers them.
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

// names lists the rights as files name them, or as the Web API does.
func (r Rights) names(name func(rightName) string) []string {
	names := []string{}
	for _, n := range rightNames() {
		if r&n.right != 0 {
			names = append(names, name(n))
		}
	}
	return names
}

// Names lists the rights as environment files name them.
func (r Rights) Names() []string { return r.names(func(n rightName) string { return n.name }) }

// wire is the flags enumeration's text in the Web API, "None" for no right.
func (r Rights) wire() string {
	names := r.names(func(n rightName) string { return n.wire })
	if len(names) == 0 {
		return "None"
	}
	return strings.Join(names, ", ")
}

// parseWireRights reads the flags enumeration's text.
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
		if slices.Contains(names, n.name) { // the schema knows the names
			*r |= n.right
		}
	}
	return nil
}

// MarshalYAML writes rights as a list of their names.
func (r Rights) MarshalYAML() (any, error) { return r.Names(), nil }

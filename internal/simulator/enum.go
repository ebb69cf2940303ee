package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Depth is how far a privilege reaches from its holder. The zero value is not granted.
type Depth uint8

// The depths, from the caller's own rows to the whole organization. DepthDeepest stands for the
// deepest that a privilege allows; it is resolved when an environment is read or started.
const (
	DepthNone Depth = iota
	DepthBasic
	DepthLocal
	DepthDeep
	DepthGlobal
	DepthDeepest
)

func depthNames() []string {
	return []string{"none", "basic", "local", "deep", "global", "deepest"}
}

// String gives the name that environment files use.
func (d Depth) String() string {
	if names := depthNames(); int(d) < len(names) {
		return names[d]
	}
	return fmt.Sprintf("Depth(%d)", uint8(d))
}

// wire is the PrivilegeDepth enumeration's name in the Web API.
func (d Depth) wire() string {
	switch d {
	case DepthBasic:
		return "Basic"
	case DepthLocal:
		return "Local"
	case DepthDeep:
		return "Deep"
	case DepthGlobal:
		return "Global"
	default:
		return ""
	}
}

// mask is the bit that the privilegedepthmask column uses.
func (d Depth) mask() int {
	switch d {
	case DepthBasic:
		return 1
	case DepthLocal:
		return 2
	case DepthDeep:
		return 4
	case DepthGlobal:
		return 8
	default:
		return 0
	}
}

func parseDepth(s string) (Depth, bool) {
	i := slices.Index(depthNames(), s)
	if i < int(DepthBasic) {
		return DepthNone, false
	}
	return Depth(i), true
}

// parseWireDepth reads a PrivilegeDepth as a request states it: by name, or by number.
func parseWireDepth(s string) (Depth, bool) {
	switch strings.ToLower(s) {
	case "basic", "0":
		return DepthBasic, true
	case "local", "1":
		return DepthLocal, true
	case "deep", "2":
		return DepthDeep, true
	case "global", "3":
		return DepthGlobal, true
	default:
		return DepthNone, false
	}
}

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

// Names lists the rights as environment files name them.
func (r Rights) Names() []string {
	names := []string{}
	for _, n := range rightNames() {
		if r&n.right != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String joins the names by commas.
func (r Rights) String() string { return strings.Join(r.Names(), ",") }

// wire is the flags enumeration's text in the Web API, "None" for no right.
func (r Rights) wire() string {
	var names []string
	for _, n := range rightNames() {
		if r&n.right != 0 {
			names = append(names, n.wire)
		}
	}
	if len(names) == 0 {
		return "None"
	}
	return strings.Join(names, ", ")
}

func parseRight(s string) (Rights, bool) {
	for _, n := range rightNames() {
		if n.name == s {
			return n.right, true
		}
	}
	return 0, false
}

func parseWireRights(s string) (Rights, bool) {
	var all Rights
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "None" {
			continue
		}
		i := slices.IndexFunc(rightNames(), func(n rightName) bool { return n.wire == part })
		if i < 0 {
			return 0, false
		}
		all |= rightNames()[i].right
	}
	return all, true
}

// A Tristate is a setting that an environment may have on, off, or not at all.
type Tristate string

// The values of a Tristate; the zero value is absent.
const (
	Absent Tristate = ""
	On     Tristate = "on"
	Off    Tristate = "off"
)

// An AccessMode is a user's access mode. The zero value is read-write for people and
// non-interactive for application users, as their creation gives them.
type AccessMode string

// The access modes.
const (
	AccessReadWrite      AccessMode = "read-write"
	AccessAdministrative AccessMode = "administrative"
	AccessRead           AccessMode = "read"
	AccessSupport        AccessMode = "support"
	AccessNonInteractive AccessMode = "non-interactive"
	AccessDelegatedAdmin AccessMode = "delegated-admin"
)

func accessModes() []AccessMode {
	return []AccessMode{
		AccessReadWrite, AccessAdministrative, AccessRead, AccessSupport, AccessNonInteractive, AccessDelegatedAdmin,
	}
}

// number is the mode in the accessmode column, and whether there is such a mode.
func (m AccessMode) number() (int, bool) {
	if i := slices.Index(accessModes(), m); i >= 0 {
		return i, true
	}
	i, err := strconv.Atoi(string(m))
	return i, err == nil && i >= 0
}

// An EntraState says whether a user's identity is still in Entra; the zero value is that it is there.
type EntraState string

// The states of an identity.
const (
	EntraExists      EntraState = "exists"
	EntraSoftDeleted EntraState = "soft-deleted"
	EntraDeleted     EntraState = "deleted"
)

func entraStates() []EntraState { return []EntraState{EntraExists, EntraSoftDeleted, EntraDeleted} }

// A TeamType is a team's type; the zero value is an owner team.
type TeamType string

// The team types, in the order of the teamtype column's numbers.
const (
	TeamOwner         TeamType = "owner"
	TeamAccess        TeamType = "access"
	TeamSecurityGroup TeamType = "security-group"
	TeamOfficeGroup   TeamType = "office-group"
)

func teamTypes() []TeamType {
	return []TeamType{TeamOwner, TeamAccess, TeamSecurityGroup, TeamOfficeGroup}
}

// A ComponentState is the state of a solution component; the zero value is published.
type ComponentState string

// The component states, in the order of the componentstate column's numbers.
const (
	Published          ComponentState = "published"
	Unpublished        ComponentState = "unpublished"
	Deleted            ComponentState = "deleted"
	DeletedUnpublished ComponentState = "deleted-unpublished"
)

func componentStates() []ComponentState {
	return []ComponentState{Published, Unpublished, Deleted, DeletedUnpublished}
}

package snapshot

import (
	"cmp"
	"fmt"
	"slices"
)

// A Section is a part of the snapshot that is read, and can be missing, as one.
type Section string

// The sections of a snapshot.
const (
	SectionOrganization   Section = "organization"
	SectionBusinessUnits  Section = "business_units"
	SectionUsers          Section = "users"
	SectionTeams          Section = "teams"
	SectionRoles          Section = "roles"
	SectionRolePrivileges Section = "role_privileges"
	SectionPrivileges     Section = "privileges"
	// SectionUserViews is the list of personal views that the integration user
	// itself sees.
	SectionUserViews Section = "user_views"
	// SectionViews is what the owners named in the configuration and the auditor see
	// of personal views.
	SectionViews       Section = "views"
	SectionSystemViews Section = "system_views"
	SectionShares      Section = "shares"
)

// Sections lists every section.
func Sections() []Section {
	return []Section{
		SectionOrganization, SectionBusinessUnits, SectionUsers, SectionTeams, SectionRoles,
		SectionRolePrivileges, SectionPrivileges, SectionUserViews, SectionViews,
		SectionSystemViews, SectionShares,
	}
}

// Coverage says whether a section was read and, if not, why.
type Coverage struct {
	Detail string `json:"detail"`
	State  State  `json:"state"`
}

// A State is how the reading of a section ended. The zero value is unknown.
type State int

// The states of a section.
const (
	StateUnknown State = iota
	// StateCollected: read to its end.
	StateCollected
	// StateForbidden: refused by the server; Detail names the missing privilege.
	StateForbidden
	// StateFailed: could not be read, or not twice the same.
	StateFailed
	// StateSkipped: not read, because what it depends on does not exist.
	StateSkipped
	// StateInapplicable: the source cannot hold the section, as a solution file
	// holds no users.
	StateInapplicable
)

func states() []State {
	return []State{StateCollected, StateForbidden, StateFailed, StateSkipped, StateInapplicable}
}

func (s State) String() string {
	switch s {
	case StateCollected:
		return "collected"
	case StateForbidden:
		return "forbidden"
	case StateFailed:
		return "failed"
	case StateSkipped:
		return "skipped"
	case StateInapplicable:
		return "inapplicable"
	case StateUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *State) UnmarshalText(b []byte) (err error) {
	*s, err = parse(string(b), "state", states())
	return err
}

// A Depth is an access level of a privilege: how far from the user's own records
// it reaches. The zero value is none: not granted.
type Depth int

// The depths, shallowest first. The portal calls them User, Business Unit, Parent:
// Child Business Units and Organization.
const (
	DepthNone Depth = iota
	DepthBasic
	DepthLocal
	DepthDeep
	DepthGlobal
)

// Depths lists the depths that can be granted, shallowest first.
func Depths() []Depth { return []Depth{DepthBasic, DepthLocal, DepthDeep, DepthGlobal} }

func (d Depth) String() string {
	switch d {
	case DepthBasic:
		return "basic"
	case DepthLocal:
		return "local"
	case DepthDeep:
		return "deep"
	case DepthGlobal:
		return "global"
	case DepthNone:
	}
	return "none"
}

// ParseDepth reads a depth that can be granted, as [Depth.String] spells it.
func ParseDepth(s string) (Depth, error) { return parse(s, "depth", Depths()) }

// MarshalText implements [encoding.TextMarshaler].
func (d Depth) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Depth) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDepth(string(b))
	return err
}

// A Setting is a switch that may not have been readable. The zero value is
// unknown.
type Setting int

// The states of a setting.
const (
	SettingUnknown Setting = iota
	SettingOff
	SettingOn
)

func (s Setting) String() string {
	switch s {
	case SettingOff:
		return "off"
	case SettingOn:
		return "on"
	case SettingUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Setting) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Setting) UnmarshalText(b []byte) (err error) {
	*s, err = parse(string(b), "setting", []Setting{SettingUnknown, SettingOff, SettingOn})
	return err
}

// A Scope is how much of an environment was asked for. The zero value is unknown.
type Scope int

// The scopes.
const (
	ScopeUnknown Scope = iota
	// ScopeIntegration reads what the profile's verdict needs.
	ScopeIntegration
	// ScopeEnvironment reads all unmanaged roles, application users and view shares.
	ScopeEnvironment
	// ScopeUsers reads the application users and the roles that reach them. No file has
	// it: nothing but a discovery can be made of it.
	ScopeUsers
)

func (s Scope) String() string {
	switch s {
	case ScopeIntegration:
		return "integration"
	case ScopeEnvironment:
		return "environment"
	case ScopeUsers:
		return "users"
	case ScopeUnknown:
	}
	return "unknown"
}

// ParseScope reads a scope as [Scope.String] spells it.
func ParseScope(s string) (Scope, error) {
	return parse(s, "scope", []Scope{ScopeIntegration, ScopeEnvironment})
}

// MarshalText implements [encoding.TextMarshaler].
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Scope) UnmarshalText(b []byte) (err error) {
	*s, err = ParseScope(string(b))
	return err
}

// A Source is what a snapshot was made from. The zero value is unknown.
type Source int

// The sources.
const (
	SourceUnknown Source = iota
	SourceEnvironment
	SourceSolution
)

func (s Source) String() string {
	switch s {
	case SourceEnvironment:
		return "environment"
	case SourceSolution:
		return "solution"
	case SourceUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Source) UnmarshalText(b []byte) (err error) {
	*s, err = parse(string(b), "source", []Source{SourceEnvironment, SourceSolution})
	return err
}

// A Viewer is an identity whose list of personal views was read. The zero value
// is unknown.
type Viewer int

// The viewers.
const (
	ViewerUnknown Viewer = iota
	ViewerAuditor
	ViewerIntegrationUser
	ViewerOwner
)

func (v Viewer) String() string {
	switch v {
	case ViewerAuditor:
		return "auditor"
	case ViewerIntegrationUser:
		return "integration-user"
	case ViewerOwner:
		return "owner"
	case ViewerUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (v Viewer) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Viewer) UnmarshalText(b []byte) (err error) {
	*v, err = parse(string(b), "viewer", []Viewer{ViewerAuditor, ViewerIntegrationUser, ViewerOwner})
	return err
}

// A PrincipalType is the table of an owner or of whom something is shared with. The
// zero value is unknown.
type PrincipalType int

// The types of principals.
const (
	PrincipalUnknown PrincipalType = iota
	PrincipalUser
	PrincipalTeam
)

// String is the table's logical name.
func (p PrincipalType) String() string {
	switch p {
	case PrincipalUser:
		return "systemuser"
	case PrincipalTeam:
		return "team"
	case PrincipalUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (p PrincipalType) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *PrincipalType) UnmarshalText(b []byte) (err error) {
	*p, err = parse(string(b), "type of principal", []PrincipalType{PrincipalUnknown, PrincipalUser, PrincipalTeam})
	return err
}

// An AccessMode is the sort of access that a user has. The zero value is unknown: it was
// not read, or holds a number that is not documented.
type AccessMode int

// The access modes, in the order of accessmode's numbers.
const (
	AccessUnknown AccessMode = iota
	AccessReadWrite
	AccessAdministrative
	AccessRead
	AccessSupport
	AccessNonInteractive
	AccessDelegatedAdmin
)

func accessModes() []AccessMode {
	return []AccessMode{
		AccessReadWrite, AccessAdministrative, AccessRead, AccessSupport, AccessNonInteractive, AccessDelegatedAdmin,
	}
}

// AccessModeOf gives the mode of a number of the accessmode column.
func AccessModeOf(number int) AccessMode {
	if number < 0 || number >= len(accessModes()) {
		return AccessUnknown
	}
	return accessModes()[number]
}

func (m AccessMode) String() string {
	switch m {
	case AccessReadWrite:
		return "read-write"
	case AccessAdministrative:
		return "administrative"
	case AccessRead:
		return "read"
	case AccessSupport:
		return "support"
	case AccessNonInteractive:
		return "non-interactive"
	case AccessDelegatedAdmin:
		return "delegated-admin"
	case AccessUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (m AccessMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *AccessMode) UnmarshalText(b []byte) (err error) {
	*m, err = parse(string(b), "access mode", append(accessModes(), AccessUnknown))
	return err
}

// An EntraState says whether a user's identity is still in Microsoft Entra. The zero
// value is unknown.
type EntraState int

// The states, in the order of azurestate's numbers.
const (
	EntraUnknown EntraState = iota
	EntraExists
	EntraSoftDeleted
	EntraDeleted
)

func entraStates() []EntraState { return []EntraState{EntraExists, EntraSoftDeleted, EntraDeleted} }

// EntraStateOf gives the state of a number of the azurestate column.
func EntraStateOf(number int) EntraState {
	if number < 0 || number >= len(entraStates()) {
		return EntraUnknown
	}
	return entraStates()[number]
}

func (e EntraState) String() string {
	switch e {
	case EntraExists:
		return "exists"
	case EntraSoftDeleted:
		return "soft-deleted"
	case EntraDeleted:
		return "deleted"
	case EntraUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (e EntraState) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (e *EntraState) UnmarshalText(b []byte) (err error) {
	*e, err = parse(string(b), "Entra state", append(entraStates(), EntraUnknown))
	return err
}

// A Right is one bit of an access rights mask. The zero value is unknown.
type Right int

// The rights, by the bits of Dataverse's AccessRights enumeration.
const (
	RightUnknown  Right = 0
	RightRead     Right = 1
	RightWrite    Right = 2
	RightAppend   Right = 4
	RightAppendTo Right = 16
	RightCreate   Right = 32
	RightDelete   Right = 65536
	RightShare    Right = 262144
	RightAssign   Right = 524288
	// RightOther stands for bits that AccessRights does not name: a right that
	// nobody knows must not be lost.
	RightOther Right = 1 << 30
)

// Rights lists every right in the order of its bit.
func Rights() []Right {
	return []Right{RightRead, RightWrite, RightAppend, RightAppendTo, RightCreate, RightDelete, RightShare, RightAssign, RightOther}
}

// inheritedMark is set beside the rights in masks that come from a parent record;
// it gives no right of its own.
const inheritedMark = 0x08000000

// RightsOf takes an access rights mask apart, in the order of [Rights].
func RightsOf(mask int) []Right {
	rights := []Right{}
	mask &^= inheritedMark
	for _, r := range Rights() {
		if r != RightOther && mask&int(r) != 0 {
			rights = append(rights, r)
			mask &^= int(r)
		}
	}
	if mask != 0 {
		rights = append(rights, RightOther)
	}
	return rights
}

func (r Right) String() string {
	switch r {
	case RightRead:
		return "read"
	case RightWrite:
		return "write"
	case RightAppend:
		return "append"
	case RightAppendTo:
		return "append-to"
	case RightCreate:
		return "create"
	case RightDelete:
		return "delete"
	case RightShare:
		return "share"
	case RightAssign:
		return "assign"
	case RightOther:
		return "other"
	case RightUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (r Right) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Right) UnmarshalText(b []byte) (err error) {
	*r, err = parse(string(b), "right", Rights())
	return err
}

// SortRights orders rights by their bits, in place, and drops repetitions.
func SortRights(rights []Right) []Right {
	slices.SortFunc(rights, func(a, b Right) int { return cmp.Compare(a, b) })
	return slices.Compact(rights)
}

func parse[T fmt.Stringer](s, what string, valid []T) (T, error) {
	for _, v := range valid {
		if v.String() == s {
			return v, nil
		}
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: want one of %v", what, s, valid)
}

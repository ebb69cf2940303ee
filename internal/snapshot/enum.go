package snapshot

import "github.com/dbaudit/dbaudit/internal/enum"

// A Section is a part of the snapshot that is read as a unit.
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
	// SectionUserViews is the list of personal views that the integration user sees.
	SectionUserViews Section = "user_views"
	// SectionViews is the list of personal views that the auditor and the owners in the
	// configuration see.
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

// A State is the outcome of reading a section.
type State string

// The states of a section.
const (
	StateUnknown State = ""
	// StateCollected means that the section was read completely.
	StateCollected State = "collected"
	// StateForbidden means that the server refused the request. Detail names the missing
	// privilege.
	StateForbidden State = "forbidden"
	// StateFailed means that the section could not be read, or that it changed while it was
	// read.
	StateFailed State = "failed"
	// StateSkipped means that the section was not read because something that it depends on
	// does not exist.
	StateSkipped State = "skipped"
	// StateInapplicable means that the source cannot contain the section: a solution's files
	// contain no users.
	StateInapplicable State = "inapplicable"
)

func (s State) String() string { return enum.String(s) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *State) UnmarshalText(b []byte) error {
	return enum.Unmarshal(s, b, "state", StateCollected, StateForbidden, StateFailed, StateSkipped, StateInapplicable)
}

// A Setting is a setting of the environment that is on, off, or could not be read.
type Setting string

// The states of a setting.
const (
	SettingUnknown Setting = ""
	SettingOff     Setting = "off"
	SettingOn      Setting = "on"
)

func (s Setting) String() string { return enum.String(s) }

// MarshalText implements [encoding.TextMarshaler].
func (s Setting) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Setting) UnmarshalText(b []byte) error {
	return enum.Unmarshal(s, b, "setting", SettingUnknown, SettingOff, SettingOn)
}

// A Scope is the part of an environment that a collection reads.
type Scope string

// The scopes.
const (
	ScopeUnknown Scope = ""
	// ScopeIntegration is what the profile's verdict needs.
	ScopeIntegration Scope = "integration"
	// ScopeEnvironment is all unmanaged roles, application users and shares of views.
	ScopeEnvironment Scope = "environment"
	// ScopeUsers is the application users and the roles that are assigned to them. It is only
	// for a discovery, and no file has it.
	ScopeUsers Scope = "users"
)

func (s Scope) String() string { return enum.String(s) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Scope) UnmarshalText(b []byte) error {
	return enum.Unmarshal(s, b, "scope", ScopeIntegration, ScopeEnvironment)
}

// A Source is where the data of a snapshot comes from.
type Source string

// The sources.
const (
	SourceUnknown     Source = ""
	SourceEnvironment Source = "environment"
	SourceSolution    Source = "solution"
)

func (s Source) String() string { return enum.String(s) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Source) UnmarshalText(b []byte) error {
	return enum.Unmarshal(s, b, "source", SourceEnvironment, SourceSolution)
}

// A Viewer is an identity whose list of personal views was read.
type Viewer string

// The viewers.
const (
	ViewerUnknown         Viewer = ""
	ViewerAuditor         Viewer = "auditor"
	ViewerIntegrationUser Viewer = "integration-user"
	ViewerOwner           Viewer = "owner"
)

func (v Viewer) String() string { return enum.String(v) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Viewer) UnmarshalText(b []byte) error {
	return enum.Unmarshal(v, b, "viewer", ViewerAuditor, ViewerIntegrationUser, ViewerOwner)
}

// A PrincipalType is the logical name of the table of a principal: an owner, or one that
// something is shared with.
type PrincipalType string

// The types of principals.
const (
	PrincipalUnknown PrincipalType = ""
	PrincipalUser    PrincipalType = "systemuser"
	PrincipalTeam    PrincipalType = "team"
)

func (p PrincipalType) String() string { return enum.String(p) }

// MarshalText implements [encoding.TextMarshaler].
func (p PrincipalType) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *PrincipalType) UnmarshalText(b []byte) error {
	return enum.Unmarshal(p, b, "type of principal", PrincipalUnknown, PrincipalUser, PrincipalTeam)
}

// An AccessMode is the access mode of a user. It is unknown if it was not read or its number is
// not documented.
type AccessMode string

// The access modes.
const (
	AccessUnknown        AccessMode = ""
	AccessReadWrite      AccessMode = "read-write"
	AccessAdministrative AccessMode = "administrative"
	AccessRead           AccessMode = "read"
	AccessSupport        AccessMode = "support"
	AccessNonInteractive AccessMode = "non-interactive"
	AccessDelegatedAdmin AccessMode = "delegated-admin"
)

// accessModes lists the access modes by their numbers in the accessmode column.
func accessModes() []AccessMode {
	return []AccessMode{
		AccessReadWrite, AccessAdministrative, AccessRead, AccessSupport, AccessNonInteractive, AccessDelegatedAdmin,
	}
}

// AccessModeOf returns the access mode for a number of the accessmode column.
func AccessModeOf(number int) AccessMode { return valueAt(accessModes(), number) }

func (m AccessMode) String() string { return enum.String(m) }

// MarshalText implements [encoding.TextMarshaler].
func (m AccessMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *AccessMode) UnmarshalText(b []byte) error {
	return enum.Unmarshal(m, b, "access mode", append(accessModes(), AccessUnknown)...)
}

// An EntraState says whether a user's identity still exists in Microsoft Entra.
type EntraState string

// The states.
const (
	EntraUnknown     EntraState = ""
	EntraExists      EntraState = "exists"
	EntraSoftDeleted EntraState = "soft-deleted"
	EntraDeleted     EntraState = "deleted"
)

// entraStates lists the states by their numbers in the azurestate column.
func entraStates() []EntraState { return []EntraState{EntraExists, EntraSoftDeleted, EntraDeleted} }

// EntraStateOf returns the state for a number of the azurestate column.
func EntraStateOf(number int) EntraState { return valueAt(entraStates(), number) }

func (e EntraState) String() string { return enum.String(e) }

// MarshalText implements [encoding.TextMarshaler].
func (e EntraState) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (e *EntraState) UnmarshalText(b []byte) error {
	return enum.Unmarshal(e, b, "Entra state", append(entraStates(), EntraUnknown)...)
}

// valueAt returns the value at an index, or the zero value if the index is out of range.
func valueAt[T ~string](values []T, number int) T {
	if number < 0 || number >= len(values) {
		return ""
	}
	return values[number]
}

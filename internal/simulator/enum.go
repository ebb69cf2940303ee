package simulator

import (
	"slices"
	"strconv"
)

// A Tristate is a setting that is on, off or not set.
type Tristate string

// The values of a Tristate.
const (
	Absent Tristate = ""
	On     Tristate = "on"
	Off    Tristate = "off"
)

// An AccessMode is a user's access mode. The zero value is read-write for people and
// non-interactive for application users.
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

// accessModes returns the modes in the order of the accessmode column's numbers.
func accessModes() []AccessMode {
	return []AccessMode{
		AccessReadWrite, AccessAdministrative, AccessRead, AccessSupport, AccessNonInteractive, AccessDelegatedAdmin,
	}
}

// number returns the mode's number in the accessmode column.
func (m AccessMode) number() int {
	if i := slices.Index(accessModes(), m); i >= 0 {
		return i
	}
	i, _ := strconv.Atoi(string(m)) // an undocumented mode, which the schema requires to be a number
	return i
}

// An EntraState says whether a user's identity exists in Microsoft Entra. If it is empty, SoftDeleted decides.
type EntraState string

// The states of an identity.
const (
	EntraExists      EntraState = "exists"
	EntraSoftDeleted EntraState = "soft-deleted"
	EntraDeleted     EntraState = "deleted"
)

// entraStates returns the states in the order of the azurestate column's numbers.
func entraStates() []EntraState { return []EntraState{EntraExists, EntraSoftDeleted, EntraDeleted} }

// A TeamType is a team's type; the zero value is an owner team.
type TeamType string

// TeamAccess is the type of a team without roles, which Dataverse creates to share a record.
const TeamAccess TeamType = "access"

// teamTypes returns the types in the order of the teamtype column's numbers.
func teamTypes() []TeamType { return []TeamType{"owner", TeamAccess, "security-group", "office-group"} }

// A ComponentState is the state of a solution component; the zero value is published.
type ComponentState string

// Unpublished is the state of a role with changes that are not published.
const Unpublished ComponentState = "unpublished"

// componentStates returns the states in the order of the componentstate column's numbers.
func componentStates() []ComponentState {
	return []ComponentState{"published", Unpublished, "deleted", "deleted-unpublished"}
}

package simulator

import (
	"slices"
	"strconv"
)

// A Tristate is a setting that an environment may have on, off, or not at all.
type Tristate string

// The values of a Tristate; the zero value is absent.
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

func accessModes() []AccessMode {
	return []AccessMode{
		AccessReadWrite, AccessAdministrative, AccessRead, AccessSupport, AccessNonInteractive, AccessDelegatedAdmin,
	}
}

// number is the mode in the accessmode column.
func (m AccessMode) number() int {
	if i := slices.Index(accessModes(), m); i >= 0 {
		return i
	}
	i, _ := strconv.Atoi(string(m)) // the schema knows what a mode looks like
	return i
}

// An EntraState says whether a user's identity exists in Entra; the zero value means that it does.
type EntraState string

// The states of an identity, in the order of the azurestate column's numbers.
const (
	EntraExists      EntraState = "exists"
	EntraSoftDeleted EntraState = "soft-deleted"
	EntraDeleted     EntraState = "deleted"
)

func entraStates() []EntraState { return []EntraState{EntraExists, EntraSoftDeleted, EntraDeleted} }

// A TeamType is a team's type; the zero value is an owner team.
type TeamType string

// TeamAccess is the type of a team without roles that Dataverse makes to share a record.
const TeamAccess TeamType = "access"

// teamTypes are in the order of the teamtype column's numbers.
func teamTypes() []TeamType { return []TeamType{"owner", TeamAccess, "security-group", "office-group"} }

// A ComponentState is the state of a solution component; the zero value is published.
type ComponentState string

// Unpublished is the state of a role that was changed and not published.
const Unpublished ComponentState = "unpublished"

// componentStates are in the order of the componentstate column's numbers.
func componentStates() []ComponentState {
	return []ComponentState{"published", Unpublished, "deleted", "deleted-unpublished"}
}

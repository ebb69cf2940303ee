package simulator

import (
	"cmp"
	"slices"
)

// An ownership says who owns a row. Depths are measured against it.
type ownership struct {
	unit  *unit  // nil if the organization owns the row
	owner string // id of the owning user or team; a user and a team own themselves
}

// An ownedRow belongs to a business unit, or to a user or a team in one.
type ownedRow interface{ ownership() ownership }

// ownershipOf returns the ownership of a row. A row that is not an ownedRow belongs to the organization.
func ownershipOf(row any) ownership {
	if owned, ok := row.(ownedRow); ok {
		return owned.ownership()
	}
	return ownership{}
}

type unit struct {
	*BusinessUnit
	parent *unit
}

func (u *unit) ownership() ownership { return ownership{unit: u} }

func (u *unit) level() int {
	if u.parent == nil {
		return 0
	}
	return u.parent.level() + 1
}

func (u *unit) isDisabled() bool { return u.Disabled || u.parent != nil && u.parent.isDisabled() }

// isWithin reports whether the unit is other or below it. It compares ids, because other may come from an
// older database.
func (u *unit) isWithin(other *unit) bool {
	return u.ID == other.ID || u.parent != nil && u.parent.isWithin(other)
}

// A role is a business unit's copy of a Role.
type role struct {
	*Role
	id       string
	unit     *unit
	parentID string // the copy of the unit above; "" for the root
	root     *role
}

func (r *role) ownership() ownership { return ownership{unit: r.unit} }

func (r *role) isAdministrator() bool { return r.Template == systemAdministratorTemplate }

func (r *role) depth(p *privilege) Depth {
	if r.isAdministrator() {
		return p.Deepest()
	}
	return r.Privileges[p.Name]
}

// isSpecialGrant reports whether the role grants a privilege for some records only, or with another word
// for its depth. Responses have a separate row for such a grant.
func (r *role) isSpecialGrant(p *privilege) bool {
	return r.recordFilter(p) != "" || r.DepthWords[p.Name] != ""
}

// recordFilter returns the id of the record filter of the role's grant, or "".
func (r *role) recordFilter(p *privilege) string {
	if slices.Contains(r.RecordFilters, p.Name) {
		return deriveID("", "recordfilter", p.Name)
	}
	return ""
}

// clearSpecialGrant makes a grant an ordinary one, as it is after any change.
func (r *role) clearSpecialGrant(name string) {
	r.RecordFilters = slices.DeleteFunc(r.RecordFilters, func(n string) bool { return n == name })
	delete(r.DepthWords, name)
}

type user struct {
	*User
	unit        *unit
	application bool
	roles       []*role
	teams       []*team
	profiles    []*ColumnSecurityProfile
}

func (u *user) ownership() ownership { return ownership{u.unit, u.ID} }

// accessMode returns the number in the accessmode column.
func (u *user) accessMode() int {
	usual := AccessReadWrite
	if u.application {
		usual = AccessNonInteractive
	}
	return cmp.Or(u.AccessMode, usual).number()
}

// entraState returns the number in the azurestate column.
func (u *user) entraState() int {
	if u.EntraState == "" {
		return boolToInt(u.SoftDeleted)
	}
	return slices.Index(entraStates(), u.EntraState)
}

// isOrIsMemberOf reports whether an id is that of the user or of one of its teams.
func (u *user) isOrIsMemberOf(id string) bool {
	return u.ID == id || slices.ContainsFunc(u.teams, func(t *team) bool { return t.ID == id })
}

// enabledTeams returns the teams that give the user roles and shares. A team of a disabled unit gives
// nothing.
func (u *user) enabledTeams() []*team {
	return slices.DeleteFunc(slices.Clone(u.teams), func(t *team) bool { return t.unit.isDisabled() })
}

type team struct {
	*Team
	unit     *unit
	roles    []*role
	members  []*user
	profiles []*ColumnSecurityProfile
}

func (t *team) ownership() ownership { return ownership{t.unit, t.ID} }

// A personalView has the ownership of its owner, a user or a team.
type personalView struct {
	*PersonalView
	owner any
}

func (v *personalView) ownership() ownership { return ownershipOf(v.owner) }

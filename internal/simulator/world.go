package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// A world is an environment that is ready to answer requests: references are resolved, role copies and
// default teams exist, and everything has an index by id. It never changes; a write makes a new one.
type world struct {
	env *Environment // normalised, references pinned
	cat *catalogue

	units []*unit // the root first
	roles []*role // copies, the root ones before those below
	users []*user
	teams []*team
	views []*personalView
	byID  map[string]any // all of these

	stamps map[string]stamp
}

// lookup finds a unit, a role, a user, a team or a personal view by its id, or nil.
func lookup[T any](w *world, id string) *T {
	row, _ := w.byID[id].(*T)
	return row
}

type unit struct {
	*BusinessUnit
	parent *unit
}

func (u *unit) place() placement { return placement{unit: u} }

// level is the number of units above this one.
func (u *unit) level() int {
	if u.parent == nil {
		return 0
	}
	return u.parent.level() + 1
}

// closed reports whether the unit, or one above it, is disabled.
func (u *unit) closed() bool { return u.Disabled || u.parent != nil && u.parent.closed() }

// within reports whether the unit is other or below it. It compares ids, since other may be of an older
// world.
func (u *unit) within(other *unit) bool {
	return u.ID == other.ID || u.parent != nil && u.parent.within(other)
}

// A role is one copy of a role: that of one business unit.
type role struct {
	*Role
	id       string
	unit     *unit
	parentID string // "" for the root
	root     *role
}

func (r *role) place() placement { return placement{unit: r.unit} }

func (r *role) administrator() bool { return r.Template == systemAdministratorTemplate }

// depth is how deep the role grants a privilege.
func (r *role) depth(p *privilege) Depth {
	if r.administrator() {
		return p.Deepest()
	}
	return r.Privileges[p.Name]
}

// granted are the privileges that a role grants.
func (w *world) granted(r *role) []*privilege {
	return pick(w.cat.privileges, func(p *privilege) bool { return r.depth(p) != DepthNone })
}

// odd reports whether a role grants a privilege for some records only, or with another word for its
// depth. Then responses have a separate row for it.
func (r *role) odd(p *privilege) bool { return r.recordFilter(p) != "" || r.DepthWords[p.Name] != "" }

// recordFilter is the id of the record filter of a role's grant, "" for none.
func (r *role) recordFilter(p *privilege) string {
	if slices.Contains(r.RecordFilters, p.Name) {
		return deriveID("", "recordfilter", p.Name)
	}
	return ""
}

// plain makes a grant an ordinary one, as it is after any change.
func (r *role) plain(name string) {
	r.RecordFilters = slices.DeleteFunc(r.RecordFilters, func(n string) bool { return n == name })
	delete(r.DepthWords, name)
}

// isOrJoins reports whether an id is that of the user or of one of its teams.
func (u *user) isOrJoins(id string) bool {
	return u.ID == id || slices.ContainsFunc(u.teams, func(t *team) bool { return t.ID == id })
}

// holdsAs reports whether the holding covers the rows of an owner: the user or one of its teams.
func (u *user) holdsAs(id string, h holding) bool {
	if id == u.ID {
		return h.team() == nil
	}
	return slices.ContainsFunc(u.liveTeams(), func(t *team) bool { return t.ID == id && (h.team() == nil || h.team().ID == id) })
}

type user struct {
	*User
	unit        *unit
	application bool
	roles       []*role
	teams       []*team
	profiles    []*ColumnSecurityProfile
}

func (u *user) place() placement { return placement{u.unit, u.ID} }

func (u *user) accessMode() int {
	usual := AccessReadWrite
	if u.application {
		usual = AccessNonInteractive
	}
	return cmp.Or(u.AccessMode, usual).number()
}

// entraState is the number of the azurestate column.
func (u *user) entraState() int {
	if u.EntraState == "" {
		return asInt(u.SoftDeleted)
	}
	return slices.Index(entraStates(), u.EntraState)
}

// liveTeams are the teams that give the user roles and rights: not those of a disabled unit.
func (u *user) liveTeams() []*team {
	return slices.DeleteFunc(slices.Clone(u.teams), func(t *team) bool { return t.unit.closed() })
}

type team struct {
	*Team
	unit    *unit
	roles   []*role
	members []*user
	// profiles are those of column security.
	profiles []*ColumnSecurityProfile
}

func (t *team) place() placement { return placement{t.unit, t.ID} }

// A personalView has the placement of its owner, a user or a team.
type personalView struct {
	*PersonalView
	owner any
}

func (v *personalView) place() placement { return placeOf(v.owner) }

// newWorld makes a world of a normalised environment with pinned references. before may be nil; by is
// the user who makes the change.
func newWorld(env *Environment, cat *catalogue, before *world, now time.Time, by string) *world {
	w := &world{env: env, cat: cat, byID: map[string]any{}, stamps: map[string]stamp{}}
	w.addUnits()
	w.addRoles()
	w.addPrincipals()
	w.addViews()
	if before != nil {
		w.stamp(before, now, by)
	}
	return w
}

// pointers returns the addresses of a slice's items.
func pointers[T any](list []T) []*T {
	all := make([]*T, len(list))
	for i := range list {
		all[i] = &list[i]
	}
	return all
}

func (w *world) addUnits() {
	for _, def := range pointers(w.env.BusinessUnits) {
		u := &unit{BusinessUnit: def}
		w.units = append(w.units, u)
		w.byID[u.ID] = u
	}
	for _, u := range w.units {
		u.parent = lookup[unit](w, u.Parent)
	}
	// From the root down, so that a role's copy is made after its parent's.
	slices.SortStableFunc(w.units, func(a, b *unit) int { return cmp.Compare(a.level(), b.level()) })
}

func (w *world) addRoles() {
	for _, def := range pointers(w.env.Roles) {
		home := lookup[unit](w, def.BusinessUnit)
		copies := map[*unit]*role{}
		for _, u := range w.units {
			if !u.within(home) {
				continue
			}
			r := &role{Role: def, id: copyID(def.ID, home.ID, u.ID), unit: u}
			r.root = r
			if parent := copies[u.parent]; parent != nil {
				r.parentID, r.root = parent.id, parent.root
			}
			copies[u], w.byID[r.id] = r, r
			w.roles = append(w.roles, r)
		}
	}
}

func copyID(role, home, unit string) string {
	if home == unit {
		return role
	}
	return deriveID(role, unit)
}

// copyFor finds the copy of a role that an assignment means, or nil.
func (w *world) copyFor(a RoleAssignment, holder *unit) *role {
	def := lookup[role](w, a.Role)
	if def == nil {
		return nil
	}
	return lookup[role](w, copyID(def.root.id, def.root.unit.ID, cmp.Or(a.BusinessUnit, holder.ID)))
}

func (w *world) copiesFor(assignments []RoleAssignment, holder *unit) []*role {
	copies := each(assignments, func(a RoleAssignment) *role { return w.copyFor(a, holder) })
	return pick(copies, func(r *role) bool { return r != nil })
}

func (w *world) addPrincipals() {
	for i, users := range [][]User{w.env.Users, w.env.ApplicationUsers} {
		for _, def := range pointers(users) {
			u := &user{User: def, application: i == 1, unit: lookup[unit](w, def.BusinessUnit)}
			u.roles = w.copiesFor(u.Roles, u.unit)
			w.users = append(w.users, u)
			w.byID[u.ID] = u
		}
	}
	for _, def := range pointers(w.env.Teams) {
		t := &team{Team: def, unit: lookup[unit](w, def.BusinessUnit)}
		t.roles = w.copiesFor(t.Roles, t.unit)
		if t.Default {
			t.members = pick(w.users, func(u *user) bool { return u.unit == t.unit })
		}
		for _, id := range t.Members {
			t.members = append(t.members, lookup[user](w, id))
		}
		for _, u := range t.members {
			u.teams = append(u.teams, t)
		}
		w.teams = append(w.teams, t)
		w.byID[t.ID] = t
	}
}

func (w *world) addViews() {
	for _, def := range pointers(w.env.PersonalViews) {
		v := &personalView{def, w.byID[def.Owner]}
		w.views = append(w.views, v)
		w.byID[v.ID] = v
	}
	for _, p := range pointers(w.env.ColumnSecurityProfiles) {
		for _, id := range p.Members {
			u := lookup[user](w, id)
			u.profiles = append(u.profiles, p)
		}
		for _, id := range p.Teams {
			t := lookup[team](w, id)
			t.profiles = append(t.profiles, p)
		}
	}
}

func (w *world) acrossUnits() bool {
	return w.env.Organization.RecordOwnershipAcrossBusinessUnits == On
}

func (w *world) userOf(who entra.Identity) *user {
	for _, u := range w.users {
		matches := u.EntraObjectID == strings.ToLower(who.ObjectID)
		if who.ApplicationID != "" {
			matches = u.application && u.ApplicationID == who.ApplicationID
		}
		if matches && !u.SoftDeleted {
			return u
		}
	}
	return nil
}

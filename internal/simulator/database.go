package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator/entra"
)

// A database is an environment that is ready to answer requests: references are resolved, the copies of
// roles exist, and rows have an index by id. A database does not change; a write makes a new one.
type database struct {
	env *Environment // normalized; references are ids
	cat *catalogue

	units []*unit // a unit comes after the one above it
	roles []*role // a copy comes after that of the unit above
	users []*user
	teams []*team
	views []*personalView
	byID  map[string]any // the rows of these five lists

	stamps map[string]stamp
}

// lookup returns the unit, role, user, team or personal view with an id, or nil.
func lookup[T any](db *database, id string) *T {
	row, _ := db.byID[id].(*T)
	return row
}

// newDatabase returns the database of a normalized environment in which references are ids. before is the
// database that it replaces, or nil. by is the id of the user who made the change, or "".
func newDatabase(env *Environment, cat *catalogue, before *database, now time.Time, by string) *database {
	db := &database{env: env, cat: cat, byID: map[string]any{}, stamps: map[string]stamp{}}
	db.addUnits()
	db.addRoles()
	db.addPrincipals()
	db.addViews()
	if before != nil {
		db.updateStamps(before, now, by)
	}
	return db
}

func (db *database) addUnits() {
	for _, def := range pointers(db.env.BusinessUnits) {
		u := &unit{BusinessUnit: def}
		db.units = append(db.units, u)
		db.byID[u.ID] = u
	}
	for _, u := range db.units {
		u.parent = lookup[unit](db, u.Parent)
	}
	// From the root down, so that addRoles makes the copy of the unit above first.
	slices.SortStableFunc(db.units, func(a, b *unit) int { return cmp.Compare(a.level(), b.level()) })
}

func (db *database) addRoles() {
	for _, def := range pointers(db.env.Roles) {
		home := lookup[unit](db, def.BusinessUnit)
		copies := map[*unit]*role{}
		for _, u := range db.units {
			if !u.isWithin(home) {
				continue
			}
			r := &role{Role: def, id: copyID(def.ID, home.ID, u.ID), unit: u}
			r.root = r
			if parent := copies[u.parent]; parent != nil {
				r.parentID, r.root = parent.id, parent.root
			}
			copies[u], db.byID[r.id] = r, r
			db.roles = append(db.roles, r)
		}
	}
}

// copyID returns the id of a unit's copy of a role. home is the business unit of the role itself.
func copyID(role, home, unit string) string {
	if home == unit {
		return role
	}
	return deriveID(role, unit)
}

// roleCopy returns the copy of a role that an assignment refers to, or nil. holder is the business unit of
// the user or team that has the role.
func (db *database) roleCopy(a RoleAssignment, holder *unit) *role {
	root := lookup[role](db, a.Role).root
	return lookup[role](db, copyID(root.id, root.unit.ID, cmp.Or(a.BusinessUnit, holder.ID)))
}

func (db *database) roleCopies(assignments []RoleAssignment, holder *unit) []*role {
	copies := mapSlice(assignments, func(a RoleAssignment) *role { return db.roleCopy(a, holder) })
	return filterSlice(copies, func(r *role) bool { return r != nil })
}

func (db *database) addPrincipals() {
	for i, users := range [][]User{db.env.Users, db.env.ApplicationUsers} {
		for _, def := range pointers(users) {
			u := &user{User: def, application: i == 1, unit: lookup[unit](db, def.BusinessUnit)}
			u.roles = db.roleCopies(u.Roles, u.unit)
			db.users = append(db.users, u)
			db.byID[u.ID] = u
		}
	}
	for _, def := range pointers(db.env.Teams) {
		t := &team{Team: def, unit: lookup[unit](db, def.BusinessUnit)}
		t.roles = db.roleCopies(t.Roles, t.unit)
		if t.Default {
			t.members = filterSlice(db.users, func(u *user) bool { return u.unit == t.unit })
		}
		for _, id := range t.Members {
			t.members = append(t.members, lookup[user](db, id))
		}
		for _, u := range t.members {
			u.teams = append(u.teams, t)
		}
		db.teams = append(db.teams, t)
		db.byID[t.ID] = t
	}
}

func (db *database) addViews() {
	for _, def := range pointers(db.env.PersonalViews) {
		v := &personalView{def, db.byID[def.Owner]}
		db.views = append(db.views, v)
		db.byID[v.ID] = v
	}
	for _, p := range pointers(db.env.ColumnSecurityProfiles) {
		for _, id := range p.Members {
			u := lookup[user](db, id)
			u.profiles = append(u.profiles, p)
		}
		for _, id := range p.Teams {
			t := lookup[team](db, id)
			t.profiles = append(t.profiles, p)
		}
	}
}

func (db *database) privilegesOf(r *role) []*privilege {
	return filterSlice(db.cat.privileges, func(p *privilege) bool { return r.depth(p) != DepthNone })
}

func (db *database) allowsOwnershipAcrossUnits() bool {
	return db.env.Organization.RecordOwnershipAcrossBusinessUnits == On
}

// userByIdentity returns the user that a token is for, or nil. A user that is soft-deleted cannot sign in.
func (db *database) userByIdentity(identity entra.Identity) *user {
	for _, u := range db.users {
		matches := u.EntraObjectID == strings.ToLower(identity.ObjectID)
		if identity.ApplicationID != "" {
			matches = u.application && u.ApplicationID == identity.ApplicationID
		}
		if matches && !u.SoftDeleted {
			return u
		}
	}
	return nil
}

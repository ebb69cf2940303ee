package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A world is an environment made ready to answer requests: references resolved, role copies and
// default teams there, everything findable by id. It is never changed; a write makes a new one.
type world struct {
	env *Environment // normalised, references pinned
	cat *catalogue

	root     *unit
	units    []*unit
	roles    []*role // copies, the root ones before those below
	users    []*user
	teams    []*team
	views    []*personalView
	unitByID map[string]*unit
	roleByID map[string]*role
	userByID map[string]*user
	teamByID map[string]*team
	viewByID map[string]*personalView

	stamps map[string]stamp
}

type unit struct {
	*BusinessUnit
	parent *unit
	level  int
}

func (u *unit) place() placement { return placement{unit: u} }

// closed says whether the unit, or one above it, is disabled.
func (u *unit) closed() bool {
	for ; u != nil; u = u.parent {
		if u.Disabled {
			return true
		}
	}
	return false
}

// within says whether the unit is other or below it.
func (u *unit) within(other *unit) bool {
	for ; u != nil; u = u.parent {
		if u == other {
			return true
		}
	}
	return false
}

// A role is one copy of a role: that of one business unit.
type role struct {
	*Role
	id           string
	unit         *unit
	parent, root *role
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

// odd says whether a role grants a privilege for some records only, or at a depth in
// other words: then its answers have a row of its own for it.
func (r *role) odd(p *privilege) bool { return r.recordFilter(p) != "" || r.DepthWords[p.Name] != "" }

// recordFilter is the id of the record filter of a role's grant, "" for none.
func (r *role) recordFilter(p *privilege) string {
	if slices.Contains(r.RecordFilters, p.Name) {
		return deriveID("", "recordfilter", p.Name)
	}
	return ""
}

// plain makes a grant an ordinary one, as it is once it was given or taken again.
func (r *role) plain(name string) {
	r.RecordFilters = slices.DeleteFunc(r.RecordFilters, func(n string) bool { return n == name })
	delete(r.DepthWords, name)
}

// isOrJoins says whether an id is the user's, or that of a team that it is a member of.
func (u *user) isOrJoins(id string) bool {
	return u.ID == id || slices.ContainsFunc(u.teams, func(t *team) bool { return t.ID == id })
}

// holdsAs says whether the user holds a privilege in this way as itself, or as a team that it joins.
func (u *user) holdsAs(id string, h holding) bool {
	if id == u.ID {
		return h.team == nil
	}
	return slices.ContainsFunc(u.liveTeams(), func(t *team) bool { return t.ID == id && (h.team == nil || h.team.ID == id) })
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
	mode := u.AccessMode
	if mode == "" {
		mode = AccessReadWrite
		if u.application {
			mode = AccessNonInteractive
		}
	}
	return mode.number()
}

// entraState is the number of the azurestate column.
func (u *user) entraState() int {
	if u.EntraState == "" {
		return asInt(u.SoftDeleted)
	}
	return slices.Index(entraStates(), u.EntraState)
}

// liveTeams are the teams that give the user anything: not those of a unit that is disabled.
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

// A personalView stands where its owner does, who is a user or a team.
type personalView struct {
	*PersonalView
	owner placement
	team  *team
}

func (v *personalView) place() placement { return v.owner }

// newWorld makes a world of a normalised environment whose references are pinned. before may be nil;
// by is the user who changes it.
func newWorld(env *Environment, before *world, now time.Time, by string) *world {
	w := &world{
		env:      env,
		unitByID: map[string]*unit{}, roleByID: map[string]*role{}, userByID: map[string]*user{},
		teamByID: map[string]*team{}, viewByID: map[string]*personalView{},
	}
	if before != nil && sameCatalogue(before.env, env) {
		w.cat = before.cat
	} else {
		w.cat = newCatalogue(env)
	}
	w.addUnits()
	w.addRoles()
	w.addPrincipals()
	w.addViews()
	w.stamps = map[string]stamp{}
	if before != nil {
		w.stamp(before, now, by)
	}
	return w
}

func (w *world) addUnits() {
	for i := range w.env.BusinessUnits {
		u := &unit{BusinessUnit: &w.env.BusinessUnits[i]}
		w.units = append(w.units, u)
		w.unitByID[u.ID] = u
	}
	for _, u := range w.units {
		u.parent = w.unitByID[u.Parent]
		if u.parent == nil {
			w.root = u
		}
	}
	for _, u := range w.units {
		for p := u.parent; p != nil; p = p.parent {
			u.level++
		}
	}
	// From the root down, so that a role's copy is made after its parent's.
	slices.SortStableFunc(w.units, func(a, b *unit) int { return cmp.Compare(a.level, b.level) })
}

func (w *world) addRoles() {
	for i := range w.env.Roles {
		def := &w.env.Roles[i]
		home := w.unitByID[def.BusinessUnit]
		copies := map[*unit]*role{}
		for _, u := range w.units {
			if !u.within(home) {
				continue
			}
			r := &role{Role: def, id: copyID(def.ID, home.ID, u.ID), unit: u}
			if u == home {
				r.root = r
			} else {
				r.parent = copies[u.parent]
				r.root = r.parent.root
			}
			copies[u] = r
			w.roles = append(w.roles, r)
			w.roleByID[r.id] = r
		}
	}
}

// copyID is the id of the copy of a role in a business unit.
func copyID(role, home, unit string) string {
	if home == unit {
		return role
	}
	return deriveID(role, unit)
}

// copyFor finds the copy of a role that an assignment means, nil if the role has none there.
func (w *world) copyFor(a RoleAssignment, holder *unit) *role {
	def := w.roleByID[a.Role]
	if def == nil {
		return nil
	}
	at := holder.ID
	if a.BusinessUnit != "" {
		at = a.BusinessUnit
	}
	return w.roleByID[copyID(def.root.id, def.root.unit.ID, at)]
}

func (w *world) copiesFor(assignments []RoleAssignment, holder *unit) []*role {
	var roles []*role
	for _, a := range assignments {
		if r := w.copyFor(a, holder); r != nil {
			roles = append(roles, r)
		}
	}
	return roles
}

func (w *world) addPrincipals() {
	add := func(def *User, application bool) {
		u := &user{User: def, application: application, unit: w.unitByID[def.BusinessUnit]}
		u.roles = w.copiesFor(def.Roles, u.unit)
		w.users = append(w.users, u)
		w.userByID[u.ID] = u
	}
	for i := range w.env.Users {
		add(&w.env.Users[i], false)
	}
	for i := range w.env.ApplicationUsers {
		add(&w.env.ApplicationUsers[i], true)
	}
	for i := range w.env.Teams {
		t := &team{Team: &w.env.Teams[i], unit: w.unitByID[w.env.Teams[i].BusinessUnit]}
		t.roles = w.copiesFor(t.Roles, t.unit)
		if t.Default {
			for _, u := range w.users {
				if u.unit == t.unit {
					t.members = append(t.members, u)
				}
			}
		}
		for _, id := range t.Members {
			t.members = append(t.members, w.userByID[id])
		}
		for _, u := range t.members {
			u.teams = append(u.teams, t)
		}
		w.teams = append(w.teams, t)
		w.teamByID[t.ID] = t
	}
}

func (w *world) addViews() {
	for i := range w.env.PersonalViews {
		v := &personalView{PersonalView: &w.env.PersonalViews[i]}
		if v.team = w.teamByID[v.Owner]; v.team != nil {
			v.owner = v.team.place()
		} else {
			v.owner = w.userByID[v.Owner].place()
		}
		w.views = append(w.views, v)
		w.viewByID[v.ID] = v
	}
	for i := range w.env.ColumnSecurityProfiles {
		p := &w.env.ColumnSecurityProfiles[i]
		for _, id := range p.Members {
			w.userByID[id].profiles = append(w.userByID[id].profiles, p)
		}
		for _, id := range p.Teams {
			w.teamByID[id].profiles = append(w.teamByID[id].profiles, p)
		}
	}
}

// acrossUnits says whether rows may be owned, and roles held, across business units.
func (w *world) acrossUnits() bool {
	return w.env.Organization.RecordOwnershipAcrossBusinessUnits == On
}

// userByApplication finds the application user that a token of an application stands for.
func (w *world) userByApplication(applicationID string) *user {
	for _, u := range w.users {
		if u.application && !u.SoftDeleted && u.ApplicationID == applicationID {
			return u
		}
	}
	return nil
}

func (w *world) userByObject(objectID string) *user {
	objectID = strings.ToLower(objectID)
	for _, u := range w.users {
		if !u.SoftDeleted && u.EntraObjectID == objectID {
			return u
		}
	}
	return nil
}

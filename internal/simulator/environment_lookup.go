package simulator

import "strings"

// Client returns the app registration with an application id or name, or nil.
func (e *Environment) Client(ref string) *Client {
	return firstMatch(e.Clients, func(c *Client) bool { return sameRef(c.ApplicationID, ref) || sameRef(c.Name, ref) })
}

// BusinessUnit returns the business unit with a name or id, or nil.
func (e *Environment) BusinessUnit(ref string) *BusinessUnit {
	return firstMatch(e.BusinessUnits, func(b *BusinessUnit) bool { return sameRef(b.ID, ref) || sameRef(b.Name, ref) })
}

// Role returns the role with a name or id, or nil.
func (e *Environment) Role(ref string) *Role {
	return firstMatch(e.Roles, func(r *Role) bool { return sameRef(r.ID, ref) || sameRef(r.Name, ref) })
}

// User returns the person with a user principal name, name or id, or nil.
func (e *Environment) User(ref string) *User {
	return firstMatch(e.Users, func(u *User) bool { return u.matches(ref) })
}

// ApplicationUser returns the application user with an application id, name or id, or nil.
func (e *Environment) ApplicationUser(ref string) *User {
	return firstMatch(e.ApplicationUsers, func(u *User) bool { return u.matches(ref) })
}

// Team returns the team with a name or id, or nil.
func (e *Environment) Team(ref string) *Team {
	return firstMatch(e.Teams, func(t *Team) bool { return sameRef(t.ID, ref) || sameRef(t.Name, ref) })
}

// PersonalView returns the personal view of a table with a name, or nil.
func (e *Environment) PersonalView(table, name string) *PersonalView {
	return firstMatch(e.PersonalViews, func(v *PersonalView) bool { return sameRef(v.Table, table) && sameRef(v.Name, name) })
}

// SystemView returns the system view of a table with a name, or nil.
func (e *Environment) SystemView(table, name string) *SystemView {
	return firstMatch(e.SystemViews, func(v *SystemView) bool { return sameRef(v.Table, table) && sameRef(v.Name, name) })
}

func (u *User) matches(ref string) bool {
	return sameRef(u.ID, ref) || sameRef(u.UPN, ref) || sameRef(u.ApplicationID, ref) || sameRef(u.Name, ref)
}

// sameRef reports whether two names or ids are equal. Like Dataverse, it ignores case. An empty reference
// equals nothing.
func sameRef(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

package simulator

import "strings"

// Client finds an app registration by application id or name, or nil.
func (e *Environment) Client(ref string) *Client {
	return first(e.Clients, func(c *Client) bool { return same(c.ApplicationID, ref) || same(c.Name, ref) })
}

// BusinessUnit finds a business unit by name or id, or nil.
func (e *Environment) BusinessUnit(ref string) *BusinessUnit {
	return first(e.BusinessUnits, func(b *BusinessUnit) bool { return same(b.ID, ref) || same(b.Name, ref) })
}

// Role finds a role by name or id, or nil.
func (e *Environment) Role(ref string) *Role {
	return first(e.Roles, func(r *Role) bool { return same(r.ID, ref) || same(r.Name, ref) })
}

// User finds a person by user principal name, name or id, or nil.
func (e *Environment) User(ref string) *User {
	return first(e.Users, func(u *User) bool { return u.is(ref) })
}

// ApplicationUser finds an application user by application id, name or id, or nil.
func (e *Environment) ApplicationUser(ref string) *User {
	return first(e.ApplicationUsers, func(u *User) bool { return u.is(ref) })
}

// Team finds a team by name or id, or nil.
func (e *Environment) Team(ref string) *Team {
	return first(e.Teams, func(t *Team) bool { return same(t.ID, ref) || same(t.Name, ref) })
}

// PersonalView finds a personal view by table and name, or nil.
func (e *Environment) PersonalView(table, name string) *PersonalView {
	return first(e.PersonalViews, func(v *PersonalView) bool { return same(v.Table, table) && same(v.Name, name) })
}

// SystemView finds a system view by table and name, or nil.
func (e *Environment) SystemView(table, name string) *SystemView {
	return first(e.SystemViews, func(v *SystemView) bool { return same(v.Table, table) && same(v.Name, name) })
}

func (u *User) is(ref string) bool {
	return same(u.ID, ref) || same(u.UPN, ref) || same(u.ApplicationID, ref) || same(u.Name, ref)
}

func first[T any](list []T, match func(*T) bool) *T {
	for i := range list {
		if match(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// same compares names and ids. Like the platform's database, it ignores case. An empty reference equals
// nothing.
func same(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

package simulator

import (
	"maps"
	"slices"
)

// Clone copies the environment: nothing is shared between the two.
func (e *Environment) Clone() *Environment {
	c := *e
	c.Clients = cloneEach(e.Clients, func(v *Client) { v.Federated = slices.Clone(v.Federated) })
	c.BusinessUnits = slices.Clone(e.BusinessUnits)
	c.Roles = cloneEach(e.Roles, func(v *Role) {
		v.Privileges, v.DepthWords = maps.Clone(v.Privileges), maps.Clone(v.DepthWords)
		v.RecordFilters = slices.Clone(v.RecordFilters)
	})
	ownRoles := func(v *User) { v.Roles = slices.Clone(v.Roles) }
	c.Users, c.ApplicationUsers = cloneEach(e.Users, ownRoles), cloneEach(e.ApplicationUsers, ownRoles)
	c.Teams = cloneEach(e.Teams, func(v *Team) { v.Roles, v.Members = slices.Clone(v.Roles), slices.Clone(v.Members) })
	c.PersonalViews = cloneEach(e.PersonalViews, func(v *PersonalView) { v.Shares = slices.Clone(v.Shares) })
	c.SystemViews = slices.Clone(e.SystemViews)
	c.ColumnSecurityProfiles = cloneEach(e.ColumnSecurityProfiles, func(v *ColumnSecurityProfile) {
		v.Members, v.Teams = slices.Clone(v.Members), slices.Clone(v.Teams)
		v.Reads, v.Hides = slices.Clone(v.Reads), slices.Clone(v.Hides)
	})
	c.UndefinedTables, c.UndefinedPrivileges = slices.Clone(e.UndefinedTables), slices.Clone(e.UndefinedPrivileges)
	c.UnnamedPrivileges, c.Contradictions = slices.Clone(e.UnnamedPrivileges), slices.Clone(e.Contradictions)
	c.ExtraPrivileges = cloneEach(e.ExtraPrivileges, func(v *Privilege) { v.Depths = slices.Clone(v.Depths) })
	c.Suggest.Views = slices.Clone(e.Suggest.Views)
	return &c
}

// cloneEach copies a list; own makes each copy independent of what it was copied from.
func cloneEach[T any](list []T, own func(*T)) []T {
	c := slices.Clone(list)
	for i := range c {
		own(&c[i])
	}
	return c
}

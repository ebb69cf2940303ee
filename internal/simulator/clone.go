package simulator

import (
	"maps"
	"slices"
)

// Clone copies the environment: nothing is shared between the two.
func (e *Environment) Clone() *Environment {
	c := *e
	c.Clients = slices.Clone(e.Clients)
	for i := range c.Clients {
		c.Clients[i].Federated = slices.Clone(c.Clients[i].Federated)
	}
	c.BusinessUnits = slices.Clone(e.BusinessUnits)
	c.Roles = slices.Clone(e.Roles)
	for i := range c.Roles {
		c.Roles[i].Privileges = maps.Clone(c.Roles[i].Privileges)
		c.Roles[i].RecordFilters = slices.Clone(c.Roles[i].RecordFilters)
		c.Roles[i].DepthWords = maps.Clone(c.Roles[i].DepthWords)
	}
	c.Users = cloneUsers(e.Users)
	c.ApplicationUsers = cloneUsers(e.ApplicationUsers)
	c.Teams = slices.Clone(e.Teams)
	for i := range c.Teams {
		c.Teams[i].Roles = slices.Clone(c.Teams[i].Roles)
		c.Teams[i].Members = slices.Clone(c.Teams[i].Members)
	}
	c.PersonalViews = slices.Clone(e.PersonalViews)
	for i := range c.PersonalViews {
		c.PersonalViews[i].Shares = slices.Clone(c.PersonalViews[i].Shares)
	}
	c.SystemViews = slices.Clone(e.SystemViews)
	c.ColumnSecurityProfiles = slices.Clone(e.ColumnSecurityProfiles)
	for i := range c.ColumnSecurityProfiles {
		p := &c.ColumnSecurityProfiles[i]
		p.Members, p.Teams = slices.Clone(p.Members), slices.Clone(p.Teams)
		p.Reads, p.Hides = slices.Clone(p.Reads), slices.Clone(p.Hides)
	}
	c.UndefinedTables = slices.Clone(e.UndefinedTables)
	c.UndefinedPrivileges = slices.Clone(e.UndefinedPrivileges)
	c.UnnamedPrivileges = slices.Clone(e.UnnamedPrivileges)
	c.Contradictions = slices.Clone(e.Contradictions)
	c.ExtraPrivileges = slices.Clone(e.ExtraPrivileges)
	for i := range c.ExtraPrivileges {
		c.ExtraPrivileges[i].Depths = slices.Clone(c.ExtraPrivileges[i].Depths)
	}
	c.Suggest.Views = slices.Clone(e.Suggest.Views)
	return &c
}

func cloneUsers(users []User) []User {
	c := slices.Clone(users)
	for i := range c {
		c[i].Roles = slices.Clone(c[i].Roles)
	}
	return c
}

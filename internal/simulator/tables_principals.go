package simulator

import "slices"

func systemUserType() *entityType {
	type row = *user
	return &entityType{
		logicalName: "systemuser", entitySet: "systemusers",
		privileges: []string{"prvReadUser"},
		rows:       func(w *world) []any { return anys(w.users) },
		byID:       func(w *world, id string) any { return orNothing(w.userByID[id]) },
		place:      func(r any) placement { return placement{r.(row).unit, r.(row).ID} },
		columns: append([]column{
			guidCol("systemuserid", func(r row) string { return r.ID }),
			stringCol("fullname", func(r row) string { return r.Name }),
			stringCol("domainname", domainName),
			guidCol("applicationid", func(r row) string { return r.ApplicationID }),
			guidCol("azureactivedirectoryobjectid", func(r row) string { return r.EntraObjectID }),
			intCol("accessmode", func(r row) int { return r.accessMode() }),
			boolCol("isdisabled", func(r row) bool { return r.Disabled }),
			boolCol("islicensed", func(r row) bool { return r.Licensed }),
			guidCol("_businessunitid_value", func(r row) string { return r.unit.ID }),
			intCol("azurestate", func(r row) int { return r.entraState() }),
			intCol("deletedstate", func(r row) int { return asInt(r.SoftDeleted) }),
		}, createdCols(func(r row) Creation { return r.Created })...),
		navs: []nav{
			many("systemuserroles_association", "role", func(_ *world, r row) []any { return anys(r.roles) }),
			many("teammembership_association", "team", func(_ *world, r row) []any { return anys(r.teams) }),
			many("systemuserprofiles_association", "fieldsecurityprofile", func(_ *world, r row) []any { return anys(r.profiles) }),
		},
	}
}

// domainName is a person's user principal name; that of an application user is made up of its id.
func domainName(u *user) string {
	if u.application {
		return u.ApplicationID + "@applicationuser.invalid"
	}
	return u.UPN
}

func teamType() *entityType {
	type row = *team
	return &entityType{
		logicalName: "team", entitySet: "teams",
		privileges: []string{"prvReadTeam"},
		rows:       func(w *world) []any { return anys(w.teams) },
		byID:       func(w *world, id string) any { return orNothing(w.teamByID[id]) },
		place:      func(r any) placement { return placement{r.(row).unit, r.(row).ID} },
		columns: []column{
			guidCol("teamid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			intCol("teamtype", func(r row) int { return max(0, slices.Index(teamTypes(), r.Type)) }),
			guidCol("_businessunitid_value", func(r row) string { return r.unit.ID }),
		},
		navs: []nav{
			many("teamroles_association", "role", func(_ *world, r row) []any { return anys(r.roles) }),
			many("teamprofiles_association", "fieldsecurityprofile", func(_ *world, r row) []any { return anys(r.profiles) }),
		},
	}
}

// A userRole is a row of the systemuserroles table; a teamRole and a membership are its siblings.
type userRole struct {
	user *user
	role *role
}

func systemUserRolesType() *entityType {
	type row = userRole
	return &entityType{
		logicalName: "systemuserroles", entitySet: "systemuserrolescollection",
		privileges: []string{"prvReadUser", "prvReadRole"},
		place:      func(r any) placement { return placement{r.(row).user.unit, r.(row).user.ID} },
		rows: func(w *world) []any {
			var rows []any
			for _, u := range w.users {
				for _, r := range u.roles {
					rows = append(rows, row{u, r})
				}
			}
			return rows
		},
		columns: []column{
			guidCol("systemuserroleid", func(r row) string { return deriveID(r.user.ID, r.role.id) }),
			guidCol("systemuserid", func(r row) string { return r.user.ID }),
			guidCol("roleid", func(r row) string { return r.role.id }),
		},
	}
}

type teamRole struct {
	team *team
	role *role
}

func teamRolesType() *entityType {
	type row = teamRole
	return &entityType{
		logicalName: "teamroles", entitySet: "teamrolescollection",
		privileges: []string{"prvReadTeam", "prvReadRole"},
		place:      func(r any) placement { return placement{r.(row).team.unit, r.(row).team.ID} },
		rows: func(w *world) []any {
			var rows []any
			for _, o := range w.teams {
				for _, r := range o.roles {
					rows = append(rows, row{o, r})
				}
			}
			return rows
		},
		columns: []column{
			guidCol("teamroleid", func(r row) string { return deriveID(r.team.ID, r.role.id) }),
			guidCol("teamid", func(r row) string { return r.team.ID }),
			guidCol("roleid", func(r row) string { return r.role.id }),
		},
	}
}

type membership struct {
	team *team
	user *user
}

func teamMembershipType() *entityType {
	type row = membership
	return &entityType{
		logicalName: "teammembership", entitySet: "teammemberships",
		privileges: []string{"prvReadTeam", "prvReadUser"},
		place:      func(r any) placement { return placement{r.(row).team.unit, r.(row).team.ID} },
		rows: func(w *world) []any {
			var rows []any
			for _, o := range w.teams {
				for _, u := range o.members {
					rows = append(rows, row{o, u})
				}
			}
			return rows
		},
		columns: []column{
			guidCol("teammembershipid", func(r row) string { return deriveID(r.team.ID, r.user.ID) }),
			guidCol("teamid", func(r row) string { return r.team.ID }),
			guidCol("systemuserid", func(r row) string { return r.user.ID }),
		},
	}
}

package simulator

import "slices"

func systemUserType() *entityType {
	type row = *user
	return &entityType{
		logicalName: "systemuser", entitySet: "systemusers",
		privileges: []string{"prvReadUser"},
		rows:       func(w *world) []any { return anys(w.users) },
		byID:       func(w *world, id string) any { return orNothing(w.userByID[id]) },
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
		}, stampCols(func(r any) string { return r.(row).ID })...),
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

// A link is a row of an intersect table: it stands with the holder on its left.
type link struct {
	left  placement
	right string
}

func (l link) place() placement { return l.left }

// intersectType describes an intersect table, with the columns key, left and right.
func intersectType(logicalName, set, key, left, right string, privileges []string, each func(w *world, add func(left placement, right string))) *entityType {
	return &entityType{
		logicalName: logicalName, entitySet: set, privileges: privileges,
		rows: func(w *world) (rows []any) {
			each(w, func(left placement, right string) { rows = append(rows, link{left, right}) })
			return rows
		},
		columns: []column{
			guidCol(key, func(r link) string { return deriveID(r.left.owner, r.right) }),
			guidCol(left, func(r link) string { return r.left.owner }),
			guidCol(right, func(r link) string { return r.right }),
		},
	}
}

func systemUserRolesType() *entityType {
	return intersectType("systemuserroles", "systemuserrolescollection", "systemuserroleid", "systemuserid", "roleid",
		[]string{"prvReadUser", "prvReadRole"}, func(w *world, add func(placement, string)) {
			for _, u := range w.users {
				for _, r := range u.roles {
					add(u.place(), r.id)
				}
			}
		})
}

func teamRolesType() *entityType {
	return intersectType("teamroles", "teamrolescollection", "teamroleid", "teamid", "roleid",
		[]string{"prvReadTeam", "prvReadRole"}, func(w *world, add func(placement, string)) {
			for _, o := range w.teams {
				for _, r := range o.roles {
					add(o.place(), r.id)
				}
			}
		})
}

func teamMembershipType() *entityType {
	return intersectType("teammembership", "teammemberships", "teammembershipid", "teamid", "systemuserid",
		[]string{"prvReadTeam", "prvReadUser"}, func(w *world, add func(placement, string)) {
			for _, o := range w.teams {
				for _, u := range o.members {
					add(o.place(), u.ID)
				}
			}
		})
}

package simulator

import "slices"

func systemUserType() *entityType {
	t := newEntityType("systemuser", "systemusers", "prvReadUser", func(db *database) []*user { return db.users },
		guidCol("systemuserid", func(r *user) string { return r.ID }),
		stringCol("fullname", func(r *user) string { return r.Name }),
		stringCol("domainname", domainName),
		guidCol("applicationid", func(r *user) string { return r.ApplicationID }),
		guidCol("azureactivedirectoryobjectid", func(r *user) string { return r.EntraObjectID }),
		intCol("accessmode", (*user).accessMode),
		boolCol("isdisabled", func(r *user) bool { return r.Disabled }),
		boolCol("islicensed", func(r *user) bool { return r.Licensed }),
		guidCol("_businessunitid_value", func(r *user) string { return r.unit.ID }),
		intCol("azurestate", (*user).entraState),
		intCol("deletedstate", func(r *user) int { return boolToInt(r.SoftDeleted) }))
	t.addStampColumns()
	t.navigations = []navigation{
		navigationTo("systemuserroles_association", "roles", func(_ *database, r *user) []*role { return r.roles }),
		navigationTo("teammembership_association", "teams", func(_ *database, r *user) []*team { return r.teams }),
		navigationTo("systemuserprofiles_association", "fieldsecurityprofiles", func(_ *database, r *user) []*ColumnSecurityProfile { return r.profiles }),
	}
	return t
}

// domainName returns a person's user principal name, or a name made from an application's id.
func domainName(u *user) string {
	if u.application {
		return u.ApplicationID + "@applicationuser.invalid"
	}
	return u.UPN
}

func teamType() *entityType {
	t := newEntityType("team", "teams", "prvReadTeam", func(db *database) []*team { return db.teams },
		guidCol("teamid", func(r *team) string { return r.ID }),
		stringCol("name", func(r *team) string { return r.Name }),
		intCol("teamtype", func(r *team) int { return max(0, slices.Index(teamTypes(), r.Type)) }),
		guidCol("_businessunitid_value", func(r *team) string { return r.unit.ID }))
	t.navigations = []navigation{
		navigationTo("teamroles_association", "roles", func(_ *database, r *team) []*role { return r.roles }),
		navigationTo("teamprofiles_association", "fieldsecurityprofiles", func(_ *database, r *team) []*ColumnSecurityProfile { return r.profiles }),
	}
	return t
}

// An intersectRow is a row of an intersect table. Its holder, a user or a team, owns it.
type intersectRow struct {
	holder ownership
	other  string // the id of the other row
}

func (r intersectRow) ownership() ownership { return r.holder }

// intersectType describes an intersect table with the columns key, left and right. It has a row for
// each holder and each of the ids that others returns for it.
func intersectType[H ownedRow](logicalName, set, key, left, right, privileges string, holders func(db *database) []H, others func(H) []string) *entityType {
	return newEntityType(logicalName, set, privileges,
		func(db *database) (rows []intersectRow) {
			for _, h := range holders(db) {
				for _, id := range others(h) {
					rows = append(rows, intersectRow{h.ownership(), id})
				}
			}
			return rows
		},
		guidCol(key, func(r intersectRow) string { return deriveID(r.holder.owner, r.other) }),
		guidCol(left, func(r intersectRow) string { return r.holder.owner }),
		guidCol(right, func(r intersectRow) string { return r.other }))
}

func systemUserRolesType() *entityType {
	return intersectType("systemuserroles", "systemuserrolescollection", "systemuserroleid", "systemuserid", "roleid", "prvReadUser prvReadRole",
		func(db *database) []*user { return db.users }, func(u *user) []string { return mapSlice(u.roles, func(r *role) string { return r.id }) })
}

func teamRolesType() *entityType {
	return intersectType("teamroles", "teamrolescollection", "teamroleid", "teamid", "roleid", "prvReadTeam prvReadRole",
		func(db *database) []*team { return db.teams }, func(t *team) []string { return mapSlice(t.roles, func(r *role) string { return r.id }) })
}

func teamMembershipType() *entityType {
	return intersectType("teammembership", "teammemberships", "teammembershipid", "teamid", "systemuserid", "prvReadTeam prvReadUser",
		func(db *database) []*team { return db.teams }, func(t *team) []string { return mapSlice(t.members, func(u *user) string { return u.ID }) })
}

package simulator

import "slices"

func systemUserType() *entityType {
	t := newType("systemuser", "systemusers", "prvReadUser", func(w *world) []*user { return w.users },
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
		intCol("deletedstate", func(r *user) int { return asInt(r.SoftDeleted) }))
	t.stamped()
	t.navs = []nav{
		many("systemuserroles_association", "roles", func(_ *world, r *user) []*role { return r.roles }),
		many("teammembership_association", "teams", func(_ *world, r *user) []*team { return r.teams }),
		many("systemuserprofiles_association", "fieldsecurityprofiles", func(_ *world, r *user) []*ColumnSecurityProfile { return r.profiles }),
	}
	return t
}

// domainName is a person's user principal name; that of an application user is made from its id.
func domainName(u *user) string {
	if u.application {
		return u.ApplicationID + "@applicationuser.invalid"
	}
	return u.UPN
}

func teamType() *entityType {
	t := newType("team", "teams", "prvReadTeam", func(w *world) []*team { return w.teams },
		guidCol("teamid", func(r *team) string { return r.ID }),
		stringCol("name", func(r *team) string { return r.Name }),
		intCol("teamtype", func(r *team) int { return max(0, slices.Index(teamTypes(), r.Type)) }),
		guidCol("_businessunitid_value", func(r *team) string { return r.unit.ID }))
	t.navs = []nav{
		many("teamroles_association", "roles", func(_ *world, r *team) []*role { return r.roles }),
		many("teamprofiles_association", "fieldsecurityprofiles", func(_ *world, r *team) []*ColumnSecurityProfile { return r.profiles }),
	}
	return t
}

// A link is a row of an intersect table. Its placement is that of the holder on the left.
type link struct {
	left  placement
	right string
}

func (l link) place() placement { return l.left }

// intersectType describes an intersect table with the columns key, left and right: a row for each of the
// rights of each of the lefts.
func intersectType[L interface{ place() placement }](logicalName, set, key, left, right, privileges string, lefts func(w *world) []L, rights func(l L) []string) *entityType {
	return newType(logicalName, set, privileges,
		func(w *world) (links []link) {
			for _, l := range lefts(w) {
				for _, id := range rights(l) {
					links = append(links, link{l.place(), id})
				}
			}
			return links
		},
		guidCol(key, func(r link) string { return deriveID(r.left.owner, r.right) }),
		guidCol(left, func(r link) string { return r.left.owner }),
		guidCol(right, func(r link) string { return r.right }))
}

func systemUserRolesType() *entityType {
	return intersectType("systemuserroles", "systemuserrolescollection", "systemuserroleid", "systemuserid", "roleid", "prvReadUser prvReadRole",
		func(w *world) []*user { return w.users }, func(u *user) []string { return each(u.roles, func(r *role) string { return r.id }) })
}

func teamRolesType() *entityType {
	return intersectType("teamroles", "teamrolescollection", "teamroleid", "teamid", "roleid", "prvReadTeam prvReadRole",
		func(w *world) []*team { return w.teams }, func(t *team) []string { return each(t.roles, func(r *role) string { return r.id }) })
}

func teamMembershipType() *entityType {
	return intersectType("teammembership", "teammemberships", "teammembershipid", "teamid", "systemuserid", "prvReadTeam prvReadUser",
		func(w *world) []*team { return w.teams }, func(t *team) []string { return each(t.members, func(u *user) string { return u.ID }) })
}

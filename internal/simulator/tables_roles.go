package simulator

import (
	"slices"
	"strconv"
)

// Each function below, and in the other files tables_*.go, describes one table. A table has only the columns
// that clients use. Any other column is unknown.

func organizationType() *entityType {
	return newEntityType("organization", "organizations", "prvReadOrganization",
		func(db *database) []*Organization { return []*Organization{&db.env.Organization} },
		guidCol("organizationid", func(r *Organization) string { return r.ID }),
		stringCol("name", func(r *Organization) string { return r.Name }),
		stringCol("orgdborgsettings", orgSettings))
}

func orgSettings(o *Organization) string {
	setting := func(name string, value Tristate) string {
		if value == Absent {
			return ""
		}
		return "<" + name + ">" + strconv.FormatBool(value == On) + "</" + name + ">"
	}
	return "<OrgSettings><IsRetentionEnabled>true</IsRetentionEnabled><CanCreateApplicationStubUser>false</CanCreateApplicationStubUser>" +
		setting("EnableOwnershipAcrossBusinessUnits", o.RecordOwnershipAcrossBusinessUnits) +
		setting("DoNotRemoveRolesOnChangeBusinessUnit", o.KeepRolesOnMove) +
		"<AllowRoleAssignmentOnDisabledUsers>false</AllowRoleAssignmentOnDisabledUsers></OrgSettings>"
}

func businessUnitType() *entityType {
	return newEntityType("businessunit", "businessunits", "prvReadBusinessUnit", func(db *database) []*unit { return db.units },
		guidCol("businessunitid", func(r *unit) string { return r.ID }),
		stringCol("name", func(r *unit) string { return r.Name }),
		boolCol("isdisabled", func(r *unit) bool { return r.Disabled }),
		guidCol("_parentbusinessunitid_value", func(r *unit) string { return r.Parent }))
}

func roleType() *entityType {
	t := newEntityType("role", "roles", "prvReadRole", func(db *database) []*role { return db.roles },
		guidCol("roleid", func(r *role) string { return r.id }),
		stringCol("name", func(r *role) string { return r.Name }),
		guidCol("_businessunitid_value", func(r *role) string { return r.unit.ID }),
		guidCol("_parentroleid_value", func(r *role) string { return r.parentID }),
		guidCol("_parentrootroleid_value", func(r *role) string { return r.root.id }),
		guidCol("_roletemplateid_value", func(r *role) string { return r.Template }),
		boolCol("ismanaged", func(r *role) bool { return r.Managed }),
		column{"iscustomizable", kindManaged, func(_ *database, r any) any {
			if r.(*role).CustomizableUnknown {
				return nil
			}
			return managedProperty{!r.(*role).NotCustomizable, true, "iscustomizableanddeletable"}
		}},
		intCol("isinherited", func(r *role) int { return boolToInt(!r.TeamPrivilegesOnly) }),
		intCol("componentstate", func(r *role) int { return max(0, slices.Index(componentStates(), r.State)) }))
	t.addStampColumns()
	t.navigations = []navigation{
		navigationTo("roleprivileges_association", "privileges", (*database).privilegesOf),
		navigationTo("systemuserroles_association", "systemusers", func(db *database, r *role) []*user {
			return filterSlice(db.users, func(u *user) bool { return slices.Contains(u.roles, r) })
		}),
		navigationTo("teamroles_association", "teams", func(db *database, r *role) []*team {
			return filterSlice(db.teams, func(o *team) bool { return slices.Contains(o.roles, r) })
		}),
	}
	return t
}

// A rolePrivilegeRow is a row of the intersect table of roles and privileges.
type rolePrivilegeRow struct {
	role      *role
	privilege *privilege
}

func (p rolePrivilegeRow) ownership() ownership { return p.role.ownership() }

// rolePrivilegesType has rows for the root copies only.
func rolePrivilegesType() *entityType {
	return newEntityType("roleprivileges", "roleprivilegescollection", "prvReadRole",
		func(db *database) (rows []rolePrivilegeRow) {
			for _, r := range filterSlice(db.roles, func(r *role) bool { return r.root == r }) {
				for _, p := range db.privilegesOf(r) {
					rows = append(rows, rolePrivilegeRow{r, p})
				}
			}
			return rows
		},
		guidCol("roleprivilegeid", func(r rolePrivilegeRow) string { return deriveID(r.role.id, r.privilege.ID) }),
		guidCol("roleid", func(r rolePrivilegeRow) string { return r.role.id }),
		guidCol("privilegeid", func(r rolePrivilegeRow) string { return r.privilege.ID }),
		intCol("privilegedepthmask", func(r rolePrivilegeRow) int { return 1 << (r.role.depth(r.privilege) - DepthBasic) }))
}

func privilegeType() *entityType {
	return newEntityType("privilege", "privileges", "", func(db *database) []*privilege { return db.cat.privileges },
		guidCol("privilegeid", func(r *privilege) string { return r.ID }),
		stringCol("name", func(r *privilege) string { return r.Name }),
		boolCol("canbebasic", func(r *privilege) bool { return r.Allows(DepthBasic) }),
		boolCol("canbelocal", func(r *privilege) bool { return r.Allows(DepthLocal) }),
		boolCol("canbedeep", func(r *privilege) bool { return r.Allows(DepthDeep) }),
		boolCol("canbeglobal", func(r *privilege) bool { return r.Allows(DepthGlobal) }))
}

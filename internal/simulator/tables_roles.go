package simulator

import (
	"slices"
	"strconv"
)

// The functions of this file and of its siblings describe the tables, one each. A table has the columns
// that clients use; any other is refused as unknown.

func organizationType() *entityType {
	return newType("organization", "organizations", "prvReadOrganization",
		func(w *world) []*Organization { return []*Organization{&w.env.Organization} },
		guidCol("organizationid", func(r *Organization) string { return r.ID }),
		stringCol("name", func(r *Organization) string { return r.Name }),
		stringCol("orgdborgsettings", orgSettings))
}

// orgSettings is the orgdborgsettings column: an XML document with what the administrator has set.
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
	return newType("businessunit", "businessunits", "prvReadBusinessUnit", func(w *world) []*unit { return w.units },
		guidCol("businessunitid", func(r *unit) string { return r.ID }),
		stringCol("name", func(r *unit) string { return r.Name }),
		boolCol("isdisabled", func(r *unit) bool { return r.Disabled }),
		guidCol("_parentbusinessunitid_value", func(r *unit) string { return r.Parent }))
}

func roleType() *entityType {
	t := newType("role", "roles", "prvReadRole", func(w *world) []*role { return w.roles },
		guidCol("roleid", func(r *role) string { return r.id }),
		stringCol("name", func(r *role) string { return r.Name }),
		guidCol("_businessunitid_value", func(r *role) string { return r.unit.ID }),
		guidCol("_parentroleid_value", func(r *role) string { return r.parentID }),
		guidCol("_parentrootroleid_value", func(r *role) string { return r.root.id }),
		guidCol("_roletemplateid_value", func(r *role) string { return r.Template }),
		boolCol("ismanaged", func(r *role) bool { return r.Managed }),
		column{"iscustomizable", kindManaged, func(_ *world, r any) any {
			if r.(*role).CustomizableUnknown {
				return nil
			}
			return managedProperty{!r.(*role).NotCustomizable, true, "iscustomizableanddeletable"}
		}},
		intCol("isinherited", func(r *role) int { return asInt(!r.TeamPrivilegesOnly) }),
		intCol("componentstate", func(r *role) int { return max(0, slices.Index(componentStates(), r.State)) }))
	t.stamped()
	t.navs = []nav{
		many("roleprivileges_association", "privileges", (*world).granted),
		many("systemuserroles_association", "systemusers", func(w *world, r *role) []*user {
			return pick(w.users, func(u *user) bool { return slices.Contains(u.roles, r) })
		}),
		many("teamroles_association", "teams", func(w *world, r *role) []*team {
			return pick(w.teams, func(o *team) bool { return slices.Contains(o.roles, r) })
		}),
	}
	return t
}

type rolePrivilege struct {
	role      *role
	privilege *privilege
}

func (p rolePrivilege) place() placement { return p.role.place() }

// rolePrivilegesType has rows only for the root copies.
func rolePrivilegesType() *entityType {
	return newType("roleprivileges", "roleprivilegescollection", "prvReadRole",
		func(w *world) (rows []rolePrivilege) {
			for _, r := range pick(w.roles, func(r *role) bool { return r.root == r }) {
				for _, p := range w.granted(r) {
					rows = append(rows, rolePrivilege{r, p})
				}
			}
			return rows
		},
		guidCol("roleprivilegeid", func(r rolePrivilege) string { return deriveID(r.role.id, r.privilege.ID) }),
		guidCol("roleid", func(r rolePrivilege) string { return r.role.id }),
		guidCol("privilegeid", func(r rolePrivilege) string { return r.privilege.ID }),
		intCol("privilegedepthmask", func(r rolePrivilege) int { return 1 << (r.role.depth(r.privilege) - DepthBasic) }))
}

func privilegeType() *entityType {
	return newType("privilege", "privileges", "", func(w *world) []*privilege { return w.cat.privileges },
		guidCol("privilegeid", func(r *privilege) string { return r.ID }),
		stringCol("name", func(r *privilege) string { return r.Name }),
		boolCol("canbebasic", func(r *privilege) bool { return r.Allows(DepthBasic) }),
		boolCol("canbelocal", func(r *privilege) bool { return r.Allows(DepthLocal) }),
		boolCol("canbedeep", func(r *privilege) bool { return r.Allows(DepthDeep) }),
		boolCol("canbeglobal", func(r *privilege) bool { return r.Allows(DepthGlobal) }))
}

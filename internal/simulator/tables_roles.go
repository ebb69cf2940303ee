package simulator

import (
	"slices"
	"strconv"
)

// The functions of this file and of its siblings describe the tables, one each. A table has the columns
// that somebody asks for; any other is refused as one that Dataverse does not know.

func organizationType() *entityType {
	type row = *Organization
	return &entityType{
		logicalName: "organization", entitySet: "organizations",
		privileges: []string{"prvReadOrganization"},
		rows:       func(w *world) []any { return []any{&w.env.Organization} },
		columns: []column{
			guidCol("organizationid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			stringCol("orgdborgsettings", orgSettings),
		},
	}
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
	type row = *unit
	return &entityType{
		logicalName: "businessunit", entitySet: "businessunits",
		privileges: []string{"prvReadBusinessUnit"},
		rows:       func(w *world) []any { return anys(w.units) },
		byID:       func(w *world, id string) any { return orNothing(w.unitByID[id]) },
		columns: []column{
			guidCol("businessunitid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			boolCol("isdisabled", func(r row) bool { return r.Disabled }),
			guidCol("_parentbusinessunitid_value", func(r row) string { return r.Parent }),
		},
	}
}

func roleType() *entityType {
	type row = *role
	t := &entityType{
		logicalName: "role", entitySet: "roles",
		privileges: []string{"prvReadRole"},
		rows:       func(w *world) []any { return anys(w.roles) },
		byID:       func(w *world, id string) any { return orNothing(w.roleByID[id]) },
		stampID:    func(r any) string { return r.(row).root.id },
	}
	t.columns = append([]column{
		guidCol("roleid", func(r row) string { return r.id }),
		stringCol("name", func(r row) string { return r.Name }),
		guidCol("_businessunitid_value", func(r row) string { return r.unit.ID }),
		guidCol("_parentroleid_value", func(r row) string {
			if r.parent == nil {
				return ""
			}
			return r.parent.id
		}),
		guidCol("_parentrootroleid_value", func(r row) string { return r.root.id }),
		guidCol("_roletemplateid_value", func(r row) string { return r.Template }),
		boolCol("ismanaged", func(r row) bool { return r.Managed }),
		{"iscustomizable", kindManaged, func(_ *world, r any) any {
			if r.(row).CustomizableUnknown {
				return nil
			}
			return managedProperty{!r.(row).NotCustomizable, true, "iscustomizableanddeletable"}
		}},
		intCol("isinherited", func(r row) int { return asInt(!r.TeamPrivilegesOnly) }),
		intCol("componentstate", func(r row) int { return max(0, slices.Index(componentStates(), r.State)) }),
	}, stampCols(t.stampID)...)
	t.navs = []nav{
		many("roleprivileges_association", "privilege", func(w *world, r row) []any {
			return pick(w.cat.privileges, func(p *privilege) bool { return r.depth(p) != DepthNone })
		}),
		many("systemuserroles_association", "systemuser", func(w *world, r row) []any {
			return pick(w.users, func(u *user) bool { return slices.Contains(u.roles, r) })
		}),
		many("teamroles_association", "team", func(w *world, r row) []any {
			return pick(w.teams, func(o *team) bool { return slices.Contains(o.roles, r) })
		}),
	}
	return t
}

// A rolePrivilege is a row of the roleprivileges table.
type rolePrivilege struct {
	role      *role
	privilege *privilege
}

func (p rolePrivilege) place() placement { return p.role.place() }

func rolePrivilegesType() *entityType {
	type row = rolePrivilege
	return &entityType{
		logicalName: "roleprivileges", entitySet: "roleprivilegescollection",
		privileges: []string{"prvReadRole"},
		rows: func(w *world) []any {
			var rows []any
			for _, r := range w.roles {
				for _, p := range w.cat.privileges {
					if r.root == r && r.depth(p) != DepthNone { // rows are only on the root copy
						rows = append(rows, row{r, p})
					}
				}
			}
			return rows
		},
		columns: []column{
			guidCol("roleprivilegeid", func(r row) string { return deriveID(r.role.id, r.privilege.ID) }),
			guidCol("roleid", func(r row) string { return r.role.id }),
			guidCol("privilegeid", func(r row) string { return r.privilege.ID }),
			intCol("privilegedepthmask", func(r row) int { return 1 << (r.role.depth(r.privilege) - DepthBasic) }),
		},
	}
}

func privilegeType() *entityType {
	type row = *privilege
	return &entityType{
		logicalName: "privilege", entitySet: "privileges",
		rows: func(w *world) []any { return anys(w.cat.privileges) },
		columns: []column{
			guidCol("privilegeid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			boolCol("canbebasic", func(r row) bool { return r.Allows(DepthBasic) }),
			boolCol("canbelocal", func(r row) bool { return r.Allows(DepthLocal) }),
			boolCol("canbedeep", func(r row) bool { return r.Allows(DepthDeep) }),
			boolCol("canbeglobal", func(r row) bool { return r.Allows(DepthGlobal) }),
		},
	}
}

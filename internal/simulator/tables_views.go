package simulator

import (
	"strconv"
	"strings"
)

func userQueryType() *entityType {
	t := newEntityType("userquery", "userqueries", "prvReadUserQuery", func(db *database) []*personalView { return db.views },
		guidCol("userqueryid", func(r *personalView) string { return r.ID }),
		stringCol("name", func(r *personalView) string { return r.Name }),
		stringCol("returnedtypecode", func(r *personalView) string { return r.Table }),
		intCol("statecode", func(r *personalView) int { return boolToInt(r.Inactive) }),
		guidCol("_ownerid_value", func(r *personalView) string { return r.Owner }),
		guidCol("_owningteam_value", func(r *personalView) string {
			if principalType(r.owner) == "systemuser" {
				return ""
			}
			return r.Owner
		}))
	t.isVisible = func(c *call, r any) bool {
		return c.viewRights(r.(*personalView))&RightRead != 0 || c.db.env.hasContradiction(ViewsOfEverybody) && c.caller.impersonator == nil
	}
	return t
}

func savedQueryType() *entityType {
	return newEntityType("savedquery", "savedqueries", "prvReadQuery", func(db *database) []SystemView { return db.env.SystemViews },
		guidCol("savedqueryid", func(r SystemView) string { return r.ID }),
		stringCol("name", func(r SystemView) string { return r.Name }),
		stringCol("returnedtypecode", func(r SystemView) string { return r.Table }),
		intCol("querytype", func(r SystemView) int { return 4 * boolToInt(r.QuickFind) }),
		intCol("statecode", func(r SystemView) int { return boolToInt(r.Inactive) }))
}

// A shareRow is a row of the share table: the share of a view with a user or a team.
type shareRow struct {
	view      *personalView
	share     Share
	principal any
}

func principalType(row any) string {
	if _, ok := row.(*team); ok {
		return "team"
	}
	return "systemuser"
}

func principalObjectAccessType() *entityType {
	t := newEntityType("principalobjectaccess", "principalobjectaccessset", "prvReadUser prvReadTeam",
		func(db *database) (rows []shareRow) {
			for _, v := range db.views {
				for _, s := range v.Shares {
					rows = append(rows, shareRow{v, s, db.byID[s.Principal]})
				}
			}
			return rows
		},
		guidCol("principalobjectaccessid", func(r shareRow) string { return deriveID(r.view.ID, r.share.Principal) }),
		guidCol("principalid", func(r shareRow) string { return r.share.Principal }),
		stringCol("principaltypecode", func(r shareRow) string { return principalType(r.principal) }),
		guidCol("objectid", func(r shareRow) string { return r.view.ID }),
		stringCol("objecttypecode", func(shareRow) string { return "userquery" }),
		intCol("accessrightsmask", func(r shareRow) int { return int(r.share.Access) }),
		intCol("inheritedaccessrightsmask", func(r shareRow) int { return int(r.share.Inherited) }))
	t.anyPrivilegeSuffices = true
	privileges := map[string]string{"team": "prvReadTeam", "systemuser": "prvReadUser"}
	t.isVisible = func(c *call, row any) bool {
		r := row.(shareRow)
		if c.db.env.hasContradiction(SharesInPart) && !c.caller.user.isOrIsMemberOf(r.share.Principal) {
			return false
		}
		return c.covers(c.assignmentsGranting(privileges[principalType(r.principal)]), ownershipOf(r.principal))
	}
	return t
}

func fieldSecurityProfileType() *entityType {
	return newEntityType("fieldsecurityprofile", "fieldsecurityprofiles", "prvReadFieldSecurityProfile",
		func(db *database) []*ColumnSecurityProfile { return pointers(db.env.ColumnSecurityProfiles) },
		guidCol("fieldsecurityprofileid", func(r *ColumnSecurityProfile) string { return r.ID }),
		stringCol("name", func(r *ColumnSecurityProfile) string { return r.Name }))
}

// A fieldPermission says whether the members of a column security profile can read a column.
type fieldPermission struct {
	profile string // the profile's id
	column  string // TABLE.COLUMN
	read    bool
}

func fieldPermissionType() *entityType {
	part := func(column string, i int) string { return strings.SplitN(column, ".", 2)[i] }
	return newEntityType("fieldpermission", "fieldpermissions", "prvReadFieldSecurityProfile",
		func(db *database) (all []fieldPermission) {
			for _, p := range db.env.ColumnSecurityProfiles {
				for _, column := range p.Reads {
					all = append(all, fieldPermission{p.ID, column, true})
				}
				for _, column := range p.Hides {
					all = append(all, fieldPermission{p.ID, column, false})
				}
			}
			return all
		},
		guidCol("fieldpermissionid", func(r fieldPermission) string { return deriveID(r.profile, r.column, strconv.FormatBool(r.read)) }),
		guidCol("_fieldsecurityprofileid_value", func(r fieldPermission) string { return r.profile }),
		stringCol("entityname", func(r fieldPermission) string { return part(r.column, 0) }),
		stringCol("attributelogicalname", func(r fieldPermission) string { return part(r.column, 1) }),
		intCol("canread", func(r fieldPermission) int { return 4 * boolToInt(r.read) }))
}

package simulator

import (
	"strconv"
	"strings"
)

func userQueryType() *entityType {
	t := newType("userquery", "userqueries", "prvReadUserQuery", func(w *world) []*personalView { return w.views },
		guidCol("userqueryid", func(r *personalView) string { return r.ID }),
		stringCol("name", func(r *personalView) string { return r.Name }),
		stringCol("returnedtypecode", func(r *personalView) string { return r.Table }),
		intCol("statecode", func(r *personalView) int { return asInt(r.Inactive) }),
		guidCol("_ownerid_value", func(r *personalView) string { return r.Owner }),
		guidCol("_owningteam_value", func(r *personalView) string {
			if principalType(r.owner) == "systemuser" {
				return ""
			}
			return r.Owner
		}))
	t.visible = func(c *call, r any) bool {
		return c.viewRights(r.(*personalView))&RightRead != 0 || c.world.env.has(ViewsOfEverybody) && c.caller.impersonator == nil
	}
	return t
}

func savedQueryType() *entityType {
	return newType("savedquery", "savedqueries", "prvReadQuery", func(w *world) []SystemView { return w.env.SystemViews },
		guidCol("savedqueryid", func(r SystemView) string { return r.ID }),
		stringCol("name", func(r SystemView) string { return r.Name }),
		stringCol("returnedtypecode", func(r SystemView) string { return r.Table }),
		intCol("querytype", func(r SystemView) int { return 4 * asInt(r.QuickFind) }),
		intCol("statecode", func(r SystemView) int { return asInt(r.Inactive) }))
}

// A poa is a row of the share table: the share of a view with a team or a user.
type poa struct {
	view      *personalView
	share     Share
	principal any
}

// principalType is the logical name of the table that a user or a team is a row of.
func principalType(row any) string {
	if _, ok := row.(*team); ok {
		return "team"
	}
	return "systemuser"
}

func principalObjectAccessType() *entityType {
	t := newType("principalobjectaccess", "principalobjectaccessset", "prvReadUser prvReadTeam",
		func(w *world) (rows []poa) {
			for _, v := range w.views {
				for _, s := range v.Shares {
					rows = append(rows, poa{v, s, w.byID[s.Principal]})
				}
			}
			return rows
		},
		guidCol("principalobjectaccessid", func(r poa) string { return deriveID(r.view.ID, r.share.Principal) }),
		guidCol("principalid", func(r poa) string { return r.share.Principal }),
		stringCol("principaltypecode", func(r poa) string { return principalType(r.principal) }),
		guidCol("objectid", func(r poa) string { return r.view.ID }),
		stringCol("objecttypecode", func(poa) string { return "userquery" }),
		intCol("accessrightsmask", func(r poa) int { return int(r.share.Access) }),
		intCol("inheritedaccessrightsmask", func(r poa) int { return int(r.share.Inherited) }))
	t.anyPrivilege = true
	privileges := map[string]string{"team": "prvReadTeam", "systemuser": "prvReadUser"}
	t.visible = func(c *call, row any) bool {
		r := row.(poa)
		if c.world.env.has(SharesInPart) && !c.caller.user.isOrJoins(r.share.Principal) {
			return false
		}
		return c.reaches(c.holdings(privileges[principalType(r.principal)]), placeOf(r.principal))
	}
	return t
}

func fieldSecurityProfileType() *entityType {
	return newType("fieldsecurityprofile", "fieldsecurityprofiles", "prvReadFieldSecurityProfile",
		func(w *world) []*ColumnSecurityProfile { return pointers(w.env.ColumnSecurityProfiles) },
		guidCol("fieldsecurityprofileid", func(r *ColumnSecurityProfile) string { return r.ID }),
		stringCol("name", func(r *ColumnSecurityProfile) string { return r.Name }))
}

// A fieldPermission is what a profile says of a column, as table.column.
type fieldPermission struct {
	profile, column string
	read            bool
}

func fieldPermissionType() *entityType {
	part := func(column string, i int) string { return strings.SplitN(column, ".", 2)[i] }
	return newType("fieldpermission", "fieldpermissions", "prvReadFieldSecurityProfile",
		func(w *world) (all []fieldPermission) {
			for _, p := range w.env.ColumnSecurityProfiles {
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
		intCol("canread", func(r fieldPermission) int { return 4 * asInt(r.read) }))
}

package simulator

import (
	"strconv"
	"strings"
)

func userQueryType() *entityType {
	type row = *personalView
	return &entityType{
		logicalName: "userquery", entitySet: "userqueries",
		privileges: []string{"prvReadUserQuery"},
		rows:       func(w *world) []any { return anys(w.views) },
		byID:       func(w *world, id string) any { return orNothing(w.viewByID[id]) },
		visible: func(w *world, c *caller, r any) bool {
			return w.viewRights(c, r.(row))&RightRead != 0 || w.env.has(ViewsOfEverybody) && c.impersonator == nil
		},
		columns: []column{
			guidCol("userqueryid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			stringCol("returnedtypecode", func(r row) string { return r.Table }),
			intCol("statecode", func(r row) int { return asInt(r.Inactive) }),
			guidCol("_ownerid_value", func(r row) string { return r.Owner }),
			guidCol("_owningteam_value", func(r row) string {
				if r.ownerTeam == nil {
					return ""
				}
				return r.Owner
			}),
		},
	}
}

func savedQueryType() *entityType {
	type row = *SystemView
	return &entityType{
		logicalName: "savedquery", entitySet: "savedqueries",
		privileges: []string{"prvReadQuery"},
		rows:       func(w *world) []any { return anys(w.queries) },
		columns: []column{
			guidCol("savedqueryid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
			stringCol("returnedtypecode", func(r row) string { return r.Table }),
			intCol("querytype", func(r row) int { return 4 * asInt(r.QuickFind) }),
			intCol("statecode", func(r row) int { return asInt(r.Inactive) }),
			boolCol("isdefault", func(r row) bool { return r.Default }),
		},
	}
}

// A poa is a row of the share table: what a view gives to a principal.
type poa struct {
	view  *personalView
	share Share
	team  bool
}

func principalObjectAccessType() *entityType {
	type row = poa
	return &entityType{
		logicalName: "principalobjectaccess", entitySet: "principalobjectaccessset",
		privileges: []string{"prvReadUser", "prvReadTeam"}, anyPrivilege: true,
		rows: func(w *world) []any {
			var rows []any
			for _, v := range w.views {
				for _, s := range v.Shares {
					rows = append(rows, row{v, s, w.teamByID[s.Principal] != nil})
				}
			}
			return rows
		},
		visible: func(w *world, c *caller, r any) bool {
			principal := r.(row).share.Principal
			if w.env.has(SharesInPart) && !c.user.isOrJoins(principal) {
				return false
			}
			if o := w.teamByID[principal]; o != nil {
				return c.reaches(c.holdings(w.cat.privilege("prvReadTeam")), o.place())
			}
			return c.reaches(c.holdings(w.cat.privilege("prvReadUser")), w.userByID[principal].place())
		},
		columns: []column{
			guidCol("principalobjectaccessid", func(r row) string { return deriveID(r.view.ID, r.share.Principal) }),
			guidCol("principalid", func(r row) string { return r.share.Principal }),
			stringCol("principaltypecode", func(r row) string {
				if r.team {
					return "team"
				}
				return "systemuser"
			}),
			guidCol("objectid", func(r row) string { return r.view.ID }),
			stringCol("objecttypecode", func(row) string { return "userquery" }),
			intCol("accessrightsmask", func(r row) int { return int(r.share.Access) }),
			intCol("inheritedaccessrightsmask", func(r row) int { return int(r.share.Inherited) }),
		},
	}
}

func fieldSecurityProfileType() *entityType {
	type row = *ColumnSecurityProfile
	return &entityType{
		logicalName: "fieldsecurityprofile", entitySet: "fieldsecurityprofiles",
		privileges: []string{"prvReadFieldSecurityProfile"},
		rows: func(w *world) []any {
			var rows []any
			for i := range w.env.ColumnSecurityProfiles {
				rows = append(rows, &w.env.ColumnSecurityProfiles[i])
			}
			return rows
		},
		columns: []column{
			guidCol("fieldsecurityprofileid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
		},
	}
}

// A fieldPermission is what a profile says of a column.
type fieldPermission struct {
	profile string // its id
	column  string // table.column
	read    bool
}

func fieldPermissionType() *entityType {
	type row = fieldPermission
	part := func(column string, i int) string { return strings.SplitN(column, ".", 2)[i] }
	return &entityType{
		logicalName: "fieldpermission", entitySet: "fieldpermissions",
		privileges: []string{"prvReadFieldSecurityProfile"},
		rows: func(w *world) []any {
			var all []any
			for _, p := range w.env.ColumnSecurityProfiles {
				for _, column := range p.Reads {
					all = append(all, row{p.ID, column, true})
				}
				for _, column := range p.Hides {
					all = append(all, row{p.ID, column, false})
				}
			}
			return all
		},
		columns: []column{
			guidCol("fieldpermissionid", func(r row) string { return deriveID(r.profile, r.column, strconv.FormatBool(r.read)) }),
			guidCol("_fieldsecurityprofileid_value", func(r row) string { return r.profile }),
			stringCol("entityname", func(r row) string { return part(r.column, 0) }),
			stringCol("attributelogicalname", func(r row) string { return part(r.column, 1) }),
			intCol("canread", func(r row) int { return 4 * asInt(r.read) }),
		},
	}
}

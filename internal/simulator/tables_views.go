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
		place:      func(r any) placement { return r.(row).placement() },
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
	share share
}

func principalObjectAccessType() *entityType {
	type row = poa
	return &entityType{
		logicalName: "principalobjectaccess", entitySet: "principalobjectaccessset",
		privileges: []string{"prvReadUser", "prvReadTeam"}, anyPrivilege: true,
		rows: func(w *world) []any {
			var rows []any
			for _, v := range w.views {
				for _, s := range v.shares {
					rows = append(rows, row{v, s})
				}
			}
			return rows
		},
		visible: func(w *world, c *caller, r any) bool {
			principal := r.(row).share.principal
			if w.env.has(SharesInPart) && !c.user.isOrJoins(principal) {
				return false
			}
			if o := w.teamByID[principal]; o != nil {
				return c.reaches(c.holdings(w.cat.privilege("prvReadTeam")), placement{o.unit, o.ID})
			}
			u := w.userByID[principal]
			return c.reaches(c.holdings(w.cat.privilege("prvReadUser")), placement{u.unit, u.ID})
		},
		columns: []column{
			guidCol("principalobjectaccessid", func(r row) string { return deriveID(r.view.ID, r.share.principal) }),
			guidCol("principalid", func(r row) string { return r.share.principal }),
			stringCol("principaltypecode", func(r row) string {
				if r.share.team {
					return "team"
				}
				return "systemuser"
			}),
			guidCol("objectid", func(r row) string { return r.view.ID }),
			stringCol("objecttypecode", func(row) string { return "userquery" }),
			intCol("accessrightsmask", func(r row) int { return int(r.share.own) }),
			intCol("inheritedaccessrightsmask", func(r row) int { return int(r.share.inherited) }),
		},
	}
}

func fieldSecurityProfileType() *entityType {
	type row = *profile
	return &entityType{
		logicalName: "fieldsecurityprofile", entitySet: "fieldsecurityprofiles",
		privileges: []string{"prvReadFieldSecurityProfile"},
		rows:       func(w *world) []any { return anys(w.profiles) },
		columns: []column{
			guidCol("fieldsecurityprofileid", func(r row) string { return r.ID }),
			stringCol("name", func(r row) string { return r.Name }),
		},
	}
}

// A fieldPermission is what a profile says of a column.
type fieldPermission struct {
	profile *profile
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
			for _, p := range w.profiles {
				for _, column := range p.Reads {
					all = append(all, row{p, column, true})
				}
				for _, column := range p.Hides {
					all = append(all, row{p, column, false})
				}
			}
			return all
		},
		columns: []column{
			guidCol("fieldpermissionid", func(r row) string { return deriveID(r.profile.ID, r.column, strconv.FormatBool(r.read)) }),
			guidCol("_fieldsecurityprofileid_value", func(r row) string { return r.profile.ID }),
			stringCol("entityname", func(r row) string { return part(r.column, 0) }),
			stringCol("attributelogicalname", func(r row) string { return part(r.column, 1) }),
			intCol("canread", func(r row) int { return 4 * asInt(r.read) }),
		},
	}
}

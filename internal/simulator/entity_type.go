package simulator

import "strings"

type kind string

const (
	kindGUID    kind = "Edm.Guid"
	kindString  kind = "Edm.String"
	kindInt     kind = "Edm.Int32"
	kindBool    kind = "Edm.Boolean"
	kindTime    kind = "Edm.DateTimeOffset"
	kindManaged kind = "Microsoft.Dynamics.CRM.BooleanManagedProperty"
)

// A managedProperty is a value that a managed solution may lock.
type managedProperty struct {
	Value                      bool   `json:"Value"`
	CanBeChanged               bool   `json:"CanBeChanged"`
	ManagedPropertyLogicalName string `json:"ManagedPropertyLogicalName"`
}

// A column is a property of an entity type. get returns its value in a row: nil, string (also for ids),
// int64, bool or managedProperty.
type column struct {
	name string
	kind kind
	get  func(db *database, row any) any
}

// A navigation is a navigation property to many rows.
type navigation struct {
	name   string
	set    string      // the entity set of its rows
	target *entityType // the type of its rows; newEntityTypes sets it
	follow func(db *database, row any) []any
}

// An entityType describes the rows of one entity set.
type entityType struct {
	logicalName, entitySet string
	columns                []column // the key is the first
	navigations            []navigation
	// privileges are required to read rows. The depth of the first one limits which rows.
	privileges []string
	// anyPrivilegeSuffices is set if one of the privileges is enough. Then isVisible decides about each row.
	anyPrivilegeSuffices bool
	rows                 func(db *database) []any
	byID                 func(db *database, id string) any // returns nil for a row that is not in database.byID
	isVisible            func(c *call, row any) bool       // nil if ownership and depth decide
}

func (t *entityType) key() string { return t.columns[0].name }

func (t *entityType) id(db *database, row any) string {
	id, _ := t.columns[0].get(db, row).(string)
	return id
}

func (t *entityType) column(name string) *column {
	return firstMatch(t.columns, func(c *column) bool { return c.name == name })
}

func (t *entityType) navigation(name string) *navigation {
	return firstMatch(t.navigations, func(n *navigation) bool { return n.name == name })
}

func (t *entityType) find(db *database, id string) any {
	if row := t.byID(db, id); row != nil {
		return row
	}
	for _, row := range t.rows(db) {
		if t.id(db, row) == id {
			return row
		}
	}
	return nil
}

// stamp returns a row's stamp. All copies of a role have the stamp of the root copy.
func (t *entityType) stamp(db *database, row any) stamp {
	if r, ok := row.(*role); ok {
		return db.stampOf(r.root.id)
	}
	return db.stampOf(t.id(db, row))
}

// newEntityTypes returns all entity types by entity set, with the targets of their navigation properties.
func newEntityTypes() map[string]*entityType {
	types := map[string]*entityType{}
	for _, t := range []*entityType{
		organizationType(), businessUnitType(), roleType(), rolePrivilegesType(), privilegeType(),
		systemUserType(), systemUserRolesType(), teamType(), teamRolesType(), teamMembershipType(),
		userQueryType(), savedQueryType(), principalObjectAccessType(), fieldSecurityProfileType(), fieldPermissionType(),
	} {
		types[t.entitySet] = t
	}
	for _, t := range types {
		for i := range t.navigations {
			t.navigations[i].target = types[t.navigations[i].set]
		}
	}
	return types
}

// The following constructors make columns and navigation properties from functions of the concrete row
// type T.

func guidCol[T any](name string, get func(row T) string) column {
	return column{name, kindGUID, func(_ *database, row any) any { return nilIfEmpty(get(row.(T))) }}
}

func stringCol[T any](name string, get func(row T) string) column {
	return column{name, kindString, func(_ *database, row any) any { return nilIfEmpty(get(row.(T))) }}
}

func intCol[T any](name string, get func(row T) int) column {
	return column{name, kindInt, func(_ *database, row any) any { return int64(get(row.(T))) }}
}

func boolCol[T any](name string, get func(row T) bool) column {
	return column{name, kindBool, func(_ *database, row any) any { return get(row.(T)) }}
}

func (t *entityType) addStampColumns() {
	t.columns = append(t.columns,
		column{"createdon", kindTime, func(db *database, row any) any { return t.stamp(db, row).created }},
		column{"_createdby_value", kindGUID, func(db *database, row any) any { return t.stamp(db, row).createdBy }},
		column{"modifiedon", kindTime, func(db *database, row any) any { return t.stamp(db, row).modified }})
}

func navigationTo[T, U any](name, set string, follow func(db *database, row T) []U) navigation {
	return navigation{name: name, set: set, follow: func(db *database, row any) []any { return toAny(follow(db, row.(T))) }}
}

// newEntityType describes a table. privileges are the names, separated by spaces, of those required to
// read it.
func newEntityType[T any](logicalName, set, privileges string, rows func(db *database) []T, columns ...column) *entityType {
	return &entityType{
		logicalName: logicalName, entitySet: set, privileges: strings.Fields(privileges), columns: columns,
		rows: func(db *database) []any { return toAny(rows(db)) },
		byID: func(db *database, id string) any {
			if row, ok := db.byID[id].(T); ok {
				return row
			}
			return nil
		},
	}
}

func nilIfEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

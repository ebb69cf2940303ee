package simulator

import (
	"slices"
	"strings"
)

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

// A column is a property of a type. get returns its value for a row: nil, string (also for ids), int64,
// bool or managedProperty.
type column struct {
	name string
	kind kind
	get  func(w *world, row any) any
}

// A nav is a navigation property to many rows.
type nav struct {
	name   string
	set    string      // the entity set of its rows
	target *entityType // the type of its rows, once the types are linked
	follow func(w *world, row any) []any
}

// An entityType describes the rows of one entity set.
type entityType struct {
	logicalName, entitySet string
	columns                []column // the key is the first
	navs                   []nav
	// privileges are required to read rows. The depth of the first one limits which.
	privileges []string
	// anyPrivilege is set if one of the privileges is enough; visible then decides about each row.
	anyPrivilege bool
	rows         func(w *world) []any
	byID         func(w *world, id string) any // nil if byID of the world does not have the row
	visible      func(c *call, row any) bool
}

func (t *entityType) key() string { return t.columns[0].name }

func (t *entityType) id(w *world, row any) string {
	id, _ := t.columns[0].get(w, row).(string)
	return id
}

func (t *entityType) column(name string) *column {
	return first(t.columns, func(c *column) bool { return c.name == name })
}

func (t *entityType) nav(name string) *nav {
	return first(t.navs, func(n *nav) bool { return n.name == name })
}

func (t *entityType) find(w *world, id string) any {
	if row := t.byID(w, id); row != nil {
		return row
	}
	for _, row := range t.rows(w) {
		if t.id(w, row) == id {
			return row
		}
	}
	return nil
}

// stamp is a row's stamp. The copies of a role have that of its root.
func (t *entityType) stamp(w *world, row any) stamp {
	if r, ok := row.(*role); ok {
		return w.stampOf(r.root.id)
	}
	return w.stampOf(t.id(w, row))
}

// placeOf is the placement of a row. A row without one is owned by the organization.
func placeOf(row any) placement {
	if placed, ok := row.(interface{ place() placement }); ok {
		return placed.place()
	}
	return placement{}
}

// newEntityTypes returns all types by entity set, linked to each other.
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
		for i := range t.navs {
			t.navs[i].target = types[t.navs[i].set]
		}
	}
	return types
}

// The constructors below turn functions of the concrete row type T into columns and navigation
// properties.

func guidCol[T any](name string, get func(row T) string) column {
	return column{name, kindGUID, func(_ *world, row any) any { return orNil(get(row.(T))) }}
}

func stringCol[T any](name string, get func(row T) string) column {
	return column{name, kindString, func(_ *world, row any) any { return orNil(get(row.(T))) }}
}

func intCol[T any](name string, get func(row T) int) column {
	return column{name, kindInt, func(_ *world, row any) any { return int64(get(row.(T))) }}
}

func boolCol[T any](name string, get func(row T) bool) column {
	return column{name, kindBool, func(_ *world, row any) any { return get(row.(T)) }}
}

// stamped adds the columns about a row's creation and its last change.
func (t *entityType) stamped() {
	t.columns = append(t.columns,
		column{"createdon", kindTime, func(w *world, row any) any { return t.stamp(w, row).made }},
		column{"_createdby_value", kindGUID, func(w *world, row any) any { return t.stamp(w, row).by }},
		column{"modifiedon", kindTime, func(w *world, row any) any { return t.stamp(w, row).modified }})
}

func many[T, U any](name, set string, follow func(w *world, row T) []U) nav {
	return nav{name: name, set: set, follow: func(w *world, row any) []any { return anys(follow(w, row.(T))) }}
}

// newType describes a table: its rows, which need the privileges, and its columns.
func newType[T any](logicalName, set, privileges string, rows func(w *world) []T, columns ...column) *entityType {
	return &entityType{
		logicalName: logicalName, entitySet: set, privileges: strings.Fields(privileges), columns: columns,
		rows: func(w *world) []any { return anys(rows(w)) },
		byID: func(w *world, id string) any {
			if row, ok := w.byID[id].(T); ok {
				return row
			}
			return nil
		},
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// each calls a function for each item of a slice.
func each[T, U any](list []T, is func(T) U) []U {
	all := make([]U, len(list))
	for i, item := range list {
		all[i] = is(item)
	}
	return all
}

func anys[T any](list []T) []any { return each(list, func(row T) any { return row }) }

// pick returns the items of a slice that match.
func pick[T any](list []T, match func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(row T) bool { return !match(row) })
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

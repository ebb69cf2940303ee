package simulator

import (
	"slices"
	"time"
)

// A kind is a column's type.
type kind int

const (
	kindGUID kind = iota + 1
	kindString
	kindInt
	kindBool
	kindTime
	kindManaged // a managed property: an object of its own
	kindBinary
)

func (k kind) edm() string {
	switch k {
	case kindGUID:
		return "Edm.Guid"
	case kindString:
		return "Edm.String"
	case kindInt:
		return "Edm.Int32"
	case kindBool:
		return "Edm.Boolean"
	case kindTime:
		return "Edm.DateTimeOffset"
	case kindManaged:
		return "Microsoft.Dynamics.CRM.BooleanManagedProperty"
	case kindBinary:
		return "Edm.Binary"
	default:
		return "Edm.Untyped"
	}
}

// A managedProperty is a value that a managed solution may fix.
type managedProperty struct {
	Value                      bool   `json:"Value"`
	CanBeChanged               bool   `json:"CanBeChanged"`
	ManagedPropertyLogicalName string `json:"ManagedPropertyLogicalName"`
}

// A column is a property of a type. get gives its value for a row: nil, string (also for ids), int64,
// bool, time.Time or managedProperty.
type column struct {
	name string
	kind kind
	get  func(w *world, row any) any
	// lookup is set on the columns of lookups: the table and the display name behind the id.
	lookup func(w *world, row any) (logicalName, name string)
	// nav is the name of the lookup's navigation property.
	nav string
}

// A nav is a navigation property: of a lookup, to one row, or of a relationship, to many.
type nav struct {
	name       string
	collection bool
	targetName string
	target     *entityType // the type of targetName, once the schema is linked
	follow     func(w *world, row any) []any
}

// one follows a navigation property to its single row, nil if there is none.
func (n *nav) one(w *world, row any) any {
	rows := n.follow(w, row)
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// An entityType describes the rows of one entity set: everything that the request handlers need to
// know to answer for it.
type entityType struct {
	logicalName, entitySet, key string
	columns                     []column
	navs                        []nav
	// privileges are those that reading needs. The depth of the first one scopes the rows.
	privileges []string
	// anyPrivilege says that one of the privileges is enough; visible then decides for each row.
	anyPrivilege bool
	rows         func(w *world) []any
	byID         func(w *world, id string) any // optional; without it, rows are searched
	place        func(w *world, row any) placement
	visible      func(w *world, c *caller, row any) bool
	// stampID is the id whose stamp the row carries, where it is not the row's own.
	stampID func(row any) string

	// Filled in when the schema is linked.
	columnsByName map[string]*column
	navsByName    map[string]*nav
}

func (t *entityType) column(name string) *column { return t.columnsByName[name] }

func (t *entityType) nav(name string) *nav { return t.navsByName[name] }

func (t *entityType) id(w *world, row any) string {
	id, _ := t.columnsByName[t.key].get(w, row).(string)
	return id
}

func (t *entityType) find(w *world, id string) any {
	if t.byID != nil {
		return t.byID(w, id)
	}
	for _, row := range t.rows(w) {
		if t.id(w, row) == id {
			return row
		}
	}
	return nil
}

func (t *entityType) stamp(w *world, row any) stamp {
	if t.stampID != nil {
		return w.stampOf(t.stampID(row))
	}
	return w.stampOf(t.id(w, row))
}

// A schema is all the types, linked to each other.
type schema struct {
	types  []*entityType
	byName map[string]*entityType
	bySet  map[string]*entityType
}

func newSchema() *schema {
	s := &schema{byName: map[string]*entityType{}, bySet: map[string]*entityType{}}
	s.types = []*entityType{
		organizationType(), businessUnitType(), roleType(), rolePrivilegesType(), privilegeType(), roleTemplateType(),
		systemUserType(), systemUserRolesType(), teamType(), teamRolesType(), teamMembershipType(),
		userQueryType(), savedQueryType(), principalObjectAccessType(), fieldSecurityProfileType(), fieldPermissionType(),
		userSettingsType(),
	}
	for _, t := range s.types {
		s.byName[t.logicalName], s.bySet[t.entitySet] = t, t
	}
	for _, t := range s.types {
		t.columnsByName, t.navsByName = map[string]*column{}, map[string]*nav{}
		for i := range t.columns {
			t.columnsByName[t.columns[i].name] = &t.columns[i]
		}
		for i := range t.navs {
			t.navs[i].target = s.byName[t.navs[i].targetName]
			t.navsByName[t.navs[i].name] = &t.navs[i]
		}
	}
	return s
}

// The constructors below turn functions of the concrete row type T into columns and navigation
// properties.

func guidCol[T any](name string, get func(w *world, row T) string) column {
	return column{name: name, kind: kindGUID, get: func(w *world, row any) any { return orNil(get(w, row.(T))) }}
}

func stringCol[T any](name string, get func(w *world, row T) string) column {
	return column{name: name, kind: kindString, get: func(w *world, row any) any { return orNil(get(w, row.(T))) }}
}

func intCol[T any](name string, get func(w *world, row T) int) column {
	return column{name: name, kind: kindInt, get: func(w *world, row any) any { return int64(get(w, row.(T))) }}
}

func boolCol[T any](name string, get func(w *world, row T) bool) column {
	return column{name: name, kind: kindBool, get: func(w *world, row any) any { return get(w, row.(T)) }}
}

func managedCol[T any](name, inner string, get func(row T) bool) column {
	return column{name: name, kind: kindManaged, get: func(_ *world, row any) any {
		return managedProperty{Value: get(row.(T)), CanBeChanged: true, ManagedPropertyLogicalName: inner}
	}}
}

// constant is a column that has the same value in each row.
func constant(name string, k kind, v any) column {
	return column{name: name, kind: k, get: func(*world, any) any { return v }}
}

// empty are columns that exist and hold nothing here.
func empty(k kind, names ...string) []column {
	var columns []column
	for _, name := range names {
		columns = append(columns, constant(name, k, nil))
	}
	return columns
}

// audit are the columns about creation and change that most tables have.
func audit(stampID func(row any) string) []column {
	modified := column{name: "modifiedon", kind: kindTime, get: func(w *world, row any) any { return w.stampOf(stampID(row)).modified }}
	version := column{name: "versionnumber", kind: kindInt, get: func(w *world, row any) any { return w.stampOf(stampID(row)).version }}
	return append([]column{constant("createdon", kindTime, baseTime()), modified, version},
		slices.Concat(
			empty(kindGUID, "_createdby_value", "_createdonbehalfby_value", "_modifiedby_value", "_modifiedonbehalfby_value"),
			empty(kindTime, "overriddencreatedon"), empty(kindInt, "importsequencenumber"))...)
}

// made gives the columns about a row's creation what is known of it.
func made[T any](columns []column, from func(row T) Creation) []column {
	for i, c := range columns {
		switch c.name {
		case "createdon":
			columns[i].get = func(_ *world, row any) any { return from(row.(T)).at() }
		case "_createdby_value":
			columns[i].get = func(_ *world, row any) any { return from(row.(T)).by() }
		}
	}
	return columns
}

// lookupCol is the column of a lookup, the id of the row that it leads to, and its navigation
// property. describe gives that row's id and display name.
func lookupCol[T any](name, navName, target string, follow func(w *world, row T) any, describe func(row any) (id, label string)) (column, nav) {
	c := column{name: name, kind: kindGUID, nav: navName}
	c.get = func(w *world, row any) any {
		related := follow(w, row.(T))
		if related == nil {
			return nil
		}
		id, _ := describe(related)
		return id
	}
	c.lookup = func(w *world, row any) (string, string) {
		related := follow(w, row.(T))
		if related == nil {
			return "", ""
		}
		_, label := describe(related)
		return target, label
	}
	return c, nav{name: navName, targetName: target, follow: func(w *world, row any) []any {
		if related := follow(w, row.(T)); related != nil {
			return []any{related}
		}
		return nil
	}}
}

// many is a navigation property to a collection.
func many[T any](name, target string, follow func(w *world, row T) []any) nav {
	return nav{name: name, collection: true, targetName: target, follow: func(w *world, row any) []any { return follow(w, row.(T)) }}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// anys turns a slice into rows.
func anys[T any](list []T) []any {
	rows := make([]any, len(list))
	for i, row := range list {
		rows[i] = row
	}
	return rows
}

// pick turns those of a slice that match into rows.
func pick[T any](list []T, match func(T) bool) []any {
	var rows []any
	for _, row := range list {
		if match(row) {
			rows = append(rows, row)
		}
	}
	return rows
}

// formatTime is the form in which the Web API writes times.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// zeroTime is what the platform writes into overwritetime of a component that was never overwritten.
func zeroTime() time.Time { return time.Date(1900, time.January, 1, 0, 0, 0, 0, time.UTC) }

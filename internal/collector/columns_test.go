package collector

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// Each requested column is read: a row without it is refused, with its name. A row that has
// only these columns is valid.
func TestColumnsAreRead(t *testing.T) {
	t.Parallel()
	total := columnsAreRead(t, organizations()) + columnsAreRead(t, BusinessUnits()) + columnsAreRead(t, PrivilegeDefinitions()) +
		columnsAreRead(t, Roles()) + columnsAreRead(t, UsersWithRoles()) + columnsAreRead(t, teamsWithRoles()) +
		columnsAreRead(t, Views()) + columnsAreRead(t, SystemViews()) + columnsAreRead(t, Shares()) + columnsAreRead(t, FieldPermissions())
	if total < 40 {
		t.Fatalf("only %d columns were found: the test has lost sight of them", total)
	}
}

func columnsAreRead[T any](t *testing.T, of Table[T]) int {
	t.Helper()
	key := of.key
	asked := selectionOf(key, of.decode, nil)
	read := func(whole map[string]any) error {
		data, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		r := newRow(data, nil)
		r.ID(key)
		of.decode(r)
		return r.err
	}
	whole := rowOf(asked)
	if err := read(whole); err != nil {
		t.Errorf("%s: %v", key, err)
	}
	for column := range whole {
		part := maps.Clone(whole)
		delete(part, column)
		if err := read(part); err == nil || !strings.Contains(err.Error(), "the column "+column+" is missing from a row") {
			t.Errorf("the column %s is requested, and a row without it is accepted: %v", column, err)
		}
	}
	total := len(asked.columns)
	for _, e := range asked.expanded {
		total += len(e.selection.columns)
	}
	return total
}

// rowOf is a row that has each column, with a value of its type.
func rowOf(s *selection) map[string]any {
	whole := map[string]any{}
	for _, column := range s.columns {
		whole[column] = valueOf(column)
	}
	for _, e := range s.expanded {
		whole[e.property] = []any{rowOf(e.selection)}
	}
	return whole
}

func valueOf(column string) any {
	switch column {
	case "isinherited", "componentstate", "deletedstate", "statecode", "teamtype", "accessmode", "azurestate", "canread",
		"accessrightsmask", "inheritedaccessrightsmask":
		return 1
	case "iscustomizable":
		return map[string]any{"Value": true}
	case "orgdborgsettings":
		return "<OrgSettings/>"
	}
	switch {
	case strings.HasSuffix(column, "id"), strings.HasPrefix(column, "_"):
		return fmt.Sprintf("%08d-0000-4000-8000-000000000000", len(column))
	case strings.HasPrefix(column, "is"), strings.HasPrefix(column, "canbe"):
		return true
	}
	return "text"
}

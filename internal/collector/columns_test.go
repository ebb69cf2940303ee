package collector

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// A row without one of the requested columns is refused, with the column's name. A row with only the
// requested columns is valid.
func TestColumnsAreRead(t *testing.T) {
	t.Parallel()
	total := checkColumns(t, organizations()) + checkColumns(t, BusinessUnits()) + checkColumns(t, PrivilegeDefinitions()) +
		checkColumns(t, Roles()) + checkColumns(t, usersWithRoles()) + checkColumns(t, teamsWithRoles()) +
		checkColumns(t, Views()) + checkColumns(t, SystemViews()) + checkColumns(t, Shares()) + checkColumns(t, FieldPermissions())
	if total < 40 {
		t.Fatalf("only %d columns were found: the test does not find them", total)
	}
}

// checkColumns returns the number of columns that it checked.
func checkColumns[T any](t *testing.T, of Table[T]) int {
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

// rowOf returns a row with a value for each column.
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

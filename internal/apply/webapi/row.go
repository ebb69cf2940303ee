package webapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// columnsOf are the columns that identify a row, its key first. Not every environment has
// those about its creation.
func columnsOf(t apply.Table) []string {
	switch t {
	case apply.TableRole:
		return []string{"roleid", "name", "_businessunitid_value", "_parentrootroleid_value", "_roletemplateid_value", "_createdby_value", "createdon"}
	case apply.TableUser:
		return []string{"systemuserid", "fullname", "domainname", "applicationid", "_businessunitid_value", "_createdby_value", "createdon"}
	case apply.TableTeam:
		return []string{"teamid", "name"}
	case apply.TableUnit:
		return []string{"businessunitid", "name"}
	case apply.TableView:
		return []string{"userqueryid", "name"}
	}
	return nil
}

// setOf is the Web API's name of a table's rows.
func setOf(t apply.Table) string {
	if t == apply.TableView {
		return "userqueries"
	}
	return string(t) + "s"
}

// Row reads a row that a target names.
func (e *Environment) Row(ctx context.Context, table apply.Table, id string, as *change.Ref) (*apply.Row, error) {
	columns := columnsOf(table)
	if columns == nil {
		return nil, fmt.Errorf("rows of %q are not supported", table)
	}
	var found []apply.Row
	err := e.asEither(ctx, as, func(as dataverse.Caller) (err error) {
		found, err = collector.AskRows(ctx, e.asker, collector.Question{
			What: "a row of the table " + string(table), Key: columns[0], As: as,
			Query: func(known func(...string) []string) dataverse.Query {
				return dataverse.Collection(setOf(table)).Select(known(columns...)...).Filter(dataverse.EqID(columns[0], dataverse.GUID(id)))
			},
		}, func(r collector.Row) apply.Row { return rowOf(r, table) })
		return err
	})
	switch {
	case as != nil && (turnedDown(err) || notMember(err)),
		turnedDown(err) && (table == apply.TableUnit || table == apply.TableTeam):
		// No change needs these rows: without the right to read them, they count as not
		// visible.
		return nil, nil //nolint:nilnil // as the interface has it
	case err != nil:
		return nil, unreachable(err)
	case len(found) == 0:
		return nil, nil //nolint:nilnil // as the interface has it
	case len(found) > 1 || found[0].ID != id:
		return nil, fmt.Errorf("the environment was asked for the %s %s and returned others", table, id)
	}
	return &found[0], nil
}

func roleOf(r collector.Row) apply.Row { return rowOf(r, apply.TableRole) }

func rowOf(r collector.Row, t apply.Table) apply.Row {
	row := apply.Row{ID: r.ID(columnsOf(t)[0])}
	switch t {
	case apply.TableRole:
		row.Name, row.Unit = r.Text("name"), r.ID("_businessunitid_value")
		row.Root, row.Template = r.OptionalID("_parentrootroleid_value"), r.OptionalID("_roletemplateid_value")
		creation(r, &row)
	case apply.TableUser:
		row.Name, row.SignIn = r.Text("fullname"), r.Text("domainname")
		row.Unit, row.Application = r.OptionalID("_businessunitid_value"), r.OptionalID("applicationid")
		creation(r, &row)
	case apply.TableTeam, apply.TableUnit, apply.TableView:
		row.Name = r.Text("name")
	}
	return row
}

func creation(r collector.Row, row *apply.Row) {
	row.Author = r.OptionalID("_createdby_value")
	text := r.Text("createdon")
	if text == "" {
		return
	}
	var err error
	if row.Created, err = time.Parse(time.RFC3339, text); err != nil {
		r.Refuse("createdon", "contains no time")
	}
}

// notMember reports whether the named user cannot be impersonated.
func notMember(err error) bool {
	var e *dataverse.Error
	return errors.As(err, &e) && e.Kind == dataverse.NotMember
}

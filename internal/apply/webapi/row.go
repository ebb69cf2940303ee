package webapi

import (
	"context"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// setOf is the Web API's name of a table's rows, keyOf that of their key, and nameOf that of
// the column with their names.
func setOf(t apply.Table) string {
	if t == apply.TableView {
		return "userqueries"
	}
	return string(t) + "s"
}

func keyOf(t apply.Table) string { return string(t) + "id" }

func nameOf(t apply.Table) string {
	if t == apply.TableUser {
		return "fullname"
	}
	return "name"
}

// Row reads a row that a target names.
func (e *Environment) Row(ctx context.Context, table apply.Table, id string, as *change.Ref) (*apply.Row, error) {
	var found []apply.Row
	err := e.asEither(ctx, as, func(as dataverse.Caller) (err error) {
		found, err = collector.AskRows(ctx, e.asker, collector.Question{
			What: "a row of the table " + string(table), Key: keyOf(table), As: as,
			From: dataverse.Collection(setOf(table)).Filter(dataverse.EqID(keyOf(table), dataverse.GUID(id))),
		}, func(r collector.Row) apply.Row { return rowOf(r, table) })
		return err
	})
	switch {
	case as != nil && (turnedDown(err) || kindOf(err) == dataverse.NotMember),
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
	row := apply.Row{ID: r.ID(keyOf(t)), Name: r.Text(nameOf(t))}
	switch t {
	case apply.TableRole:
		row.Unit, row.Root, row.Template = r.ID("_businessunitid_value"), r.OptionalID("_parentrootroleid_value"), r.OptionalID("_roletemplateid_value")
		creation(r, &row)
	case apply.TableUser:
		row.SignIn, row.Unit, row.Application = r.Text("domainname"), r.OptionalID("_businessunitid_value"), r.OptionalID("applicationid")
		creation(r, &row)
	case apply.TableTeam, apply.TableUnit, apply.TableView:
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

// Package webapi reads and changes the targets of a plan through the Dataverse Web API. It is the
// only package that receives a [dataverse.Writer].
//
// It reads everything with the header Consistency: Strong, which bypasses the permission caches
// ("Compose HTTP requests and handle errors"). The plan contains the complete requests.
package webapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// An Environment is a live environment. It implements [apply.Mutator].
type Environment struct {
	writer *dataverse.Writer
	reader *collector.StrictReader
}

var _ apply.Mutator = (*Environment)(nil)

// New returns an environment that is changed through w.
func New(w *dataverse.Writer) *Environment {
	return &Environment{w, collector.NewStrictReader(w, true)}
}

// Identity returns the signed-in user and the environment.
func (e *Environment) Identity(ctx context.Context) (apply.Identity, error) {
	who, err := collector.ReadIdentity(ctx, e.reader, collector.Read{Label: "who am I"})
	return apply.Identity(who), err
}

// rows reads all rows of a collection. The column key identifies a row.
func rows[T any](ctx context.Context, e *Environment, q dataverse.Query, label, key string, take func(collector.Row) T) ([]T, error) {
	return collector.NewTable(q, key, take).Rows(ctx, e.reader, collector.Read{Label: label})
}

// Current reads the state of a target.
func (e *Environment) Current(ctx context.Context, t change.Target, names []string) (now apply.Reading, err error) {
	switch t.Kind {
	case change.TargetRole:
		now, err = e.currentRole(ctx, t)
	case change.TargetGrants:
		now, err = e.currentGrants(ctx, t, names)
	case change.TargetUser:
		now, err = e.currentUser(ctx, t)
	case change.TargetAssignment:
		now, err = e.currentAssignment(ctx, t)
	case change.TargetShare:
		now, err = e.currentShare(ctx, t)
	default:
		err = fmt.Errorf("targets of the kind %q are not supported", t.Kind)
	}
	return now, classifyError(err)
}

// classifyError returns errors that concern all requests as [apply.UnreachableError], and errors about
// a missing row as [apply.GoneError].
func classifyError(err error) error {
	switch dataverse.ErrorOf(err).Kind {
	case dataverse.Unauthorized, dataverse.Throttled, dataverse.Transport, dataverse.Protocol, dataverse.Redirected:
		return &apply.UnreachableError{Err: err}
	case dataverse.NotFound:
		return &apply.GoneError{Err: err}
	default:
		return err
	}
}

// isRefused reports whether the environment denied a read, or does not support it.
func isRefused(err error) bool {
	return slices.Contains([]dataverse.ErrorKind{dataverse.Forbidden, dataverse.BadRequest, dataverse.NotFound}, dataverse.ErrorOf(err).Kind)
}

// entitySet returns the name of a table's entity set.
func entitySet(t apply.Table) string {
	if t == apply.TableView {
		return "userqueries"
	}
	return string(t) + "s"
}

func primaryKey(t apply.Table) string { return string(t) + "id" }

func nameColumn(t apply.Table) string {
	if t == apply.TableUser {
		return "fullname"
	}
	return "name"
}

// Row reads a row of a target. It impersonates a user unless as is nil.
func (e *Environment) Row(ctx context.Context, table apply.Table, id string, as *change.Ref) (*apply.Row, error) {
	var found []apply.Row
	err := e.impersonate(ctx, as, func(as dataverse.Caller) (err error) {
		key := primaryKey(table)
		query := dataverse.Collection(entitySet(table)).Filter(dataverse.EqID(key, dataverse.GUID(id)))
		byID := collector.NewTable(query, key, func(r collector.Row) apply.Row { return e.parseRow(r, table) })
		found, err = byID.Rows(ctx, e.reader, collector.Read{Label: "a row of the table " + string(table), Caller: as})
		return err
	})
	switch {
	case as != nil && (isRefused(err) || dataverse.ErrorOf(err).Kind == dataverse.NotMember),
		isRefused(err) && (table == apply.TableUnit || table == apply.TableTeam):
		// No change requires these rows. Without the privilege to read them, they are not visible.
		return nil, nil //nolint:nilnil // as the interface has it
	case err != nil:
		return nil, classifyError(err)
	case len(found) == 0 && as != nil:
		return nil, &apply.GoneError{Err: fmt.Errorf("the owner %s no longer sees it: it was deleted, or somebody else owns it now; make a new plan",
			cmp.Or(as.Name, as.ID))}
	case len(found) == 0:
		return nil, nil //nolint:nilnil // as the interface has it
	case len(found) > 1 || found[0].ID != id:
		return nil, fmt.Errorf("the environment was asked for the %s %s and returned others", table, id)
	}
	return &found[0], nil
}

func (e *Environment) parseRole(r collector.Row) apply.Row { return e.parseRow(r, apply.TableRole) }

func (e *Environment) parseRow(r collector.Row, t apply.Table) apply.Row {
	row := apply.Row{ID: r.ID(primaryKey(t)), Name: r.Text(nameColumn(t))}
	switch t {
	case apply.TableRole:
		row.Unit, row.Root, row.Template = r.ID("_businessunitid_value"), r.OptionalID("_parentrootroleid_value"), r.OptionalID("_roletemplateid_value")
	case apply.TableUser:
		row.SignIn, row.Unit, row.ApplicationID = r.Text("domainname"), r.OptionalID("_businessunitid_value"), r.OptionalID("applicationid")
	case apply.TableTeam, apply.TableUnit, apply.TableView:
		return row
	}
	row.CreatedBy = r.OptionalID("_createdby_value")
	if text := r.Text("createdon"); text != "" {
		var err error
		if row.CreatedOn, err = time.Parse(time.RFC3339, text); err != nil {
			r.Reject("createdon", "contains no time")
		}
		skew, _ := e.writer.Skew()
		row.CreatedOn = row.CreatedOn.Add(-skew)
	}
	return row
}

// UndefinedPrivileges returns the privileges that the environment does not define.
func (e *Environment) UndefinedPrivileges(ctx context.Context, names []string) ([]string, error) {
	defined, err := collector.ReadPrivilegeDefinitions(ctx, e.reader, names)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, known := defined[strings.ToLower(name)]
		return known
	}), nil
}

// ownGrants reads the privileges of the signed-in identity, at least the named ones.
func (e *Environment) ownGrants(ctx context.Context, names []string) ([]collector.Grant, error) {
	who, err := e.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return collector.ReadUserGrants(ctx, e.reader, dataverse.GUID(who.User), names)
}

// OwnPrivileges returns which of the named privileges the signed-in identity has, and at which depth, by
// name in lower case: see [collector.GrantedDepths].
func (e *Environment) OwnPrivileges(ctx context.Context, names []string) (change.Depths, error) {
	list, err := e.ownGrants(ctx, names)
	return collector.GrantedDepths(list), err
}

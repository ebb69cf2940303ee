package webapi

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// Holders implements [apply.Mutator].
func (e *Environment) Holders(ctx context.Context, role string) (apply.RoleHolders, error) {
	roles, err := e.copyIDs(ctx, role)
	if err != nil {
		return apply.RoleHolders{}, err
	}
	userRoles := intersectTable{"systemuserrolescollection", "systemuserroleid", "roleid", "systemuserid", "roles", "systemuserroles_association"}
	teamRoles := intersectTable{"teamrolescollection", "teamroleid", "roleid", "teamid", "roles", "teamroles_association"}
	teamMembers := intersectTable{"teammemberships", "teammembershipid", "teamid", "systemuserid", "teams", "teammembership_association"}
	direct, err := e.links(ctx, userRoles, roles, "who has the role")
	if err != nil {
		return apply.RoleHolders{}, err
	}
	teamLinks, err := e.links(ctx, teamRoles, roles, "which teams have the role")
	if err != nil {
		return apply.RoleHolders{}, err
	}
	var teams []string
	for _, l := range teamLinks {
		teams = append(teams, l.to)
	}
	members, err := e.links(ctx, teamMembers, teams, "who is in the teams that have the role")
	if err != nil {
		return apply.RoleHolders{}, err
	}
	if len(direct)+len(members) == 0 { // an environment may hide the rows of an intersect table
		if direct, err = e.linksOfEach(ctx, userRoles, roles, "who has the role"); err != nil {
			return apply.RoleHolders{}, err
		}
	}
	holders, err := e.namedHolders(ctx, teams, members, direct)
	if err != nil {
		return apply.RoleHolders{}, err
	}
	incomplete, err := e.incompleteReason(ctx)
	return apply.RoleHolders{Holders: holders, Incomplete: incomplete}, err
}

// namedHolders returns the teams without members, and the users of the links, with their names.
func (e *Environment) namedHolders(ctx context.Context, teams []string, members, direct []link) ([]apply.Holder, error) {
	teamNames, err := e.namesOf(ctx, apply.TableTeam, teams, "the names of the teams")
	if err != nil {
		return nil, err
	}
	var holders []apply.Holder
	for _, team := range slices.Compact(slices.Sorted(slices.Values(teams))) {
		if !slices.ContainsFunc(members, func(m link) bool { return m.from == team }) {
			holders = append(holders, apply.Holder{ID: team, Through: cmp.Or(teamNames[team], team)})
		}
	}
	through := map[string]string{} // the team of each user, "" for a direct assignment
	for _, m := range members {
		through[m.to] = cmp.Or(teamNames[m.from], m.from)
	}
	for _, d := range direct {
		through[d.to] = ""
	}
	users := slices.Sorted(maps.Keys(through))
	names, err := e.namesOf(ctx, apply.TableUser, users, "the names of those who have the role")
	if err != nil {
		return nil, err
	}
	for _, id := range users {
		holders = append(holders, apply.Holder{ID: id, Name: cmp.Or(names[id], id), Through: through[id]})
	}
	return holders, nil
}

// An intersectTable has the many-to-many relationships between the rows of two tables.
type intersectTable struct {
	set, key string // the entity set, and the column with the primary key
	from, to string // the columns with the ids of both sides
	source   string // the entity set of the side from
	nav      string // the navigation property from a row of source to the other side
}

// A link is a row of an intersect table.
type link struct{ from, to string }

// links reads the links from the rows with the ids. If the intersect table is not exposed, or
// cannot be read, it reads the links of each row separately.
func (e *Environment) links(ctx context.Context, i intersectTable, ids []string, label string) ([]link, error) {
	list, err := inChunks(ctx, e, i.set, i.key, i.from, ids, label,
		func(r collector.Row) link { return link{r.ID(i.from), r.ID(i.to)} })
	if isRefused(err) {
		return e.linksOfEach(ctx, i, ids, label)
	}
	return list, err
}

func (e *Environment) linksOfEach(ctx context.Context, i intersectTable, ids []string, label string) ([]link, error) {
	var list []link
	for _, id := range ids {
		part, err := rows(ctx, e, dataverse.Row(i.source, dataverse.GUID(id)).Nav(i.nav), label, i.to,
			func(r collector.Row) link { return link{id, r.ID(i.to)} })
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return list, nil
}

// copyIDs returns the ids of a role, its root, and all copies of both.
func (e *Environment) copyIDs(ctx context.Context, role string) ([]string, error) {
	row, err := e.Row(ctx, apply.TableRole, role, nil)
	if err != nil {
		return nil, err
	}
	roots := []string{role}
	if row != nil && row.Root != "" && row.Root != role {
		roots = append(roots, row.Root)
	}
	ids := slices.Clone(roots)
	for _, root := range roots {
		copies, err := e.copies(ctx, root)
		if err != nil {
			return nil, err
		}
		for _, c := range copies {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// namesOf returns the names of rows by id.
func (e *Environment) namesOf(ctx context.Context, table apply.Table, ids []string, label string) (map[string]string, error) {
	name := func(r collector.Row) apply.Row {
		return apply.Row{ID: r.ID(primaryKey(table)), Name: r.Text(nameColumn(table))}
	}
	found, err := inChunks(ctx, e, entitySet(table), primaryKey(table), primaryKey(table), ids, label, name)
	names := map[string]string{}
	for _, row := range found {
		names[row.ID] = row.Name
	}
	return names, err
}

// inChunks reads the rows of a set that have one of the ids in a column.
func inChunks[T any](ctx context.Context, e *Environment, set, key, column string, ids []string, label string, take func(collector.Row) T) ([]T, error) {
	var all []T
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for chunk := range slices.Chunk(ids, 80) {
		conditions := make([]dataverse.Expr, len(chunk))
		for i, id := range chunk {
			conditions[i] = dataverse.EqID(column, dataverse.GUID(id))
		}
		list, err := rows(ctx, e, dataverse.Collection(set).Filter(dataverse.Or(conditions...)), label, key, take)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// incompleteReason returns why the signed-in identity may not see all users, teams and copies of
// roles, or an empty string. Dataverse does not refuse an identity that can read only some
// business units.
func (e *Environment) incompleteReason(ctx context.Context) (string, error) {
	privileges := []string{"prvReadUser", "prvReadTeam", "prvReadRole"}
	grants, err := e.ownGrants(ctx, privileges)
	switch {
	case isRefused(err):
		return "it is unknown which rows the identity can read", nil
	case err != nil:
		return "", err
	}
	root := sync.OnceValues(func() (string, error) { return e.rootUnit(ctx) })
	for _, privilege := range privileges {
		all, err := readsAll(grants, privilege, root)
		switch {
		case err != nil:
			return "", err
		case !all:
			return fmt.Sprintf("the identity does not have %s at Organization level", privilege), nil
		}
	}
	return "", nil
}

// readsAll reports whether an identity with the grants has a privilege for all business units. root
// returns the id of the root business unit.
func readsAll(grants []collector.Grant, privilege string, root func() (string, error)) (bool, error) {
	for _, g := range grants {
		switch {
		case !strings.EqualFold(g.Name, privilege) || g.Filtered:
		case g.Depth == audit.DepthGlobal:
			return true, nil
		case g.Depth == audit.DepthDeep:
			if unit, err := root(); err != nil || g.BusinessUnitID == unit {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// rootUnit returns the id of the root business unit.
func (e *Environment) rootUnit(ctx context.Context) (string, error) {
	found, err := rows(ctx, e, dataverse.Collection("businessunits").Filter(dataverse.EqNull("_parentbusinessunitid_value")), "the root business unit",
		"businessunitid", func(r collector.Row) string { return r.ID("businessunitid") })
	switch {
	case err != nil:
		return "", err
	case len(found) != 1:
		return "", fmt.Errorf("there are %d root business units", len(found))
	}
	return found[0], nil
}

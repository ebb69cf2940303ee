package collector

import (
	"context"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The reads of this file are for purposes other than a scan: to find out whether a scan will
// work, and what exists before a change. They check responses as strictly as a scan does.

// A Probe sends one read of a scan in its smallest form, and returns the ids of the rows.
type Probe = func(ctx context.Context, s *StrictReader, label string, caller dataverse.Caller) ([]string, error)

// Probe reads the rows as a scan does, so that it fails where a scan would.
func (t Table[T]) Probe(ctx context.Context, s *StrictReader, label string, caller dataverse.Caller) ([]string, error) {
	ids := Table[string]{query: t.query, key: t.key, where: t.where, partial: true, decode: func(r Row) string { t.decode(r); return r.ID(t.key) }}
	return ids.Rows(ctx, s, Read{Label: label, Caller: caller})
}

// First limits the table to one row.
func (t Table[T]) First() Table[T] { return t.withQuery(t.query.Top(1)) }

// ProbeRolePrivileges returns a probe that reads the privileges of a role.
func ProbeRolePrivileges(role dataverse.GUID) Probe {
	return func(ctx context.Context, s *StrictReader, label string, _ dataverse.Caller) ([]string, error) {
		_, err := ReadRoleGrants(ctx, s, Read{Label: label}, role)
		return nil, err
	}
}

// ProbeOrganization reads the organization's row as a scan does.
func ProbeOrganization(ctx context.Context, s *StrictReader, label string, _ dataverse.Caller) ([]string, error) {
	found, err := readOrganizations(ctx, s, Read{Label: label})
	var ids []string
	for _, o := range found {
		ids = append(ids, o.ID)
	}
	return ids, err
}

// ProbeUsers returns a probe that reads users, their roles and teams.
func ProbeUsers(where dataverse.Expr) Probe {
	return probeTogether(usersWithRoles().Where(where).Probe, users().Where(where).Probe, func(user dataverse.GUID) []Probe {
		return []Probe{rolesOfUser(user).Probe, teamsOfUser(user).Probe}
	})
}

// ProbeTeams returns a probe that reads a team and its roles.
func ProbeTeams() Probe {
	return probeTogether(teamsWithRoles().First().Probe, Teams().First().Probe, func(team dataverse.GUID) []Probe {
		return []Probe{rolesOfTeam(team).Probe}
	})
}

// probeTogether returns a probe that reads rows together with related rows. If the environment does
// not support that, it reads them alone, and then the rows that are related to the first, as a scan does.
func probeTogether(together, alone Probe, related func(dataverse.GUID) []Probe) Probe {
	return func(ctx context.Context, s *StrictReader, label string, caller dataverse.Caller) ([]string, error) {
		ids, err := together(ctx, s, label, caller)
		if !IsUnsupported(err) {
			return ids, err
		}
		if ids, err = alone(ctx, s, label, caller); err != nil || len(ids) == 0 {
			return ids, err
		}
		for _, probe := range related(dataverse.GUID(ids[0])) {
			if _, err := probe(ctx, s, label, caller); err != nil {
				return nil, err
			}
		}
		return ids, nil
	}
}

// ReadUsers reads the users that meet a condition, with those of their roles and teams that can be
// read.
func ReadUsers(ctx context.Context, s *StrictReader, label string, where dataverse.Expr) ([]User, error) {
	found, separate, err := readUsers(ctx, s, Read{Label: label}, where)
	for i := range found {
		if u := &found[i]; separate {
			u.roles, _ = rolesOfUser(dataverse.GUID(u.ID)).Rows(ctx, s, Read{Label: "roles of a user"})
			u.teams, _ = teamsOfUser(dataverse.GUID(u.ID)).Rows(ctx, s, Read{Label: "teams of a user"})
		}
	}
	return found, err
}

// HasRole reports whether roles that were read are assigned to the user directly.
func (u *User) HasRole() bool { return len(u.roles) > 0 }

// UnknownColumns returns the columns of the user and of its custom roles that a verdict requires, but
// that have no known value.
func (u *User) UnknownColumns() []string {
	var columns []string
	if u.AccessMode == snapshot.AccessUnknown {
		columns = append(columns, "accessmode")
	}
	if slices.ContainsFunc(u.roles, func(r role) bool { return r.TemplateID == "" && r.CustomizableUnknown }) {
		columns = append(columns, "iscustomizable")
	}
	return columns
}

// ReadPrivilegeDefinitions reads the definitions of privileges, by name in lower case. It leaves
// out privileges that the environment does not define.
func ReadPrivilegeDefinitions(ctx context.Context, s *StrictReader, names []string) (map[string]snapshot.Privilege, error) {
	found, err := PrivilegeDefinitions().filteredRows(ctx, s, Read{Label: "definitions of privileges"}, textConditions("name", names))
	defined := map[string]snapshot.Privilege{}
	for _, d := range found {
		defined[strings.ToLower(d.name)] = d.Privilege
	}
	return defined, err
}

// ReadShares reads the users and teams that a view is shared with.
func ReadShares(ctx context.Context, s *StrictReader, read Read, view dataverse.GUID) ([]Share, error) {
	query := dataverse.Function("RetrieveSharedPrincipalsAndAccess", dataverse.RefArg("Target", "userqueries", view))
	return ReadObject(ctx, s, read, query, decodePrincipalAccesses)
}

// ReadUnexplainedViews reads the personal views that a user sees, as that user, and the shares
// with it and its teams. It returns how many views the user sees, and the names of those that
// neither ownership nor the table of shares explains. A scan does not rely on such a table.
func ReadUnexplainedViews(ctx context.Context, s *StrictReader, user *User, caller dataverse.Caller) (seen int, unexplained []string, err error) {
	c := collection{user: user}
	c.userViews, err = Views().Rows(ctx, s, Read{Label: "personal views that the integration user sees", Caller: caller})
	if err != nil {
		return 0, nil, err
	}
	c.shares, err = Shares().filteredRows(ctx, s, Read{Label: "shares of views"}, idConditions("principalid", sortedKeys(c.userAndTeamIDs())))
	for _, v := range c.withoutReadAccess(c.userViews) {
		unexplained = append(unexplained, v.Name)
	}
	return len(c.userViews), unexplained, err
}
